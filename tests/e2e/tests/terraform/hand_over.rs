//! The root application is handed to itself: from then on Git says what it is, and Terraform has nothing to do.

use anyhow::{Result, ensure};
use bridgehead_e2e::manifests::{config_map, deployment};
use bridgehead_e2e::{QUICK, Stage};
use bridgehead_test_harness::test_cluster;
use serde_json::{Value, json};

use crate::configuration::{Application, terraform, workloads};

/// An application in Git.
fn declared(stage: &Stage, name: &str, url: &str, path: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": name, "namespace": stage.namespace,
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "path": path, "targetRevision": "HEAD"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "tf-hand-over-app"},
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": true}, "syncOptions": ["CreateNamespace=true"],
                "retry": {"limit": 1, "backoff": {"duration": "1s"}},
            },
        },
    });
    change(&mut object);
    // JSON is YAML.
    object.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_handed_to_itself_is_changed_in_git_and_plans_stay_empty() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-hand-over", &QUICK).await?;
    let mut repository = stage.git.create("hand-over")?;
    let url = repository.url().to_owned();
    repository.write("root/child.yaml", declared(&stage, "handed-child", &url, "app", |_| {}))?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    repository.write("app/web.yaml", deployment("web", "", &[]))?;
    repository.commit("app of apps")?;
    let application = Application {
        stage: &stage,
        address: "root",
        name: "handed-root",
        url: &url,
        path: "root",
        destination: "tf-hand-over-app",
        on_destroy: "cascade",
        more: "",
    };
    let terraform = terraform(stage.cluster, &application.awaited("recursive = true\n  timeout = \"5m\""))?;
    terraform.apply()?;
    let waited = terraform.values("bridgehead_application_wait.root")?["applications"].clone();
    ensure!(
        waited
            == json!([
                format!("{0}/handed-root", stage.namespace),
                format!("{0}/handed-child", stage.namespace)
            ])
    );
    let before = workloads(&stage, "tf-hand-over-app").await?;
    let first = stage.read("handed-root").await?.metadata.uid;
    ensure!(before.len() == 2, "{before:?}");

    // The same as in Terraform.
    repository.write("root/root.yaml", declared(&stage, "handed-root", &url, "root", |_| {}))?;
    let commit = repository.commit("root declares itself")?;
    stage.wait_synced("handed-root", &commit).await?;
    terraform.nothing_to_do()?;

    // Something else.
    let changed = declared(&stage, "handed-root", &url, "root", |object| {
        object["metadata"]["labels"] = json!({"team": "platform"});
        object["spec"]["info"] = json!([{"name": "owner", "value": "platform"}]);
        object["spec"]["syncPolicy"]["retry"] = json!({"limit": 3});
        object["spec"]["revisionHistoryLimit"] = json!(3);
    });
    repository.write("root/root.yaml", changed)?;
    let commit = repository.commit("root is changed")?;
    stage.wait_synced("handed-root", &commit).await?;
    let live = stage.read("handed-root").await?;
    ensure!(live.data["spec"]["syncPolicy"]["retry"] == json!({"limit": 3}), "{live:?}");
    ensure!(live.data["spec"]["revisionHistoryLimit"] == 3 && live.metadata.uid == first, "{live:?}");
    terraform.nothing_to_do()?;

    // Where the manifests come from, even.
    repository.write("renamed/child.yaml", declared(&stage, "handed-child", &url, "app", |_| {}))?;
    repository.write("renamed/root.yaml", declared(&stage, "handed-root", &url, "renamed", |_| {}))?;
    repository.write("root/root.yaml", declared(&stage, "handed-root", &url, "renamed", |_| {}))?;
    let commit = repository.commit("root moves")?;
    stage.wait_synced("handed-root", &commit).await?;
    let source = stage.read("handed-root").await?.data["spec"]["source"].clone();
    ensure!(source["path"] == "renamed", "{source}");
    terraform.nothing_to_do()?;

    // A change in Terraform is told, and not made: then the plan is empty again.
    let other = Application { more: "revision_history_limit = 7", ..application };
    let lines = "recursive = true\n  timeout = \"5m\"";
    terraform.configure(&format!(
        "{}{}",
        crate::configuration::provider(stage.cluster),
        other.awaited(lines)
    ))?;
    let told = terraform.apply()?;
    ensure!(told.contains("is declared in Git"), "{told}");
    ensure!(stage.read("handed-root").await?.data["spec"].get("revisionHistoryLimit").is_none());

    let told = terraform.destroy()?;
    ensure!(told.contains("is declared in Git: it was left there"), "{told}");
    let live = stage.read("handed-root").await?;
    ensure!(live.metadata.uid == first && live.metadata.deletion_timestamp.is_none(), "{live:?}");
    ensure!(workloads(&stage, "tf-hand-over-app").await? == before, "workloads were touched");
    Ok(())
}
