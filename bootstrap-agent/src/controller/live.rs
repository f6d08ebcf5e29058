//! What is live: watches begun, objects that exist without our mark read once, and the comparison.

use std::collections::BTreeSet;

use bridgehead_api::application::{ApplicationStatus, ConditionType, ResourceResult};
use bridgehead_api::{GroupKind, GroupVersionKind, ObjectKey};
use bridgehead_engine::compare::{CompareOptions, Comparison, LiveLookup, compare_application};
use futures::future::join_all;

use super::Controller;
use super::clusters::Known;
use super::pass::{Problem, Scope, Stop};
use super::target::Target;
use super::world::{Cluster, ClusterId, WatchFailure, World};
use super::{execute, permissions};

/// Makes sure that everything the target names, and everything that the application had, is known.
pub(super) async fn observe<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
) -> Result<(), Stop> {
    let objects = || target.desired.iter().chain(&target.hooks);
    let served = scope.cluster.cluster.kinds().ok_or(Stop::Wait)?;
    let is_missing = objects().any(|object| served.resource_for(&object.manifest.gvk()).is_none());
    scope.cluster.missing.borrow_mut().note(&scope.key, is_missing);
    if is_missing {
        controller.look_for_missing(&ClusterId::of(&scope.target), &scope.cluster);
    }
    watch_kinds(controller, scope, objects().map(|object| object.key.group_kind.clone()))?;
    let named = objects().filter(|object| !object.key.name.is_empty());
    let named = named.map(|object| (object.manifest.gvk(), object.key.clone()));
    let unread = named.chain(hooks_of_running_operation(scope)).filter(|(kind, key)| {
        scope.cluster.want(&scope.key, key);
        scope.cluster.is_unread(kind, key)
    });
    let read = join_all(unread.map(|(kind, key)| async move {
        match execute::read(&controller.world, &scope.cluster, kind, &key).await {
            Ok(None) => {
                scope.cluster.note_absent(&key);
                Ok(())
            }
            Ok(Some(_)) => Ok(()),
            Err(error) => Err(format!("failed to read {key}: {error}")),
        }
    }))
    .await;
    if let Some(message) = read.into_iter().find_map(Result::err) {
        let retry_at = controller.in_seconds(10);
        return Err(Problem::passing(ConditionType::ComparisonError, message, retry_at).into());
    }
    Ok(())
}

/// The last operation's objects, by its record.
fn results(status: &ApplicationStatus) -> impl Iterator<Item = &ResourceResult> {
    status.operation_state.iter().flat_map(|state| &state.sync_result).flat_map(|result| &result.resources)
}

/// The running operation's hooks. Where Git gives only the prefix of a name, the record alone tells the name;
/// and nothing else does once somebody has taken the tracking id off.
fn hooks_of_running_operation<C>(
    scope: &Scope<C>,
) -> impl Iterator<Item = (GroupVersionKind, ObjectKey)> + '_ {
    let status = &scope.entry.application.status;
    let is_running = status.operation_state.as_ref().is_some_and(|state| state.phase.is_running());
    results(status).filter(move |result| is_running && result.hook_type.is_some()).map(|result| {
        let group_kind = GroupKind::new(result.group.as_str(), result.kind.as_str());
        let key = ObjectKey::new(group_kind.clone(), result.namespace.as_str(), result.name.as_str());
        (GroupVersionKind { group_kind, version: result.version.as_str().into() }, key)
    })
}

/// Tells the cluster what the application looks at from now on: what Git wants, what its status shows, and what
/// its last operation wrote. Everything else that it ever looked at can go.
pub(super) fn want_only<W: World>(controller: &Controller<W>, scope: &Scope<W::Cluster>, target: &Target) {
    let Some(entry) = controller.application(&scope.key) else { return };
    let status = &entry.application.status;
    let wanted = target.desired.iter().chain(&target.hooks).map(|object| &object.key);
    let shown =
        status.resources.iter().map(|shown| (&shown.group, &shown.kind, &shown.namespace, &shown.name));
    let written =
        results(status).map(|result| (&result.group, &result.kind, &result.namespace, &result.name));
    let told = shown.chain(written).map(|(group, kind, namespace, name)| {
        ObjectKey::new(GroupKind::new(group.as_str(), kind.as_str()), namespace.as_str(), name.as_str())
    });
    let keys = wanted.filter(|key| !key.name.is_empty()).cloned().chain(told).collect();
    scope.cluster.want_only(&scope.key, keys);
}

/// Says so where a kind belongs to a group whose API server does not answer: that it is not known means nothing
/// then, neither that its objects are gone nor that it has to be installed.
pub(super) fn check_groups_answer<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    kinds: impl IntoIterator<Item = GroupKind>,
) -> Result<(), Stop> {
    let served = scope.cluster.cluster.kinds().ok_or(Stop::Wait)?;
    let is_unknown = |kind: &GroupKind| served.preferred(kind).is_none() && served.is_uncertain(&kind.group);
    let unknown: BTreeSet<GroupKind> = kinds.into_iter().filter(is_unknown).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    scope.cluster.missing.borrow_mut().note(&scope.key, true);
    controller.look_for_missing(&ClusterId::of(&scope.target), &scope.cluster);
    let server = scope.target.server.as_str();
    let told = unknown.iter().map(|GroupKind { group, kind }| {
        format!("nothing is known of {kind}.{group} in cluster {server}: its API server does not answer")
    });
    Err(Problem::passing(
        ConditionType::ComparisonError,
        told.collect::<Vec<_>>().join("; "),
        controller.in_seconds(LOOK_AGAIN_SECONDS),
    )
    .into())
}

/// Begins to watch these kinds, and those that the application had objects of; waits where one is not known yet,
/// and says so where one cannot be known.
pub(super) fn watch_kinds<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    kinds: impl Iterator<Item = GroupKind>,
) -> Result<(), Stop> {
    let served = scope.cluster.cluster.kinds().ok_or(Stop::Wait)?;
    let now = controller.world.now();
    let kinds: BTreeSet<GroupKind> = kinds.chain(known_kinds(scope)).collect();
    check_groups_answer(controller, scope, kinds.iter().cloned())?;
    let (mut waits, mut troubles) = (false, Vec::new());
    for kind in kinds {
        // What is not served has no objects.
        let Some(resource) = served.preferred(&kind) else { continue };
        waits |= !scope.cluster.watch(resource);
        troubles.extend(scope.cluster.watch_trouble(&kind, now).map(|trouble| (kind, trouble)));
    }
    if !troubles.is_empty() {
        let server = scope.target.server.as_str();
        let told = troubles.into_iter().map(|(kind, trouble)| {
            let hint = if trouble.reason == WatchFailure::Refused {
                "; the account that this agent uses there must be allowed to get, list and watch it"
            } else {
                ""
            };
            let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
            format!("failed to watch {}{group} in cluster {server}: {}{hint}", kind.kind, trouble.message)
        });
        let message = told.collect::<Vec<_>>().join("; ");
        return Err(Problem::passing(
            ConditionType::ComparisonError,
            message,
            controller.in_seconds(LOOK_AGAIN_SECONDS),
        )
        .into());
    }
    if waits { Err(Stop::Wait) } else { Ok(()) }
}

/// Until an application whose cluster cannot be followed is looked at again, if the watch does not resume
/// before: its verdict becomes Unknown in the end.
const LOOK_AGAIN_SECONDS: i64 = 60;

/// Kinds of which the application had objects, by its status and its last operation.
fn known_kinds<C>(scope: &Scope<C>) -> Vec<GroupKind> {
    let status = &scope.entry.application.status;
    let had = status.resources.iter().map(|resource| (&resource.group, &resource.kind));
    let synced = results(status).map(|result| (&result.group, &result.kind));
    had.chain(synced).map(|(group, kind)| GroupKind::new(group.as_str(), kind.as_str())).collect()
}

/// Compares the target with what is live.
pub(super) fn compare<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
) -> Comparison {
    let lookup = |key: &ObjectKey| match scope.cluster.lookup(key) {
        Known::Live(live) => LiveLookup::Live(live),
        _ => LiveLookup::Absent,
    };
    let owned = permissions::permitted_objects(scope, Some(&scope.project));
    let (rules, problems) = controller.diff_rules(scope);
    let options = CompareOptions::of(&scope.spec, &scope.instance, scope.health);
    let mut memo = scope.cluster.memo.borrow_mut();
    let mut comparison = compare_application(&target.desired, &lookup, &owned, &rules, &options, &mut memo);
    comparison.problems.extend(problems);
    comparison
}
