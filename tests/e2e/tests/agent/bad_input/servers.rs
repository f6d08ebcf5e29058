//! A cluster that does not answer, and a disk that is full.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Random, Stage};
use bridgehead_test_harness::{Scratch, test_cluster};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::Case;

#[tokio::test]
async fn a_destination_that_does_not_answer() -> Result<()> {
    let mut case = Case::start("cluster").await?;
    // A port that nothing listens on yet: later the way to the same API server under another address.
    let closed = TcpListener::bind("127.0.0.1:0").await?;
    let address = closed.local_addr()?;
    drop(closed);
    let access =
        case.stage.cluster.service_account(&case.stage.namespace, "bridgehead-agent", 86_400).await?;
    let config = json!({
        "bearerToken": access.token,
        "tlsClientConfig": {"caData": STANDARD.encode(case.stage.cluster.authority())},
    });
    case.stage
        .apply(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "far", "namespace": case.stage.namespace,
                "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            },
            "stringData": {"name": "far", "server": format!("https://{address}"), "config": config.to_string()},
        }))
        .await?;
    let mut repository = case.stage.git.create("cluster")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("far away")?;
    let mut spec = case.spec(repository.url());
    spec["destination"] = json!({"name": "far", "namespace": case.name});
    case.stage.application(&case.name, spec).await?;
    case.is_told(&["failed to reach cluster", &address.to_string()]).await?;

    let server = case.stage.cluster.server().trim_start_matches("https://").parse()?;
    let forwarder = Forwarder::start(address, server).await?;
    case.heals(&commit).await?;

    // It stops answering in the middle of its life.
    drop(forwarder);
    case.is_told(&["failed to watch ConfigMap in cluster", &address.to_string()]).await?;
    repository.write("app/one.yaml", config_map("one", "2"))?;
    let commit = repository.commit("while it is away")?;
    let _forwarder = Forwarder::start(address, server).await?;
    case.heals(&commit).await
}

#[tokio::test]
async fn a_kind_that_the_account_may_not_list() -> Result<()> {
    let mut case = Case::start("account").await?;
    let (cluster, namespace) = (case.stage.cluster, case.stage.namespace.clone());
    let account = "half-trusted";
    let rules = |resources: &[&str]| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": account},
            "rules": [
                {"apiGroups": [""], "resources": resources, "verbs": ["*"]},
                {"apiGroups": ["apiextensions.k8s.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
            ],
        })
    };
    let subject = json!({"kind": "ServiceAccount", "name": account, "namespace": namespace});
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": account});
    case.stage
        .apply(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace},
        }))
        .await?;
    case.stage.apply(rules(&["configmaps", "namespaces"])).await?;
    case.stage
        .apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": account}, "roleRef": role, "subjects": [subject],
        }))
        .await?;
    let access = cluster.service_account(&namespace, account, 86_400).await?;
    let config = json!({
        "bearerToken": access.token,
        "tlsClientConfig": {"caData": STANDARD.encode(cluster.authority())},
    });
    case.stage
        .apply(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": account, "namespace": namespace,
                "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            },
            "stringData": {"name": account, "server": cluster.server(), "config": config.to_string()},
        }))
        .await?;
    let mut repository = case.stage.git.create("account")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: two\nspec:\n  ports:\n  - port: 80\n";
    repository.write("app/two.yaml", service)?;
    let commit = repository.commit("one that may be listed and one that may not")?;
    let mut spec = case.spec(repository.url());
    spec["destination"] = json!({"name": account, "namespace": case.name});
    case.stage.application(&case.name, spec).await?;
    case.is_told(&["failed to watch Service in cluster", "must be allowed to get, list and watch it"])
        .await?;

    case.stage.apply(rules(&["configmaps", "namespaces", "services"])).await?;
    case.heals(&commit).await
}

/// Carries connections to another address until it is dropped.
struct Forwarder(tokio::task::JoinHandle<()>);

impl Forwarder {
    async fn start(from: SocketAddr, to: SocketAddr) -> Result<Self> {
        let listener =
            TcpListener::bind(from).await.with_context(|| format!("failed to listen on {from}"))?;
        Ok(Self(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        })))
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
async fn a_full_disk() -> Result<()> {
    // Declared before the stage, so that it is unmounted after the agent has gone.
    let folder = Scratch::new()?;
    let Some(disk) = Disk::mount(folder.path(), "8m")? else {
        // Only root may mount. What a full disk is told as is a unit test of the sources, too.
        return Ok(());
    };
    let stage = Stage::start_on(test_cluster(), "bad-disk", &QUICK, folder.path().join("cache")).await?;
    let mut case = Case::on("disk", stage).await?;
    let mut repository = case.stage.git.create("disk")?;
    // Bytes that don't compress, in files that are small enough to be manifests: larger ones are not fetched.
    let mut random = Random::new(1);
    for number in 0..6 {
        let ballast: Vec<u8> = (0..500_000).flat_map(|_| random.draw().to_le_bytes()).collect();
        repository.write(&format!("ballast-{number}.bin"), ballast)?;
    }
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("more than the disk holds")?;
    case.application(repository.url()).await?;
    case.is_told(&["the disk is full", "give the repository cache more room"]).await?;

    disk.grow("200m")?;
    case.heals(&commit).await?;
    drop(case);
    drop(disk);
    Ok(())
}

/// A small file system.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// None where this process may not mount.
    fn mount(folder: &'a Path, size: &str) -> Result<Option<Self>> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder);
        let output = command.output().context("failed to start mount")?;
        Ok(output.status.success().then_some(Self(folder)))
    }

    fn grow(&self, size: &str) -> Result<()> {
        let options = format!("remount,size={size}");
        let output = Command::new("mount").args(["-o", &options]).arg(self.0).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(self.0).status();
    }
}
