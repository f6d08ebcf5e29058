//! Operations: begun by a request or by the policy, carried out by the machine, ended in the status.
//!
//! ```text
//! .operation or auto-sync ─► begin ─► [plan ─► advance ─► store ─► execute]… ─► end, or wait for an event
//! ```
//! `status.operationState` is all that is kept. A pass goes on from it, whoever wrote it.

use std::cell::RefCell;
use std::rc::Rc;

use bridgehead_api::Time;
use bridgehead_api::application::{
    ApplicationStatus, ConditionType, Operation, OperationPhase, OperationState, SyncOperationResult,
    SyncOptions, SyncStatusCode, SyncStrategy, next_retry_at,
};
use bridgehead_api::{ObjectKey, annotations};
use bridgehead_engine::compare::{Comparison, ResourceComparison};
use bridgehead_engine::diff::DiffRules;
use bridgehead_engine::manifest::{Desired, Manifest, Origin};
use bridgehead_engine::project::WindowVerdict;
use bridgehead_engine::status::{Consumed, OperationField, record_of, state_with, with_deployment};
use bridgehead_engine::sync::{
    self, AutoInput, AutoSync, Outcome, Persist, PlanInput, PlanSettings, Record, Target as PlanTarget,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Controller;
use super::clusters::Known;
use super::pass::{Scope, Stop};
use super::reconcile::Wake;
use super::registry::Entry;
use super::request::{attempt_of, begin, give_up, pinned_target};
use super::target::Target;
use super::world::{Announcement, World};
use super::{execute, live, permissions, store};

/// What became of the operation in this pass.
pub(super) enum Operated {
    /// There was none. Conditions that say why not, and when to think of it again.
    Nothing { conditions: Vec<(ConditionType, String)>, wake: Wake },
    /// It went on, and the status was stored with it.
    Stored { wake: Wake },
}

/// Makes the status of a comparison, with further conditions.
pub(super) type StatusOf<'a> =
    dyn Fn(&ApplicationStatus, Vec<(ConditionType, String)>) -> ApplicationStatus + 'a;

/// Rounds of one pass in which nothing but staleness was met, before the pass gives way to others.
const STALE_ROUNDS: u32 = 5;

/// Goes on with the running operation, begins the requested one, or the one that the policy asks for.
pub(super) async fn go_on<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
    comparison: &Comparison,
    status_of: &StatusOf<'_>,
) -> Result<Operated, Stop> {
    if controller.settings.observe {
        return Ok(Operated::Nothing { conditions: Vec::new(), wake: None });
    }
    let application = &scope.entry.application;
    let now = controller.world.now();
    let last = application.status.operation_state.as_ref();
    let running = last.filter(|state| state.phase.is_running());
    match (&application.operation, running) {
        (_, Some(state)) if state.phase == OperationPhase::Terminating => {
            // Also between two tries: what is left of the last one is cleaned up, and there is no next.
            let ending = OperationState { finished_at: None, ..state.clone() };
            run(controller, scope, target, ending, status_of, target.consumed.clone()).await
        }
        (Some(_), Some(state)) if state.awaits_retry() => {
            retry(controller, scope, target, state.clone(), status_of).await
        }
        (Some(_), Some(state)) => {
            run(controller, scope, target, state.clone(), status_of, target.consumed.clone()).await
        }
        (None, Some(state)) => {
            // The request was taken away under the operation: that ends it, hooks and all.
            let withdrawn =
                OperationState { phase: OperationPhase::Terminating, finished_at: None, ..state.clone() };
            run(controller, scope, target, withdrawn, status_of, target.consumed.clone()).await
        }
        (Some(requested), None) => {
            let state = begin(
                requested.clone(),
                &application.spec.sync_policy.clone().unwrap_or_default().sync_options,
                last,
                now,
            );
            run(controller, scope, target, state, status_of, target.consumed.clone()).await
        }
        (None, None) => automated(controller, scope, target, comparison, status_of).await,
    }
}

async fn automated<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
    comparison: &Comparison,
    status_of: &StatusOf<'_>,
) -> Result<Operated, Stop> {
    let status = status_of(&scope.entry.application.status, Vec::new());
    let now = controller.world.now();
    match decide(controller, scope, target, comparison.sync, &status) {
        AutoSync::No => Ok(Operated::Nothing { conditions: Vec::new(), wake: None }),
        AutoSync::Refused(condition, message) => {
            Ok(Operated::Nothing { conditions: vec![(condition, message)], wake: None })
        }
        AutoSync::Later(at, condition) => {
            Ok(Operated::Nothing { conditions: condition.into_iter().collect(), wake: Some(at) })
        }
        AutoSync::Start(operation) => {
            if let WindowVerdict::Blocked { message, look_again } =
                permissions::window(scope, &operation, None, now)
            {
                tracing::debug!(application = %scope.key, message, "an automated sync waits for a window");
                return Ok(Operated::Nothing { conditions: Vec::new(), wake: look_again });
            }
            let last = scope.entry.application.status.operation_state.as_ref();
            let state = begin((*operation).clone(), &[], last, now);
            let consumed = Consumed {
                operation: OperationField::Set(operation),
                refresh: target.consumed.refresh.clone(),
            };
            run(controller, scope, target, state, status_of, consumed).await
        }
    }
}

fn decide<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
    verdict: SyncStatusCode,
    status: &ApplicationStatus,
) -> AutoSync {
    if target.problem.is_some() {
        return AutoSync::No;
    }
    sync::decide(AutoInput {
        spec: &scope.spec,
        last: status.operation_state.as_ref(),
        sync: verdict,
        resources: &status.resources,
        revisions: &target.revisions,
        failed_pause: controller.settings.failed_sync_pause,
        now: controller.world.now(),
    })
}

/// A try has failed and another is due, or not yet.
async fn retry<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
    state: OperationState,
    status_of: &StatusOf<'_>,
) -> Result<Operated, Stop> {
    let finished = state.finished_at.unwrap_or(state.started_at);
    let due = match next_retry_at(&state.operation.retry, state.retry_count, finished) {
        Ok(due) => due,
        // The operation has the text from when it began: no change of the specification mends it.
        Err(problem) => {
            let message = format!("{problem}: {}", problem.source);
            return give_up(controller, scope, target, state, status_of, &message).await;
        }
    };
    if due > controller.world.now() {
        let status = status_of(&scope.entry.application.status, Vec::new());
        store::status(controller, &scope.entry, status, target.consumed.clone()).await?;
        return Ok(Operated::Stored { wake: Some(due) });
    }
    let record = record_of(&state).retry();
    let mut result = state.sync_result.clone().unwrap_or_default();
    if state.operation.retry.refresh {
        result.revision = String::new();
        result.revisions = Vec::new();
    }
    let next = state_with(&record, state.operation, result);
    run(controller, scope, target, next, status_of, target.consumed.clone()).await
}

/// Carries the operation on until it ends or has to wait.
async fn run<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    of_spec: &Target,
    state: OperationState,
    status_of: &StatusOf<'_>,
    consumed: Consumed,
) -> Result<Operated, Stop> {
    let now = controller.world.now();
    let begun = state.sync_result.is_some().then(|| state.started_at.timestamp());
    if state.phase == OperationPhase::Running
        && let WindowVerdict::Blocked { message, look_again } =
            permissions::window(scope, &state.operation, begun, now)
    {
        let mut status = status_of(&scope.entry.application.status, Vec::new());
        let message = format!("Sync operation blocked by sync window: {message}");
        status.operation_state = Some(OperationState { message, ..state });
        store::status(controller, &scope.entry, status, consumed).await?;
        return Ok(Operated::Stored { wake: look_again });
    }
    let pinned;
    let target = match pinned_target(controller, scope, of_spec, &state).await {
        Ok(None) => of_spec,
        Ok(Some(target)) => {
            live::observe(controller, scope, &target).await?;
            pinned = target;
            &pinned
        }
        Err(Stop::Problem(problem)) if !problem.may_pass => {
            return give_up(controller, scope, of_spec, state, status_of, &problem.message).await;
        }
        Err(stop) => return Err(stop),
    };
    let comparison = live::compare(controller, scope, target);
    let sync = state.operation.sync.clone().unwrap_or_default();
    let mut options = SyncOptions::parse(&sync.sync_options);
    options.force |= sync.sync_strategy.as_ref().is_some_and(SyncStrategy::is_forced);
    let attempt = attempt_of(&scope.entry.application, &state);
    let settings = PlanSettings {
        prune: sync.prune,
        dry_run: sync.dry_run,
        skip_hooks: !sync.resources.is_empty()
            || sync.sync_strategy.as_ref().is_some_and(|strategy| strategy.apply.is_some()),
        deletion_approved: scope
            .entry
            .application
            .metadata
            .annotation(annotations::DELETION_APPROVED)
            .and_then(|at| at.parse().ok()),
        options: options.clone(),
        health: scope.health,
    };
    let rules = options.respect_ignore_differences.then(|| controller.diff_rules(scope).0);
    let targets: Vec<PlanTarget> = comparison
        .resources
        .iter()
        .filter(|resource| !resource.hook)
        .filter(|resource| {
            let key = &resource.key;
            sync.resources.is_empty()
                || sync.resources.iter().any(|chosen| {
                    chosen.selects(&key.group_kind.group, &key.group_kind.kind, key.namespace(), &key.name)
                })
        })
        .map(|resource| PlanTarget {
            desired: wanted(resource, rules.as_ref()),
            live: resource.live.clone(),
            out_of_sync: resource.status == SyncStatusCode::OutOfSync,
        })
        .collect();
    let rejected = rejected(target, &comparison, &options);
    let namespace = if options.create_namespace { missing_namespace(controller, scope)? } else { None };
    let record = record_of(&state);
    let plan = sync::build(PlanInput {
        targets: &targets,
        hooks: &target.hooks,
        namespace: namespace.as_ref(),
        rejected: &rejected,
        settings: &settings,
        attempt: &attempt,
        revision: target.revisions.first().map_or("", String::as_str),
        record: Some(&record),
    });
    let is_list = !sync.sources.is_empty() || (sync.source.is_none() && !scope.spec.sources.is_empty());
    let result = result_at(target, is_list);
    let run = Run {
        controller,
        scope,
        of_spec,
        status_of,
        operation: state.operation.clone(),
        result,
        unanswered: RefCell::new(consumed),
        basis: RefCell::new(Basis::of(&scope.entry)),
    };
    run.until_it_waits(&plan, record).await
}

/// The revisions and sources of a sync, in the fields that a list of sources has, however short, or in those
/// of a single one.
fn result_at(target: &Target, is_list: bool) -> SyncOperationResult {
    if is_list {
        let (revisions, sources) = (target.revisions.clone(), target.sources.clone());
        return SyncOperationResult { revisions, sources, ..SyncOperationResult::default() };
    }
    SyncOperationResult {
        revision: target.revisions.first().cloned().unwrap_or_default(),
        source: target.sources.first().cloned().unwrap_or_default(),
        ..SyncOperationResult::default()
    }
}

/// What the object shall be: with `RespectIgnoreDifferences`, ignored fields stay as they are.
fn wanted(resource: &ResourceComparison, rules: Option<&DiffRules>) -> Option<Desired> {
    let desired = resource.desired.clone()?;
    match (rules, &resource.live) {
        (Some(rules), Some(live)) => Some(Desired { manifest: rules.respect(&desired, live), ..desired }),
        _ => Some(desired),
    }
}

/// Objects that may not be synced: by their project or their kind, and, where the policy says so, because
/// they belong to another application too.
fn rejected(target: &Target, comparison: &Comparison, options: &SyncOptions) -> Vec<(ObjectKey, String)> {
    let shared = comparison.problems.iter().filter(|problem| {
        options.fail_on_shared_resource && problem.condition == ConditionType::SharedResourceWarning
    });
    let shared = shared.filter_map(|problem| Some((problem.key.clone()?, problem.message.clone())));
    target.rejected.iter().cloned().chain(shared).collect()
}

struct Run<'a, W: World> {
    controller: &'a Controller<W>,
    scope: &'a Scope<W::Cluster>,
    of_spec: &'a Target,
    status_of: &'a StatusOf<'a>,
    operation: Operation,
    result: SyncOperationResult,
    /// What the first write of this pass answers, and no later one: an annotation that comes back after that
    /// is another request.
    unanswered: RefCell<Consumed>,
    /// What the record of this pass goes on from.
    basis: RefCell<Basis>,
}

/// The part of a stored Application that an operation's record follows from.
#[derive(PartialEq)]
struct Basis {
    operation: Value,
    state: Value,
}

impl Basis {
    fn of(entry: &Entry) -> Self {
        let application = &entry.application;
        Self::new(application.operation.as_ref(), application.status.operation_state.as_ref())
    }

    fn new(operation: Option<&Operation>, state: Option<&OperationState>) -> Self {
        Self { operation: json!(operation), state: json!(state) }
    }
}

impl<W: World> Run<'_, W> {
    /// The application as last read. If somebody changed the operation or its state since this pass began
    /// (a termination, another request, a write of ours whose answer was lost), the record no longer holds.
    fn entry(&self) -> Result<Rc<Entry>, Stop> {
        let entry = self.controller.application(&self.scope.key).ok_or(Stop::Again)?;
        let same = entry.application.metadata.uid == self.scope.entry.application.metadata.uid;
        if same && Basis::of(&entry) == *self.basis.borrow() { Ok(entry) } else { Err(Stop::Again) }
    }

    async fn until_it_waits(&self, plan: &sync::Plan, mut record: Record) -> Result<Operated, Stop> {
        let observed = |key: &ObjectKey| match self.scope.cluster.lookup(key) {
            Known::Live(live) => sync::Seen::Live(live),
            Known::Absent => sync::Seen::Absent,
            Known::Foreign | Known::Unknown => sync::Seen::Unknown,
        };
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut stale_rounds = 0;
        loop {
            let advance = sync::advance(plan, &record, &observed, &outcomes, self.controller.world.now());
            record = advance.record;
            if record.has_ended() {
                return self.end(record).await;
            }
            if advance.effects.is_empty() {
                self.store(&record).await?;
                // A kind that this very operation has defined is watched from here on.
                let kinds = plan.tasks().iter().map(|task| task.id.key.group_kind.clone());
                live::watch_kinds(self.controller, self.scope, kinds)?;
                return Ok(Operated::Stored { wake: None });
            }
            if advance.persist == Persist::Before {
                self.store(&record).await?;
            }
            self.controller.may_write()?;
            for effect in &advance.effects {
                self.scope.cluster.want(&self.scope.key, &effect.task().key);
            }
            outcomes = execute::execute(&self.controller.world, &self.scope.cluster, advance.effects).await;
            let only_stale = outcomes.iter().all(|outcome| outcome.result == Err(sync::Failure::Stale));
            stale_rounds = if only_stale { stale_rounds + 1 } else { 0 };
            if stale_rounds >= STALE_ROUNDS {
                // Somebody writes the same objects as fast as we do: let others have their turn.
                return Ok(Operated::Stored { wake: Some(self.controller.in_seconds(1)) });
            }
        }
    }

    /// Stores the record as it is, with the verdict of the comparison that began it.
    async fn store(&self, record: &Record) -> Result<(), Stop> {
        let entry = self.entry()?;
        let state = state_with(record, self.operation.clone(), self.result.clone());
        let begins = entry
            .application
            .status
            .operation_state
            .as_ref()
            .is_none_or(|known| known.started_at != state.started_at);
        let mut status = (self.status_of)(&entry.application.status, Vec::new());
        let operation = match &self.unanswered.borrow().operation {
            OperationField::Keep => entry.application.operation.clone(),
            OperationField::Remove => None,
            OperationField::Set(operation) => Some(Operation::clone(operation)),
        };
        let basis = Basis::new(operation.as_ref(), Some(&state));
        status.operation_state = Some(state);
        let consumed = self.unanswered.take();
        store::status(self.controller, &entry, status, consumed).await?;
        *self.basis.borrow_mut() = basis;
        if begins {
            let how = if self.operation.initiated_by.automated { "automated" } else { "requested" };
            self.announce(
                "OperationStarted",
                false,
                format!("Initiated {how} sync to '{}'", self.shown_revision()),
            );
        }
        Ok(())
    }

    /// Stores the end: what is live now, the record, the history, and no request any more.
    async fn end(&self, record: Record) -> Result<Operated, Stop> {
        let entry = self.entry()?;
        let mut record = record;
        let retry = &self.operation.retry;
        let goes_on = record.phase == OperationPhase::Failed
            && record.message != "Operation terminated"
            && (retry.limit < 0 || record.retry_count < retry.limit);
        if goes_on {
            record.phase = OperationPhase::Running;
            record.message = format!(
                "{} (retrying, attempt #{} of {})",
                record.message,
                record.retry_count + 1,
                retry.limit
            );
        }
        let state = state_with(&record, self.operation.clone(), self.result.clone());
        let fresh = live::compare(self.controller, self.scope, self.of_spec);
        let mut status = self.status_after(&entry.application.status, &fresh);
        if record.phase == OperationPhase::Succeeded {
            let deployed_at = record.finished_at.map_or(state.started_at, Time::new);
            status.history =
                with_deployment(&status.history, &state, deployed_at, self.scope.spec.revision_history_limit);
        }
        let wake = if goes_on {
            let finished = state.finished_at.unwrap_or(state.started_at);
            // A pause that cannot be read ends the operation in the next pass.
            next_retry_at(retry, record.retry_count, finished).ok().or(Some(self.controller.world.now()))
        } else {
            None
        };
        status.operation_state = Some(state);
        let mut consumed = self.unanswered.take();
        if !goes_on {
            consumed.operation = if matches!(consumed.operation, OperationField::Set(_)) {
                // Begun and ended before anything was stored.
                OperationField::Keep
            } else if entry.application.operation.is_some() {
                OperationField::Remove
            } else {
                OperationField::Keep
            };
        }
        let verdict = fresh.sync;
        let next = decide(self.controller, self.scope, self.of_spec, verdict, &status);
        let (conditions, next_wake) = match next {
            AutoSync::No => (Vec::new(), None),
            AutoSync::Start(_) => (Vec::new(), Some(self.controller.world.now())),
            AutoSync::Later(at, condition) => (condition.into_iter().collect(), Some(at)),
            AutoSync::Refused(condition, message) => (vec![(condition, message)], None),
        };
        if !goes_on && !conditions.is_empty() {
            status = self.with_conditions(&status, &fresh, conditions);
        }
        store::status(self.controller, &entry, status, consumed).await?;
        self.announce_end(&record);
        Ok(Operated::Stored { wake: wake.or(if goes_on { None } else { next_wake }) })
    }

    fn status_after(&self, before: &ApplicationStatus, fresh: &Comparison) -> ApplicationStatus {
        self.controller.status_of(self.scope, self.of_spec, fresh, before, Vec::new())
    }

    fn with_conditions(
        &self,
        status: &ApplicationStatus,
        fresh: &Comparison,
        conditions: Vec<(ConditionType, String)>,
    ) -> ApplicationStatus {
        self.controller.status_of(self.scope, self.of_spec, fresh, status, conditions)
    }

    fn shown_revision(&self) -> String {
        if self.result.revision.is_empty() {
            self.result.revisions.join(", ")
        } else {
            self.result.revision.clone()
        }
    }

    fn announce_end(&self, record: &Record) {
        match record.phase {
            OperationPhase::Succeeded => self.announce(
                "OperationCompleted",
                false,
                format!("Sync operation to {} succeeded", self.shown_revision()),
            ),
            _ => self.announce(
                "OperationCompleted",
                true,
                format!("Sync operation to {} failed: {}", self.shown_revision(), record.message),
            ),
        }
    }

    fn announce(&self, reason: &'static str, is_warning: bool, message: String) {
        self.controller.world.announce(Announcement {
            object: self.scope.key.clone(),
            uid: self.scope.entry.application.metadata.uid.clone(),
            reason,
            is_warning,
            message,
        });
    }
}

/// The destination's namespace as an object to create, where it is not there.
fn missing_namespace<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
) -> Result<Option<Desired>, Stop> {
    if scope.namespace.as_str().is_empty() {
        return Ok(None);
    }
    let kind = bridgehead_api::GroupKind::new("", "Namespace");
    live::watch_kinds(controller, scope, std::iter::once(kind.clone()))?;
    let key = ObjectKey::new(kind, "", scope.namespace.as_str());
    match scope.cluster.lookup(&key) {
        Known::Absent => {
            let manifest = Manifest::new(json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": scope.namespace},
            }));
            Ok(Some(Desired { key, manifest, origin: Origin::default() }))
        }
        _ => Ok(None),
    }
}

/// The pause before failed automated syncs are tried again, where no flag says otherwise.
pub const DEFAULT_FAILED_SYNC_PAUSE: SignedDuration = SignedDuration::from_secs(180);
