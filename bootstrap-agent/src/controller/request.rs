//! What an operation is asked for: its sources and revisions, and its end where it cannot go on.

use std::rc::Rc;

use bridgehead_api::application::{
    Application, ApplicationSource, Operation, OperationPhase, OperationState,
};
use bridgehead_api::{Time, annotations};
use bridgehead_engine::status::{Consumed, OperationField};
use bridgehead_engine::sync::Attempt;
use jiff::Timestamp;

use super::Controller;
use super::operation::{Operated, StatusOf};
use super::pass::{Problem, Scope, Stop};
use super::reconcile::Wake;
use super::registry::Entry;
use super::store;
use super::target::{self, Target};
use super::world::World;

/// The state of an operation that begins now.
pub(super) fn begin(
    mut operation: Operation,
    policy_options: &[String],
    last: Option<&OperationState>,
    now: Timestamp,
) -> OperationState {
    let sync = operation.sync.get_or_insert_default();
    if sync.sync_options.is_empty() {
        sync.sync_options = policy_options.to_vec();
    }
    let started = Attempt::start_after(last.map(|last| last.started_at.timestamp()), now);
    OperationState {
        operation,
        phase: OperationPhase::Running,
        started_at: Time::new(started),
        ..OperationState::default()
    }
}

/// Which try of which operation a state tells of.
pub(super) fn attempt_of(application: &Application, state: &OperationState) -> Attempt {
    Attempt {
        application: application.metadata.uid.clone(),
        started_at: state.started_at.timestamp(),
        retry: state.retry_count,
    }
}

/// The target of the operation, where it is not the specification's.
pub(super) async fn pinned_target<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    of_spec: &Target,
    state: &OperationState,
) -> Result<Option<Target>, Stop> {
    let (sources, revisions) = named(scope, state);
    let is_spec = sources == of_spec.sources && (revisions.is_empty() || revisions == of_spec.revisions);
    if is_spec {
        return Ok(None);
    }
    target::of_sources(controller, scope, &sources, &revisions, None).await.map(Some)
}

/// The sources that an operation is about, and the revisions that it has begun with or asks for.
fn named<C>(scope: &Scope<C>, state: &OperationState) -> (Vec<ApplicationSource>, Vec<String>) {
    let sync = state.operation.sync.clone().unwrap_or_default();
    let result = state.sync_result.clone().unwrap_or_default();
    let sources = if !sync.sources.is_empty() {
        sync.sources.clone()
    } else if let Some(source) = &sync.source {
        vec![source.clone()]
    } else {
        scope.sources.clone()
    };
    let revisions = if !result.revisions.is_empty() {
        result.revisions
    } else if !result.revision.is_empty() {
        vec![result.revision]
    } else {
        sync.requested_revisions().to_vec()
    };
    (sources, revisions)
}

/// The sources that the operation under way names itself.
pub(super) fn sources_under_way(application: &Application, now: Timestamp) -> Vec<ApplicationSource> {
    let sync = under_way(application, now).and_then(|state| state.operation.sync).unwrap_or_default();
    sync.sources.into_iter().chain(sync.source).collect()
}

/// The revisions that the operation under way was asked for.
pub(super) fn revisions_under_way(application: &Application, now: Timestamp) -> Vec<String> {
    let sync = under_way(application, now).and_then(|state| state.operation.sync).unwrap_or_default();
    sync.requested_revisions().iter().map(ToString::to_string).collect()
}

/// The operation that is under way or asked for, as it stands or would begin.
fn under_way(application: &Application, now: Timestamp) -> Option<OperationState> {
    let last = application.status.operation_state.as_ref();
    if let Some(running) = last.filter(|state| state.phase.is_running()) {
        return Some(running.clone());
    }
    let options = application.spec.sync_policy.clone().unwrap_or_default().sync_options;
    Some(begin(application.operation.clone()?, &options, last, now))
}

/// The target of the operation that is under way, where the specification's own cannot be rendered: somebody
/// goes back to a revision that can, or a sync that has begun is to end.
pub(super) async fn target_despite<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    problem: Problem,
) -> Result<Target, Stop> {
    let state = under_way(&scope.entry.application, controller.world.now());
    let Some(state) = state.filter(|_| !controller.settings.observe) else { return Err(problem.into()) };
    let (sources, revisions) = named(scope, &state);
    if revisions.is_empty() {
        return Err(problem.into());
    }
    match target::of_sources(controller, scope, &sources, &revisions, None).await {
        Ok(target) => Ok(Target { problem: Some(problem), ..target }),
        // The specification's problem is the one to tell.
        Err(Stop::Problem(_)) => Err(problem.into()),
        Err(stop) => Err(stop),
    }
}

/// Stores why an application cannot be compared. An operation that is under way ends with that, unless it may
/// pass: whoever asked for it is told.
pub(super) async fn refuse<W: World>(
    controller: &Controller<W>,
    entry: &Rc<Entry>,
    problem: Problem,
) -> Result<Wake, Stop> {
    let application = &entry.application;
    let now = controller.world.now();
    let state = under_way(application, now).filter(|_| !problem.may_pass);
    let Some(state) = state else { return store::problem(controller, entry, problem).await };
    let mut status = store::with_problem(controller, entry, &application.status, &problem, Vec::new());
    status.operation_state = Some(ended_with(state, &problem.message, now));
    let consumed = Consumed {
        operation: removed(application),
        refresh: application.metadata.annotation(annotations::REFRESH).map(str::to_owned),
    };
    store::status(controller, entry, status, consumed).await?;
    Ok(problem.retry_at)
}

/// The end of an operation that cannot go on.
fn ended_with(state: OperationState, message: &str, now: Timestamp) -> OperationState {
    let (phase, message) = match state.phase {
        OperationPhase::Terminating => (OperationPhase::Failed, format!("Operation terminated: {message}")),
        _ => (OperationPhase::Error, message.to_owned()),
    };
    OperationState { phase, message, finished_at: Some(Time::new(now)), ..state }
}

/// Takes the request away, where there is one.
fn removed(application: &Application) -> OperationField {
    if application.operation.is_some() { OperationField::Remove } else { OperationField::Keep }
}

/// Ends an operation whose revision cannot be rendered, and will not be by waiting.
pub(super) async fn give_up<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    of_spec: &Target,
    state: OperationState,
    status_of: &StatusOf<'_>,
    message: &str,
) -> Result<Operated, Stop> {
    let mut status = status_of(&scope.entry.application.status, Vec::new());
    status.operation_state = Some(ended_with(state, message, controller.world.now()));
    let consumed =
        Consumed { operation: removed(&scope.entry.application), refresh: of_spec.consumed.refresh.clone() };
    store::status(controller, &scope.entry, status, consumed).await?;
    Ok(Operated::Stored { wake: Some(controller.in_seconds(30)) })
}
