//! Two engines must never work on one application. While another one is alive, nothing is written.
//!
//! Seen are: pods of an Argo CD application-controller, in our namespace or in another one whose settings
//! include ours. What has no pod to see (a managed engine) gives itself away by writing `status`; the
//! controller notices that itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::rival;
use bridgehead_kubernetes::cache::{Frame, FrameKind};
use bridgehead_kubernetes::watch::{WatchNews, WatchTarget, Watches};
use bridgehead_kubernetes::write::get;
use bridgehead_kubernetes::{Connection, Resource};
use serde_json::Value;

use crate::controller::Controller;
use crate::controller::world::World;

/// Bytes of pod events that may wait.
const BUDGET: usize = 1 << 20;
/// How long what another engine is told may take to be read. Until then it counts as one that works here.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// Watches for other engines for as long as the controller runs. Before the first write is allowed, `prepare`
/// has made what every pass needs.
pub(super) async fn watch<W: World>(
    controller: &Controller<W>,
    connection: Connection,
    namespace: &str,
    prepare: impl AsyncFn(),
) {
    let (mut watches, mut events) = Watches::new(connection.clone(), BUDGET);
    watches.start(
        WatchTarget::all(Resource::known("v1", "Pod", "pods", true)).labelled(rival::CONTROLLER_SELECTOR),
    );
    let mut others = Others::default();
    let mut is_prepared = false;
    let mut is_alone = false;
    controller.see_alone(false);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = prepare(), if is_alone && !is_prepared => {
                is_prepared = true;
                controller.hold(None);
                continue;
            }
        };
        let Some(event) = event else { break };
        if !others.hear(&event.news) {
            continue;
        }
        others.read_settings(&connection, namespace).await;
        let reason = others.reason(namespace);
        if is_alone != reason.is_none() {
            is_alone = !is_alone;
            controller.see_alone(is_alone);
        }
        if is_prepared || !is_alone {
            controller.hold(reason);
        }
    }
    std::future::pending::<()>().await;
}

/// Which further namespaces a controller is told to serve, by a ConfigMap of its namespace; none where that
/// says nothing. A read that fails leaves it open.
async fn served_by_config_map(connection: &Connection, pod: &Value) -> Option<String> {
    let (config_map, entry) = rival::served_from(pod)?;
    let (namespace, _) = pod_name(pod);
    let key = ObjectKey::new(GroupKind::new("", "ConfigMap"), namespace.as_str(), config_map);
    let resource = Resource::known("v1", "ConfigMap", "configmaps", true);
    let read = tokio::time::timeout(READ_LIMIT, get(connection, &resource, &key)).await;
    match read {
        Ok(Ok(found)) => {
            let data =
                found.as_ref().and_then(|found| found.manifest.value().get("data")?.get(entry)?.as_str());
            Some(data.unwrap_or_default().to_owned())
        }
        Ok(Err(error)) => {
            tracing::warn!(config_map = %key, %error, "cannot read which namespaces another engine serves");
            None
        }
        Err(_) => None,
    }
}

#[derive(Default)]
struct Others {
    /// Pods of controllers that run, by namespace and name.
    running: BTreeMap<(String, String), Value>,
    listing: Option<BTreeSet<(String, String)>>,
    is_known: bool,
}

impl Others {
    /// Takes news in. True if it tells who is there.
    fn hear(&mut self, news: &WatchNews) -> bool {
        match news {
            WatchNews::Frames(frames) => {
                for frame in frames {
                    self.take(frame);
                }
                self.is_known
            }
            // Without the right to look, there is nothing to go by; what it writes will still be noticed. Whoever
            // could look before believes what it saw.
            WatchNews::Refused { message, .. } => {
                tracing::warn!(error = message, "cannot look for other engines' pods");
                !self.is_known
            }
            WatchNews::Resumed => self.is_known,
            WatchNews::Interrupted { .. } => false,
        }
    }

    /// Completes what the pods themselves do not say.
    async fn read_settings(&mut self, connection: &Connection, namespace: &str) {
        for ((own, _), pod) in &mut self.running {
            if own != namespace
                && let Some(text) = served_by_config_map(connection, pod).await
            {
                rival::fill_in_served(pod, &text);
            }
        }
    }

    fn take(&mut self, frame: &Frame) {
        match frame.kind() {
            FrameKind::ListBegins => self.listing = Some(BTreeSet::new()),
            FrameKind::ListEnds => {
                if let Some(present) = self.listing.take() {
                    self.running.retain(|pod, _| present.contains(pod));
                }
                self.is_known = true;
            }
            FrameKind::Present => {
                let Ok(pod) = frame.object() else { return };
                let name = pod_name(&pod);
                if let Some(listing) = &mut self.listing {
                    listing.insert(name.clone());
                }
                if rival::runs(&pod) {
                    self.running.insert(name, pod);
                } else {
                    self.running.remove(&name);
                }
            }
            FrameKind::Deleted => {
                if let Ok(pod) = frame.object() {
                    self.running.remove(&pod_name(&pod));
                }
            }
            FrameKind::Bookmark | FrameKind::Failed => {}
        }
    }

    fn reason(&self, namespace: &str) -> Option<String> {
        let ((pod_namespace, pod), _) = self.running.iter().find(|(_, pod)| rival::serves(pod, namespace))?;
        Some(format!(
            "the application-controller of Argo CD is running (pod {pod_namespace}/{pod}): scale it to zero, or take \
             over with `takeover = \"argocd\"`"
        ))
    }
}

fn pod_name(pod: &Value) -> (String, String) {
    let text = |pointer| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/metadata/namespace"), text("/metadata/name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridgehead_kubernetes::ApiErrorKind;
    use serde_json::json;

    fn others(pod: &Value) -> Others {
        let mut others = Others::default();
        others.take(&frame(&json!({"type": "ADDED", "object": pod})));
        others
    }

    fn frame(line: &Value) -> Frame {
        Frame::parse(line.to_string().into_bytes().into()).expect("a frame")
    }

    fn pod(namespace: &str, phase: &str, args: &[&str]) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "controller-0", "namespace": namespace, "resourceVersion": "1", "uid": "u"},
            "spec": {"containers": [{"name": "c", "args": args}]},
            "status": {"phase": phase},
        })
    }

    #[test]
    fn a_controller_in_our_namespace_forbids_writes() {
        assert!(others(&pod("argocd", "Running", &[])).reason("argocd").is_some());
        assert!(others(&pod("argocd", "Pending", &[])).reason("argocd").is_some());
        assert_eq!(others(&pod("argocd", "Succeeded", &[])).reason("argocd"), None);
    }

    #[test]
    fn a_refusal_says_nothing_about_a_controller_that_was_seen() {
        let refused = WatchNews::Refused { kind: ApiErrorKind::Unauthorized, message: "for a moment".into() };
        assert!(Others::default().hear(&refused), "nothing was ever seen: there is nothing to go by");
        let mut others = others(&pod("argocd", "Running", &[]));
        others.is_known = true;
        assert!(!others.hear(&refused));
        assert!(others.hear(&WatchNews::Resumed) && others.reason("argocd").is_some());
    }

    #[test]
    fn a_controller_elsewhere_matters_only_if_it_serves_our_namespace() {
        assert_eq!(others(&pod("other", "Running", &[])).reason("argocd"), None);
        let serving = pod("other", "Running", &["--application-namespaces", "team-*, argo*"]);
        assert!(others(&serving).reason("argocd").is_some());
    }
}
