//! Another engine in the namespace: refused, or taken over from.

use std::time::Duration;

use bridgehead_api::ObjectKey;
use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::watch::WatchTarget;
use bridgehead_kubernetes::write::{Patch, WriteOptions, patch};
use bridgehead_kubernetes::{Connection, Resource};
use serde_json::{Value, json};
use tfplug::prelude::*;

use crate::connection::Clients;
use crate::object::{Block, FIELD_MANAGER, text, until_none};

/// The label by which every installation of Argo CD marks its controller.
const CONTROLLER: &str = "app.kubernetes.io/name=argocd-application-controller";
/// How many replicas a controller had before it was taken over from.
const REPLICAS: &str = "bridgehead.dev/replicas-before-takeover";

fn workloads() -> [Resource; 2] {
    [
        Resource::known("apps/v1", "StatefulSet", "statefulsets", true),
        Resource::known("apps/v1", "Deployment", "deployments", true),
    ]
}

fn pods() -> Resource {
    Resource::known("v1", "Pod", "pods", true)
}

/// Makes sure that no other engine works in the namespace: with `takeover` by scaling it to zero and waiting
/// until it is gone, else by refusing.
pub(super) async fn none_else(
    context: &Context<Clients>,
    connection: &Connection,
    namespace: &str,
    takeover: bool,
    within: Duration,
) -> Result<(), Diagnostics> {
    let running = running(connection, namespace).await?;
    if !takeover {
        let Some(pod) = running.first() else { return Ok(()) };
        return Err(Diagnostic::error("Argo CD's application-controller is running")
            .detail(format!(
                "Pod {namespace}/{pod} works on the applications of namespace `{namespace}`, and two engines must \
                 never work on one application. To move to Bridgehead, set `takeover = \"argocd\"`: the controller \
                 is scaled to zero, and restored by a destroy. To run both, give the agent a namespace of its own."
            ))
            .at("takeover")
            .into());
    }
    for resource in workloads() {
        for workload in labelled(connection, &resource, namespace).await? {
            let replicas = workload.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
            if replicas == 0 {
                continue;
            }
            let change = json!({
                "metadata": {"annotations": {REPLICAS: replicas.to_string()}}, "spec": {"replicas": 0},
            });
            scale(connection, &resource, namespace, text(&workload, "/metadata/name"), change).await?;
        }
    }
    let target = WatchTarget::all(pods()).in_namespace(namespace).labelled(CONTROLLER);
    let gone = until_none(connection, target, within, |pod| {
        is_alive(pod).then(|| Block::Moves("it is still running".to_owned()))
    });
    context.interruptible(gone).await?.map_err(|problem| {
        Diagnostic::error("Argo CD's application-controller doesn't stop").detail(format!(
            "{problem}\n\nThe agent was not installed. The controller stays scaled to zero until the next apply, or \
             until somebody scales it up."
        ))
    })?;
    Ok(())
}

/// Gives the other engine back the replicas that it had.
pub(super) async fn restore(connection: &Connection, namespace: &str) -> Result<(), Diagnostics> {
    for resource in workloads() {
        for workload in labelled(connection, &resource, namespace).await? {
            let before = workload["metadata"]["annotations"][REPLICAS].as_str();
            let Some(replicas) = before.and_then(|text| text.parse::<i64>().ok()) else { continue };
            let change = json!({
                "metadata": {"annotations": {REPLICAS: null}}, "spec": {"replicas": replicas},
            });
            scale(connection, &resource, namespace, text(&workload, "/metadata/name"), change).await?;
        }
    }
    Ok(())
}

async fn scale(
    connection: &Connection,
    resource: &Resource,
    namespace: &str,
    name: &str,
    change: Value,
) -> Result<(), Diagnostics> {
    let key = ObjectKey::new(resource.gvk.group_kind.clone(), namespace, name);
    let options = WriteOptions { field_manager: FIELD_MANAGER.to_owned(), ..WriteOptions::default() };
    patch(connection, resource, &key, &Patch::Merge(change), &options).await?;
    Ok(())
}

async fn running(connection: &Connection, namespace: &str) -> Result<Vec<String>, Diagnostics> {
    let pods = labelled(connection, &pods(), namespace).await?;
    Ok(pods.iter().filter(|pod| is_alive(pod)).map(|pod| text(pod, "/metadata/name").to_owned()).collect())
}

/// A pod that has ended writes nothing; one that is starting may begin at any moment.
fn is_alive(pod: &Value) -> bool {
    !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

async fn labelled(
    connection: &Connection,
    resource: &Resource,
    namespace: &str,
) -> Result<Vec<Value>, Diagnostics> {
    let operation = format!("list {} in {namespace}", resource.gvk.group_kind);
    let request = RequestBuilder::get(resource.collection(Some(namespace)), operation)
        .query("labelSelector", CONTROLLER);
    let list: Value = connection.send(request).await?.json()?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}
