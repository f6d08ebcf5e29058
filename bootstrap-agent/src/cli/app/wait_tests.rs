use bridgehead_api::application::Application;
use serde_json::{Value, json};

use super::{Conditions, operation_in_progress};
use crate::cli::app::selection::Selection;

fn application(status: &Value, operation: Option<&Value>) -> Application {
    Application::from_value(json!({
        "metadata": {"name": "shop", "namespace": "argocd"}, "spec": {}, "status": status, "operation": operation,
    }))
    .expect("test application")
}

fn ended(finished_at: Option<&str>, reconciled_at: Option<&str>) -> Value {
    json!({
        "reconciledAt": reconciled_at,
        "operationState": {"operation": {"sync": {}}, "phase": "Succeeded", "startedAt": "2026-11-21T08:00:00Z",
                           "finishedAt": finished_at},
    })
}

const BEFORE: Option<&str> = Some("2026-11-21T08:00:00Z");
const AFTER: Option<&str> = Some("2026-11-21T08:00:01Z");

#[test]
fn an_operation_is_in_progress_until_its_result_has_been_compared() {
    let progress =
        |status: Value, operation: Option<&Value>| operation_in_progress(&application(&status, operation));
    assert!(!progress(json!({}), None));
    assert!(progress(json!({}), Some(&json!({"sync": {}}))));
    assert!(progress(ended(None, AFTER), None));
    assert!(progress(ended(AFTER, None), None));
    assert!(progress(ended(AFTER, BEFORE), None));
    assert!(!progress(ended(AFTER, AFTER), None));
}

#[test]
fn a_dry_run_changes_nothing_that_would_have_to_be_compared() {
    let mut status = ended(AFTER, BEFORE);
    status["operationState"]["operation"]["sync"]["dryRun"] = true.into();
    assert!(!operation_in_progress(&application(&status, None)));
}

#[test]
fn all_that_is_asked_for_must_hold_and_any_of_the_healths() {
    let status = |sync: &str, health: &str| {
        application(
            &json!({"sync": {"status": sync, "comparedTo": {"destination": {}}}, "health": {"status": health}}),
            None,
        )
    };
    let healthy = Conditions { sync: true, health: true, ..Conditions::default() };
    assert!(healthy.hold(&status("Synced", "Healthy")));
    assert!(!healthy.hold(&status("OutOfSync", "Healthy")));
    assert!(!healthy.hold(&status("Synced", "Progressing")));
    let either = Conditions { health: true, suspended: true, ..Conditions::default() };
    assert!(either.hold(&status("OutOfSync", "Suspended")));
    assert!(!either.hold(&status("Synced", "Degraded")));
    let gone = Conditions { delete: true, ..Conditions::default() };
    assert!(!gone.hold(&status("Synced", "Healthy")));
}

#[test]
fn chosen_objects_alone_are_waited_for() {
    let application = application(
        &json!({
            "health": {"status": "Degraded"},
            "resources": [
                {"group": "apps", "kind": "Deployment", "name": "web", "status": "Synced", "health": {"status": "Healthy"}},
                {"group": "apps", "kind": "Deployment", "name": "api", "status": "Synced", "health": {"status": "Degraded"}},
            ],
        }),
        None,
    );
    let of = |resource: &str| Conditions {
        health: true,
        selection: Selection::parse(&[resource.to_owned()]).expect("test selection"),
        ..Conditions::default()
    };
    assert!(of("apps:Deployment:web").hold(&application));
    assert!(!of("apps:Deployment:api").hold(&application));
}
