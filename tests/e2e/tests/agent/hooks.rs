//! Hooks: when they run, when they go, and what their failure means.

use anyhow::Result;
use bridgehead_e2e::manifests::{DELETE_POLICY, HOOK, config_map, job};
use bridgehead_e2e::{QUICK, Recorder, Stage, automated};
use bridgehead_test_harness::test_cluster;
use serde_json::json;

const ATTEMPT: &str = "bridgehead.dev/hook-attempt";

#[tokio::test]
async fn a_failed_pre_sync_hook_ends_the_sync_and_runs_the_sync_fail_hook() -> Result<()> {
    let stage = Stage::start(test_cluster(), "hook-fails", &QUICK).await?;
    let mut repository = stage.git.create("hook-fails")?;
    repository.write("app/before.yaml", job("before", "failed", &[(HOOK, "PreSync")]))?;
    repository.write("app/rescue.yaml", job("rescue", "", &[(HOOK, "SyncFail")]))?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("a hook that fails")?;
    let mut spec = automated(repository.url(), "app", "hook-fails-app");
    spec["syncPolicy"] = json!({"syncOptions": ["CreateNamespace=true"]});
    stage.application("hook-fails", spec).await?;
    stage.operate("hook-fails", json!({"sync": {"syncOptions": ["CreateNamespace=true"]}})).await?;
    let status = stage.wait_phase("hook-fails", "Failed").await?;
    let results = status["operationState"]["syncResult"]["resources"].as_array().cloned().unwrap_or_default();
    let result =
        |name: &str| results.iter().find(|result| result["name"] == name).cloned().unwrap_or_default();
    assert_eq!(result("before")["hookPhase"], "Failed", "{results:?}");
    assert_eq!(result("rescue")["hookPhase"], "Succeeded", "{results:?}");
    assert_eq!(stage.read("hook-fails").await?.data.get("operation"), None);
    assert!(
        stage.config_maps("hook-fails-app").get_opt("one").await?.is_none(),
        "synced after a failed PreSync"
    );
    Ok(())
}

#[tokio::test]
async fn hooks_go_as_their_delete_policies_say() -> Result<()> {
    let stage = Stage::start(test_cluster(), "hook-policies", &QUICK).await?;
    let mut repository = stage.git.create("hook-policies")?;
    for (name, policy) in
        [("replaced", "BeforeHookCreation"), ("succeeds", "HookSucceeded"), ("fails", "HookFailed")]
    {
        let annotations = [(HOOK, "PostSync"), (DELETE_POLICY, policy)];
        repository.write(&format!("app/{name}.yaml"), job(name, "", &annotations))?;
    }
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("first")?;
    stage.application("hook-policies", automated(repository.url(), "app", "hook-policies-app")).await?;
    stage.wait_phase("hook-policies", "Succeeded").await?;
    let jobs = stage.objects("batch", "v1", "Job", "hook-policies-app");
    stage.wait_there(&jobs, "succeeds", false).await?;
    let replaced = jobs.get("replaced").await?;
    let kept = jobs.get("fails").await?;
    assert_eq!(replaced.metadata.finalizers.unwrap_or_default(), Vec::<String>::new());
    assert_eq!(kept.metadata.finalizers.unwrap_or_default(), Vec::<String>::new());

    repository.write("app/one.yaml", config_map("one", "2"))?;
    repository.remove("app/fails.yaml")?;
    let second = repository.commit("second")?;
    stage
        .wait_status("hook-policies", "synced again", |status| {
            status["operationState"]["phase"] == "Succeeded"
                && status["operationState"]["syncResult"]["revision"] == second
        })
        .await?;
    assert_ne!(jobs.get("replaced").await?.metadata.uid, replaced.metadata.uid, "created again");
    stage.wait_there(&jobs, "succeeds", false).await
}

#[tokio::test]
async fn a_failed_sync_is_retried_with_back_off_and_each_try_runs_its_hooks_once() -> Result<()> {
    let stage = Stage::start(test_cluster(), "hook-retry", &QUICK).await?;
    let mut repository = stage.git.create("hook-retry")?;
    repository.write("app/before.yaml", job("before", "failed", &[(HOOK, "PreSync")]))?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("a hook that fails")?;
    let mut spec = automated(repository.url(), "app", "hook-retry-app");
    spec["syncPolicy"] = json!({});
    stage.application("hook-retry", spec).await?;
    let jobs = Recorder::start(stage.objects("batch", "v1", "Job", "hook-retry-app")).await?;
    let retry = json!({"limit": 2, "backoff": {"duration": "1s", "factor": 2, "maxDuration": "5s"}});
    let sync = json!({"syncOptions": ["CreateNamespace=true"]});
    stage.operate("hook-retry", json!({"sync": sync, "retry": retry})).await?;
    let status = stage.wait_phase("hook-retry", "Failed").await?;
    assert_eq!(status["operationState"]["retryCount"], 2);
    let seen = jobs.seen()?;
    let mut attempts: Vec<String> =
        seen.into_values().filter_map(|hook| hook.annotations.get(ATTEMPT).cloned()).collect();
    assert_eq!(attempts.len(), 3, "{attempts:?}");
    attempts.sort();
    attempts.dedup();
    assert_eq!(attempts.len(), 3, "{attempts:?}");
    Ok(())
}

#[tokio::test]
async fn a_terminated_operation_ends_its_running_hook() -> Result<()> {
    let stage = Stage::start(test_cluster(), "hook-ends", &QUICK).await?;
    let mut repository = stage.git.create("hook-ends")?;
    repository.write("app/before.yaml", job("before", "running", &[(HOOK, "PreSync")]))?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("a hook that goes on and on")?;
    let mut spec = automated(repository.url(), "app", "hook-ends-app");
    spec["syncPolicy"] = json!({});
    stage.application("hook-ends", spec).await?;
    stage.operate("hook-ends", json!({"sync": {"syncOptions": ["CreateNamespace=true"]}})).await?;
    stage.wait_told("hook-ends", &["waiting for completion of hook", "before"]).await?;

    stage.change("hook-ends", json!({"status": {"operationState": {"phase": "Terminating"}}})).await?;
    let status = stage.wait_phase("hook-ends", "Failed").await?;
    assert_eq!(status["operationState"]["message"], "Operation terminated");
    stage.wait_there(&stage.objects("batch", "v1", "Job", "hook-ends-app"), "before", false).await?;
    assert!(stage.config_maps("hook-ends-app").get_opt("one").await?.is_none());
    Ok(())
}
