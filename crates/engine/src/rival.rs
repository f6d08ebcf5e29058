//! Signs of another engine at work on the same applications, which must never be worked on by two.
//!
//! ```text
//! pods of an application-controller ─► runs, serves
//! an Application's managedFields   ─► status_writer ─► trace: who compared it, and when
//! ```
//! A managed engine has no pod to see: it gives itself away by the statuses that it writes.

use bridgehead_api::Time;
use jiff::Timestamp;
use serde_json::Value;

use crate::project::matches_glob;

/// Label by which every installation of Argo CD marks its controller.
pub const CONTROLLER_SELECTOR: &str = "app.kubernetes.io/name=argocd-application-controller";
/// Field manager of what our agent writes to Applications.
pub const APPLICATION_MANAGER: &str = "bridgehead-agent";
/// How long the trace of an engine of which nothing else is seen is taken for its being alive. The usual one
/// compares every two to three minutes.
pub const TRACE_SECONDS: i64 = 300;

/// A pod that has ended writes nothing; one that is starting may begin at any moment.
pub fn runs(pod: &Value) -> bool {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str).unwrap_or("Pending");
    !matches!(phase, "Succeeded" | "Failed")
}

/// Name of the setting by which a controller serves further namespaces.
const SERVED_NAMESPACES: &str = "ARGOCD_APPLICATION_NAMESPACES";

/// Name and key of the ConfigMap in the pod's namespace that says which further namespaces its controller
/// serves. The usual installation says it there.
pub fn served_from(pod: &Value) -> Option<(&str, &str)> {
    let reference = variables(pod).find_map(|variable| variable.pointer("/valueFrom/configMapKeyRef"))?;
    let text = |field: &str| reference.get(field).and_then(Value::as_str);
    Some((text("name")?, text("key")?))
}

/// Puts in what stands in the ConfigMap; nothing, where it has no such key.
pub fn fill_in_served(pod: &mut Value, text: &str) {
    let containers = pod.pointer_mut("/spec/containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let environment = container.get_mut("env").and_then(Value::as_array_mut);
        for variable in environment.into_iter().flatten().filter(|variable| is_served(variable)) {
            if variable.pointer("/valueFrom/configMapKeyRef").is_some() {
                *variable = serde_json::json!({"name": SERVED_NAMESPACES, "value": text});
            }
        }
    }
}

fn variables(pod: &Value) -> impl Iterator<Item = &Value> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    containers
        .filter_map(|container| container.get("env")?.as_array())
        .flatten()
        .filter(|variable| is_served(variable))
}

fn is_served(variable: &Value) -> bool {
    variable.get("name").and_then(Value::as_str) == Some(SERVED_NAMESPACES)
}

/// Whether the controller in this pod works on Applications of the namespace: its own, and those that it is
/// told to serve besides. What it is told elsewhere, and nobody has filled in, may be every namespace.
pub fn serves(pod: &Value, namespace: &str) -> bool {
    pod.pointer("/metadata/namespace").and_then(Value::as_str) == Some(namespace)
        || served_namespaces(pod).iter().any(|pattern| matches_namespace(pattern, namespace))
}

/// Patterns of namespaces named by `--application-namespaces` or its environment variable.
fn served_namespaces(pod: &Value) -> Vec<String> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let mut found = Vec::new();
    for container in containers {
        let words: Vec<&str> = ["command", "args"]
            .into_iter()
            .filter_map(|field| container.get(field)?.as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (position, word) in words.iter().enumerate() {
            if let Some(list) = word.strip_prefix("--application-namespaces=") {
                found.extend(split(list));
            } else if *word == "--application-namespaces" {
                found.extend(words.get(position + 1).into_iter().flat_map(|list| split(list)));
            }
        }
    }
    for variable in variables(pod) {
        match variable.get("value").and_then(Value::as_str) {
            Some(list) => found.extend(split(list)),
            None if variable.get("valueFrom").is_some() => found.push("*".to_owned()),
            None => {}
        }
    }
    found
}

fn split(list: &str) -> impl Iterator<Item = String> + '_ {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}

/// A glob, or a regular expression between slashes.
fn matches_namespace(pattern: &str, namespace: &str) -> bool {
    match pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(expression) => regex::Regex::new(expression).is_ok_and(|regex| regex.is_match(namespace)),
        None => matches_glob(pattern, namespace),
    }
}

/// The manager of an Application's `status.reconciledAt`: who compared it last.
pub fn status_writer(application: &Value) -> Option<&str> {
    let entries = application.pointer("/metadata/managedFields")?.as_array()?;
    let entry = entries.iter().find(|entry| entry.pointer("/fieldsV1/f:status/f:reconciledAt").is_some())?;
    entry.get("manager")?.as_str()
}

/// Whether a manager of a status is an engine, and not ours: people restore what they saved by kubectl.
pub fn is_another(manager: &str) -> bool {
    manager != APPLICATION_MANAGER && !manager.starts_with("kubectl")
}

/// The other engine that compared an Application last, and when.
pub fn trace(application: &Value) -> Option<(&str, Timestamp)> {
    let writer = status_writer(application).filter(|writer| is_another(writer))?;
    let at: Time = serde_json::from_value(application.pointer("/status/reconciledAt")?.clone()).ok()?;
    Some((writer, at.timestamp()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, phase: &str, args: &[&str]) -> Value {
        json!({
            "metadata": {"name": "controller-0", "namespace": namespace},
            "spec": {"containers": [{"name": "c", "args": args}]}, "status": {"phase": phase},
        })
    }

    #[test]
    fn a_pod_that_has_not_ended_may_write() {
        assert!(runs(&pod("argocd", "Running", &[])) && runs(&pod("argocd", "Pending", &[])));
        assert!(!runs(&pod("argocd", "Succeeded", &[])));
    }

    #[test]
    fn a_controller_serves_its_own_namespace_and_those_that_it_is_told() {
        assert!(serves(&pod("argocd", "Running", &[]), "argocd"));
        assert!(!serves(&pod("other", "Running", &[]), "argocd"));
        for list in ["team-*, argo*", "/^argo/", "argocd"] {
            assert!(
                serves(&pod("other", "Running", &["--application-namespaces", list]), "argocd"),
                "{list}"
            );
        }
        assert!(!serves(&pod("other", "Running", &["--application-namespaces=team-*"]), "argocd"));
    }

    #[test]
    fn a_controller_that_is_told_by_a_config_map_serves_everything_until_that_is_read() {
        let mut told = pod("other", "Running", &[]);
        let reference = json!({"name": "params", "key": "application.namespaces", "optional": true});
        told["spec"]["containers"][0]["env"] =
            json!([{"name": SERVED_NAMESPACES, "valueFrom": {"configMapKeyRef": reference}}]);
        assert!(serves(&told, "argocd"));
        assert_eq!(served_from(&told), Some(("params", "application.namespaces")));
        let filled = |text| {
            let mut pod = told.clone();
            fill_in_served(&mut pod, text);
            assert_eq!(served_from(&pod), None);
            serves(&pod, "argocd")
        };
        assert!(!filled("") && !filled("team-*") && filled("team-*, argo*"));
    }

    #[test]
    fn who_wrote_the_status_last_leaves_a_trace() {
        let written = |manager: &str| {
            json!({
                "metadata": {"managedFields": [
                    {"manager": "kubectl-edit", "fieldsV1": {"f:spec": {}}},
                    {"manager": manager, "fieldsV1": {"f:status": {"f:reconciledAt": {}}}},
                ]},
                "status": {"reconciledAt": "2026-11-21T10:00:00Z"},
            })
        };
        let engine = written("argocd-application-controller");
        let at: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        assert_eq!(trace(&engine), Some(("argocd-application-controller", at)));
        assert_eq!(trace(&written(APPLICATION_MANAGER)), None);
        assert_eq!(trace(&written("kubectl-replace")), None, "restored by hand");
    }
}
