//! Ways to repositories and clusters.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bridgehead_e2e::manifests::{config_map, deployment};
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::agent::{apply, dynamic, kind};
use bridgehead_test_harness::git::{GitServer, GitServerOptions, GitSshServer, Repository};
use bridgehead_test_harness::{Cluster, Options, Scratch, test_cluster};
use serde_json::{Value, json};

/// A Secret or ConfigMap of the control namespace.
fn repository_secret(stage: &Stage, name: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": name, "namespace": stage.namespace,
            "labels": {"argocd.argoproj.io/secret-type": "repository"},
        },
        "stringData": data,
    })
}

fn settings(stage: &Stage, name: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": stage.namespace, "labels": {"app.kubernetes.io/part-of": "argocd"},
        },
        "data": data,
    })
}

/// The repository's first commit arrives, and a second one.
async fn arrives(stage: &Stage, name: &str, repository: &mut Repository) -> Result<()> {
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let first = repository.commit("first")?;
    stage.application(name, automated(repository.url(), "app", name)).await?;
    stage.wait_synced(name, &first).await?;
    repository.write("app/one.yaml", config_map("one", "2"))?;
    let second = repository.commit("second")?;
    stage.wait_synced(name, &second).await?;
    let live = stage.config_maps(name).get("one").await?;
    assert_eq!(live.data["data"]["value"], "2");
    Ok(())
}

#[tokio::test]
async fn a_repository_over_ssh_with_a_known_host() -> Result<()> {
    let stage = Stage::start(test_cluster(), "ssh", &QUICK).await?;
    let server = GitSshServer::start()?;
    let mut repository = server.create("ssh")?;
    let key = std::fs::read_to_string(server.client_key())?;
    let hosts = json!({"ssh_known_hosts": server.known_hosts()?});
    stage.apply(settings(&stage, "argocd-ssh-known-hosts-cm", &hosts)).await?;
    let data = json!({"type": "git", "url": repository.url(), "sshPrivateKey": key});
    stage.apply(repository_secret(&stage, "ssh", &data)).await?;
    arrives(&stage, "ssh-app", &mut repository).await
}

#[tokio::test]
async fn a_repository_over_https_with_a_certificate_and_a_password() -> Result<()> {
    let stage = Stage::start(test_cluster(), "https", &QUICK).await?;
    let credentials = Some(("robot".to_owned(), "right".to_owned()));
    let server = GitServer::start_with(GitServerOptions { tls: true, credentials })?;
    let mut repository = server.create("https")?;
    let authority = server.authority().context("a server with TLS has a certificate")?;
    stage.apply(settings(&stage, "argocd-tls-certs-cm", &json!({"localhost": authority}))).await?;
    let data = json!({"type": "git", "url": repository.url(), "username": "robot", "password": "right"});
    stage.apply(repository_secret(&stage, "https", &data)).await?;
    arrives(&stage, "https-app", &mut repository).await
}

#[tokio::test]
async fn a_repository_in_a_local_folder() -> Result<()> {
    let folder = Scratch::new()?;
    let stage = Stage::start(test_cluster(), "local", &QUICK).await?;
    let mut repository = Repository::local(folder.path(), "local")?;
    arrives(&stage, "local-app", &mut repository).await
}

#[tokio::test]
async fn a_second_cluster_by_a_token_of_its_own() -> Result<()> {
    let far = Cluster::start(Options::named("far"))?;
    let client = far.client().await?;
    apply(
        &client,
        &[
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer", "namespace": "default"}}),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": "deployer"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": "default"}],
            }),
        ],
    )
    .await?;
    let access = far.service_account("default", "deployer", 86_400).await?;
    let stage = Stage::start(test_cluster(), "remote", &QUICK).await?;
    let config = json!({
        "bearerToken": access.token,
        "tlsClientConfig": {"caData": STANDARD.encode(far.authority())},
    });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": "far", "namespace": stage.namespace,
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
        },
        "stringData": {"name": "far", "server": far.server(), "config": config.to_string()},
    });
    stage.apply(secret).await?;
    let mut repository = stage.git.create("remote")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.write("app/web.yaml", deployment("web", "", &[]))?;
    let commit = repository.commit("far away")?;
    let mut spec = automated(repository.url(), "app", "remote-app");
    spec["destination"] = json!({"name": "far", "namespace": "remote-app"});
    stage.application("remote", spec).await?;
    stage.wait_synced("remote", &commit).await?;
    let there = dynamic(&client, &kind("", "v1", "ConfigMap"), Some("remote-app"));
    assert_eq!(there.get("one").await?.data["data"]["value"], "1");
    assert!(stage.config_maps("remote-app").get_opt("one").await?.is_none(), "not here");

    repository.remove("app/one.yaml")?;
    let commit = repository.commit("less")?;
    stage.wait_synced("remote", &commit).await?;
    assert!(there.get_opt("one").await?.is_none(), "pruned there");
    Ok(())
}

#[tokio::test]
async fn the_agents_own_cluster_is_followed_anew_when_it_is_registered_under_another_name() -> Result<()> {
    let stage = Stage::start(test_cluster(), "own-cluster", &QUICK).await?;
    let mut repository = stage.git.create("own-cluster")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("first")?;
    stage.application("own", automated(repository.url(), "app", "own-cluster-app")).await?;
    stage.wait_synced("own", &commit).await?;
    let registration = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "own", "namespace": stage.namespace,
                "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            },
            "stringData": {"name": name, "server": "https://kubernetes.default.svc", "config": "{}"},
        })
    };
    for (number, name) in ["hub", "headquarters"].into_iter().enumerate() {
        stage.apply(registration(name)).await?;
        stage.change("own", json!({"spec": {"destination": {"server": null, "name": name}}})).await?;
        repository.write("app/one.yaml", config_map("one", &format!("{number} later")))?;
        let commit = repository.commit(name)?;
        stage.wait_synced("own", &commit).await?;
    }
    Ok(())
}
