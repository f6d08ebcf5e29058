//! Sync windows, and the ways round them that there are.

use anyhow::Result;
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::test_cluster;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// A project that denies every sync at any time.
fn frozen(namespace: &str, manual: bool) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "frozen", "namespace": namespace},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
            "syncWindows": [{
                "kind": "deny", "schedule": "* * * * *", "duration": "24h",
                "applications": ["*"], "manualSync": manual,
            }],
        },
    })
}

async fn thaw(stage: &Stage) -> Result<()> {
    let projects = stage.objects("argoproj.io", "v1alpha1", "AppProject", &stage.namespace);
    let open = Patch::Merge(json!({"spec": {"syncWindows": null}}));
    projects.patch("frozen", &PatchParams::default(), &open).await?;
    Ok(())
}

#[tokio::test]
async fn a_denial_holds_automated_syncs_and_lets_people_pass_where_it_says_so() -> Result<()> {
    let stage = Stage::start(test_cluster(), "denied", &QUICK).await?;
    stage.apply(frozen(&stage.namespace, true)).await?;
    let mut repository = stage.git.create("denied")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let first = repository.commit("one")?;
    let mut spec = automated(repository.url(), "app", "denied-app");
    spec["project"] = json!("frozen");
    stage.application("denied", spec).await?;
    let out_of_sync = |revision: &str| {
        let revision = revision.to_owned();
        move |status: &Value| {
            status["sync"]["status"] == "OutOfSync" && status["sync"]["revision"] == revision
        }
    };
    let status = stage.wait_status("denied", "OutOfSync", out_of_sync(&first)).await?;
    assert_eq!(status.get("operationState"), None, "synced inside of a window");

    stage.operate("denied", json!({"sync": {"syncOptions": ["CreateNamespace=true"]}})).await?;
    stage.wait_synced("denied", &first).await?;

    repository.write("app/one.yaml", config_map("one", "2"))?;
    let second = repository.commit("two")?;
    stage.wait_status("denied", "OutOfSync again", out_of_sync(&second)).await?;
    assert_eq!(stage.config_maps("denied-app").get("one").await?.data["data"]["value"], "1");
    thaw(&stage).await?;
    stage.wait_synced("denied", &second).await?;
    Ok(())
}

#[tokio::test]
async fn a_denial_holds_people_too_and_a_change_of_the_project_counts_at_once() -> Result<()> {
    let stage = Stage::start(test_cluster(), "held", &QUICK).await?;
    stage.apply(frozen(&stage.namespace, false)).await?;
    let mut repository = stage.git.create("held")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("one")?;
    let mut spec = automated(repository.url(), "app", "held-app");
    spec["project"] = json!("frozen");
    spec["syncPolicy"] = json!({});
    stage.application("held", spec).await?;
    stage.operate("held", json!({"sync": {"syncOptions": ["CreateNamespace=true"]}})).await?;
    stage.wait_told("held", &["blocked by sync window"]).await?;
    assert!(stage.config_maps("held-app").get_opt("one").await?.is_none());
    thaw(&stage).await?;
    stage.wait_synced("held", &commit).await?;
    Ok(())
}
