//! Another engine in the namespace: refused, or taken over from.

use std::time::Duration;

use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::rival;
use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::watch::WatchTarget;
use bridgehead_kubernetes::write::{Patch, WriteOptions, get, patch};
use bridgehead_kubernetes::{ApiError, ApiErrorKind, Connection, Resource};
use jiff::Timestamp;
use serde_json::{Value, json};
use tfplug::prelude::*;

use crate::connection::Clients;
use crate::object::{Block, FIELD_MANAGER, Kind, is_absence, text, until_none};

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

/// Controllers that were scaled to zero, each with what gives it back what it had. As long as no state knows
/// of an agent, nobody else would.
#[derive(Default)]
pub(super) struct Stopped(Vec<(Resource, String, Value)>);

impl Stopped {
    /// Scales them up again, because the takeover has failed for these reasons. What can't be scaled up is
    /// named among them.
    pub(super) async fn start_again(
        self,
        connection: &Connection,
        namespace: &str,
        mut reasons: Diagnostics,
    ) -> Diagnostics {
        for (resource, name, change) in self.0 {
            if let Err(problems) = scale(connection, &resource, namespace, &name, change).await {
                let kind = &resource.gvk.group_kind.kind;
                reasons.push(Diagnostic::warning(format!("{kind} {namespace}/{name} stays scaled to zero")).detail(
                    format!(
                        "It was scaled to zero for the takeover, which has failed, and it could not be scaled up \
                         again: scale it to what its annotation `{REPLICAS}` says.\n\n{problems}"
                    ),
                ));
            }
        }
        reasons
    }

    /// Says that they stay as they are, because an agent is installed that works in their place.
    fn stay(self, namespace: &str, mut reasons: Diagnostics) -> Diagnostics {
        for (resource, name, _) in self.0 {
            let kind = &resource.gvk.group_kind.kind;
            reasons.push(Diagnostic::warning(format!("{kind} {namespace}/{name} is scaled to zero")).detail(
                "The agent that is installed works in its place. The next apply goes on from here, and a destroy \
                 gives it back its replicas.",
            ));
        }
        reasons
    }
}

/// Makes sure that no other engine works in the namespace: with `takeover` by scaling it to zero and waiting
/// until it is gone, else by refusing. For a `first` agent what was scaled to zero is as it was if this fails, and
/// else the caller's to start again while no state knows of it. Beside an agent that is there already nothing is
/// started again: a destroy gives back what was taken.
pub(super) async fn none_else(
    context: &Context<Clients>,
    connection: &Connection,
    namespace: &str,
    takeover: bool,
    first: bool,
    within: Duration,
) -> Result<Stopped, Diagnostics> {
    let running = running(connection, namespace).await?;
    // A takeover stops the controllers of this namespace, and no other.
    let blocking = running.iter().find(|(inside, _)| !takeover || inside != namespace);
    if let Some((inside, pod)) = blocking {
        let way = if inside == namespace {
            "To move to Bridgehead, set `takeover = \"argocd\"`: the controller is scaled to zero, and restored by a \
             destroy. To run both, give the agent a namespace of its own."
        } else {
            "It is told to serve this namespace too: take the namespace out of its `--application-namespaces`, or \
             give the agent another one."
        };
        return Err(Diagnostic::error("Argo CD's application-controller is running")
            .detail(format!(
                "Pod {inside}/{pod} works on the applications of namespace `{namespace}`, and two engines must never \
                 work on one application. {way}"
            ))
            .at("takeover")
            .into());
    }
    if !takeover {
        no_traces(connection, namespace).await?;
        return Ok(Stopped::default());
    }
    let mut stopped = Stopped::default();
    let problems = match stop(context, connection, namespace, within, &mut stopped).await {
        Ok(()) => return Ok(stopped),
        Err(problems) => problems,
    };
    if first {
        return Err(stopped.start_again(connection, namespace, problems).await);
    }
    Err(stopped.stay(namespace, problems))
}

/// Scales the controllers of the namespace to zero, and waits until their pods are gone.
async fn stop(
    context: &Context<Clients>,
    connection: &Connection,
    namespace: &str,
    within: Duration,
    stopped: &mut Stopped,
) -> Result<(), Diagnostics> {
    for resource in workloads() {
        for workload in labelled(connection, &resource, namespace).await? {
            let replicas = workload.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
            if replicas == 0 {
                continue;
            }
            let name = text(&workload, "/metadata/name");
            // An earlier takeover may have left it there.
            let before = workload["metadata"]["annotations"][REPLICAS].clone();
            let back =
                json!({"metadata": {"annotations": {REPLICAS: before}}, "spec": {"replicas": replicas}});
            stopped.0.push((resource.clone(), name.to_owned(), back));
            let change = json!({
                "metadata": {"annotations": {REPLICAS: replicas.to_string()}}, "spec": {"replicas": 0},
            });
            scale(connection, &resource, namespace, name, change).await?;
        }
    }
    let target = WatchTarget::all(pods()).in_namespace(namespace).labelled(rival::CONTROLLER_SELECTOR);
    let gone = until_none(connection, target, within, |pod| {
        rival::runs(pod).then(|| Block::Moves("it is still running".to_owned()))
    });
    context.interruptible(gone).await?.map_err(|problem| {
        Diagnostic::error("Argo CD's application-controller doesn't stop")
            .detail(format!("{problem}\n\nNothing was written of the agent."))
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

/// An engine without a pod in this cluster (a managed one) is known by the statuses that it writes.
async fn no_traces(connection: &Connection, namespace: &str) -> Result<(), Diagnostics> {
    let applications = Kind::Application.resource();
    let request = RequestBuilder::get(
        applications.collection(Some(namespace)),
        format!("list applications in {namespace}"),
    );
    let list: Value = match connection.send(request).await {
        Ok(answer) => answer.json()?,
        Err(error) if is_absence(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let all = list["items"].as_array().into_iter().flatten();
    let traces = all.filter_map(|application| {
        let (writer, at) = rival::trace(application)?;
        Some((at, writer, text(application, "/metadata/name")))
    });
    let Some((at, writer, name)) = traces.max() else { return Ok(()) };
    if Timestamp::now().duration_since(at).as_secs() >= rival::TRACE_SECONDS {
        return Ok(());
    }
    Err(Diagnostic::error("Another engine works on the applications")
        .detail(format!(
            "`{writer}` compared application {namespace}/{name} at {at}, and no pod of it is to be seen: a managed \
             engine, or one that was stopped just now. Two engines must never work on one application. Stop it and \
             apply again {} minutes after its last comparison, or say by `takeover = \"argocd\"` that it has stopped.",
            rival::TRACE_SECONDS / 60
        ))
        .at("takeover")
        .into())
}

/// Namespace and name of the pods of controllers that work on the namespace's applications.
async fn running(connection: &Connection, namespace: &str) -> Result<Vec<(String, String)>, Diagnostics> {
    let mut pods = match listed(connection, &pods(), None).await {
        // Whoever installs into one namespace may not be allowed to look beyond.
        Err(error) if error.kind == ApiErrorKind::Forbidden => {
            listed(connection, &pods(), Some(namespace)).await
        }
        found => found,
    }?;
    for pod in &mut pods {
        read_settings(connection, pod).await?;
    }
    let place =
        |pod: &Value| (text(pod, "/metadata/namespace").to_owned(), text(pod, "/metadata/name").to_owned());
    Ok(pods.iter().filter(|pod| rival::runs(pod) && rival::serves(pod, namespace)).map(place).collect())
}

/// Completes a pod that leaves it to a ConfigMap which namespaces its controller serves. Whoever may not read
/// that cannot tell, and takes it for one that serves this one.
async fn read_settings(connection: &Connection, pod: &mut Value) -> Result<(), Diagnostics> {
    let Some((name, key)) = rival::served_from(pod) else { return Ok(()) };
    let resource = Resource::known("v1", "ConfigMap", "configmaps", true);
    let place = ObjectKey::new(GroupKind::new("", "ConfigMap"), text(pod, "/metadata/namespace"), name);
    let text = match get(connection, &resource, &place).await {
        Ok(found) => {
            let text =
                found.as_ref().and_then(|found| found.manifest.value().get("data")?.get(key)?.as_str());
            text.unwrap_or_default().to_owned()
        }
        Err(error) if error.kind == ApiErrorKind::Forbidden => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    rival::fill_in_served(pod, &text);
    Ok(())
}

async fn labelled(
    connection: &Connection,
    resource: &Resource,
    namespace: &str,
) -> Result<Vec<Value>, Diagnostics> {
    Ok(listed(connection, resource, Some(namespace)).await?)
}

async fn listed(
    connection: &Connection,
    resource: &Resource,
    namespace: Option<&str>,
) -> Result<Vec<Value>, ApiError> {
    let request = RequestBuilder::get(
        resource.collection(namespace),
        format!("list {} of an application-controller", resource.gvk.group_kind),
    )
    .query("labelSelector", rival::CONTROLLER_SELECTOR);
    let list: Value = connection.send(request).await?.json()?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}
