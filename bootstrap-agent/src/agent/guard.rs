//! Two engines must never work on one application. While another one is alive, nothing is written.
//!
//! Seen are: pods of an Argo CD application-controller, in our namespace or in another one whose settings
//! include ours. What has no pod to see (a managed engine) gives itself away by writing `status`; the
//! controller notices that itself.

use std::collections::{BTreeMap, BTreeSet};

use bridgehead_engine::rival;
use bridgehead_kubernetes::cache::{Frame, FrameKind};
use bridgehead_kubernetes::watch::{WatchNews, WatchTarget, Watches};
use bridgehead_kubernetes::{Connection, Resource};
use serde_json::Value;

use crate::controller::Controller;
use crate::controller::world::World;

/// Bytes of pod events that may wait.
const BUDGET: usize = 1 << 20;

/// Watches for other engines for as long as the controller runs. Before the first write is allowed, `prepare`
/// has made what every pass needs.
pub(super) async fn watch<W: World>(
    controller: &Controller<W>,
    connection: Connection,
    namespace: &str,
    prepare: impl AsyncFn(),
) {
    let (mut watches, mut events) = Watches::new(connection, BUDGET);
    watches.start(
        WatchTarget::all(Resource::known("v1", "Pod", "pods", true)).labelled(rival::CONTROLLER_SELECTOR),
    );
    let mut others = Others::default();
    let mut is_prepared = false;
    let mut is_alone = false;
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
        match event.news {
            WatchNews::Frames(frames) => {
                for frame in &frames {
                    others.take(frame);
                }
                if others.is_known {
                    let reason = others.reason(namespace);
                    is_alone = reason.is_none();
                    if is_prepared || !is_alone {
                        controller.hold(reason);
                    }
                }
            }
            // Without the right to look, there is nothing to go by; what it writes will still be noticed.
            WatchNews::Refused { message, .. } => {
                tracing::warn!(error = message, "cannot look for other engines' pods");
                is_alone = true;
                if is_prepared {
                    controller.hold(None);
                }
            }
            WatchNews::Interrupted { .. } | WatchNews::Resumed => {}
        }
    }
    std::future::pending::<()>().await;
}

#[derive(Default)]
struct Others {
    /// Pods of controllers that run, by namespace and name.
    running: BTreeMap<(String, String), Value>,
    listing: Option<BTreeSet<(String, String)>>,
    is_known: bool,
}

impl Others {
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
    use serde_json::json;

    fn others(pod: &Value) -> Others {
        let mut others = Others::default();
        let line = json!({"type": "ADDED", "object": pod}).to_string();
        others.take(&Frame::parse(line.into_bytes().into()).expect("a frame"));
        others
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
    fn a_controller_elsewhere_matters_only_if_it_serves_our_namespace() {
        assert_eq!(others(&pod("other", "Running", &[])).reason("argocd"), None);
        let serving = pod("other", "Running", &["--application-namespaces", "team-*, argo*"]);
        assert!(others(&serving).reason("argocd").is_some());
    }
}
