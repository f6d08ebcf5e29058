//! The controller's outside, over tokio, real clusters and real repositories.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bridgehead_engine::source::RefAdvertisement;
use bridgehead_kubernetes::cache::Frame;
use bridgehead_kubernetes::watch::{WatchEvent, WatchNews, WatchTarget, Watches};
use bridgehead_kubernetes::write::{EventType, Happening, record_event};
use bridgehead_kubernetes::{ApiErrorKind, Connection, connect};
use bridgehead_sources::{RenderRequest, Rendered, RepoAccess, Repositories, SourceError};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::cluster::{LiveCluster, WatchReceiver};
use super::destination;
use crate::controller::control_resource;
use crate::controller::world::{
    Announcement, ClusterId, ClusterTarget, ControlKind, Event, WatchFailure, World,
};

/// Name of the agent in events.
const COMPONENT: &str = "bridgehead";
/// Bytes of events of the control namespace that may wait.
const CONTROL_BUDGET: usize = 16 << 20;

/// The agent's world.
pub(crate) struct AgentWorld {
    connection: Connection,
    control: Rc<LiveCluster>,
    /// False until the destination of this name is asked for, which is `control` the first time.
    in_cluster_is_open: Cell<bool>,
    repositories: Repositories,
    inbox: RefCell<Inbox>,
    send: mpsc::UnboundedSender<Event>,
    seed: RandomState,
    drawn: Cell<u64>,
    /// Keeps the control namespace's watches running.
    _control_watches: Watches,
}

struct Inbox {
    ready: VecDeque<Event>,
    own: mpsc::UnboundedReceiver<Event>,
    control: WatchReceiver,
    clusters: Vec<(ClusterId, WatchReceiver)>,
}

impl AgentWorld {
    /// Begins the control namespace's watches.
    pub(super) fn new(connection: Connection, namespace: &str, repositories: Repositories) -> Self {
        let (send, own) = mpsc::unbounded_channel();
        let (mut control_watches, control) = Watches::new(connection.clone(), CONTROL_BUDGET);
        for kind in ControlKind::ALL {
            let target = WatchTarget::all(control_resource(kind)).in_namespace(namespace);
            control_watches.start(match kind {
                ControlKind::Secret => target.labelled(bridgehead_api::annotations::SECRET_TYPE),
                ControlKind::ConfigMap => {
                    target.labelled(format!("{}=argocd", bridgehead_api::annotations::PART_OF))
                }
                ControlKind::Application | ControlKind::Project => target,
            });
        }
        let (cluster, receiver) =
            LiveCluster::open(ClusterId::in_cluster(), connection.clone(), send.clone());
        let inbox = Inbox {
            ready: VecDeque::new(),
            own,
            control,
            clusters: vec![(ClusterId::in_cluster(), receiver)],
        };
        Self {
            connection,
            control: Rc::new(cluster),
            in_cluster_is_open: Cell::new(false),
            repositories,
            inbox: RefCell::new(inbox),
            send,
            seed: RandomState::new(),
            drawn: Cell::new(0),
            _control_watches: control_watches,
        }
    }

    /// Puts an event in, from any task.
    pub(super) fn sender(&self) -> mpsc::UnboundedSender<Event> {
        self.send.clone()
    }
}

impl Inbox {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Some(event) = self.ready.pop_front() {
            return Poll::Ready(event);
        }
        if let Poll::Ready(Some(event)) = self.own.poll_recv(context) {
            return Poll::Ready(event);
        }
        let Self { ready, control, clusters, .. } = self;
        take_from(control, context, ready, unpack_control);
        let mut ended = Vec::new();
        for (position, (id, receiver)) in clusters.iter_mut().enumerate() {
            if take_from(receiver, context, ready, |ready, event| unpack(ready, id, event)).is_none() {
                ended.push(position);
            }
        }
        for position in ended.into_iter().rev() {
            self.clusters.remove(position);
        }
        match self.ready.pop_front() {
            Some(event) => Poll::Ready(event),
            None => Poll::Pending,
        }
    }
}

/// Takes what a receiver has, until that comes to something. What comes to nothing must not end the turn: only a
/// receiver that has nothing left wakes us. None: it has ended.
fn take_from(
    receiver: &mut WatchReceiver,
    context: &mut Context<'_>,
    ready: &mut VecDeque<Event>,
    unpack: impl Fn(&mut VecDeque<Event>, WatchEvent),
) -> Option<()> {
    let before = ready.len();
    while ready.len() == before {
        match receiver.poll_recv(context) {
            Poll::Ready(Some(event)) => unpack(ready, event),
            Poll::Ready(None) => return None,
            Poll::Pending => break,
        }
    }
    Some(())
}

fn unpack_control(ready: &mut VecDeque<Event>, event: WatchEvent) {
    let kind = ControlKind::ALL.into_iter().find(|kind| control_resource(*kind) == event.target.resource);
    let Some(kind) = kind else { return };
    match event.news {
        WatchNews::Frames(frames) => {
            ready.extend(frames.into_iter().map(|frame: Frame| Event::Control { kind, frame }));
        }
        WatchNews::Interrupted { message } | WatchNews::Refused { message, .. } => {
            ready.push_back(Event::ControlFailed { kind, message });
        }
        WatchNews::Resumed => ready.push_back(Event::ControlResumed { kind }),
    }
}

fn unpack(ready: &mut VecDeque<Event>, id: &ClusterId, event: WatchEvent) {
    let kind = event.target.resource.gvk.clone();
    match event.news {
        WatchNews::Frames(frames) => ready.extend(frames.into_iter().map(|frame| Event::Frame {
            cluster: id.clone(),
            kind: kind.clone(),
            frame,
        })),
        WatchNews::Interrupted { message } => {
            let reason = WatchFailure::Interrupted;
            ready.push_back(Event::WatchFailed { cluster: id.clone(), kind, message, reason });
        }
        WatchNews::Refused { message, kind: refusal } => {
            let reason = match refusal {
                ApiErrorKind::KindNotServed => WatchFailure::NotServed,
                _ => WatchFailure::Refused,
            };
            ready.push_back(Event::WatchFailed { cluster: id.clone(), kind, message, reason });
        }
        WatchNews::Resumed => ready.push_back(Event::WatchResumed { cluster: id.clone(), kind }),
    }
}

impl World for AgentWorld {
    type Cluster = LiveCluster;

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait = at.duration_since(Timestamp::now());
        if let Ok(wait) = Duration::try_from(wait) {
            tokio::time::sleep(wait).await;
        }
    }

    fn random(&self) -> u64 {
        let drawn = self.drawn.get().wrapping_add(1);
        self.drawn.set(drawn);
        self.seed.hash_one(drawn)
    }

    async fn next_event(&self) -> Event {
        poll_fn(|context| self.inbox.borrow_mut().poll(context)).await
    }

    fn control_cluster(&self) -> Rc<LiveCluster> {
        self.control.clone()
    }

    fn connect(&self, target: &ClusterTarget) -> Result<Rc<LiveCluster>, String> {
        if target.id == ClusterId::in_cluster() && !self.in_cluster_is_open.replace(true) {
            // Known from the start: say so again, for those who have only now begun to wait.
            self.control.discover_again(self.send.clone());
            return Ok(self.control.clone());
        }
        let connection = if target.id == ClusterId::in_cluster() {
            self.connection.clone()
        } else {
            let opened =
                connect(&destination::settings(&target.cluster)?).map_err(|error| error.to_string())?;
            // Whoever may not write here may not write there.
            match self.connection.fence() {
                Some(fence) => opened.fenced(fence.clone()),
                None => opened,
            }
        };
        let (cluster, receiver) = LiveCluster::open(target.id.clone(), connection, self.send.clone());
        let mut inbox = self.inbox.borrow_mut();
        // What the watches of the one before still had to tell is nothing to the new one, which lists anew.
        inbox.ready.retain(|event| !matches!(event, Event::Frame { cluster, .. } if *cluster == target.id));
        inbox.clusters.retain(|(id, _)| *id != target.id);
        inbox.clusters.push((target.id.clone(), receiver));
        Ok(Rc::new(cluster))
    }

    async fn advertise(&self, repository: &RepoAccess) -> Result<Arc<RefAdvertisement>, SourceError> {
        self.repositories.advertise(repository).await
    }

    async fn render(&self, request: &RenderRequest) -> Result<Arc<Rendered>, SourceError> {
        self.repositories.render(request).await
    }

    fn announce(&self, announcement: Announcement) {
        let connection = self.connection.clone();
        tokio::spawn(async move {
            let happening = Happening {
                api_version: bridgehead_api::API_VERSION,
                kind: "Application",
                namespace: announcement.object.namespace.as_str(),
                name: &announcement.object.name,
                uid: announcement.uid.as_str(),
                resource_version: "",
                reason: announcement.reason,
                message: &announcement.message,
                event_type: if announcement.is_warning { EventType::Warning } else { EventType::Normal },
                component: COMPONENT,
                at: Timestamp::now(),
            };
            if let Err(error) = record_event(&connection, &happening).await {
                tracing::debug!(application = %announcement.object, %error, "failed to record an event");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use bridgehead_api::GroupKind;
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_comes_to_nothing_hides_nothing_that_comes_after_it() {
        let (_own, own) = mpsc::unbounded_channel();
        let (to_control, control) = mpsc::channel(8);
        let (to_cluster, cluster) = mpsc::channel(8);
        let id = ClusterId::in_cluster();
        let mut inbox = Inbox { ready: VecDeque::new(), own, control, clusters: vec![(id.clone(), cluster)] };
        let target = |resource| Arc::new(WatchTarget::all(resource));
        let nothing = || WatchNews::Frames(Vec::new());
        let something = || WatchNews::Frames(vec![Frame::list_begins()]);
        let project = target(control_resource(ControlKind::Project));
        let definition = target(bridgehead_kubernetes::Resource::known("v1", "Pod", "pods", true));
        for (to, target) in [(&to_control, &project), (&to_cluster, &definition)] {
            for news in [nothing(), something()] {
                to.try_send(WatchEvent::new(Arc::clone(target), news)).expect("there is room");
            }
        }
        let mut next = || poll_fn(|context| inbox.poll(context)).now_or_never();
        assert!(matches!(next(), Some(Event::Control { kind: ControlKind::Project, .. })));
        let Some(Event::Frame { kind, .. }) = next() else { panic!("the cluster's frame is not there") };
        assert_eq!(kind.group_kind, GroupKind::new("", "Pod"));
        assert!(next().is_none());
    }
}
