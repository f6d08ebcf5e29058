//! One cluster as the agent's client sees it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bridgehead::controller::world::{
    Call, CallError, CallErrorKind, Cluster as ClusterTrait, ClusterId, Event, Patch, Reply,
};
use bridgehead_api::GroupKind;
use bridgehead_engine::manifest::Manifest;
use bridgehead_kubernetes::cache::Frame;
use bridgehead_kubernetes::discovery::{Discovery, Resource, ServerVersion};
use serde_json::Value;

use super::watch::Watch;
use super::{OUTSIDE, Shared};
use crate::api_server::audit::Actor;
use crate::api_server::{self, ApiServer, Reason, Refusal, Request};
use crate::cluster::Cluster;
use crate::executor::{Process, Queue, oneshot};
use crate::faults::Fate;

/// A cluster, seen by one life of the agent.
pub struct SimulatedCluster {
    shared: Rc<Shared>,
    id: ClusterId,
    cluster: Rc<Cluster>,
    life: u32,
    process: Process,
    events: Queue<Event>,
    kinds: Rc<RefCell<Option<Arc<Discovery>>>>,
    watched: RefCell<BTreeMap<GroupKind, Watched>>,
}

/// A running watch. Dropping it ends it.
struct Watched {
    version: Arc<str>,
    is_over: Rc<Cell<bool>>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.is_over.set(true);
    }
}

impl SimulatedCluster {
    pub(super) fn open(
        shared: Rc<Shared>,
        id: ClusterId,
        cluster: Rc<Cluster>,
        life: u32,
        process: Process,
        events: Queue<Event>,
    ) -> Self {
        Self { shared, id, cluster, life, process, events, kinds: Rc::default(), watched: RefCell::default() }
    }

    /// Begins to read what is served, and tells when that is known.
    pub(super) fn discover(&self) {
        let (shared, cluster) = (Rc::clone(&self.shared), Rc::clone(&self.cluster));
        let (id, events, kinds) = (self.id.clone(), self.events.clone(), Rc::clone(&self.kinds));
        self.shared.executor.spawn(self.process, async move {
            let executor = shared.executor.clone();
            loop {
                executor.sleep(shared.faults.latency(executor.now())).await;
                if !shared.faults.is_away(executor.now()) {
                    break;
                }
                let trouble = Some("the API server does not answer".to_owned());
                events.push(Event::Kinds { cluster: id.clone(), trouble });
                executor.sleep(shared.faults.random().milliseconds(500, 5_000)).await;
            }
            *kinds.borrow_mut() = Some(Arc::new(cluster.read(discovery)));
            events.push(Event::Kinds { cluster: id, trouble: None });
        });
    }
}

fn discovery(server: &ApiServer) -> Discovery {
    let resources = server.kinds().values().map(|kind| Resource {
        has_status: kind.has_status_subresource,
        ..Resource::known(
            &kind.gvk.api_version(),
            &kind.gvk.group_kind.kind,
            &kind.plural,
            kind.is_namespaced,
        )
    });
    Discovery::new(ServerVersion::default(), resources, Vec::new())
}

impl ClusterTrait for SimulatedCluster {
    fn kinds(&self) -> Option<Arc<Discovery>> {
        self.kinds.borrow().clone()
    }

    async fn refresh_kinds(&self) -> Result<(), CallError> {
        let executor = &self.shared.executor;
        executor.sleep(self.shared.faults.latency(executor.now())).await;
        if self.shared.faults.is_away(executor.now()) {
            return Err(unreachable());
        }
        *self.kinds.borrow_mut() = Some(Arc::new(self.cluster.read(discovery)));
        Ok(())
    }

    fn watch(&self, resource: &Resource) {
        let kind = resource.gvk.clone();
        let mut watched = self.watched.borrow_mut();
        if watched.get(&kind.group_kind).is_some_and(|running| running.version == kind.version) {
            return;
        }
        let is_over = Rc::new(Cell::new(false));
        let begun = Watched { version: Arc::clone(&kind.version), is_over: Rc::clone(&is_over) };
        watched.insert(kind.group_kind.clone(), begun);
        let (events, id, of) = (self.events.clone(), self.id.clone(), kind.clone());
        let (failed, failed_id, failed_kind) = (self.events.clone(), self.id.clone(), kind.clone());
        let watch = Watch {
            shared: Rc::clone(&self.shared),
            cluster: Rc::clone(&self.cluster),
            kind: kind.group_kind,
            is_over,
            namespace: None,
            label: None,
            send: Box::new(move |frame: Frame| {
                events.push(Event::Frame { cluster: id.clone(), kind: of.clone(), frame });
            }),
            failed: Box::new(move |message, reason| {
                failed.push(Event::WatchFailed {
                    cluster: failed_id.clone(),
                    kind: failed_kind.clone(),
                    message,
                    reason,
                });
            }),
        };
        self.shared.executor.spawn(self.process, watch.run());
    }

    fn unwatch(&self, kind: &GroupKind) {
        self.watched.borrow_mut().remove(kind);
    }

    /// The request travels on its own: what was sent is carried out even if the agent dies meanwhile.
    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let (answer, answered) = oneshot();
        let (shared, cluster, life) = (Rc::clone(&self.shared), Rc::clone(&self.cluster), self.life);
        self.shared.executor.spawn(OUTSIDE, async move {
            let executor = shared.executor.clone();
            executor.sleep(shared.faults.latency(executor.now())).await;
            let result = arrive(&shared, &cluster, life, call);
            executor.sleep(shared.faults.latency(executor.now())).await;
            if let Some(result) = result {
                answer(result);
            }
        });
        answered.await
    }
}

fn unreachable() -> CallError {
    CallError { kind: CallErrorKind::Unreachable, message: "no answer from the API server".into() }
}

/// A request reaches the API server. None: nobody is left to answer to.
fn arrive(shared: &Shared, cluster: &Cluster, life: u32, call: Call) -> Option<Result<Reply, CallError>> {
    if shared.life.get() != life {
        // Its sender is dead and its successor at work: connections of the dead are closed by then.
        return None;
    }
    let is_write = !matches!(call, Call::Read { .. });
    let is_conditional = matches!(
        call,
        Call::Replace { .. } | Call::Delete { .. } | Call::Patch { patch: Patch::Json(_), .. }
    );
    let fate = shared.faults.fate(shared.executor.now(), is_write, is_conditional);
    if fate != Fate::Answered {
        shared.note(format!("{fate:?}: {}", subject(&call)));
    }
    let error = |kind, message: &str| Some(Err(CallError { kind, message: message.into() }));
    match fate {
        Fate::Answered => Some(perform(cluster, life, call)),
        Fate::LostBefore => Some(Err(unreachable())),
        Fate::LostAfter => {
            let _ = perform(cluster, life, call);
            Some(Err(unreachable()))
        }
        Fate::Throttled => error(CallErrorKind::Throttled, "too many requests, please try again later"),
        Fate::Conflict => error(CallErrorKind::Conflict, "the object has been modified"),
        Fate::CrashBefore => {
            shared.crash("before a write");
            None
        }
        Fate::CrashAfter => {
            let _ = perform(cluster, life, call);
            shared.crash("after a write");
            None
        }
    }
}

/// What a request is about.
fn subject(call: &Call) -> String {
    match call {
        Call::Read { key, .. } => format!("get {key}"),
        Call::Create { object, .. } => format!("create {}", object.key()),
        Call::Replace { object, .. } => format!("replace {}", object.key()),
        Call::Patch { key, .. } => format!("patch {key}"),
        Call::Delete { key, .. } => format!("delete {key}"),
    }
}

fn perform(cluster: &Cluster, life: u32, call: Call) -> Result<Reply, CallError> {
    let plain = |object: &Manifest| Value::clone(object.value());
    let request = match call {
        Call::Read { kind, key } => Request::Get { kind, key },
        Call::Create { object, dry_run, .. } => Request::Create { object: plain(&object), dry_run },
        Call::Replace { object, dry_run, .. } => {
            Request::Update { object: plain(&object), status: false, dry_run }
        }
        Call::Patch { kind, key, patch, dry_run, .. } => {
            let patch = match patch {
                Patch::Json(body) => api_server::Patch::Json(body),
                Patch::Merge(body) => api_server::Patch::Merge(body),
                Patch::StrategicMerge(body) => api_server::Patch::Strategic(body),
                Patch::Apply(object) => api_server::Patch::Apply { object, manager: "argocd-controller" },
            };
            Request::Patch { kind, key, patch, dry_run }
        }
        Call::Delete { kind, key, uid, resource_version, propagation } => {
            Request::Delete { kind, key, uid: Some(uid), resource_version, propagation }
        }
    };
    let is_read = matches!(request, Request::Get { .. });
    let is_tested = matches!(&request, Request::Patch { patch: api_server::Patch::Json(_), .. });
    match cluster.handle(Actor::Agent(life), request) {
        Ok(Some(object)) => Ok(Reply::Object(Manifest::new(Value::clone(&object)))),
        Ok(None) => Ok(Reply::Gone),
        Err(Refusal { reason: Reason::NotFound, .. }) if is_read => Ok(Reply::Gone),
        // A place that a JSON patch speaks of and that is not there any more: the object has changed.
        Err(refusal) if is_tested && refusal.reason == Reason::Invalid => {
            Err(call_error(Refusal { reason: Reason::Conflict, ..refusal }))
        }
        Err(refusal) => Err(call_error(refusal)),
    }
}

fn call_error(refusal: Refusal) -> CallError {
    let kind = match refusal.reason {
        Reason::NotFound => CallErrorKind::NotFound,
        Reason::KindNotServed => CallErrorKind::KindNotServed,
        Reason::NamespaceMissing => CallErrorKind::NamespaceMissing,
        Reason::AlreadyExists => CallErrorKind::AlreadyExists,
        Reason::Conflict | Reason::Expired => CallErrorKind::Conflict,
        Reason::Invalid => CallErrorKind::Invalid,
        Reason::Forbidden | Reason::UnsupportedPatch => CallErrorKind::Refused,
    };
    CallError { kind, message: refusal.message }
}
