//! Objects as Argo CD's own programs write them, read and written again.

use serde_json::{Value, json};

use super::{Application, ApplicationStatus, HealthStatusCode, OperationPhase, SourceType, SyncStatusCode};

fn live() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "shop", "namespace": "argocd", "uid": "u-1", "resourceVersion": "42", "generation": 7,
            "creationTimestamp": "2026-11-20T10:00:00Z",
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            "annotations": {"argocd.argoproj.io/refresh": "hard"}
        },
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example.com/shop.git", "path": "deploy", "targetRevision": "main",
                "helm": {"valuesObject": {"image": {"tag": null}}}},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": false, "selfHeal": true}, "retry": {"limit": -1}}
        },
        "status": {
            "resources": [
                {"version": "v1", "kind": "Service", "namespace": "shop", "name": "web", "status": "Synced",
                    "health": {"status": "Healthy"}, "syncWave": -1}
            ],
            "sync": {
                "status": "Synced",
                "comparedTo": {
                    "source": {"repoURL": "https://git.example.com/shop.git", "path": "deploy",
                        "targetRevision": "main"},
                    "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}
                },
                "revision": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
            },
            "health": {"status": "Healthy", "lastTransitionTime": "2026-11-20T10:00:05Z"},
            "history": [{
                "revision": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "deployedAt": "2026-11-20T10:00:04Z", "id": 0,
                "source": {"repoURL": "https://git.example.com/shop.git", "path": "deploy", "targetRevision": "main"},
                "deployStartedAt": "2026-11-20T10:00:02Z", "initiatedBy": {"automated": true}
            }],
            "reconciledAt": "2026-11-20T10:00:06Z",
            "operationState": {
                "operation": {
                    "sync": {"revision": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"},
                    "initiatedBy": {"automated": true},
                    "retry": {"limit": 5}
                },
                "phase": "Succeeded",
                "message": "successfully synced (all tasks run)",
                "syncResult": {
                    "resources": [{"group": "", "version": "v1", "kind": "Service", "namespace": "shop", "name": "web",
                        "status": "Synced", "message": "service/web created", "hookPhase": "Running",
                        "syncPhase": "Sync"}],
                    "revision": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
                    "source": {"repoURL": "https://git.example.com/shop.git", "path": "deploy",
                        "targetRevision": "main"}
                },
                "startedAt": "2026-11-20T10:00:02Z",
                "finishedAt": "2026-11-20T10:00:04Z"
            },
            "sourceType": "Directory",
            "summary": {},
            "controllerNamespace": "argocd",
            "sourceHydrator": {}
        }
    })
}

#[test]
fn a_live_application_is_written_as_it_was_read() {
    let application = Application::from_value(live()).expect("live application");
    assert_eq!(application.status.health.status, Some(HealthStatusCode::Healthy));
    assert_eq!(serde_json::to_value(&application).expect("as JSON"), live());
}

#[test]
fn nulls_unknown_fields_and_later_words_do_not_keep_an_application_from_being_read() {
    let application = Application::from_value(json!({
        "metadata": {"name": "a", "managedFields": [{"manager": "kubectl"}], "labels": null},
        "spec": {"source": null, "destination": {}, "project": "", "shiny": true},
        "operation": null,
        "status": {
            "sync": {"status": "Entangled"},
            "health": {"status": ""},
            "sourceTypes": ["Helm", "", "Origami"],
            "operationState": {"phase": "Dancing", "operation": {}, "startedAt": "2026-11-20T10:00:02Z",
                "syncResult": {"revision": "", "resources": [null, {"name": "x", "status": "Quantum"}]}},
            "conditions": [{"type": "MoonPhaseWarning", "message": "full"}]
        }
    }))
    .expect("lenient reading");
    assert_eq!(application.status.sync.status, None);
    let state = application.status.operation_state.expect("operation state");
    assert_eq!(state.phase, OperationPhase::Error);
    assert_eq!(
        application.status.source_types,
        [SourceType::Helm, SourceType::Directory, SourceType::Directory]
    );
    assert_eq!(state.sync_result.expect("result").resources[0].status, None);
    assert_eq!(application.status.conditions[0].r#type.as_str(), "MoonPhaseWarning");
}

#[test]
fn an_empty_status_is_written_with_the_fields_that_go_always_writes() {
    assert_eq!(
        serde_json::to_value(ApplicationStatus::default()).expect("as JSON"),
        json!({
            "sync": {"status": "", "comparedTo": {"source": {"repoURL": ""}, "destination": {}}},
            "health": {},
            "summary": {},
            "sourceHydrator": {
            }
        })
    );
}

#[test]
fn health_is_ordered_from_best_to_worst() {
    assert!(HealthStatusCode::ALL.is_sorted());
    assert!(HealthStatusCode::Missing < HealthStatusCode::Degraded);
    assert!("OutOfSync".parse::<SyncStatusCode>().is_ok_and(|code| code == SyncStatusCode::OutOfSync));
}

#[test]
fn a_hydrated_application_is_rendered_from_its_sync_source() {
    let application = Application::from_value(json!({"spec": {"sourceHydrator": {
        "drySource": {"repoURL": "https://git.example.com/dry", "targetRevision": "main", "path": "app"},
        "syncSource": {"targetBranch": "env/dev", "path": "app"}
    }}}))
    .expect("application");
    let sources = application.spec.effective_sources();
    assert_eq!(sources[0].repo_url, "https://git.example.com/dry");
    assert_eq!(sources[0].target_revision, "env/dev");
}
