//! What a project does not permit is left alone, whatever mark it carries.

use anyhow::Result;
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::agent::applications;
use bridgehead_test_harness::{Probe, test_cluster, wait_for};
use kube::api::DeleteParams;
use serde_json::{Value, json};

/// A ConfigMap that says that it is the application's.
fn marked(application: &str, namespace: &str, name: &str, owners: &Value) -> Value {
    let id = format!("{application}:/ConfigMap:{namespace}/{name}");
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": namespace, "ownerReferences": owners,
            "annotations": {"argocd.argoproj.io/tracking-id": id},
        },
    })
}

#[tokio::test]
async fn objects_that_the_project_does_not_permit_are_neither_pruned_nor_deleted() -> Result<()> {
    let stage = Stage::start(test_cluster(), "projects", &QUICK).await?;
    for namespace in ["projects-team", "projects-prod"] {
        stage
            .apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}))
            .await?;
    }
    stage
        .apply(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "team", "namespace": stage.namespace},
            "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "projects-team"}]},
        }))
        .await?;
    let mut repository = stage.git.create("projects")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let first = repository.commit("first")?;
    let mut spec = automated(repository.url(), "app", "projects-team");
    spec["project"] = json!("team");
    spec["syncPolicy"]["syncOptions"] = json!([]);
    stage.application("web", spec).await?;
    stage.wait_synced("web", &first).await?;

    // What another application of this name has left behind.
    let (team, prod) = (stage.config_maps("projects-team"), stage.config_maps("projects-prod"));
    stage.apply(marked("web", "projects-prod", "settings", &json!([]))).await?;
    stage.apply(marked("web", "projects-team", "stray", &json!([]))).await?;
    stage.wait_there(&team, "stray", false).await?;
    let status = stage.wait_synced("web", &first).await?;
    assert!(!status["resources"].to_string().contains("settings"), "{}", status["resources"]);
    assert!(prod.get_opt("settings").await?.is_some(), "pruned in a namespace of others");

    let plain = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": "projects-team"},
    });
    stage.apply(plain).await?;
    let uid = team.get("owner").await?.metadata.uid;
    let owners = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]);
    stage.apply(marked("web", "projects-team", "owned", &owners)).await?;
    stage
        .change("web", json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}}))
        .await?;
    let applications = applications(&stage.client, &stage.namespace);
    applications.delete("web", &DeleteParams::default()).await?;
    wait_for("the application to be gone", async || {
        let found = applications.get_opt("web").await?;
        Ok(Probe::when(found.is_none(), format!("{:?}", found.map(|found| found.data))))
    })
    .await?;
    assert!(team.get_opt("one").await?.is_none(), "deleted with its application");
    assert!(prod.get_opt("settings").await?.is_some(), "deleted in a namespace of others");
    assert!(team.get_opt("owned").await?.is_some(), "deleted although it goes with its owner");
    Ok(())
}
