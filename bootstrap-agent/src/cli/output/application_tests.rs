use bridgehead_api::application::Application;
use bridgehead_api::project::AppProject;
use serde_json::{Value, json};

use super::{write_conditions, write_history, write_list, write_parameters, write_summary};
use crate::cli::output::{operation, resources};

fn application(value: Value) -> Application {
    Application::from_value(value).expect("test application")
}

fn shop() -> Application {
    application(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "project": "team",
            "source": {"repoURL": "https://git.example.com/config.git", "path": "shop", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": true}},
        },
        "status": {
            "sync": {"status": "OutOfSync", "revision": "0123456789abcdef0123456789abcdef01234567",
                     "comparedTo": {"source": {"repoURL": ""}, "destination": {}}},
            "health": {"status": "Degraded", "message": "too few"},
            "conditions": [
                {"type": "SyncError", "message": "failed\nto sync", "lastTransitionTime": "2026-11-21T08:00:00Z"},
                {"type": "OrphanedResourceWarning", "message": "one"},
                {"type": "OrphanedResourceWarning", "message": "two"},
            ],
            "resources": [
                {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web",
                 "status": "Synced", "health": {"status": "Degraded"}},
                {"version": "v1", "kind": "Service", "namespace": "shop", "name": "web", "status": "Synced",
                 "health": {"status": "Healthy"}},
                {"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "flags", "status": "OutOfSync"},
            ],
            "operationState": {
                "operation": {"sync": {}}, "phase": "Failed", "message": "one or more objects failed to apply",
                "startedAt": "2026-11-21T08:00:00Z", "finishedAt": "2026-11-21T08:01:05Z",
                "syncResult": {
                    "revision": "0123456789abcdef0123456789abcdef01234567", "source": {"repoURL": ""},
                    "resources": [
                        {"group": "batch", "version": "v1", "kind": "Job", "namespace": "shop", "name": "migrate",
                         "hookType": "PreSync", "hookPhase": "Succeeded", "status": "Synced", "message": "job is done"},
                        {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web",
                         "status": "Synced", "hookPhase": "Running", "message": "deployment.apps/web configured"},
                    ],
                },
            },
        },
    }))
}

fn several_sources() -> Application {
    application(json!({
        "metadata": {"name": "parts", "namespace": "argocd"},
        "spec": {
            "project": "",
            "sources": [
                {"repoURL": "https://charts.example.com", "chart": "web", "targetRevision": "1.2.3",
                 "helm": {"valueFiles": ["$values/web.yaml"], "parameters": [{"name": "replicas", "value": "3"}]}},
                {"repoURL": "https://git.example.com/values.git", "targetRevision": "HEAD", "ref": "values"},
            ],
            "destination": {"name": "staging", "namespace": "parts"},
        },
    }))
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).expect("a vector takes everything");
    String::from_utf8(bytes).expect("text")
}

#[test]
fn the_list_says_where_what_goes_and_how_it_is() {
    let applications = vec![shop(), several_sources()];
    insta::assert_snapshot!(text(|out| write_list(out, &applications, true)));
}

#[test]
fn the_summary_tells_source_policy_and_state() {
    let project = AppProject::from_value(json!({
        "metadata": {"name": "team"},
        "spec": {"syncWindows": [
            {"kind": "deny", "schedule": "0 22 * * *", "duration": "8h", "applications": ["sh*"]},
            {"kind": "allow", "schedule": "* * * * *", "duration": "1h", "applications": ["other"]},
            {"kind": "deny", "schedule": "0 0 * * *", "duration": "1h", "applications": ["shop"],
             "namespaces": ["other"], "andOperator": true},
        ]},
    }))
    .expect("test project");
    let application = shop();
    insta::assert_snapshot!(text(|out| {
        write_summary(out, &application, Some("https://cd.example.com/applications/shop"), Some(&project))?;
        write_conditions(out, &application)
    }));
}

#[test]
fn the_summary_of_several_sources_lists_each() {
    let application = several_sources();
    insta::assert_snapshot!(text(|out| {
        write_summary(out, &application, None, None)?;
        write_parameters(out, &application.spec.sources[0])
    }));
}

#[test]
fn objects_of_the_last_operation_come_first_and_hooks_show_their_phase() {
    insta::assert_snapshot!(text(|out| resources::write(out, &shop())));
}

#[test]
fn the_operation_tells_when_how_long_and_why() {
    let application = shop();
    let state = application.status.operation_state.as_ref().expect("an operation");
    insta::assert_snapshot!(text(|out| operation::write(out, state, state.started_at)));
}

#[test]
fn history_has_one_table_for_each_repository() {
    let application = application(json!({
        "metadata": {"name": "shop"}, "spec": {},
        "status": {"history": [
            {"id": 0, "deployedAt": "2026-11-20T08:00:00Z", "revision": "aaaaaaaaaa",
             "source": {"repoURL": "https://git.example.com/a.git", "targetRevision": "main"}},
            {"id": 1, "deployedAt": "2026-11-21T08:00:00Z", "revisions": ["bbbbbbbbbb", "1.2.3"],
             "source": {"repoURL": ""}, "sources": [
                {"repoURL": "https://git.example.com/a.git", "targetRevision": "main"},
                {"repoURL": "https://charts.example.com", "targetRevision": "1.*"},
            ]},
        ]},
    }));
    insta::assert_snapshot!(text(|out| write_history(out, &application.status.history)));
}
