//! One pass over one application.
//!
//! ```text
//! scope ─► target (resolve, render) ─► live (observe) ─► comparison ─► operation (plan, execute) ─► status
//! ```
//! A pass reads the present state, whatever made it necessary, and goes as far as it can without waiting
//! for the cluster to change. What it waits for puts the application back into the queue.

use bridgehead_api::ApplicationKey;
use bridgehead_api::application::{ApplicationStatus, ConditionType};
use jiff::Timestamp;

use super::Controller;
use super::operation::{self, Operated};
use super::pass::{Scope, Stop};
use super::world::World;
use super::{finalize, left_over, live, request, scope, store, target};

/// When to look at the application again, where nothing announces that it is time.
pub(super) type Wake = Option<Timestamp>;

/// The pass.
pub(super) async fn reconcile<W: World>(
    controller: &Controller<W>,
    key: &ApplicationKey,
) -> Result<Wake, Stop> {
    if controller.is_unsure(key) {
        controller.reread(key).await;
        if controller.is_unsure(key) {
            return Err(Stop::Again);
        }
    }
    let Some(entry) = controller.application(key) else { return Ok(None) };
    if entry.application.metadata.annotation(bridgehead_api::annotations::SKIP_RECONCILE) == Some("true") {
        return Ok(None);
    }
    if entry.application.metadata.is_deleting() {
        return finalize::finalize(controller, entry).await;
    }
    let scope = match scope::resolve(controller, entry.clone()) {
        Ok(scope) => scope,
        Err(Stop::Problem(problem)) => return request::refuse(controller, &entry, problem).await,
        Err(stop) => return Err(stop),
    };
    match compared(controller, &scope).await {
        Err(Stop::Problem(problem)) => request::refuse(controller, &entry, problem).await,
        other => other,
    }
}

async fn compared<W: World>(controller: &Controller<W>, scope: &Scope<W::Cluster>) -> Result<Wake, Stop> {
    let target = match target::of_spec(controller, scope).await {
        Err(Stop::Problem(problem)) => request::target_despite(controller, scope, problem).await?,
        target => target?,
    };
    live::observe(controller, scope, &target).await?;
    let comparison = live::compare(controller, scope, &target);
    let status = |before: &ApplicationStatus, extra: Vec<(ConditionType, String)>| {
        controller.status_of(scope, &target, &comparison, before, extra)
    };
    let wake = match operation::go_on(controller, scope, &target, &comparison, &status).await? {
        // The operation wrote everything there is to say, and what it did has changed what is live.
        Operated::Stored { wake } => wake,
        Operated::Nothing { conditions, wake } => {
            let after = status(&scope.entry.application.status, conditions);
            store::status(controller, &scope.entry, after, target.consumed.clone()).await?;
            wake
        }
    };
    live::want_only(controller, scope, &target);
    let again = left_over::release(controller, scope, &target, &comparison).await;
    // An operation went on although the specification could not be rendered: that is still to be tried again.
    let problem = target.problem.as_ref().and_then(|problem| problem.retry_at);
    Ok(wake.into_iter().chain(again).chain(problem).min())
}
