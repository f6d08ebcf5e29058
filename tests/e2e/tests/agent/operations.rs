//! What people ask for: a part, an earlier state, a look right now.

use anyhow::{Context, Result};
use bridgehead_e2e::manifests::{config_map, deployment};
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::{Probe, test_cluster, wait_for};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

const REFRESH: &str = "argocd.argoproj.io/refresh";

/// A specification that syncs only when asked.
fn manual(url: &str, namespace: &str) -> Value {
    let mut spec = automated(url, "app", namespace);
    spec["syncPolicy"] = json!({"syncOptions": ["CreateNamespace=true"]});
    spec
}

#[tokio::test]
async fn a_selective_sync_touches_only_what_was_selected() -> Result<()> {
    let stage = Stage::start(test_cluster(), "selective", &QUICK).await?;
    let mut repository = stage.git.create("selective")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.write("app/two.yaml", config_map("two", "2"))?;
    let commit = repository.commit("both")?;
    stage.application("selective", manual(repository.url(), "selective-app")).await?;
    stage.wait_status("selective", "compared", |status| status["sync"]["status"] == "OutOfSync").await?;
    let one = json!([{"kind": "ConfigMap", "name": "one"}]);
    stage.operate("selective", json!({"sync": {"resources": one}})).await?;
    let status = stage.wait_phase("selective", "Succeeded").await?;
    assert_eq!(status["sync"]["status"], "OutOfSync");
    assert!(stage.config_maps("selective-app").get_opt("one").await?.is_some());
    assert!(stage.config_maps("selective-app").get_opt("two").await?.is_none());

    stage.operate("selective", json!({"sync": {}})).await?;
    stage.wait_synced("selective", &commit).await?;
    Ok(())
}

#[tokio::test]
async fn a_rollback_goes_to_the_revision_of_the_history() -> Result<()> {
    let stage = Stage::start(test_cluster(), "rollback", &QUICK).await?;
    let mut repository = stage.git.create("rollback")?;
    stage.application("rollback", manual(repository.url(), "rollback-app")).await?;
    let mut commits = Vec::new();
    for value in ["1", "2"] {
        repository.write("app/one.yaml", config_map("one", value))?;
        let commit = repository.commit(value)?;
        stage.operate("rollback", json!({"sync": {"revision": commit}})).await?;
        stage.wait_synced("rollback", &commit).await?;
        commits.push(commit);
    }
    let status = stage.wait_phase("rollback", "Succeeded").await?;
    let history = status["history"].as_array().context("no history")?.clone();
    let revisions: Vec<&str> = history.iter().filter_map(|entry| entry["revision"].as_str()).collect();
    assert_eq!(revisions, commits);

    let back = json!({"revision": history[0]["revision"], "source": history[0]["source"], "prune": true});
    stage.operate("rollback", json!({"sync": back})).await?;
    let config_maps = stage.config_maps("rollback-app");
    wait_for("the first state to be back", async || {
        let value = config_maps.get("one").await?.data["data"]["value"].clone();
        Ok(Probe::when(value == "1", value.to_string()))
    })
    .await?;
    let status = stage
        .wait_status("rollback", "rolled back", |status| {
            status["operationState"]["phase"] == "Succeeded"
                && status["operationState"]["syncResult"]["revision"] == commits[0]
        })
        .await?;
    assert_eq!(status["sync"]["status"], "OutOfSync", "Git still wants the second state");
    assert_eq!(status["history"].as_array().map(Vec::len), Some(3));
    Ok(())
}

#[tokio::test]
async fn a_refresh_is_answered_at_once_and_its_annotation_taken_off() -> Result<()> {
    let arguments = ["--poll-interval", "10h", "--poll-jitter", "0s"];
    let stage = Stage::start(test_cluster(), "refresh", &arguments).await?;
    let mut repository = stage.git.create("refresh")?;
    repository.write("app/one.yaml", config_map("one", "0"))?;
    let commit = repository.commit("begin")?;
    stage.application("refresh", automated(repository.url(), "app", "refresh-app")).await?;
    stage.wait_synced("refresh", &commit).await?;
    for how in ["normal", "hard"] {
        repository.write("app/one.yaml", config_map("one", how))?;
        let commit = repository.commit(how)?;
        stage.change("refresh", json!({"metadata": {"annotations": {REFRESH: how}}})).await?;
        stage.wait_synced("refresh", &commit).await?;
        wait_for("the annotation to be gone", async || {
            let annotations = stage.read("refresh").await?.metadata.annotations.unwrap_or_default();
            Ok(Probe::when(!annotations.contains_key(REFRESH), format!("{annotations:?}")))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_forced_sync_makes_anew_what_cannot_be_changed() -> Result<()> {
    let stage = Stage::start(test_cluster(), "forced", &QUICK).await?;
    let mut repository = stage.git.create("forced")?;
    let deployment = deployment("web", "", &[]);
    repository.write("app/web.yaml", &deployment)?;
    repository.commit("web")?;
    stage.application("forced", manual(repository.url(), "forced-app")).await?;
    stage.operate("forced", json!({"sync": {"syncOptions": ["CreateNamespace=true"]}})).await?;
    stage.wait_phase("forced", "Succeeded").await?;
    let deployments = stage.objects("apps", "v1", "Deployment", "forced-app");
    let first = deployments.get("web").await?;

    // A selector cannot be changed.
    repository.write("app/web.yaml", deployment.replace("app: web", "app: site"))?;
    let commit = repository.commit("another selector")?;
    let sync =
        |force: bool| json!({"sync": {"revision": commit, "syncStrategy": {"hook": {"force": force}}}});
    stage.operate("forced", sync(false)).await?;
    stage.wait_phase("forced", "Failed").await?;
    assert_eq!(deployments.get("web").await?.metadata.uid, first.metadata.uid);

    stage.operate("forced", sync(true)).await?;
    stage.wait_phase("forced", "Succeeded").await?;
    let second = deployments.get("web").await?;
    assert_ne!(second.metadata.uid, first.metadata.uid);
    assert_eq!(second.data["spec"]["selector"]["matchLabels"]["app"], "site");
    Ok(())
}

#[tokio::test]
async fn a_sync_that_is_asked_for_right_after_a_push_takes_what_was_pushed() -> Result<()> {
    let arguments = ["--poll-interval", "10h", "--poll-jitter", "0s"];
    let stage = Stage::start(test_cluster(), "newest", &arguments).await?;
    let mut repository = stage.git.create("newest")?;
    repository.write("app/one.yaml", config_map("one", "0"))?;
    repository.commit("begin")?;
    stage.application("newest", manual(repository.url(), "newest-app")).await?;
    stage.wait_status("newest", "compared", |status| status["sync"]["status"] == "OutOfSync").await?;
    for value in ["1", "2"] {
        repository.write("app/one.yaml", config_map("one", value))?;
        let commit = repository.commit(value)?;
        stage.operate("newest", json!({"sync": {"syncOptions": ["CreateNamespace=true"]}})).await?;
        stage.wait_synced("newest", &commit).await?;
    }
    Ok(())
}

#[tokio::test]
async fn one_can_go_back_while_what_git_has_cannot_be_rendered() -> Result<()> {
    let stage = Stage::start(test_cluster(), "go-back", &QUICK).await?;
    let mut repository = stage.git.create("go-back")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let good = repository.commit("good")?;
    stage.application("go-back", manual(repository.url(), "go-back-app")).await?;
    stage.operate("go-back", json!({"sync": {"revision": good}})).await?;
    stage.wait_synced("go-back", &good).await?;
    repository.write("app/two.yaml", format!("{}  more: [1\n", config_map("two", "1")))?;
    repository.commit("broken")?;
    stage.wait_told("go-back", &["app/two.yaml"]).await?;
    let by_hand = Patch::Merge(json!({"data": {"value": "by hand"}}));
    let config_maps = stage.config_maps("go-back-app");
    config_maps.patch("one", &PatchParams::default(), &by_hand).await?;

    stage.operate("go-back", json!({"sync": {"revision": good}})).await?;
    wait_for("the good state to be back", async || {
        let value = config_maps.get("one").await?.data["data"]["value"].clone();
        Ok(Probe::when(value == "1", value.to_string()))
    })
    .await?;
    let status = stage.wait_phase("go-back", "Succeeded").await?;
    assert_eq!(status["conditions"][0]["type"], "ComparisonError", "{status}");
    Ok(())
}

#[tokio::test]
async fn a_sync_that_cannot_begin_or_go_on_ends_and_says_why() -> Result<()> {
    let stage = Stage::start(test_cluster(), "no-begin", &QUICK).await?;
    let mut repository = stage.git.create("no-begin")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("begin")?;
    let mut elsewhere = manual(repository.url(), "no-begin-app");
    elsewhere["source"]["path"] = json!("nowhere");
    stage.application("path", elsewhere).await?;
    let mut nobodys = manual(repository.url(), "no-begin-app");
    nobodys["project"] = json!("nobody");
    stage.application("project", nobodys).await?;
    stage.application("pause", manual(repository.url(), "no-such-namespace")).await?;
    let backoff = json!({"limit": 2, "backoff": {"duration": "5 seconds"}});
    for (name, operation, words) in [
        ("path", json!({"sync": {}}), "nowhere"),
        ("project", json!({"sync": {}}), "nobody"),
        ("pause", json!({"sync": {"syncOptions": ["CreateNamespace=false"]}, "retry": backoff}), "5 seconds"),
    ] {
        stage.operate(name, operation).await?;
        let status = stage.wait_phase(name, "Error").await?;
        let message = status["operationState"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{name}: {message}");
        assert_eq!(stage.read(name).await?.data.get("operation"), None, "{name}");
    }
    Ok(())
}
