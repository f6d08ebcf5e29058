//! A watch as a client sees it: a list, then changes; late, doubled, interrupted.

use std::cell::Cell;
use std::rc::Rc;

use bridgehead::controller::world::WatchFailure;
use bridgehead_api::GroupKind;
use bridgehead_kubernetes::cache::Frame;
use bytes::Bytes;
use serde_json::Value;

use super::Shared;
use crate::api_server::object;
use crate::cluster::Cluster;
use crate::faults::WatchFault;

pub(super) struct Watch {
    pub(super) shared: Rc<Shared>,
    pub(super) cluster: Rc<Cluster>,
    pub(super) kind: GroupKind,
    /// Only objects of this namespace.
    pub(super) namespace: Option<&'static str>,
    /// Only objects with this label.
    pub(super) label: Option<&'static str>,
    pub(super) send: Box<dyn Fn(Frame)>,
    pub(super) failed: Box<dyn Fn(String, WatchFailure)>,
    /// Nobody wants it any more.
    pub(super) is_over: Rc<Cell<bool>>,
}

impl Watch {
    /// Runs until it is not wanted any more. A watch that broke lists again, as the real one does.
    pub(super) async fn run(self) {
        let executor = self.shared.executor.clone();
        while !self.is_over.get() {
            executor.sleep(self.shared.faults.latency(executor.now())).await;
            if self.shared.faults.is_away(executor.now()) {
                self.fail("the API server does not answer", WatchFailure::Interrupted);
                executor.sleep(self.shared.faults.random().milliseconds(200, 3_000)).await;
                continue;
            }
            if self.cluster.read(|server| server.kind(&self.kind).is_none()) {
                self.fail("the server could not find the requested resource", WatchFailure::NotServed);
                let kind = self.kind.clone();
                self.cluster.when(|server| server.kind(&kind).map(|_| ())).await;
                continue;
            }
            let from = self.list().await;
            self.follow(from).await;
        }
    }

    fn picks(&self, object: &Value) -> bool {
        let in_namespace =
            self.namespace.is_none_or(|namespace| object::text(object, "/metadata/namespace") == namespace);
        let labelled = self.label.is_none_or(|label| {
            object.pointer("/metadata/labels").is_some_and(|labels| labels.get(label).is_some())
        });
        in_namespace && labelled
    }

    /// Sends a complete list; its resourceVersion.
    async fn list(&self) -> u64 {
        let executor = self.shared.executor.clone();
        let (lines, revision) = self.cluster.read(|server| {
            let picked = server.list(&self.kind).filter(|object| self.picks(object));
            (picked.map(|object| object.to_string()).collect::<Vec<String>>(), server.revision())
        });
        executor.sleep(self.shared.faults.watch_latency(executor.now())).await;
        self.send(Ok(Frame::list_begins()));
        for line in lines {
            if self.shared.faults.random().chance(100) {
                executor.sleep(self.shared.faults.watch_latency(executor.now())).await;
            }
            self.send(Frame::item(Bytes::from(line)));
        }
        self.send(Ok(Frame::list_ends(revision.to_string().into())));
        revision
    }

    fn fail(&self, message: &str, reason: WatchFailure) {
        if !self.is_over.get() {
            (self.failed)(message.into(), reason);
        }
    }

    fn send(&self, frame: Result<Frame, bridgehead_kubernetes::cache::FrameError>) {
        match frame {
            Ok(_) if self.is_over.get() => {}
            Ok(frame) => (self.send)(frame),
            Err(error) => self.shared.note(format!("PROBLEM: a frame cannot be read: {error}")),
        }
    }

    /// Sends changes until the watch breaks.
    async fn follow(&self, from: u64) {
        let executor = self.shared.executor.clone();
        let faults = &self.shared.faults;
        let mut at = from;
        while !self.is_over.get() {
            let is_expired = self
                .cluster
                .when(|server| match server.history().since(&self.kind, at) {
                    None => Some(true),
                    Some([]) => None,
                    Some(_) => Some(false),
                })
                .await;
            executor.sleep(faults.watch_latency(executor.now())).await;
            let fault = faults.watch_fault(executor.now());
            if is_expired || fault == Some(WatchFault::Compacted) {
                self.send(Frame::parse(Bytes::from_static(
                    br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}"#,
                )));
                return;
            }
            if fault == Some(WatchFault::Lost) {
                self.shared.note(format!("a watch of {} loses what it had to tell", self.kind));
                executor.sleep(faults.random().milliseconds(100, 20_000)).await;
                return;
            }
            if fault == Some(WatchFault::Doubled) {
                // The watch was interrupted, and goes on from a little before.
                let back = u64::try_from(faults.random().between(1, 12)).unwrap_or(1);
                at = at.saturating_sub(back).max(from);
            }
            let lines = self.cluster.read(|server| {
                let events = server.history().since(&self.kind, at)?;
                let last = events.last()?.revision;
                let picked = events.iter().filter(|event| self.picks(&event.object));
                Some((picked.map(|event| Bytes::copy_from_slice(event.line())).collect::<Vec<Bytes>>(), last))
            });
            let Some((lines, last)) = lines else { continue };
            at = last;
            for line in lines {
                self.send(Frame::parse(line));
            }
        }
    }
}
