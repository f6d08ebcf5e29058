//! Deletion of an application: its objects go first, wave by wave, if its finalizer asks for that.
//!
//! ```text
//! finalizer? ─► objects of the highest wave ─► gone? ─► next wave ─► … ─► finalizer off
//! ```
//! Kept: definitions, objects marked `Delete=false` or `helm.sh/resource-policy: keep`, what other objects own,
//! what the project does not permit, and everything that names another application. What still holds an object
//! is told in a condition.

use std::rc::Rc;

use bridgehead_api::application::{ConditionType, Confirmable, PropagationPolicy, SyncPhase};
use bridgehead_api::metadata::ObjectMeta;
use bridgehead_api::{ObjectKey, annotations};
use bridgehead_engine::compare::has_owner;
use bridgehead_engine::manifest::{Live, sync_wave};
use bridgehead_engine::sync::{DeleteEffect, DeleteReason, Effect, Failure, FinalizerEffect, TaskId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Controller;
use super::pass::{Problem, Scope, Stop};
use super::reconcile::Wake;
use super::registry::Entry;
use super::world::{Call, CallErrorKind, Cluster, Patch, Reply, World};
use super::{execute, live, permissions, scope, store, target};

/// One pass over an application that is being deleted.
pub(super) async fn finalize<W: World>(controller: &Controller<W>, entry: Rc<Entry>) -> Result<Wake, Stop> {
    let Some(held) = cascade(&entry) else { return Ok(None) };
    if controller.settings.observe {
        return Ok(None);
    }
    controller.may_write()?;
    let scope = match scope::resolve_for_deletion(controller, entry.clone()) {
        Ok(Some(scope)) => scope,
        // No such cluster is registered any more: there is nowhere to delete anything.
        Ok(None) => return release(controller, &entry, held.finalizer).await,
        Err(Stop::Problem(problem)) => return deletion_error(controller, &entry, problem).await,
        Err(stop) => return Err(stop),
    };
    match objects_go(controller, &scope, held.propagation).await {
        Ok(true) => release(controller, &entry, held.finalizer).await,
        Ok(false) => Ok(None),
        Err(Stop::Problem(problem)) => deletion_error(controller, &entry, problem).await,
        Err(stop) => Err(stop),
    }
}

/// True once nothing is left that goes with the application.
async fn objects_go<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    propagation: PropagationPolicy,
) -> Result<bool, Stop> {
    live::watch_kinds(controller, scope, std::iter::empty())?;
    let options = target::sync_options(scope);
    let approved = is_approved(&scope.entry.application.metadata);
    let mut left: Vec<Live> = Vec::new();
    let mut unconfirmed: Option<ObjectKey> = None;
    let project = controller.state.borrow().registry.project(&scope.spec.project);
    for object in permissions::permitted_objects(scope, project.as_deref()) {
        if stays(&object, scope) {
            continue;
        }
        let choice = options.for_resource(object.manifest.annotation(annotations::SYNC_OPTIONS)).delete;
        match choice {
            Confirmable::Refused => {}
            Confirmable::NeedsConfirmation if !approved => unconfirmed = Some(object.key.clone()),
            _ => left.push(object),
        }
    }
    if let Some(key) = unconfirmed {
        return Err(Problem::lasting(
            ConditionType::DeletionError,
            format!(
                "waiting for confirmation to delete {key}: set annotation {} to the present time, as in RFC 3339",
                annotations::DELETION_APPROVED
            ),
        )
        .into());
    }
    let Some(wave) = left.iter().map(|object| sync_wave(&object.manifest)).max() else { return Ok(true) };
    let (terminating, standing): (Vec<Live>, Vec<Live>) =
        left.into_iter().filter(|object| sync_wave(&object.manifest) == wave).partition(Live::is_terminating);
    let task = |live: &Live| TaskId { phase: SyncPhase::PostDelete, key: live.key.clone() };
    // The end of a hook is of no interest to anybody any more.
    let released = terminating
        .iter()
        .chain(&standing)
        .filter(|live| live.finalizers().any(|finalizer| finalizer == annotations::HOOK_FINALIZER));
    let mut effects: Vec<Effect> = released
        .map(|live| {
            Effect::RemoveFinalizer(FinalizerEffect {
                task: task(live),
                live: live.clone(),
                finalizer: annotations::HOOK_FINALIZER.into(),
            })
        })
        .collect();
    if standing.is_empty() && effects.is_empty() {
        return blocked(controller, &terminating);
    }
    effects.extend(standing.into_iter().map(|live| {
        Effect::Delete(DeleteEffect { task: task(&live), live, propagation, reason: DeleteReason::Cascade })
    }));
    let outcomes = execute::execute(&controller.world, &scope.cluster, effects).await;
    for outcome in outcomes {
        if let Err(Failure::Refused { message }) = outcome.result {
            let key = &outcome.effect.task().key;
            let retry_at = controller.in_seconds(10);
            return Err(Problem::passing(
                ConditionType::DeletionError,
                format!("failed to delete {key}: {message}"),
                retry_at,
            )
            .into());
        }
    }
    // The next wave goes when this one is gone, which the watches will tell; what is gone already is gone now.
    Err(Stop::Again)
}

/// True if somebody has approved of this very deletion: an approval of a prune long ago says nothing about it.
fn is_approved(metadata: &ObjectMeta) -> bool {
    let approved = metadata.annotation(annotations::DELETION_APPROVED);
    let approved = approved.and_then(|at| at.trim().parse::<Timestamp>().ok());
    let since = metadata.deletion_timestamp.map(bridgehead_api::Time::timestamp);
    matches!((approved, since), (Some(approved), Some(since)) if approved >= since)
}

/// What is being deleted goes when its finalizers are done: tell which, if it takes long.
fn blocked<W: World>(controller: &Controller<W>, terminating: &[Live]) -> Result<bool, Stop> {
    let now = controller.world.now();
    let old = terminating.iter().find(|object| {
        let since = object.manifest.value().pointer("/metadata/deletionTimestamp").and_then(Value::as_str);
        let since = since.and_then(|since| since.parse::<Timestamp>().ok());
        since.is_some_and(|since| now.duration_since(since).as_secs() >= 30)
            && object.finalizers().next().is_some()
    });
    match old {
        None => Err(Problem {
            condition: ConditionType::DeletionError,
            message: String::new(),
            may_pass: true,
            retry_at: Some(controller.in_seconds(30)),
        }
        .into()),
        Some(object) => {
            let finalizers = object.finalizers().collect::<Vec<_>>().join("`, `");
            Err(Problem::passing(
                ConditionType::DeletionError,
                format!(
                    "waiting for {} to go: it is held by finalizer `{finalizers}`, which whoever set it has to take off",
                    object.key
                ),
                controller.in_seconds(60),
            )
            .into())
        }
    }
}

/// True for objects that outlive their application.
fn stays<C>(object: &Live, scope: &Scope<C>) -> bool {
    let is_definition = object.key.group_kind.is("apiextensions.k8s.io", "CustomResourceDefinition");
    let is_self = object.key == store::application_object_key(&scope.entry);
    let is_kept = object.manifest.annotation_lists(annotations::HELM_RESOURCE_POLICY, "keep");
    let is_held = object.finalizers().any(|finalizer| finalizer == annotations::HOOK_FINALIZER);
    let goes_with_its_owner = has_owner(object) && !is_held;
    is_definition || is_self || is_kept || goes_with_its_owner
}

struct Held {
    finalizer: &'static str,
    propagation: PropagationPolicy,
}

fn cascade(entry: &Entry) -> Option<Held> {
    let metadata = &entry.application.metadata;
    let kinds = [
        (annotations::RESOURCES_FINALIZER_BACKGROUND, PropagationPolicy::Background),
        (annotations::RESOURCES_FINALIZER_FOREGROUND, PropagationPolicy::Foreground),
        (annotations::RESOURCES_FINALIZER, PropagationPolicy::Foreground),
    ];
    let (finalizer, propagation) =
        kinds.into_iter().find(|(finalizer, _)| metadata.has_finalizer(finalizer))?;
    Some(Held { finalizer, propagation })
}

/// Takes the finalizer off.
async fn release<W: World>(
    controller: &Controller<W>,
    entry: &Rc<Entry>,
    finalizer: &str,
) -> Result<Wake, Stop> {
    let metadata = &entry.application.metadata;
    let Some(position) = metadata.finalizers.iter().position(|held| held == finalizer) else {
        return Ok(None);
    };
    let path = format!("/metadata/finalizers/{position}");
    let patch = json!([
        {"op": "test", "path": "/metadata/uid", "value": metadata.uid},
        {"op": "test", "path": path, "value": finalizer},
        {"op": "remove", "path": path},
    ]);
    let call = Call::Patch {
        kind: store::application_kind(),
        key: store::application_object_key(entry),
        patch: Patch::Json(patch),
        strict: false,
        dry_run: false,
    };
    match controller.world.control_cluster().call(call).await {
        Ok(Reply::Object(object)) => {
            controller.wrote_application(object.value());
            Ok(None)
        }
        Ok(Reply::Gone) => Ok(None),
        Err(error) if error.kind == CallErrorKind::NotFound => Ok(None),
        Err(error) => {
            if error.kind != CallErrorKind::Conflict {
                tracing::warn!(application = %entry.application.key(), %error, "failed to take the finalizer off");
            }
            controller.reread(&entry.application.key()).await;
            Err(Stop::Again)
        }
    }
}

async fn deletion_error<W: World>(
    controller: &Controller<W>,
    entry: &Rc<Entry>,
    problem: Problem,
) -> Result<Wake, Stop> {
    if problem.message.is_empty() {
        return Ok(problem.retry_at);
    }
    let mut after = entry.application.status.clone();
    let known = after.conditions.iter().any(|condition| {
        condition.r#type == ConditionType::DeletionError && condition.message == problem.message
    });
    if !known {
        after.conditions.retain(|condition| condition.r#type != ConditionType::DeletionError);
        after.conditions.push(bridgehead_api::application::ApplicationCondition {
            r#type: ConditionType::DeletionError,
            message: problem.message,
            last_transition_time: Some(bridgehead_api::Time::new(controller.world.now())),
        });
        store::status(controller, entry, after, bridgehead_engine::status::Consumed::default()).await?;
    }
    Ok(problem.retry_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_approval_that_is_no_older_than_the_deletion_counts() {
        let is_approved_by = |approval: Value| {
            let metadata = json!({
                "name": "web", "deletionTimestamp": "2026-11-21T12:00:00Z",
                "annotations": {annotations::DELETION_APPROVED: approval},
            });
            is_approved(&serde_json::from_value(metadata).expect("metadata"))
        };
        for approval in ["2026-11-21T12:00:00Z", "2026-11-21T14:00:01+02:00", "2026-11-22T00:00:00.5Z"] {
            assert!(is_approved_by(json!(approval)), "{approval}");
        }
        for approval in ["2026-03-01T00:00:00Z", "2026-11-21T13:59:59+02:00", "false", "true", ""] {
            assert!(!is_approved_by(json!(approval)), "{approval}");
        }
    }
}
