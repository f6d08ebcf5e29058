//! Commands that ask the agent for something and wait for it.

use anyhow::Result;
use serde_json::{Value, json};

use crate::setting::{Setting, printed};

const STARTED: &str = "2026-11-21T08:00:00Z";
const FINISHED: &str = "2026-11-21T08:00:05Z";

fn asked(application: &Value) -> bool {
    application["operation"].is_object()
}

/// What the agent writes at the end of a sync.
fn ended(phase: &str, sync: &str) -> Value {
    json!({
        "operation": null,
        "status": {
            "reconciledAt": FINISHED,
            "sync": {"status": sync, "comparedTo": {"destination": {}, "source": {"repoURL": ""}}},
            "health": {"status": "Healthy"},
            "operationState": {
                "operation": {"sync": {}}, "phase": phase, "message": "what the agent says",
                "startedAt": STARTED, "finishedAt": FINISHED,
                "syncResult": {"revision": "0123456789", "source": {"repoURL": ""}, "resources": [
                    {"group": "", "version": "v1", "kind": "ConfigMap", "namespace": "web", "name": "old",
                     "status": if sync == "Synced" { "Synced" } else { "PruneSkipped" }, "message": "told"},
                ]},
            },
        },
    })
}

#[tokio::test]
async fn a_sync_is_asked_for_and_its_end_is_waited_for() -> Result<()> {
    let setting = Setting::new("sync").await?;
    let mut before = ended("Failed", "OutOfSync");
    before["spec"] = json!({"syncPolicy": {"syncOptions": ["CreateNamespace=true", "ServerSideApply=false"],
                                           "retry": {"limit": 3}}});
    setting.application("web", before).await?;
    let command = setting.start(&[
        "app",
        "sync",
        "web",
        "--prune",
        "--server-side",
        "--revision",
        "v1.0.0",
        "--info",
        "reason=release",
    ])?;
    let application = setting.until("web", "the operation", asked).await?;
    assert_eq!(application["status"].get("operationState"), None, "the operation before is forgotten");
    let operation = &application["operation"];
    assert_eq!(
        operation["sync"],
        json!({
            "prune": true, "revision": "v1.0.0", "syncStrategy": {"hook": {}},
            "syncOptions": ["ServerSideApply=true", "CreateNamespace=true"],
        })
    );
    assert_eq!(operation["info"], json!([{"name": "reason", "value": "release"}]));
    assert_eq!(operation["retry"], json!({"limit": 3}));
    assert_ne!(operation["initiatedBy"]["username"].as_str().unwrap_or_default(), "");

    // The end without a comparison after it is not the end.
    let mut early = ended("Succeeded", "OutOfSync");
    early["status"]["reconciledAt"] = STARTED.into();
    setting.patch("web", early).await?;
    setting.patch("web", ended("Succeeded", "Synced")).await?;
    let printed = printed(command).await?;
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(printed.out.contains("Phase:              Succeeded\n"), "{printed:?}");
    assert!(printed.out.contains("Message:            what the agent says\n"), "{printed:?}");
    Ok(())
}

#[tokio::test]
async fn a_sync_that_fails_gives_code_1() -> Result<()> {
    let setting = Setting::new("fails").await?;
    setting.application("web", json!({})).await?;
    let command = setting.start(&["app", "sync", "web"])?;
    setting.until("web", "the operation", asked).await?;
    setting.patch("web", ended("Failed", "OutOfSync")).await?;
    let printed = printed(command).await?;
    assert_eq!(printed.code, 1, "{printed:?}");
    assert_eq!(printed.err, "error: operation has completed with phase: Failed: what the agent says\n");
    Ok(())
}

#[tokio::test]
async fn objects_that_should_have_been_pruned_give_code_1() -> Result<()> {
    let setting = Setting::new("prune").await?;
    setting.application("web", json!({})).await?;
    let command = setting.start(&["app", "sync", "web", "-o", "json"])?;
    setting.until("web", "the operation", asked).await?;
    setting.patch("web", ended("Succeeded", "OutOfSync")).await?;
    let printed = printed(command).await?;
    assert_eq!(printed.code, 1, "{printed:?}");
    assert_eq!(printed.err, "error: 1 resources require pruning\n");
    let shown: Value = serde_json::from_str(&printed.out)?;
    assert_eq!(shown["status"]["sync"]["status"], "OutOfSync");
    Ok(())
}

#[tokio::test]
async fn chosen_objects_alone_are_synced() -> Result<()> {
    let setting = Setting::new("selective").await?;
    let resources = json!([
        {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "web", "name": "web", "status": "OutOfSync"},
        {"version": "v1", "kind": "Service", "namespace": "web", "name": "web", "status": "OutOfSync"},
    ]);
    setting.application("web", json!({"status": {"resources": resources}})).await?;
    let none = setting.run(&["app", "sync", "web", "--resource", "batch:Job:*"]).await?;
    assert_eq!(none.code, 1, "{none:?}");
    let done = setting.run(&["app", "sync", "web", "--resource", "!apps:*:*", "--async"]).await?;
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{done:?}");
    let application = setting.until("web", "the operation", asked).await?;
    assert_eq!(
        application["operation"]["sync"]["resources"],
        json!([{"kind": "Service", "name": "web", "namespace": "web"}])
    );
    Ok(())
}

#[tokio::test]
async fn an_operation_does_not_replace_another() -> Result<()> {
    let setting = Setting::new("busy").await?;
    setting.application("web", json!({"operation": {"sync": {"revision": "first"}}})).await?;
    let printed = setting.run(&["app", "sync", "web"]).await?;
    assert_eq!(printed.code, 20, "{printed:?}");
    assert!(printed.err.contains("another operation of application `web` is in progress"), "{printed:?}");
    assert!(printed.err.contains("hint: "), "{printed:?}");
    let application = setting.until("web", "the operation", asked).await?;
    assert_eq!(application["operation"]["sync"]["revision"], "first");
    Ok(())
}

#[tokio::test]
async fn several_applications_are_chosen_by_label_and_synced_one_after_the_other() -> Result<()> {
    let setting = Setting::new("several").await?;
    for name in ["a", "b", "c"] {
        let labels = if name == "c" { json!({}) } else { json!({"tier": "front"}) };
        setting.application(name, json!({"metadata": {"labels": labels}})).await?;
    }
    let printed = setting.run(&["app", "sync", "-l", "tier=front", "--async"]).await?;
    assert_eq!(printed.code, 0, "{printed:?}");
    for (name, expected) in [("a", true), ("b", true), ("c", false)] {
        let application = serde_json::to_value(setting.applications().get(name).await?)?;
        assert_eq!(asked(&application), expected, "{name}");
    }
    let none = setting.run(&["app", "sync", "-l", "tier=none"]).await?;
    assert_eq!((none.code, none.err.as_str()), (1, "error: no applications match selector `tier=none`\n"));
    Ok(())
}

#[tokio::test]
async fn wait_sees_a_change_and_times_out_without_one() -> Result<()> {
    let setting = Setting::new("wait").await?;
    setting.application("web", json!({"status": {"health": {"status": "Progressing"}}})).await?;
    let late = setting.run(&["app", "wait", "web", "--health", "--timeout", "1"]).await?;
    assert_eq!(late.code, 20, "{late:?}");
    assert_eq!(late.err, "error: timed out (1s) waiting for app \"web\" match desired state\n");
    assert!(late.out.contains("This is the state of the app after `wait` timed out:"), "{late:?}");

    let command = setting.start(&["app", "wait", "web", "--health"])?;
    setting.patch("web", json!({"status": {"health": {"status": "Healthy"}}})).await?;
    let printed = printed(command).await?;
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(printed.out.contains("Health Status:      Healthy\n"), "{printed:?}");
    Ok(())
}

#[tokio::test]
async fn wait_ends_when_an_object_degrades() -> Result<()> {
    let setting = Setting::new("degrades").await?;
    let resources = |health: &str| {
        json!({"status": {
            "health": {"status": "Progressing"},
            "resources": [{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "web",
                           "name": "web", "health": {"status": health}}],
        }})
    };
    setting.application("web", resources("Progressing")).await?;
    let mut command = setting.start(&["app", "wait", "web", "--health"])?;
    let mut lines = {
        use tokio::io::AsyncBufReadExt;
        let out = command.stdout.take().expect("a pipe");
        tokio::io::BufReader::new(out).lines()
    };
    // Once it has told of the object, a change of it is a change.
    while let Some(line) = lines.next_line().await? {
        if line.contains("Progressing") {
            break;
        }
    }
    setting.patch("web", resources("Degraded")).await?;
    while lines.next_line().await?.is_some() {}
    let printed = printed(command).await?;
    assert_eq!(printed.code, 20, "{printed:?}");
    assert!(
        printed.err.contains("health state has transitioned from Progressing to Degraded"),
        "{printed:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_operation_is_terminated_by_its_phase() -> Result<()> {
    let setting = Setting::new("terminate").await?;
    setting.application("web", json!({})).await?;
    let idle = setting.run(&["app", "terminate-op", "web"]).await?;
    assert_eq!(idle.code, 20, "{idle:?}");
    assert!(idle.err.contains("no operation of application `web` is in progress"), "{idle:?}");

    let running = json!({
        "operation": {"sync": {}},
        "status": {"operationState": {"operation": {"sync": {}}, "phase": "Running", "startedAt": STARTED}},
    });
    setting.patch("web", running).await?;
    let printed = setting.run(&["app", "terminate-op", "web"]).await?;
    assert_eq!((printed.code, printed.out.as_str()), (0, "Application 'web' operation terminating\n"));
    let application = setting.until("web", "the phase", |_| true).await?;
    assert_eq!(application["status"]["operationState"]["phase"], "Terminating");
    assert_eq!(application["status"]["operationState"]["startedAt"], STARTED);
    Ok(())
}

#[tokio::test]
async fn a_rollback_applies_the_source_and_revision_of_a_past_deployment() -> Result<()> {
    let setting = Setting::new("rollback").await?;
    let source = |path: &str| json!({"repoURL": "https://git.example.com/config.git", "path": path});
    let history = json!({"status": {"history": [
        {"id": 4, "deployedAt": STARTED, "revision": "aaaa", "source": source("old")},
        {"id": 5, "deployedAt": STARTED, "revision": "bbbb", "source": source("older")},
        {"id": 6, "deployedAt": STARTED, "revision": "cccc", "source": source("web")},
    ]}});
    setting.application("web", history).await?;
    let unknown = setting.run(&["app", "rollback", "web", "9"]).await?;
    assert_eq!(unknown.code, 20, "{unknown:?}");
    assert!(unknown.err.contains("hint: its history has 4, 5, 6"), "{unknown:?}");

    for (id, revision, path) in [(None, "bbbb", "older"), (Some("4"), "aaaa", "old")] {
        let mut arguments = vec!["app", "rollback", "web"];
        arguments.extend(id);
        let command = setting.start(&arguments)?;
        let application = setting.until("web", "the operation", asked).await?;
        assert_eq!(
            application["operation"]["sync"],
            json!({"revision": revision, "source": source(path), "syncStrategy": {"apply": {}}})
        );
        setting.patch("web", ended("Succeeded", "OutOfSync")).await?;
        let printed = printed(command).await?;
        assert_eq!(printed.code, 0, "{printed:?}");
    }

    setting.patch("web", json!({"spec": {"syncPolicy": {"automated": {}}}})).await?;
    let refused = setting.run(&["app", "rollback", "web", "4"]).await?;
    assert_eq!(refused.code, 20, "{refused:?}");
    assert!(refused.err.contains("cannot go back while it is synced automatically"), "{refused:?}");
    Ok(())
}
