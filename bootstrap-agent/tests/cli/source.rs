//! Commands that read Git and the cluster: diff, manifests, the tree, previews.

use anyhow::Result;
use bridgehead_test_harness::git::{GitServer, Repository};
use bridgehead_test_harness::{Probe, wait_for_object};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::setting::{Setting, printed};

const MANIFESTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: flags
  labels:
    tier: config
data:
  colour: blue
---
apiVersion: v1
kind: Secret
metadata:
  name: password
stringData:
  password: from-git
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: example.com/migrate:1
";

/// A repository with two objects and a hook, and an application `web` for them in the setting's namespace.
async fn repository(setting: &Setting, server: &GitServer) -> Result<Repository> {
    let mut repository = server.create("team/config")?;
    repository.write("web/all.yaml", MANIFESTS)?;
    repository.commit("first")?;
    let resources: Vec<Value> = [("ConfigMap", "flags"), ("Secret", "password"), ("ConfigMap", "left")]
        .iter()
        .map(|(kind, name)| {
            json!({"version": "v1", "kind": kind, "name": name, "namespace": setting.namespace, "status": "OutOfSync"})
        })
        .collect();
    setting
        .application(
            "web",
            json!({
                "spec": {
                    "source": {"repoURL": repository.url(), "path": "web", "targetRevision": "HEAD"},
                    "destination": {"namespace": setting.namespace},
                },
                "status": {"resources": resources},
            }),
        )
        .await?;
    Ok(repository)
}

/// Creates an object as the agent would have: with the tracking id of `web`.
async fn create<K>(setting: &Setting, kind: &str, name: &str, more: Value) -> Result<()>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::Serialize
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    let namespace = &setting.namespace;
    let mut object = json!({"metadata": {"name": name, "annotations": {
        "argocd.argoproj.io/tracking-id": format!("web:/{kind}:{namespace}/{name}"),
    }}});
    for (field, value) in more.as_object().into_iter().flatten() {
        if field == "labels" {
            object["metadata"]["labels"] = value.clone();
        } else {
            object[field] = value.clone();
        }
    }
    let api: Api<K> = Api::namespaced(setting.client.clone(), namespace);
    api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

#[tokio::test]
async fn diff_shows_what_a_sync_would_change_and_no_secret() -> Result<()> {
    let setting = Setting::new("diff").await?;
    let server = GitServer::start()?;
    let mut repository = repository(&setting, &server).await?;

    let absent = setting.run(&["app", "diff", "web"]).await?;
    assert_eq!(absent.code, 1, "{absent:?}");
    assert!(
        absent.out.contains(&format!("===== /ConfigMap {}/flags ======", setting.namespace)),
        "{absent:?}"
    );
    assert!(absent.out.contains("+  colour: blue\n"), "{absent:?}");
    assert!(!absent.out.contains("migrate"), "hooks are no difference: {absent:?}");

    create::<ConfigMap>(
        &setting,
        "ConfigMap",
        "flags",
        json!({"data": {"colour": "red"}, "labels": {"tier": "config"}}),
    )
    .await?;
    create::<Secret>(&setting, "Secret", "password", json!({"stringData": {"password": "in-cluster"}}))
        .await?;
    create::<ConfigMap>(&setting, "ConfigMap", "left", json!({"data": {"a": "b"}})).await?;
    let different = setting.run(&["app", "diff", "web"]).await?;
    assert_eq!(different.code, 1, "{different:?}");
    for line in [
        "-  colour: red\n",
        "+  colour: blue\n",
        "-  password: ++++++++\n",
        "+  password: +++++++++\n",
        "-  a: b\n",
    ] {
        assert!(different.out.contains(line), "{line}: {different:?}");
    }
    for secret in ["from-git", "in-cluster", "ZnJvbS1naXQ", "aW4tY2x1c3Rlcg"] {
        assert!(!different.out.contains(secret), "{different:?}");
    }
    let unpunished = setting.run(&["app", "diff", "web", "--exit-code=false"]).await?;
    assert_eq!((unpunished.code, unpunished.out == different.out), (0, true), "{unpunished:?}");

    let maps: Api<ConfigMap> = Api::namespaced(setting.client.clone(), &setting.namespace);
    let secrets: Api<Secret> = Api::namespaced(setting.client.clone(), &setting.namespace);
    let parameters = PatchParams::default();
    maps.delete("left", &DeleteParams::default()).await?;
    maps.patch("flags", &parameters, &Patch::Merge(json!({"data": {"colour": "blue"}}))).await?;
    secrets
        .patch("password", &parameters, &Patch::Merge(json!({"stringData": {"password": "from-git"}})))
        .await?;
    let same = setting.run(&["app", "diff", "web"]).await?;
    assert_eq!((same.code, same.out.as_str()), (0, ""), "{same:?}");

    // Another revision than the one that is followed.
    repository.write("web/all.yaml", MANIFESTS.replace("blue", "green"))?;
    let green = repository.commit("green")?;
    repository.write("web/all.yaml", MANIFESTS)?;
    repository.commit("blue again")?;
    let other = setting.run(&["app", "diff", "web", "--revision", &green]).await?;
    assert_eq!(other.code, 1, "{other:?}");
    assert!(other.out.contains("+  colour: green\n"), "{other:?}");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_compared_gives_code_2() -> Result<()> {
    let setting = Setting::new("undiffable").await?;
    let server = GitServer::start()?;
    let _repository = repository(&setting, &server).await?;
    let revision = setting.run(&["app", "diff", "web", "--revision", "no-such-branch"]).await?;
    assert_eq!(revision.code, 2, "{revision:?}");
    assert!(revision.err.contains("no-such-branch"), "{revision:?}");
    setting
        .patch("web", json!({"spec": {"destination": {"server": "https://elsewhere.example.com"}}}))
        .await?;
    let elsewhere = setting.run(&["app", "diff", "web"]).await?;
    assert_eq!(elsewhere.code, 2, "{elsewhere:?}");
    assert!(elsewhere.err.contains("which is not registered"), "{elsewhere:?}");
    let missing = setting.run(&["app", "diff", "none"]).await?;
    assert_eq!(missing.code, 2, "{missing:?}");
    Ok(())
}

#[tokio::test]
async fn manifests_are_those_of_git_or_those_of_the_cluster() -> Result<()> {
    let setting = Setting::new("manifests").await?;
    let server = GitServer::start()?;
    let _repository = repository(&setting, &server).await?;
    create::<ConfigMap>(&setting, "ConfigMap", "flags", json!({"data": {"colour": "red"}})).await?;
    let documents = |text: &str| -> Result<Vec<Value>> { Ok(serde_saphyr::from_multiple(text)?) };

    let git = setting.run(&["app", "manifests", "web"]).await?;
    assert_eq!(git.code, 0, "{git:?}");
    let wanted = documents(&git.out)?;
    let names: Vec<&Value> = wanted.iter().map(|object| &object["metadata"]["name"]).collect();
    assert_eq!(names, ["flags", "password", "migrate"]);
    assert_eq!(wanted[0]["metadata"]["namespace"], setting.namespace.as_str());
    assert!(wanted[0]["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].is_string());
    assert!(!git.out.contains("from-git"), "{git:?}");

    let live = documents(&setting.run(&["app", "manifests", "web", "--source", "live"]).await?.out)?;
    assert_eq!(live.len(), 1);
    assert_eq!(live[0]["data"]["colour"], "red");
    assert!(live[0]["metadata"]["uid"].is_string());
    Ok(())
}

#[tokio::test]
async fn a_sync_can_be_previewed_and_limited_to_a_label() -> Result<()> {
    let setting = Setting::new("preview").await?;
    let server = GitServer::start()?;
    let _repository = repository(&setting, &server).await?;
    let preview = setting.run(&["app", "sync", "web", "--preview-changes", "--async"]).await?;
    assert_eq!(preview.code, 1, "there is nobody to ask: {preview:?}");
    assert!(preview.out.contains("+  colour: blue\n"), "{preview:?}");
    assert!(setting.applications().get("web").await?.data.get("operation").is_none());

    let none = setting.run(&["app", "sync", "web", "--label", "tier=none", "--async"]).await?;
    assert_eq!(none.code, 1, "{none:?}");
    let done = setting
        .run(&["app", "sync", "web", "--label", "tier=config", "--preview-changes", "--assumeYes", "--async"])
        .await?;
    assert_eq!(done.code, 0, "{done:?}");
    let application = setting.applications().get("web").await?;
    assert_eq!(
        application.data["operation"]["sync"]["resources"],
        json!([{"kind": "ConfigMap", "name": "flags", "namespace": setting.namespace}])
    );
    Ok(())
}

#[tokio::test]
async fn the_tree_shows_what_belongs_to_an_object() -> Result<()> {
    let setting = Setting::new("tree").await?;
    let deployment = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "example.com/web"}]},
            },
        },
    });
    let deployments: Api<Deployment> = Api::namespaced(setting.client.clone(), &setting.namespace);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment)?).await?;
    wait_for_object(&deployments, "web", "both replicas", |deployment| {
        let status = deployment.and_then(|deployment| deployment.status.clone());
        let available = status.and_then(|status| status.available_replicas);
        Probe::when(available == Some(2), format!("{available:?}"))
    })
    .await?;
    let resource = json!({"group": "apps", "version": "v1", "kind": "Deployment", "name": "web",
                          "namespace": setting.namespace, "status": "Synced", "health": {"status": "Healthy"}});
    setting.application("web", json!({"status": {"resources": [resource]}})).await?;

    let command = setting.start(&["app", "get", "web", "-o", "tree"])?;
    let tree = printed(command).await?;
    assert_eq!(tree.code, 0, "{tree:?}");
    let lines: Vec<&str> = tree.out.lines().skip_while(|line| !line.starts_with("KIND/NAME")).collect();
    let shapes: Vec<&str> = lines.iter().map(|line| line.split("web").next().unwrap_or_default()).collect();
    assert_eq!(shapes[1..], ["Deployment/", "└─ReplicaSet/", "  ├─Pod/", "  └─Pod/"], "{tree:?}");
    assert!(lines[1].contains("Synced") && lines[1].contains("Healthy"), "{tree:?}");
    assert!(lines[3].contains("Healthy"), "{tree:?}");
    let detailed = setting.run(&["app", "get", "web", "-o", "tree=detailed"]).await?;
    assert!(detailed.out.contains("AGE"), "{detailed:?}");
    Ok(())
}
