//! What everything must have come to in the end.

use std::rc::Rc;

use bridgehead_api::annotations;
use serde_json::Value;

use super::oracle::{self, has_option, is_hook, is_owned, tracked_by};
use crate::actors::{application_key, is_synced_on_request, needs_a_user};
use crate::api_server::{Stored, object};
use crate::scenario::manifests::is_as_desired;
use crate::scenario::{ApplicationPlan, Scenario, UserRequest};
use crate::world::Shared;

/// What is not yet as it should be.
pub fn what_is_missing(shared: &Rc<Shared>, scenario: &Scenario) -> Vec<String> {
    let mut missing = Vec::new();
    for (number, plan) in scenario.applications.iter().enumerate() {
        let is_deleted =
            scenario.requests.iter().any(|(_, of, request)| *of == number && *request == UserRequest::Delete);
        if is_deleted {
            missing.extend(deleted(shared, plan));
        } else {
            missing.extend(as_desired(shared, plan));
        }
    }
    for cluster in shared.clusters.values() {
        cluster.read(|server| {
            for object in server
                .all()
                .filter(|object| object::finalizers(object).contains(&annotations::HOOK_FINALIZER))
            {
                missing.push(format!("{} still has the hook finalizer", object::key(object)));
            }
        });
    }
    missing
}

fn tracked(shared: &Shared, plan: &ApplicationPlan) -> Vec<Stored> {
    let cluster = &shared.clusters[plan.server];
    cluster.read(|server| {
        server
            .all()
            .filter(|object| {
                tracked_by(object).as_deref() == Some(plan.name) && !is_hook(object) && !is_owned(object)
            })
            .cloned()
            .collect()
    })
}

fn deleted(shared: &Rc<Shared>, plan: &ApplicationPlan) -> Vec<String> {
    let mut missing = Vec::new();
    if let Some(live) = shared.control().get(&application_key(plan.name)) {
        let conditions = live.pointer("/status/conditions").cloned().unwrap_or_default();
        missing.push(format!("application `{}` is not gone: {conditions}", plan.name));
    }
    for object in tracked(shared, plan) {
        missing.push(format!("{} of deleted `{}` is still there", object::key(&object), plan.name));
    }
    missing
}

fn as_desired(shared: &Rc<Shared>, plan: &ApplicationPlan) -> Vec<String> {
    let mut missing = Vec::new();
    let name = plan.name;
    let Some(live) = shared.control().get(&application_key(name)) else {
        return vec![format!("application `{name}` is absent")];
    };
    let head = shared.git.head();
    let Some(wanted) = oracle::wanted(&shared.git, plan, head.as_str()) else {
        return vec![format!("the last commit of `{name}` cannot be rendered")];
    };
    let cluster = &shared.clusters[plan.server];
    for (key, manifest) in &wanted.objects {
        match cluster.get(key) {
            None => missing.push(format!("{key} of `{name}` is absent")),
            Some(object) if !is_as_desired(&object, manifest) => {
                missing.push(format!("{key} of `{name}` is not as desired"));
            }
            Some(object) if object::is_terminating(&object) => {
                missing.push(format!("{key} of `{name}` is on its way out"));
            }
            Some(object)
                if tracked_by(&object).as_deref() != Some(name)
                    && !key.group_kind.is("apiextensions.k8s.io", "CustomResourceDefinition") =>
            {
                missing.push(format!("{key} of `{name}` carries no tracking id of it"));
            }
            Some(_) => {}
        }
    }
    let mut kept = false;
    for object in tracked(shared, plan) {
        let key = object::key(&object);
        if wanted.objects.contains_key(&key) {
            continue;
        }
        if has_option(&object, "Prune=false") {
            kept = true;
        } else {
            missing.push(format!("{key} of `{name}` is not pruned"));
        }
    }
    let text = |pointer: &str| object::text(&live, pointer).to_owned();
    let state = text("/status/operationState/phase");
    // Hooks do not count for the sync status: a commit that mends one asks for no sync by itself.
    let is_over = matches!(state.as_str(), "" | "Succeeded" | "Failed" | "Error");
    if matches!(state.as_str(), "Running" | "Terminating") {
        missing.push(format!("`{name}` is at work: {}", text("/status/operationState/message")));
    }
    if state != "Succeeded"
        && !(is_over && plan.automated.is_some() && text("/status/sync/status") == "Synced")
    {
        missing.push(format!(
            "the last operation of `{name}` is {state:?}: {}",
            text("/status/operationState/message")
        ));
    }
    if needs_a_user(plan) && !is_synced_on_request(&live, head.as_str(), shared.faults.calm()) {
        missing.push(format!("`{name}` was not yet synced as its user wants it"));
    }
    if live.get("operation").is_some_and(|operation| !operation.is_null()) {
        missing.push(format!("`{name}` still asks for an operation"));
    }
    if object::annotation(&live, annotations::REFRESH).is_some() {
        missing.push(format!("`{name}` still asks for a refresh"));
    }
    let sync = text("/status/sync/status");
    if sync != "Synced" && !(kept && sync == "OutOfSync") {
        missing.push(format!("`{name}` is {sync}: {}", conditions(&live)));
    }
    if text("/status/health/status") != "Healthy" {
        missing.push(format!(
            "`{name}` is {}: {}",
            text("/status/health/status"),
            text("/status/health/message")
        ));
    }
    if text("/status/sync/revision") != head.as_str() {
        missing.push(format!("`{name}` was not compared with the last commit: {}", conditions(&live)));
    }
    missing
}

fn conditions(application: &Value) -> String {
    application.pointer("/status/conditions").map(Value::to_string).unwrap_or_default()
}
