//! What is still there, and would go with a definition or a namespace.

use std::collections::BTreeSet;

use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::discovery::{Verb, discover};
use bridgehead_kubernetes::{ApiErrorKind, Connection, Resource};
use serde_json::Value;
use tfplug::prelude::*;

use crate::object::{is_absence, text};

/// A list of metadata alone.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// Objects of one page of a list.
const PAGE: &str = "500";

/// Names of all objects of a kind, whoever owns them: with the definition every one of them goes.
pub(super) async fn of_kind(
    connection: &Connection,
    resource: &Resource,
) -> Result<Vec<String>, Diagnostics> {
    let kind = &resource.gvk.group_kind.kind;
    Ok(list(connection, resource, None).await?.iter().map(|object| name_within(kind, object)).collect())
}

/// As in `Application argocd/web`.
pub(super) fn name_within(kind: &str, object: &Value) -> String {
    format!("{kind} {}/{}", text(object, "/metadata/namespace"), text(object, "/metadata/name"))
}

/// Metadata of the agents in the cluster, in whatever namespace.
pub(super) async fn agents(connection: &Connection) -> Result<Vec<Value>, Diagnostics> {
    let deployments = Resource::known("apps/v1", "Deployment", "deployments", true);
    let what = "list the agents of the cluster".to_owned();
    let request = RequestBuilder::get(deployments.collection(None), what)
        .accept(METADATA)
        .query("fieldSelector", &format!("metadata.name={}", bridgehead_install::NAME));
    let list: Value = match connection.send(request).await {
        Ok(answer) => answer.json()?,
        // Whoever may not look beyond a namespace has nothing else to go by than what the kinds hold.
        Err(error) if error.kind == ApiErrorKind::Forbidden => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let found = list["items"].as_array().into_iter().flatten();
    let agents = found.filter(|object| object.pointer("/metadata/deletionTimestamp").is_none());
    Ok(agents.cloned().collect())
}

/// Names of what somebody put into the namespace. What Kubernetes puts there, and what goes with an owner
/// that is there too, does not count.
pub(super) async fn in_namespace(
    connection: &Connection,
    namespace: &str,
) -> Result<Vec<String>, Diagnostics> {
    let discovery = discover(connection).await?;
    let kinds = discovery
        .kinds()
        .filter(|resource| {
            resource.namespaced && resource.verbs.has(Verb::List) && resource.verbs.has(Verb::Delete)
        })
        .filter(|resource| counts(resource));
    let mut objects = Vec::new();
    for resource in kinds {
        let kind = &*resource.gvk.group_kind.kind;
        let found = list(connection, resource, Some(namespace)).await?;
        objects.extend(found.into_iter().map(|object| (kind, object)));
    }
    let present: BTreeSet<&str> = objects.iter().map(|(_, object)| text(object, "/metadata/uid")).collect();
    let standing = objects.iter().filter(|(kind, object)| {
        !is_usual(kind, object) && !owners(object).any(|owner| present.contains(owner))
    });
    Ok(standing.map(|(kind, object)| format!("{kind} {}", text(object, "/metadata/name"))).collect())
}

fn counts(resource: &Resource) -> bool {
    let kind = &resource.gvk.group_kind;
    !matches!(
        (&*kind.group, &*kind.kind),
        (_, "Event" | "Endpoints" | "EndpointSlice") | ("metrics.k8s.io", _)
    )
}

/// What every namespace has, what the agent itself writes, and Pods that are on their way out.
fn is_usual(kind: &str, object: &Value) -> bool {
    let leaving = object.pointer("/metadata/deletionTimestamp").is_some();
    (leaving && kind == "Pod")
        || matches!(
            (kind, text(object, "/metadata/name")),
            ("ConfigMap", "kube-root-ca.crt")
                | ("ServiceAccount", "default")
                | ("Lease", bridgehead_install::NAME)
        )
}

/// UIDs of the owners.
fn owners(object: &Value) -> impl Iterator<Item = &str> {
    let references = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    references.into_iter().flatten().map(|reference| text(reference, "/uid"))
}

/// Metadata of all objects of a kind.
async fn list(
    connection: &Connection,
    resource: &Resource,
    namespace: Option<&str>,
) -> Result<Vec<Value>, Diagnostics> {
    let mut objects = Vec::new();
    let mut next = String::new();
    loop {
        let what = format!("list {}", resource.gvk.group_kind);
        let mut request =
            RequestBuilder::get(resource.collection(namespace), what).accept(METADATA).query("limit", PAGE);
        if !next.is_empty() {
            request = request.query("continue", &next);
        }
        let mut page: Value = match connection.send(request).await {
            Ok(answer) => answer.json()?,
            Err(error) if is_absence(&error) => return Ok(objects),
            Err(error) => return Err(error.into()),
        };
        if let Some(items) = page["items"].as_array_mut() {
            objects.append(items);
        }
        text(&page, "/metadata/continue").clone_into(&mut next);
        if next.is_empty() {
            return Ok(objects);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_every_namespace_has_is_usual_and_a_pod_that_runs_is_not() {
        let named = |name: &str| json!({"metadata": {"name": name}});
        assert!(is_usual("ConfigMap", &named("kube-root-ca.crt")));
        assert!(!is_usual("Secret", &named("kube-root-ca.crt")) && !is_usual("Pod", &named("web")));
        let leaving = json!({"metadata": {"name": "web", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert!(is_usual("Pod", &leaving) && !is_usual("Secret", &leaving));
    }
}
