//! Revisions that are no branch and no tag.

use anyhow::Result;
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::git::git;
use bridgehead_test_harness::test_cluster;
use serde_json::json;

#[tokio::test]
async fn a_pull_requests_ref_is_followed_beside_a_branch() -> Result<()> {
    let stage = Stage::start(test_cluster(), "pulls", &QUICK).await?;
    let mut repository = stage.git.create("pulls")?;
    repository.write("app/one.yaml", config_map("one", "main"))?;
    let main = repository.commit("main")?;
    stage.application("pulls-main", automated(repository.url(), "app", "pulls-main")).await?;
    stage.wait_synced("pulls-main", &main).await?;

    // As hosting services keep them: nobody is told of it who does not ask for it.
    repository.switch("work")?;
    repository.write("app/one.yaml", config_map("one", "pull"))?;
    let pull = repository.commit("pull")?;
    git(repository.bare(), &["update-ref", "refs/pull/12/head", &pull])?;
    git(repository.bare(), &["update-ref", "-d", "refs/heads/work"])?;
    for (name, revision) in [("pulls-short", "pull/12/head"), ("pulls-full", "refs/pull/12/head")] {
        let mut spec = automated(repository.url(), "app", name);
        spec["source"]["targetRevision"] = json!(revision);
        stage.application(name, spec).await?;
        stage.wait_synced(name, &pull).await?;
    }

    repository.write("app/one.yaml", config_map("one", "pushed"))?;
    git(repository.tree(), &["commit", "--quiet", "--all", "-m", "pushed"])?;
    git(repository.tree(), &["push", "--quiet", "origin", "HEAD:refs/pull/12/head"])?;
    let pushed = repository.head()?;
    stage.wait_synced("pulls-short", &pushed).await?;
    stage.wait_synced("pulls-full", &pushed).await?;
    stage.wait_synced("pulls-main", &main).await?;

    // One that is not there is told, and found once it is there.
    let mut spec = automated(repository.url(), "app", "pulls-late");
    spec["source"]["targetRevision"] = json!("refs/changes/34/1234/1");
    stage.application("pulls-late", spec).await?;
    stage.wait_told("pulls-late", &["failed to resolve revision `refs/changes/34/1234/1`"]).await?;
    git(repository.bare(), &["update-ref", "refs/changes/34/1234/1", &main])?;
    stage.wait_synced("pulls-late", &main).await?;
    Ok(())
}
