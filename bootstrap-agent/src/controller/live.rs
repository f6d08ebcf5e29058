//! What is live: watches begun, objects that exist without our mark read once, and the comparison.

use std::collections::BTreeSet;

use bridgehead_api::application::ConditionType;
use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::compare::{CompareOptions, Comparison, LiveLookup, compare_application};
use futures::future::join_all;

use super::Controller;
use super::clusters::Known;
use super::execute;
use super::pass::{Problem, Scope, Stop};
use super::target::Target;
use super::world::{Cluster, World};

/// Makes sure that everything the target names, and everything that the application had, is known.
pub(super) async fn observe<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    target: &Target,
) -> Result<(), Stop> {
    let objects = || target.desired.iter().chain(&target.hooks);
    watch_kinds(scope, objects().map(|object| object.key.group_kind.clone()).chain(known_kinds(scope)))?;
    let foreign: Vec<_> = objects()
        .filter(|object| {
            scope.cluster.cache.borrow_mut().want(&object.key);
            matches!(scope.cluster.lookup(&object.key), Known::Foreign)
        })
        .collect();
    let read = join_all(foreign.into_iter().map(|object| async move {
        match execute::read(&controller.world, &scope.cluster, object).await {
            Ok(None) => {
                scope.cluster.note_absent(&object.key);
                Ok(())
            }
            Ok(Some(_)) => Ok(()),
            Err(error) => Err(format!("failed to read {}: {error}", object.key)),
        }
    }))
    .await;
    if let Some(message) = read.into_iter().find_map(Result::err) {
        let retry_at = controller.in_seconds(10);
        return Err(Problem::passing(ConditionType::ComparisonError, message, retry_at).into());
    }
    Ok(())
}

/// Begins to watch these kinds; waits where one is not known yet.
pub(super) fn watch_kinds<C: Cluster>(
    scope: &Scope<C>,
    kinds: impl Iterator<Item = GroupKind>,
) -> Result<(), Stop> {
    let served = scope.cluster.cluster.kinds().ok_or(Stop::Wait)?;
    let mut waits = false;
    for kind in kinds.collect::<BTreeSet<_>>() {
        if let Some(resource) = served.preferred(&kind) {
            waits |= !scope.cluster.watch(resource);
        }
    }
    if waits { Err(Stop::Wait) } else { Ok(()) }
}

/// Kinds of which the application had objects, by its status and its last operation.
pub(super) fn known_kinds<C>(scope: &Scope<C>) -> Vec<GroupKind> {
    let status = &scope.entry.application.status;
    let had = status.resources.iter().map(|resource| (&resource.group, &resource.kind));
    let results = status
        .operation_state
        .iter()
        .flat_map(|state| &state.sync_result)
        .flat_map(|result| &result.resources);
    let synced = results.map(|result| (&result.group, &result.kind));
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
    let owned = scope.cluster.of_application(&scope.instance);
    let (rules, problems) = controller.diff_rules(scope);
    let options = CompareOptions::of(&scope.spec, &scope.instance);
    let mut memo = scope.cluster.memo.borrow_mut();
    let mut comparison = compare_application(&target.desired, &lookup, &owned, &rules, &options, &mut memo);
    comparison.problems.extend(problems);
    comparison
}
