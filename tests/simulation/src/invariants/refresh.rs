//! A refresh annotation is answered by asking Git, not by taking it off.

use std::collections::BTreeMap;

use bridgehead_api::{ObjectKey, annotations};
use jiff::Timestamp;
use serde_json::Value;

use crate::api_server::audit::{Actor, Audited};
use crate::api_server::object;
use crate::world::CONTROL_NAMESPACE;

/// Conditions of an application that was not compared.
const NOT_COMPARED: [&str; 2] = ["ComparisonError", "InvalidSpecError"];

/// The problems with annotations that were taken off, given when Git was asked for its refs.
pub(super) fn check(audit: &[(&'static str, Audited)], asked: &[Timestamp]) -> Vec<String> {
    let mut since: BTreeMap<ObjectKey, Timestamp> = BTreeMap::new();
    let mut problems = Vec::new();
    for (_, entry) in audit {
        let is_application = entry.key.group_kind.is("argoproj.io", "Application");
        if !is_application || entry.key.namespace() != CONTROL_NAMESPACE || !entry.has_changed_something() {
            continue;
        }
        let asks = |object: &Value| object::annotation(object, annotations::REFRESH).is_some();
        let before = entry.before.as_ref().is_some_and(|before| asks(before));
        let Some(after) = &entry.after else { continue };
        if !before && asks(after) {
            since.insert(entry.key.clone(), entry.at);
        }
        if !before || asks(after) || !matches!(entry.actor, Actor::Agent(_)) || was_not_compared(after) {
            continue;
        }
        let Some(since) = since.get(&entry.key) else { continue };
        if !asked.iter().any(|asked| (*since..=entry.at).contains(asked)) {
            problems.push(format!(
                "a refresh asked for at {since} was answered without a look at Git\n    at: {entry}"
            ));
        }
    }
    problems
}

fn was_not_compared(application: &Value) -> bool {
    let conditions = application.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| NOT_COMPARED.contains(&object::text(condition, "/type")))
}
