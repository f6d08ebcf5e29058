//! Storing a pass: one patch of the Application, or none.

use std::rc::Rc;

use bridgehead_api::GroupVersionKind;
use bridgehead_api::application::{ApplicationStatus, ConditionType, normalise_spec};
use bridgehead_engine::status::{Consumed, Observation, Verdict, differs, observe, status_patch};

use super::pass::{Problem, Stop};
use super::reconcile::Wake;
use super::registry::Entry;
use super::world::{Call, CallErrorKind, Cluster, Patch, Reply, World};
use super::{Controller, report};

/// How long a problem that may pass leaves what was known standing, before the verdict becomes Unknown.
const GRACE_SECONDS: i64 = 180;

/// Stores a status, if it says anything new. A conflict makes another pass: somebody changed the object, so
/// what was folded may not hold.
pub(super) async fn status<W: World>(
    controller: &Controller<W>,
    entry: &Rc<Entry>,
    after: ApplicationStatus,
    consumed: Consumed,
) -> Result<(), Stop> {
    let application = &entry.application;
    if controller.settings.observe {
        report::compared(entry, &after);
        return Ok(());
    }
    if !differs(&application.status, &after) && consumed == Consumed::default() {
        return Ok(());
    }
    controller.may_write()?;
    let metadata = &application.metadata;
    let patch =
        status_patch(&metadata.uid, &metadata.resource_version, entry.canonical_status(), &after, &consumed);
    let Some(patch) = patch else { return Ok(()) };
    let call = Call::Patch {
        kind: application_kind(),
        key: application_object_key(entry),
        patch: Patch::Json(patch),
        strict: false,
        dry_run: false,
    };
    match controller.world.control_cluster().call(call).await {
        Ok(Reply::Object(object)) => {
            controller.wrote_application(object.value());
            Ok(())
        }
        Ok(Reply::Gone) => Err(Stop::Again),
        Err(error) => match error.kind {
            CallErrorKind::Conflict | CallErrorKind::NotFound => {
                controller.reread(&application.key()).await;
                Err(Stop::Again)
            }
            _ => {
                let hint = match error.kind {
                    CallErrorKind::Refused | CallErrorKind::Invalid => {
                        "this agent must be allowed to patch Applications, and the API server to store them"
                    }
                    _ => "it is tried again",
                };
                tracing::warn!(application = %application.key(), %error, hint, "failed to store the status");
                controller.reread(&application.key()).await;
                Err(Stop::Again)
            }
        },
    }
}

/// Stores why an application cannot be compared.
pub(super) async fn problem<W: World>(
    controller: &Controller<W>,
    entry: &Rc<Entry>,
    problem: Problem,
) -> Result<Wake, Stop> {
    let application = &entry.application;
    let after = with_problem(controller, entry, &application.status, &problem, Vec::new());
    let refresh = application.metadata.annotation(bridgehead_api::annotations::REFRESH).map(str::to_owned);
    let consumed = Consumed { refresh, ..Consumed::default() };
    status(controller, entry, after, consumed).await?;
    Ok(problem.retry_at)
}

/// The status of an application that cannot be compared, with further conditions.
pub(super) fn with_problem<W: World>(
    controller: &Controller<W>,
    entry: &Entry,
    before: &ApplicationStatus,
    problem: &Problem,
    extra: Vec<(ConditionType, String)>,
) -> ApplicationStatus {
    let application = &entry.application;
    let now = controller.world.now();
    let known_since = before
        .condition(&problem.condition)
        .and_then(|condition| condition.last_transition_time)
        .map_or(now, bridgehead_api::Time::timestamp);
    let in_grace = now.duration_since(known_since).as_secs() < GRACE_SECONDS;
    let was_compared = before.sync.status.is_some();
    let verdict =
        if problem.may_pass && in_grace && was_compared { Verdict::LastKnown } else { Verdict::Unknown };
    let spec = normalise_spec(application.spec.clone());
    let mut conditions = vec![(problem.condition.clone(), problem.message.clone())];
    conditions.extend(extra);
    let observation = Observation {
        spec: &spec,
        revisions: before.sync.compared_revisions(),
        verdict,
        conditions,
        source_types: before.source_type.into_iter().collect(),
        controller_namespace: controller.settings.namespace.as_str(),
    };
    observe(before, observation, now)
}

/// Applications' kind.
pub(super) fn application_kind() -> GroupVersionKind {
    GroupVersionKind::parse(bridgehead_api::API_VERSION, "Application")
}

/// The Application as an object.
pub(super) fn application_object_key(entry: &Entry) -> bridgehead_api::ObjectKey {
    let key = entry.application.key();
    bridgehead_api::ObjectKey::new(application_kind().group_kind, key.namespace.as_str(), key.name)
}
