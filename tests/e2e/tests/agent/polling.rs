//! Repositories are followed for as long as somebody looks at them.

use anyhow::Result;
use bridgehead_e2e::manifests::{config_map, job};
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::test_cluster;
use serde_json::json;

use crate::guard::further;

#[tokio::test]
async fn a_repository_that_is_used_again_is_asked_again() -> Result<()> {
    let stage = Stage::start(test_cluster(), "back-again", &QUICK).await?;
    let (mut one, mut other) = (stage.git.create("one")?, stage.git.create("other")?);
    one.write("app/one.yaml", config_map("one", "1"))?;
    other.write("app/one.yaml", config_map("one", "other"))?;
    let (first, elsewhere) = (one.commit("first")?, other.commit("elsewhere")?);
    stage.application("back-again", automated(one.url(), "app", "back-again-app")).await?;
    stage.wait_synced("back-again", &first).await?;
    let source = |url: &str| json!({"spec": {"source": {"repoURL": url}}});
    stage.change("back-again", source(other.url())).await?;
    stage.wait_synced("back-again", &elsewhere).await?;
    // By then the first one's turn has come and gone.
    further(&stage.agent, "bridgehead_advertisements_total", 3).await?;
    one.write("app/one.yaml", config_map("one", "2"))?;
    let second = one.commit("second")?;
    stage.change("back-again", source(one.url())).await?;
    stage.wait_synced("back-again", &second).await?;
    one.write("app/one.yaml", config_map("one", "3"))?;
    let third = one.commit("third")?;
    stage.wait_synced("back-again", &third).await?;
    Ok(())
}

#[tokio::test]
async fn the_specifications_repository_is_followed_while_an_operation_is_about_another_one() -> Result<()> {
    let stage = Stage::start(test_cluster(), "beside", &QUICK).await?;
    let (mut wanted, mut earlier) = (stage.git.create("wanted")?, stage.git.create("earlier")?);
    wanted.write("app/one.yaml", config_map("one", "1"))?;
    earlier.write("app/one.yaml", config_map("one", "earlier"))?;
    let hook = [("argocd.argoproj.io/hook", "PreSync")];
    earlier.write("app/before.yaml", job("before", "running", &hook))?;
    let (first, back) = (wanted.commit("first")?, earlier.commit("earlier")?);
    let mut spec = automated(wanted.url(), "app", "beside-app");
    stage.application("beside", spec.clone()).await?;
    stage.wait_synced("beside", &first).await?;
    spec["source"]["repoURL"] = json!(earlier.url());
    stage.change("beside", json!({"spec": {"syncPolicy": {"automated": null}}})).await?;
    stage.operate("beside", json!({"sync": {"revision": back, "source": spec["source"]}})).await?;
    let hooks = stage.objects("batch", "v1", "Job", "beside-app");
    stage.wait_there(&hooks, "before", true).await?;
    further(&stage.agent, "bridgehead_advertisements_total", 4).await?;
    wanted.write("app/one.yaml", config_map("one", "2"))?;
    let second = wanted.commit("second")?;
    stage.change("beside", json!({"status": {"operationState": {"phase": "Terminating"}}})).await?;
    stage.wait_phase("beside", "Failed").await?;
    stage
        .wait_status("beside", "compared with the newest commit", |status| {
            status["sync"]["revision"] == *second
        })
        .await?;
    Ok(())
}
