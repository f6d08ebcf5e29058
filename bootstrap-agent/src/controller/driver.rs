//! The loop: takes events in, hands keys out, and makes passes side by side on one thread.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;

use bridgehead_api::{ApplicationKey, GroupKind, GroupVersionKind};
use bridgehead_kubernetes::cache::{Applied, Change, Frame, FrameKind};
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, select_biased};
use jiff::{SignedDuration, Timestamp};

use super::clusters::ClusterHandle;
use super::pass::Stop;
use super::queue::Priority;
use super::reconcile::{Wake, reconcile};
use super::repositories::RepositoryKey;
use super::world::{Cluster as _, ClusterId, Event, WatchFailure, World};
use super::{Controller, State, Work};

/// Why the controller returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Shutdown,
}

/// How long changes of an application that is still progressing are gathered before the next pass: its
/// pods come up one after the other, and each would be a write of the status.
const GATHER: SignedDuration = SignedDuration::from_millis(100);

/// Events taken in before passes get their turn again.
const BATCH: usize = 256;

impl<W: World> Controller<W> {
    /// Runs until it is told to stop. Passes that are under way are dropped then, wherever they are: every
    /// one of them can be made again.
    pub async fn run(&self) -> Ended {
        let mut passes: FuturesUnordered<LocalBoxFuture<'_, Work>> = FuturesUnordered::new();
        loop {
            while self.is_synced() && self.slots.is_free() {
                let Some(work) = self.state.borrow_mut().queue.take(self.world.now()) else { break };
                self.slots.enter();
                passes.push(self.work(work).boxed_local());
            }
            let next_due = if self.slots.is_free() && self.is_synced() {
                self.state.borrow().queue.next_due()
            } else {
                None
            };
            let timer = async {
                match next_due {
                    Some(at) => self.world.sleep_until(at).await,
                    None => futures::future::pending().await,
                }
            };
            let mut event = std::pin::pin!(self.world.next_event().fuse());
            let mut timer = std::pin::pin!(self.nudge.or(timer).fuse());
            select_biased! {
                event = event => {
                    if self.take_in(event) { return Ended::Shutdown; }
                    for _ in 0..BATCH {
                        let Some(event) = self.world.next_event().now_or_never() else { break };
                        if self.take_in(event) { return Ended::Shutdown; }
                    }
                }
                done = passes.select_next_some() => {
                    self.slots.leave();
                    self.state.borrow_mut().queue.done(&done);
                }
                () = timer => {}
            }
        }
    }

    async fn work(&self, work: Work) -> Work {
        match &work {
            Work::Application(key) => self.pass(key).await,
            Work::Repository(key) => self.poll(key).await,
            Work::Kinds(cluster) => self.read_kinds(cluster).await,
            Work::Watches(cluster) => self.tell_watches(cluster),
        }
        work
    }

    /// Waits for Git without a slot: a server that stalls holds up nobody but who waits for it. How much is asked
    /// of Git at once is for the world to bound.
    pub(super) async fn aside<T>(&self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = std::pin::pin!(waiting);
        // What is known already costs nobody his slot.
        if let Poll::Ready(outcome) = futures::poll!(waiting.as_mut()) {
            return outcome;
        }
        if !self.slots.step_aside() {
            return waiting.await;
        }
        self.nudge.give();
        let outcome = waiting.await;
        self.slots.step_back().await;
        outcome
    }

    async fn pass(&self, key: &ApplicationKey) {
        self.counters.passes.set(self.counters.passes.get() + 1);
        let result: Result<Wake, Stop> = reconcile(self, key).await;
        let mut state = self.state.borrow_mut();
        if state.registry.application(key).is_none() {
            // It went while the pass looked at its objects.
            state.forget_objects_of(key);
        }
        let tries = match &result {
            Err(Stop::Again) => {
                let tries = state.tries.entry(key.clone()).or_default();
                *tries = tries.saturating_add(1);
                *tries
            }
            _ => state.tries.remove(key).unwrap_or_default(),
        };
        match result {
            Ok(Some(at)) | Err(Stop::Later(at)) => {
                state.queue.add(Work::Application(key.clone()), at, Priority::Background);
            }
            Ok(None) => {}
            Err(Stop::Wait) => {
                if let Some(cluster) = state.placed.get(key).cloned() {
                    state.waiting.entry(cluster).or_default().insert(key.clone());
                }
            }
            Err(Stop::Again) => {
                self.counters.again.set(self.counters.again.get() + 1);
                let due = self.world.now().saturating_add(pause_after(tries)).unwrap_or(Timestamp::MAX);
                state.queue.add(Work::Application(key.clone()), due, Priority::Operation);
            }
            Err(Stop::Problem(problem)) => {
                tracing::error!(application = %key, problem = %problem.message, "a pass ended without a status");
                let at = problem.retry_at.unwrap_or_else(|| self.in_seconds(60));
                state.queue.add(Work::Application(key.clone()), at, Priority::Background);
            }
        }
    }

    /// The repository's turn: one advertisement, and a pass for every application that looks at it if
    /// anything there is new.
    async fn poll(&self, key: &RepositoryKey) {
        let asked = self.world.now();
        if !self.state.borrow().users.contains_key(key) {
            return;
        }
        self.counters.advertisements.set(self.counters.advertisements.get() + 1);
        let access = self.access(key);
        let answer = self.aside(self.world.advertise(&access)).await;
        let random = self.world.random();
        let (interval, jitter) = self.poll_times();
        let mut state = self.state.borrow_mut();
        if !state.users.contains_key(key) {
            return;
        }
        let is_new = state.polls.answered(key, asked, &access.additional_refs, answer);
        let next = state.polls.next(key, interval, jitter, random);
        state.queue.add(Work::Repository(key.clone()), next, Priority::Background);
        let users: Vec<ApplicationKey> =
            state.users.get(key).into_iter().flat_map(BTreeMap::keys).cloned().collect();
        for user in users {
            // Who asked goes first; at a new commit all the others have to look, too.
            if state.refreshes.contains_key(&user) {
                state.queue.add(Work::Application(user), asked, Priority::Request);
            } else if is_new {
                state.queue.add(Work::Application(user), asked, Priority::Change);
            }
        }
    }

    /// Reads again what a cluster serves; applications there look again if it serves something else now.
    async fn read_kinds(&self, id: &ClusterId) {
        let Some(handle) = self.state.borrow().clusters.get(id).cloned() else { return };
        if let Err(error) = handle.cluster.refresh_kinds().await {
            tracing::warn!(cluster = %id, %error, "failed to read what the cluster serves");
            self.state.borrow_mut().queue.add(
                Work::Kinds(id.clone()),
                self.in_seconds(10),
                Priority::Background,
            );
            return;
        }
        self.follow_served(id, &handle);
        if handle.serves_something_else() {
            self.look_at_all_of(id);
        } else {
            handle.missing.borrow_mut().looked();
        }
        self.look_for_missing(id, &handle);
    }

    /// Has what the cluster serves read again in time, if an application there needs what is not served.
    pub(super) fn look_for_missing(&self, id: &ClusterId, handle: &ClusterHandle<W::Cluster>) {
        let Some(wait) = handle.missing.borrow().look_after() else { return };
        let due = self.world.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
        self.state.borrow_mut().queue.add(Work::Kinds(id.clone()), due, Priority::Background);
    }

    /// Time between polls and its jitter: `argocd-cm` decides where it says something.
    fn poll_times(&self) -> (SignedDuration, SignedDuration) {
        let state = self.state.borrow();
        let read = |key: &str, otherwise: SignedDuration| {
            let text = state.registry.setting("argocd-cm", key);
            text.and_then(|text| bridgehead_api::duration::parse_seconds_or_duration(text).ok())
                .unwrap_or(otherwise)
        };
        let interval = read("timeout.reconciliation", self.settings.poll_interval);
        let jitter = read("timeout.reconciliation.jitter", self.settings.poll_jitter);
        (interval.max(SignedDuration::from_secs(1)), jitter)
    }

    /// Notes that an application looks at these repositories, and at no others, and which refs beside branches and
    /// tags it names there. Nobody follows a repository without a user any more, so that what it said is
    /// forgotten, and its next user has it asked anew.
    pub(super) fn uses(
        &self,
        application: &ApplicationKey,
        repositories: BTreeMap<RepositoryKey, BTreeSet<String>>,
    ) {
        let mut state = self.state.borrow_mut();
        let State { users, polls, .. } = &mut *state;
        users.retain(|key, users| {
            if !repositories.contains_key(key) {
                users.remove(application);
            }
            !users.is_empty()
        });
        for (key, refs) in repositories {
            users.entry(key).or_default().insert(application.clone(), refs);
        }
        polls.retain(|key| users.contains_key(key));
    }

    /// Notes where an application goes.
    pub(super) fn places(&self, application: &ApplicationKey, cluster: &ClusterId) {
        let mut state = self.state.borrow_mut();
        let before = state.placed.insert(application.clone(), cluster.clone());
        if let Some(before) = before.filter(|before| before != cluster)
            && let Some(handle) = state.clusters.get(&before)
        {
            handle.forget(application);
        }
    }

    /// Takes an event in. True if the controller is to end.
    fn take_in(&self, event: Event) -> bool {
        match event {
            Event::Shutdown => return true,
            Event::Control { kind, frame } => self.take_control(kind, &frame),
            Event::ControlFailed { kind, message } => self.control_failed(kind, message),
            Event::ControlResumed { kind } => self.control_resumed(kind),
            Event::Frame { cluster, kind, frame } => {
                let Some(handle) = self.state.borrow().clusters.get(&cluster).cloned() else { return false };
                if !handle.watches(&kind) {
                    return false;
                }
                let kind = kind.group_kind;
                if is_definition(&kind) && handle.cache.borrow().is_synced(&kind) && changes(&frame) {
                    let now = self.world.now();
                    self.state.borrow_mut().queue.add(Work::Kinds(cluster.clone()), now, Priority::Change);
                }
                self.watch_resumed(&cluster, &kind);
                match handle.apply_frame(&kind, &frame) {
                    Ok(Applied::Changed(change)) => self.changed(&cluster, &change),
                    Ok(Applied::Listed(changes)) => {
                        for change in &changes {
                            self.changed(&cluster, change);
                        }
                        self.wake_waiting(&cluster);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%cluster, kind = %kind, %error, "failed to read a watch event");
                    }
                }
            }
            Event::Kinds { cluster, trouble } => {
                let handle = self.state.borrow().clusters.get(&cluster).cloned();
                if let Some(handle) = handle {
                    *handle.trouble.borrow_mut() = trouble;
                    // Who waits for the first answer is woken below.
                    handle.serves_something_else();
                    self.follow_served(&cluster, &handle);
                }
                self.wake_waiting(&cluster);
            }
            Event::WatchFailed { cluster, kind, message, reason } => {
                self.watch_failed(&cluster, &kind, &message, reason);
            }
            Event::WatchResumed { cluster, kind } => {
                let handle = self.state.borrow().clusters.get(&cluster).cloned();
                if handle.is_some_and(|handle| handle.watches(&kind)) {
                    self.watch_resumed(&cluster, &kind.group_kind);
                }
            }
            Event::Pushed { repository } => {
                let now = self.world.now();
                let mut state = self.state.borrow_mut();
                let keys: Vec<RepositoryKey> = state
                    .users
                    .keys()
                    .filter(|key| bridgehead_api::secret::same_git_url(&key.url, &repository))
                    .cloned()
                    .collect();
                for key in keys {
                    state.queue.add(Work::Repository(key), now, Priority::Request);
                }
            }
        }
        false
    }

    /// A watch does not go on: at once told to who cannot do without it, and to all if it lasts.
    pub(super) fn watch_failed(
        &self,
        id: &ClusterId,
        kind: &GroupVersionKind,
        message: &str,
        reason: WatchFailure,
    ) {
        let now = self.world.now();
        let handle = self.state.borrow().clusters.get(id).cloned();
        let Some(handle) = handle.filter(|handle| handle.watches(kind)) else { return };
        if reason == WatchFailure::NotServed {
            // It may be served in another version, or not at all any more. Nothing else may announce that.
            self.state.borrow_mut().queue.add(Work::Kinds(id.clone()), now, Priority::Change);
        }
        if handle.watch_failed(&kind.group_kind, message.to_owned(), reason, now) {
            tracing::warn!(cluster = %id, kind = %kind.group_kind, error = message, "a watch failed and is tried again");
            let due = handle.watch_troubles_count_from().into_iter().min().unwrap_or(now);
            self.state.borrow_mut().queue.add(Work::Watches(id.clone()), due, Priority::Change);
        }
    }

    /// Watches go on in the versions that are served now; whose objects went with their kind look again.
    fn follow_served(&self, id: &ClusterId, handle: &ClusterHandle<W::Cluster>) {
        for change in handle.follow_served() {
            self.changed(id, &change);
        }
    }

    fn watch_resumed(&self, id: &ClusterId, kind: &GroupKind) {
        let Some(handle) = self.state.borrow().clusters.get(id).cloned() else { return };
        let Some(trouble) = handle.watch_resumed(kind) else { return };
        if trouble.counts(self.world.now()) {
            self.look_at_all_of(id);
        }
    }

    /// Applications of a cluster whose watches do not go on look again, and say so.
    pub(super) fn tell_watches(&self, id: &ClusterId) {
        let now = self.world.now();
        let Some(handle) = self.state.borrow().clusters.get(id).cloned() else { return };
        let troubles = handle.watch_troubles_count_from();
        if troubles.iter().any(|from| *from <= now) {
            self.look_at_all_of(id);
        }
        // One that began later counts later.
        if let Some(due) = troubles.into_iter().filter(|from| *from > now).min() {
            self.state.borrow_mut().queue.add(Work::Watches(id.clone()), due, Priority::Change);
        }
    }

    fn look_at_all_of(&self, id: &ClusterId) {
        let now = self.world.now();
        let mut state = self.state.borrow_mut();
        state.waiting.remove(id);
        let placed: Vec<ApplicationKey> =
            state.placed.iter().filter(|(_, place)| *place == id).map(|(key, _)| key.clone()).collect();
        for key in placed {
            state.queue.add(Work::Application(key), now, Priority::Change);
        }
    }

    fn wake_waiting(&self, cluster: &ClusterId) {
        let now = self.world.now();
        let mut state = self.state.borrow_mut();
        for key in state.waiting.remove(cluster).into_iter().flatten() {
            state.queue.add(Work::Application(key), now, Priority::Change);
        }
    }

    /// A live object changed: the applications that it belongs or belonged to, or that want it, look again.
    pub(super) fn changed(&self, cluster: &ClusterId, change: &Change) {
        if !change.matters() {
            return;
        }
        let instances = [&change.tracked_by_before, &change.tracked_by_after];
        let now = self.world.now();
        let mut state = self.state.borrow_mut();
        let mut keys: BTreeSet<ApplicationKey> =
            instances.into_iter().flatten().map(|instance| self.application_of(instance)).collect();
        if change.wanted && change.tracked_by_after.is_none() {
            keys.extend(wanters(&state, cluster, change));
        }
        for key in keys {
            let Some(entry) = state.registry.application(&key) else { continue };
            let due = if gathers(&entry.application.status) {
                now.saturating_add(GATHER).unwrap_or(now)
            } else {
                now
            };
            state.queue.add(Work::Application(key), due, Priority::Change);
        }
    }

    /// The application that a tracking id's first part names.
    fn application_of(&self, instance: &str) -> ApplicationKey {
        ApplicationKey::of_instance(instance, &self.settings.namespace)
    }
}

/// The pause after so many passes in a row that had to be made again. Somebody else's write is met once or
/// twice; an API server that refuses or does not answer is not asked without end.
fn pause_after(tries: u32) -> SignedDuration {
    match tries.checked_sub(3) {
        None => SignedDuration::ZERO,
        Some(more) => SignedDuration::from_millis(200 << more.min(8)).min(SignedDuration::from_secs(30)),
    }
}

/// Applications of the cluster that want the object. Rare, so no index is kept for it: an object that an
/// application wants and that carries nobody's mark, or not any more.
fn wanters<W: World>(state: &State<W>, cluster: &ClusterId, change: &Change) -> Vec<ApplicationKey> {
    let Some(handle) = state.clusters.get(cluster) else { return Vec::new() };
    handle.wanted_by(&change.key)
}

fn is_definition(kind: &bridgehead_api::GroupKind) -> bool {
    *kind == super::definitions().gvk.group_kind
}

fn changes(frame: &Frame) -> bool {
    matches!(frame.kind(), FrameKind::Present | FrameKind::Deleted)
}

/// True while an application is synced and comes up: its changes come in bursts.
fn gathers(status: &bridgehead_api::application::ApplicationStatus) -> bool {
    use bridgehead_api::application::{HealthStatusCode, SyncStatusCode};
    status.sync.status == Some(SyncStatusCode::Synced)
        && status.health.status == Some(HealthStatusCode::Progressing)
}
