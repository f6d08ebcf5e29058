//! The controller: everything that happens to applications, whatever it runs on.
//!
//! ```text
//! events ─► registry, caches ─► queue ─► reconcile (one pass) ─► effects, one status patch
//!                                 ▲            │ wake, or what it waits for
//!                                 └────────────┘
//! ```
//! One future runs everything ([`Controller::run`]); it owns no thread, no socket and no clock. Those are
//! behind [`world::World`], so that the simulator runs this very code.

mod app_of_apps;
mod clusters;
mod control;
mod driver;
mod execute;
mod finalize;
mod left_over;
mod live;
mod nudge;
mod operation;
mod pass;
mod permissions;
mod queue;
mod reconcile;
mod registry;
mod report;
mod repositories;
mod request;
mod scope;
mod secrets;
mod slots;
mod store;
mod target;
#[cfg(test)]
mod tests;
pub mod world;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use bridgehead_api::application::{ApplicationStatus, ConditionType};
use bridgehead_api::config_map::{KnownHosts, TlsCertificates};
use bridgehead_api::secret::Cluster as ClusterSecret;
use bridgehead_api::{ApplicationKey, Namespace};
use bridgehead_engine::compare::Comparison;
use bridgehead_engine::diff::DiffRules;
use bridgehead_engine::manifest::Problem as EngineProblem;
use bridgehead_engine::rival;
use bridgehead_engine::status::{Observation, Verdict, observe};
use bridgehead_kubernetes::discovery::Resource;
use bridgehead_sources::RepoAccess;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use clusters::ClusterHandle;
use nudge::Nudge;
use pass::{Problem, Scope, Stop};
use queue::{Priority, Queue};
use registry::{Demand, Registry};
use repositories::{Polls, Refs, RepositoryKey};
use slots::Slots;
use target::Target;
use world::{Call, Cluster as _, ClusterId, ClusterTarget, ControlKind, Reply, World};

pub use clusters::Kept;
pub use driver::Ended;
pub use operation::DEFAULT_FAILED_SYNC_PAUSE;
pub use registry::Entry;

/// How the controller behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespace of the Applications, their projects, Secrets and ConfigMaps.
    pub namespace: Namespace,
    /// Look and tell, write nothing.
    pub observe: bool,
    /// Passes at once.
    pub concurrency: usize,
    /// Time between two polls of a repository, where `argocd-cm` does not say.
    pub poll_interval: SignedDuration,
    /// Random time added to it.
    pub poll_jitter: SignedDuration,
    /// Pause before a failed automated sync is tried again.
    pub failed_sync_pause: SignedDuration,
    /// Whoever worked on the applications before is known to have stopped.
    pub takes_over: bool,
}

impl Settings {
    /// The defaults, for an agent in `namespace`.
    pub fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            observe: false,
            concurrency: 32,
            poll_interval: SignedDuration::from_secs(120),
            poll_jitter: SignedDuration::from_secs(60),
            failed_sync_pause: DEFAULT_FAILED_SYNC_PAUSE,
            takes_over: false,
        }
    }
}

/// How long another engine is taken to be alive after it was seen to write. Engines compare at least every
/// few minutes, and each comparison is a write.
const RIVAL_SECONDS: i64 = 600;

/// What waits in the queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Work {
    Application(ApplicationKey),
    Repository(RepositoryKey),
    /// What a cluster serves has changed.
    Kinds(ClusterId),
    /// A cluster's watches do not go on.
    Watches(ClusterId),
}

/// The controller over one world.
pub struct Controller<W: World> {
    world: W,
    settings: Settings,
    state: RefCell<State<W>>,
    /// Why nothing may be written at present.
    hold: RefCell<Option<String>>,
    /// Watches over the control namespace that do not go on: why not, and since when.
    unfollowed: RefCell<BTreeMap<ControlKind, (String, Timestamp)>>,
    /// The other engine that writes the same Applications, and until when that is taken as a fact.
    rival: RefCell<Option<(String, Timestamp)>>,
    nudge: Nudge,
    slots: Slots,
    counters: Counters,
}

struct State<W: World> {
    registry: Registry,
    clusters: BTreeMap<ClusterId, Rc<ClusterHandle<W::Cluster>>>,
    polls: Polls,
    queue: Queue<Work>,
    /// Repositories that applications look at, and which; with refs that they name beside branches and tags.
    users: BTreeMap<RepositoryKey, BTreeMap<ApplicationKey, BTreeSet<String>>>,
    /// When each application's refresh annotation was first seen.
    refreshes: HashMap<ApplicationKey, (String, Timestamp)>,
    /// Applications of which a write was not answered, and which could not be read since.
    unsure: BTreeSet<ApplicationKey>,
    /// Applications that wait for a cluster's kinds or lists.
    waiting: BTreeMap<ClusterId, BTreeSet<ApplicationKey>>,
    /// Passes in a row that had to be made again.
    tries: HashMap<ApplicationKey, u32>,
    /// The cluster of each application, as of its last pass.
    placed: HashMap<ApplicationKey, ClusterId>,
    /// Names seen by a list of the control namespace that is under way.
    listing: HashMap<ControlKind, BTreeSet<String>>,
    /// Lists of the control namespace that are complete.
    listed: BTreeSet<ControlKind>,
}

/// What the controller has done, for metrics and tests.
#[derive(Debug, Default)]
pub struct Counters {
    /// Passes over applications.
    pub passes: Cell<u64>,
    /// Advertisements asked for.
    pub advertisements: Cell<u64>,
    /// Applications whose pass had to be made again at once.
    pub again: Cell<u64>,
}

impl<W: World> Controller<W> {
    /// A controller that knows nothing yet.
    pub fn new(world: W, settings: Settings) -> Self {
        let registry = Registry::new(settings.namespace.clone());
        let state = State {
            registry,
            clusters: BTreeMap::new(),
            polls: Polls::default(),
            queue: Queue::default(),
            users: BTreeMap::new(),
            refreshes: HashMap::new(),
            unsure: BTreeSet::new(),
            waiting: BTreeMap::new(),
            tries: HashMap::new(),
            placed: HashMap::new(),
            listing: HashMap::new(),
            listed: BTreeSet::new(),
        };
        let slots = Slots::new(settings.concurrency);
        Self {
            world,
            settings,
            slots,
            state: RefCell::new(state),
            hold: RefCell::default(),
            unfollowed: RefCell::default(),
            rival: RefCell::default(),
            nudge: Nudge::default(),
            counters: Counters::default(),
        }
    }

    /// The world.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// What it has done.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// True once every list of the control namespace is complete.
    pub fn is_synced(&self) -> bool {
        self.state.borrow().listed.len() == ControlKind::ALL.len()
    }

    /// Forbids writes, and says why; `None` allows them again.
    pub fn hold(&self, reason: Option<String>) {
        let was_held = self.hold.borrow().is_some();
        let is_held = reason.is_some();
        *self.hold.borrow_mut() = reason;
        if was_held && !is_held {
            self.demand(Demand::Everything);
            self.nudge.give();
        }
    }

    /// Says whether another engine is seen to run. While one is, that it writes is no news.
    pub fn see_alone(&self, is_alone: bool) {
        let since = is_alone.then(|| self.world.now());
        self.state.borrow_mut().registry.set_alone_since(since);
    }

    /// Looks for traces of an engine that nobody can see run: it may write again at any moment.
    fn look_for_traces(&self) {
        if self.settings.takes_over {
            return;
        }
        let state = self.state.borrow();
        let Some((key, writer, at)) = state.registry.last_stranger() else { return };
        let until =
            at.saturating_add(SignedDuration::from_secs(rival::TRACE_SECONDS)).unwrap_or(Timestamp::MAX);
        if until <= self.world.now() {
            return;
        }
        let reason = format!(
            "another engine (`{writer}`) compared application {key} at {at}: unless it does so again, this agent begins \
             at {until}; at once with `--takeover=argocd`"
        );
        tracing::warn!(application = %key, writer, "another engine may be at work; nothing is written");
        *self.rival.borrow_mut() = Some((reason, until));
    }

    /// Why nothing is written at present.
    pub fn held(&self) -> Option<String> {
        self.rival().or_else(|| self.hold.borrow().clone()).or_else(|| self.unfollowed())
    }

    fn rival(&self) -> Option<String> {
        let rival = self.rival.borrow();
        rival.as_ref().filter(|(_, until)| *until > self.world.now()).map(|(reason, _)| reason.clone())
    }

    /// Whether another engine has left traces that are fresh: by the statuses that it wrote.
    pub fn has_rival(&self) -> bool {
        self.rival().is_some()
    }

    /// Verdicts of all applications, for metrics: key, entry.
    pub fn applications(&self) -> Vec<(ApplicationKey, Rc<Entry>)> {
        let state = self.state.borrow();
        state.registry.applications().map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }

    /// How much is kept in memory of the clusters' objects.
    pub fn kept(&self) -> Kept {
        let state = self.state.borrow();
        state.clusters.values().map(|handle| handle.kept()).fold(Kept::default(), |all, one| Kept {
            held: all.held + one.held,
            wanted: all.wanted + one.wanted,
            verdicts: all.verdicts + one.verdicts,
        })
    }

    fn may_write(&self) -> Result<(), Stop> {
        if self.settings.observe || self.hold.borrow().is_some() || self.unfollowed().is_some() {
            return Err(Stop::Wait);
        }
        match &*self.rival.borrow() {
            Some((_, until)) if *until > self.world.now() => Err(Stop::Later(*until)),
            _ => Ok(()),
        }
    }

    fn application(&self, key: &ApplicationKey) -> Option<Rc<Entry>> {
        self.state.borrow().registry.application(key)
    }

    fn in_seconds(&self, seconds: i64) -> Timestamp {
        self.world.now().saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }

    /// When the present refresh annotation of the application was first seen.
    fn refresh_seen(&self, key: &ApplicationKey, value: &str) -> Timestamp {
        let now = self.world.now();
        let mut state = self.state.borrow_mut();
        match state.refreshes.get(key) {
            Some((known, since)) if known == value => *since,
            _ => {
                state.refreshes.insert(key.clone(), (value.to_owned(), now));
                now
            }
        }
    }

    /// Takes in an Application that a write of ours has returned.
    fn wrote_application(&self, object: &Value) {
        let mut state = self.state.borrow_mut();
        let _ = state.registry.put_application(object);
        // An annotation that comes after this one was answered is another request, whatever it says.
        let annotation =
            format!("/metadata/annotations/{}", bridgehead_api::annotations::REFRESH.replace('/', "~1"));
        if object.pointer(&annotation).is_none() {
            let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let key = ApplicationKey::new(text("/metadata/namespace"), text("/metadata/name"));
            state.refreshes.remove(&key);
        }
        if let Some(cluster) = state.clusters.get(&ClusterId::in_cluster()).cloned() {
            drop(state);
            if let Some(change) = cluster.note_if_held(object) {
                self.changed(&ClusterId::in_cluster(), &change);
            }
        }
    }

    /// Reads an Application again, after a write of it was refused or not answered. Until that succeeds it
    /// is not known what is stored, and no pass may go on from what was stored before.
    async fn reread(&self, key: &ApplicationKey) {
        self.state.borrow_mut().unsure.insert(key.clone());
        let object_key = bridgehead_api::ObjectKey::new(
            store::application_kind().group_kind,
            key.namespace.as_str(),
            key.name.clone(),
        );
        let call = Call::Read { kind: store::application_kind(), key: object_key };
        let answer = self.world.control_cluster().call(call).await;
        let mut state = self.state.borrow_mut();
        match answer {
            Ok(Reply::Object(object)) => {
                let _ = state.registry.put_application(object.value());
            }
            Ok(Reply::Gone) => {
                state.registry.remove_application(key);
            }
            Err(error) if error.kind == world::CallErrorKind::NotFound => {
                state.registry.remove_application(key);
            }
            Err(_) => return,
        }
        state.unsure.remove(key);
    }

    /// True while it is not known what is stored of an Application.
    fn is_unsure(&self, key: &ApplicationKey) -> bool {
        self.state.borrow().unsure.contains(key)
    }

    /// The destination with this id; opened the first time.
    fn cluster(
        &self,
        id: &ClusterId,
        secret: &Arc<ClusterSecret>,
    ) -> Result<Rc<ClusterHandle<W::Cluster>>, Problem> {
        if let Some(handle) = self.state.borrow().clusters.get(id) {
            if let Some(trouble) = &*handle.trouble.borrow()
                && handle.cluster.kinds().is_none()
            {
                return Err(Problem::passing(
                    ConditionType::ComparisonError,
                    format!("failed to reach cluster {id}: {trouble}"),
                    self.in_seconds(10),
                ));
            }
            return Ok(handle.clone());
        }
        let target = ClusterTarget { id: id.clone(), cluster: secret.clone() };
        let opened = self.world.connect(&target).map_err(|message| {
            Problem::passing(
                ConditionType::ComparisonError,
                format!("failed to connect to cluster {id}: {message}"),
                self.in_seconds(30),
            )
        })?;
        let handle = Rc::new(ClusterHandle::new(opened, self.world.random()));
        // New kinds come and go with their definitions.
        handle.watch(&definitions());
        let mut state = self.state.borrow_mut();
        state.clusters.insert(id.clone(), handle.clone());
        Ok(handle)
    }

    /// What may differ, by the application and by `argocd-cm`.
    fn diff_rules(&self, scope: &Scope<W::Cluster>) -> (DiffRules, Vec<EngineProblem>) {
        let state = self.state.borrow();
        let empty = BTreeMap::new();
        DiffRules::of(&scope.spec, state.registry.config_map("argocd-cm").unwrap_or(&empty))
    }

    /// How a repository is reached, with what the settings know of certificates and host keys.
    fn access(&self, key: &RepositoryKey) -> Arc<RepoAccess> {
        let state = self.state.borrow();
        let repository = state.registry.repository(&key.url, &key.project);
        let empty = BTreeMap::new();
        let read = |name: &str| state.registry.config_map(name).unwrap_or(&empty);
        let certificates = TlsCertificates::read(read("argocd-tls-certs-cm")).0;
        let known_hosts = KnownHosts::read(read("argocd-ssh-known-hosts-cm")).0;
        let mut access = RepoAccess::new(&repository, &certificates, Arc::new(known_hosts));
        let named: BTreeSet<&String> =
            state.users.get(key).into_iter().flat_map(BTreeMap::values).flatten().collect();
        access.additional_refs = named.into_iter().cloned().collect();
        Arc::new(access)
    }

    /// Has a repository asked for a ref, unless it was the last time. True if that is to be waited for.
    fn ask_for(&self, key: &RepositoryKey, name: &str) -> bool {
        let mut state = self.state.borrow_mut();
        let is_to_come = !state.polls.asked_for(key, name);
        if is_to_come {
            state.queue.add(Work::Repository(key.clone()), self.world.now(), Priority::Request);
        }
        is_to_come
    }

    /// The refs of a repository as of `since`; asks for the repository's turn where there are none.
    fn refs(&self, key: &RepositoryKey, since: Option<Timestamp>) -> Refs {
        let mut state = self.state.borrow_mut();
        let refs = state.polls.refs(key, since);
        if matches!(refs, Refs::NotYet) {
            state.queue.add(Work::Repository(key.clone()), self.world.now(), Priority::Request);
        }
        refs
    }

    fn status_of(
        &self,
        scope: &Scope<W::Cluster>,
        target: &Target,
        comparison: &Comparison,
        before: &ApplicationStatus,
        extra: Vec<(ConditionType, String)>,
    ) -> ApplicationStatus {
        if let Some(problem) = &target.problem {
            return store::with_problem(self, &scope.entry, before, problem, extra);
        }
        let mut conditions = target.conditions.clone();
        conditions.extend(permissions::conditions_of(&comparison.problems));
        conditions.extend(extra);
        let observation = Observation {
            spec: &scope.spec,
            revisions: &target.revisions,
            verdict: Verdict::Compared(comparison),
            conditions,
            source_types: target.source_types.clone(),
            controller_namespace: self.settings.namespace.as_str(),
        };
        observe(before, observation, self.world.now())
    }

    /// Puts into the queue what a change asks for.
    fn demand(&self, demand: Demand) {
        let now = self.world.now();
        let mut state = self.state.borrow_mut();
        match demand {
            Demand::Nothing => {}
            Demand::Application(key) => {
                let refresh = state.registry.application(&key).and_then(|entry| {
                    entry
                        .application
                        .metadata
                        .annotation(bridgehead_api::annotations::REFRESH)
                        .map(str::to_owned)
                });
                let priority = if refresh.is_some() { Priority::Request } else { Priority::Change };
                match refresh {
                    Some(value) if state.refreshes.get(&key).is_none_or(|(known, _)| *known != value) => {
                        state.refreshes.insert(key.clone(), (value, now));
                    }
                    Some(_) => {}
                    None => {
                        state.refreshes.remove(&key);
                    }
                }
                state.queue.add(Work::Application(key), now, priority);
            }
            Demand::Foreign(key, writer) => {
                let reason = format!(
                    "another engine (`{writer}`) writes the status of application {key}: stop it, or stop this agent"
                );
                tracing::error!(application = %key, writer, "another engine is at work; nothing is written");
                *self.rival.borrow_mut() = Some((reason, self.in_seconds(RIVAL_SECONDS)));
            }
            Demand::Gone(key) => {
                state.refreshes.remove(&key);
                state.forget_objects_of(&key);
                state.placed.remove(&key);
                state.tries.remove(&key);
                state.unsure.remove(&key);
                state.users.retain(|_, users| {
                    users.remove(&key);
                    !users.is_empty()
                });
                let State { users, polls, .. } = &mut *state;
                polls.retain(|key| users.contains_key(key));
                state.queue.forget(&Work::Application(key));
            }
            Demand::Project(name) => state.add_where(now, |entry| project_of(entry) == name),
            Demand::Cluster(id) => {
                // What was opened with another Secret is opened anew by the next pass that needs it.
                state.clusters.remove(&id);
                state.add_where(now, |_| true);
            }
            Demand::Repositories => {
                let repositories: Vec<RepositoryKey> = state.users.keys().cloned().collect();
                for key in repositories {
                    state.queue.add(Work::Repository(key), now, Priority::Change);
                }
            }
            Demand::Everything => state.add_where(now, |_| true),
        }
    }
}

fn project_of(entry: &Entry) -> &str {
    let project = entry.application.spec.project.as_str();
    if project.is_empty() { bridgehead_api::project::DEFAULT_PROJECT } else { project }
}

impl<W: World> State<W> {
    /// Nobody looks at an application's objects any more.
    fn forget_objects_of(&self, key: &ApplicationKey) {
        for handle in self.clusters.values() {
            handle.forget(key);
        }
    }

    fn add_where(&mut self, now: Timestamp, picks: impl Fn(&Entry) -> bool) {
        let keys: Vec<ApplicationKey> = self
            .registry
            .applications()
            .filter(|(_, entry)| picks(entry))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.queue.add(Work::Application(key), now, Priority::Change);
        }
    }
}

/// CustomResourceDefinitions: every cluster's are watched, for the kinds that they bring.
fn definitions() -> Resource {
    Resource::known("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false)
}

/// Resources of the control namespace that the agent watches from the start.
pub fn control_resource(kind: ControlKind) -> Resource {
    match kind {
        ControlKind::Application => {
            Resource::known(bridgehead_api::API_VERSION, "Application", "applications", true)
        }
        ControlKind::Project => {
            Resource::known(bridgehead_api::API_VERSION, "AppProject", "appprojects", true)
        }
        ControlKind::Secret => Resource::known("v1", "Secret", "secrets", true),
        ControlKind::ConfigMap => Resource::known("v1", "ConfigMap", "configmaps", true),
    }
}
