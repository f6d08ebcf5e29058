//! Single steps, in a world where nothing happens by itself.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use bridgehead_api::{ApplicationKey, GroupKind};
use bridgehead_engine::source::RefAdvertisement;
use bridgehead_kubernetes::cache::Frame;
use bridgehead_kubernetes::discovery::{Discovery, GroupProblem, Resource, ServerVersion};
use bridgehead_sources::{RenderRequest, Rendered, RepoAccess, SourceError};
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::pass::Stop;
use super::queue::Priority;
use super::reconcile::reconcile;
use super::repositories::RepositoryKey;
use super::slots::Slots;
use super::world::{
    Announcement, Call, CallError, CallErrorKind, Cluster, ClusterId, ClusterTarget, ControlKind, Event,
    Patch, Reply, WatchFailure, World,
};
use super::{Controller, Settings, Work, scope};

struct Still {
    now: Cell<Timestamp>,
    cluster: Rc<StillCluster>,
}

/// Keeps what it was asked to patch, and answers nothing.
struct StillCluster {
    served: Arc<Discovery>,
    patches: RefCell<Vec<Value>>,
}

impl Cluster for StillCluster {
    fn kinds(&self) -> Option<Arc<Discovery>> {
        Some(Arc::clone(&self.served))
    }

    async fn refresh_kinds(&self) -> Result<(), CallError> {
        Ok(())
    }

    fn watch(&self, _resource: &Resource) {}

    fn unwatch(&self, _kind: &GroupKind) {}

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        if let Call::Patch { patch: Patch::Json(patch), .. } = call {
            self.patches.borrow_mut().push(patch);
        }
        Err(CallError { kind: CallErrorKind::Unreachable, message: "no answer".into() })
    }
}

impl World for Still {
    type Cluster = StillCluster;

    fn now(&self) -> Timestamp {
        self.now.get()
    }

    async fn sleep_until(&self, _at: Timestamp) {
        pending::<()>().await;
    }

    fn random(&self) -> u64 {
        7
    }

    async fn next_event(&self) -> Event {
        pending().await
    }

    fn control_cluster(&self) -> Rc<StillCluster> {
        Rc::clone(&self.cluster)
    }

    fn connect(&self, _target: &ClusterTarget) -> Result<Rc<StillCluster>, String> {
        Ok(Rc::clone(&self.cluster))
    }

    async fn advertise(&self, _repository: &RepoAccess) -> Result<Arc<RefAdvertisement>, SourceError> {
        pending().await
    }

    async fn render(&self, _request: &RenderRequest) -> Result<Arc<Rendered>, SourceError> {
        pending().await
    }

    fn announce(&self, _announcement: Announcement) {}
}

fn controller(problems: Vec<GroupProblem>) -> Controller<Still> {
    let served = Arc::new(Discovery::new(ServerVersion::default(), [], problems));
    let cluster = Rc::new(StillCluster { served, patches: RefCell::default() });
    let now = Cell::new("2026-11-21T12:00:00Z".parse().expect("a time"));
    Controller::new(Still { now, cluster }, Settings::new("argocd".into()))
}

/// An application that is being deleted, and had a Gadget.
fn deleted() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "shop", "namespace": "argocd", "uid": "u", "resourceVersion": "1",
            "deletionTimestamp": "2026-11-21T11:59:00Z",
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "default", "source": {"repoURL": "https://git.example/shop", "path": "app"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        },
        "status": {"resources": [
            {"group": "away.example", "kind": "Gadget", "version": "v1", "namespace": "shop", "name": "one"},
        ]},
    })
}

/// What one pass over it asked the API server to change.
fn patches_of_a_pass(controller: &Controller<Still>) -> String {
    controller.put_control(ControlKind::Application, &deleted());
    let pass = reconcile(controller, &ApplicationKey::new("argocd", "shop")).now_or_never();
    assert!(pass.is_some(), "the pass waits for something");
    let patches = controller.world.cluster.patches.take();
    Value::from(patches).to_string()
}

#[test]
fn the_finalizer_stays_while_the_api_server_of_a_group_does_not_answer() {
    let away = GroupProblem {
        group: "away.example".into(),
        version: "v1".into(),
        message: "its API server does not answer".into(),
    };
    let held = controller(vec![away]);
    let patches = patches_of_a_pass(&held);
    assert!(!patches.contains("/metadata/finalizers"), "{patches}");
    let words = "nothing is known of Gadget.away.example in cluster https://kubernetes.default.svc";
    assert!(patches.contains("DeletionError") && patches.contains(words), "{patches}");

    let patches = patches_of_a_pass(&controller(Vec::new()));
    assert!(patches.contains("/metadata/finalizers"), "what is not served at all has no objects: {patches}");
}

#[test]
fn nothing_is_written_once_the_control_namespace_was_not_followed_for_half_a_minute() {
    let controller = controller(Vec::new());
    let words = "appprojects.argoproj.io is forbidden";
    controller.control_failed(ControlKind::Project, words.to_owned());
    assert!(controller.may_write().is_ok(), "API servers restart");

    let later = controller.world.now().saturating_add(SignedDuration::from_secs(30)).expect("a time");
    controller.world.now.set(later);
    // The reason may change; it is since the first that nothing is known.
    controller.control_failed(ControlKind::Project, words.to_owned());
    assert!(matches!(controller.may_write(), Err(Stop::Wait)));
    let reason = controller.held().unwrap_or_default();
    assert!(
        reason.contains("failed to watch appprojects in namespace argocd") && reason.contains(words),
        "{reason}"
    );
    controller.control_failed(ControlKind::Secret, "no answer".to_owned());
    assert_eq!(patches_of_a_pass(&controller), "[]");

    controller.control_resumed(ControlKind::Secret);
    assert!(controller.held().is_some());
    // A list that has only begun says nothing yet, however often it breaks off.
    for _ in 0..2 {
        controller.take_control(ControlKind::Project, &Frame::list_begins());
        controller.control_resumed(ControlKind::Project);
        assert!(controller.held().is_some());
    }
    controller.take_control(ControlKind::Project, &Frame::list_ends("7".into()));
    assert_eq!(controller.held(), None);
    assert!(controller.may_write().is_ok());
    let next = controller.state.borrow_mut().queue.take(later);
    assert!(next.is_some(), "what was held up goes on");
}

#[test]
fn a_repository_that_does_not_answer_holds_nobodys_place() {
    let mut controller = controller(Vec::new());
    controller.settings.concurrency = 1;
    controller.slots = Slots::new(1);
    {
        let mut state = controller.state.borrow_mut();
        state.listed.extend(ControlKind::ALL);
        for url in ["https://git.example/stalls", "https://git.example/waits"] {
            let key = RepositoryKey { url: url.into(), project: "".into() };
            state
                .users
                .entry(key.clone())
                .or_default()
                .insert(ApplicationKey::new("argocd", "shop"), BTreeSet::new());
            state.queue.add(Work::Repository(key), controller.world.now(), Priority::Change);
        }
    }
    assert!(controller.run().now_or_never().is_none());
    assert_eq!(controller.counters.advertisements.get(), 2);
}

#[test]
fn each_watch_that_is_interrupted_is_told_half_a_minute_later() {
    let controller = controller(Vec::new());
    controller.put_control(ControlKind::Application, &deleted());
    let key = ApplicationKey::new("argocd", "shop");
    let cluster = ClusterId::in_cluster();
    let entry = controller.application(&key).expect("it was put there");
    let scope = scope::resolve_for_deletion(&controller, entry).expect("a destination").expect("a scope");
    let start = controller.world.now();
    let pods = Resource::known("v1", "Pod", "pods", true);
    let services = Resource::known("v1", "Service", "services", true);
    let mut told = Vec::new();
    for second in 0..60 {
        let now = start.saturating_add(SignedDuration::from_secs(second)).expect("a time");
        controller.world.now.set(now);
        for (kind, fails_at) in [(&pods, 0), (&services, 10)] {
            if second == fails_at {
                scope.cluster.watch(kind);
                controller.watch_failed(&cluster, &kind.gvk, "no answer", WatchFailure::Interrupted);
            }
        }
        loop {
            let taken = controller.state.borrow_mut().queue.take(now);
            let Some(work) = taken else { break };
            match &work {
                Work::Watches(cluster) => controller.tell_watches(cluster),
                Work::Application(_) if second > 0 => told.push(second),
                _ => {}
            }
            controller.state.borrow_mut().queue.done(&work);
        }
    }
    assert_eq!(told, [30, 40]);
}
