//! The agent's outside, simulated: clusters with faults, watches that lag, Git as values.

mod cluster;
mod watch;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bridgehead::controller::control_resource;
use bridgehead::controller::world::{Announcement, ClusterId, ClusterTarget, ControlKind, Event, World};
use bridgehead_engine::source::RefAdvertisement;
use bridgehead_sources::{RenderRequest, Rendered, RepoAccess, SourceError};
use jiff::Timestamp;

pub use cluster::SimulatedCluster;
use watch::Watch;

use crate::api_server::audit::Audited;
use crate::cluster::{Audit, Cluster};
use crate::executor::{Executor, Process, Queue};
use crate::faults::Faults;
use crate::git::{self, Git};
use crate::random::Random;

/// Namespace of the Applications.
pub const CONTROL_NAMESPACE: &str = "argocd";

/// The process of everything that is not the agent.
pub const OUTSIDE: Process = Process(0);

/// What all lives of the agent share.
pub struct Shared {
    /// The executor.
    pub executor: Executor,
    /// Clusters by server URL.
    pub clusters: BTreeMap<&'static str, Rc<Cluster>>,
    /// What all API servers were asked for.
    pub audit: Audit,
    /// The repository.
    pub git: Git,
    /// What goes wrong.
    pub faults: Faults,
    /// Which life of the agent is the present one.
    pub life: Cell<u32>,
    /// Ends the agent's present life at once.
    pub crash: RefCell<Option<Rc<dyn Fn(&str)>>>,
    /// What the agent tells people.
    pub announcements: RefCell<Vec<(Timestamp, Announcement)>>,
    /// When the Git server was asked for refs.
    pub advertisements: RefCell<Vec<Timestamp>>,
    /// Lines for the trace, beside what the API servers saw.
    pub notes: RefCell<Vec<(Timestamp, String)>>,
}

impl Shared {
    /// Adds a line to the trace.
    pub fn note(&self, line: impl Into<String>) {
        self.notes.borrow_mut().push((self.executor.now(), line.into()));
    }

    fn crash(&self, why: &str) {
        let crash = self.crash.borrow().clone();
        if let Some(crash) = crash {
            crash(why);
        }
    }

    /// What all API servers were asked for, in order, with the cluster's URL.
    pub fn audit(&self) -> Vec<(&'static str, Audited)> {
        self.audit.borrow().clone()
    }

    /// The cluster with the Applications.
    pub fn control(&self) -> &Rc<Cluster> {
        &self.clusters[ClusterId::IN_CLUSTER]
    }
}

/// The world of one life of the agent.
pub struct SimulatedWorld {
    shared: Rc<Shared>,
    life: u32,
    process: Process,
    events: Queue<Event>,
    random: Random,
    control: Rc<SimulatedCluster>,
    opened: RefCell<BTreeMap<ClusterId, Rc<SimulatedCluster>>>,
}

impl SimulatedWorld {
    /// A world for the agent's n-th life; its watches over the control namespace begin now.
    pub fn new(shared: Rc<Shared>, life: u32, process: Process, random: Random) -> Self {
        let events = Queue::default();
        let control_cluster = Rc::clone(shared.control());
        for kind in ControlKind::ALL {
            let (events, failed) = (events.clone(), events.clone());
            let watch = Watch {
                shared: Rc::clone(&shared),
                cluster: Rc::clone(&control_cluster),
                kind: control_resource(kind).gvk.group_kind,
                namespace: Some(CONTROL_NAMESPACE),
                label: match kind {
                    ControlKind::Secret => Some(bridgehead_api::annotations::SECRET_TYPE),
                    ControlKind::ConfigMap => Some(bridgehead_api::annotations::PART_OF),
                    ControlKind::Application | ControlKind::Project => None,
                },
                send: Box::new(move |frame| events.push(Event::Control { kind, frame })),
                failed: Box::new(move |message, _| failed.push(Event::ControlFailed { kind, message })),
                is_over: Rc::default(),
            };
            shared.executor.spawn(process, watch.run());
        }
        let control = Rc::new(SimulatedCluster::open(
            Rc::clone(&shared),
            ClusterId::in_cluster(),
            Rc::clone(&control_cluster),
            life,
            process,
            events.clone(),
        ));
        control.discover();
        Self { shared, life, process, events, random, control, opened: RefCell::default() }
    }

    /// The queue of events, for those who want to put one in.
    pub fn events(&self) -> &Queue<Event> {
        &self.events
    }
}

impl World for SimulatedWorld {
    type Cluster = SimulatedCluster;

    fn now(&self) -> Timestamp {
        self.shared.executor.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.shared.executor.sleep_until(at).await;
    }

    fn random(&self) -> u64 {
        self.random.number()
    }

    async fn next_event(&self) -> Event {
        self.events.next().await
    }

    fn control_cluster(&self) -> Rc<SimulatedCluster> {
        Rc::clone(&self.control)
    }

    fn connect(&self, target: &ClusterTarget) -> Result<Rc<SimulatedCluster>, String> {
        if target.id == ClusterId::in_cluster() {
            self.control.discover();
            return Ok(Rc::clone(&self.control));
        }
        let cluster = self.shared.clusters.get(&*target.id.0).cloned();
        let cluster = cluster.ok_or_else(|| format!("no such host: {}", target.id))?;
        let opened = Rc::new(SimulatedCluster::open(
            Rc::clone(&self.shared),
            target.id.clone(),
            cluster,
            self.life,
            self.process,
            self.events.clone(),
        ));
        opened.discover();
        self.opened.borrow_mut().insert(target.id.clone(), Rc::clone(&opened));
        Ok(opened)
    }

    async fn advertise(&self, repository: &RepoAccess) -> Result<Arc<RefAdvertisement>, SourceError> {
        let shared = &self.shared;
        shared.advertisements.borrow_mut().push(shared.executor.now());
        shared.executor.sleep(shared.faults.latency(shared.executor.now())).await;
        if shared.faults.git_breaks(shared.executor.now()) {
            return Err(git::broken_off(&repository.url));
        }
        Ok(Arc::new(shared.git.advertisement()))
    }

    async fn render(&self, request: &RenderRequest) -> Result<Arc<Rendered>, SourceError> {
        let shared = &self.shared;
        shared.executor.sleep(shared.faults.latency(shared.executor.now())).await;
        if shared.faults.git_breaks(shared.executor.now()) {
            return Err(git::broken_off(&request.repository.url));
        }
        shared.git.render(&request.repository.url, &request.source.path, &request.commit).map(Arc::new)
    }

    fn announce(&self, announcement: Announcement) {
        let now = self.shared.executor.now();
        self.shared.announcements.borrow_mut().push((now, announcement));
    }
}
