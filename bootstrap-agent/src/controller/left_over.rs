//! Hooks of operations that are over and that our finalizer still holds.
//!
//! An operation takes the finalizer off its hooks itself. This is for what it could not: the API server did not
//! let it or did not answer, or the operation was given up.

use bridgehead_engine::compare::Comparison;
use bridgehead_engine::manifest::{Disposition, disposition};
use bridgehead_engine::sync;

use super::Controller;
use super::pass::Scope;
use super::reconcile::Wake;
use super::target::Target;
use super::world::World;
use super::{execute, request};

/// Until the next try, where the API server refuses.
const AGAIN_SECONDS: i64 = 60;

/// Lets go of them. Returns when to try again, if something is left.
pub(super) async fn release<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
    comparison: &Comparison,
) -> Wake {
    let may_have_hooks =
        !target.hooks.is_empty() || comparison.resources.iter().any(|resource| resource.hook);
    if !may_have_hooks || controller.settings.observe || controller.may_write().is_err() {
        return None;
    }
    // As it is now: the pass may have ended an operation, or begun one.
    let entry = controller.application(&scope.key)?;
    let running = entry.application.status.operation_state.as_ref();
    let running = running.filter(|state| state.phase.is_running() && !state.awaits_retry());
    let attempt = running.map(|state| request::attempt_of(&entry.application, state));
    let hooks: Vec<_> = scope
        .cluster
        .of_application(&scope.instance)
        .into_iter()
        .filter(|live| disposition(&live.manifest) == Disposition::Hook)
        .collect();
    let effects = sync::release_left_over(&hooks, attempt.as_ref());
    if effects.is_empty() {
        return None;
    }
    let outcomes = execute::execute(&controller.world, &scope.cluster, effects).await;
    outcomes.iter().any(|outcome| outcome.result.is_err()).then(|| controller.in_seconds(AGAIN_SECONDS))
}
