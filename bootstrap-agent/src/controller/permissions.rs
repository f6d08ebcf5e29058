//! What the project allows: the source, the destination, and each object's kind and place.

use std::sync::Arc;

use bridgehead_api::application::{ApplicationSpec, ConditionType, Operation};
use bridgehead_api::project::AppProject;
use bridgehead_api::secret::Cluster;
use bridgehead_api::{Namespace, ObjectKey};
use bridgehead_engine::manifest::{
    Desired, Live, Problem as EngineProblem, ProblemKind, defined_kind, defined_scope_is_namespaced,
};
use bridgehead_engine::project::{self, ProjectDestination, WindowQuestion, WindowTarget, WindowVerdict};
use bridgehead_kubernetes::discovery::Discovery;
use jiff::Timestamp;

use super::pass::{Problem, Scope};
use super::world;

/// The application itself: where it lives, where from, where to.
pub(super) fn check_application(
    project: &AppProject,
    spec: &ApplicationSpec,
    namespace: &Namespace,
    control_namespace: &Namespace,
    cluster: &Arc<Cluster>,
) -> Result<(), Problem> {
    let place = destination(cluster, &spec.destination.namespace);
    let refusals = project::check_application(
        project,
        spec,
        namespace.as_str(),
        control_namespace.as_str(),
        Some(place),
    );
    if refusals.is_empty() {
        return Ok(());
    }
    let messages: Vec<String> = refusals.into_iter().map(|(_, refusal)| refusal.message).collect();
    Err(Problem::lasting(ConditionType::InvalidSpecError, messages.join("; ")))
}

/// Objects that the project does not allow, and why.
pub(super) fn rejected_objects<'a, C>(
    scope: &Scope<C>,
    kinds: &Discovery,
    objects: impl Iterator<Item = &'a Desired> + Clone,
) -> Vec<(ObjectKey, String)> {
    let place = destination(&scope.target, scope.namespace.as_str());
    let defined: Vec<_> = objects
        .clone()
        .filter_map(|object| {
            Some((defined_kind(&object.manifest)?, defined_scope_is_namespaced(&object.manifest)?))
        })
        .collect();
    objects
        .filter_map(|object| {
            let kind = &object.key.group_kind;
            let by_definition =
                || defined.iter().find(|(known, _)| known == kind).map(|(_, namespaced)| *namespaced);
            let namespaced = kinds
                .is_namespaced(kind)
                .or_else(by_definition)
                .unwrap_or_else(|| !object.key.namespace().is_empty());
            let refused = outside_of_registration(&scope.target, &object.key, namespaced);
            let refused = refused.or_else(|| {
                Some(project::check_object(&scope.project, &object.key, namespaced, place).err()?.message)
            });
            Some((object.key.clone(), refused?))
        })
        .collect()
}

/// Live objects that are the application's by their mark, and that it may touch: a mark is quickly written,
/// and a project may have become narrower. `project` is None where it no longer exists.
pub(super) fn permitted_objects<C: world::Cluster>(
    scope: &Scope<C>,
    project: Option<&AppProject>,
) -> Vec<Live> {
    let place = destination(&scope.target, scope.namespace.as_str());
    let mut objects = scope.cluster.of_application(&scope.instance);
    objects.retain(|live| {
        let namespaced = !live.key.namespace().is_empty();
        let allows = |project| project::check_object(project, &live.key, namespaced, place).is_ok();
        outside_of_registration(&scope.target, &live.key, namespaced).is_none() && project.is_none_or(allows)
    });
    objects
}

/// Why an object is none of a cluster's whose Secret names the namespaces that are managed there.
fn outside_of_registration(cluster: &Cluster, key: &ObjectKey, namespaced: bool) -> Option<String> {
    let managed = &cluster.namespaces;
    if managed.is_empty() {
        return None;
    }
    let (kind, name, server) = (&key.group_kind.kind, &key.name, &cluster.server);
    if !namespaced {
        return (!cluster.cluster_resources).then(|| {
            format!(
                "cluster level {kind} \"{name}\" is not managed: cluster {server} is registered for namespaces alone; \
                 set `clusterResources: \"true\"` in its Secret if that is meant"
            )
        });
    }
    let namespace = key.namespace();
    (!managed.iter().any(|known| known == namespace)).then(|| {
        format!(
            "namespace \"{namespace}\" for {kind} \"{name}\" is not managed: cluster {server} is registered for \
             {}; add it to `namespaces` in its Secret if that is meant",
            managed.join(", ")
        )
    })
}

fn destination<'a>(cluster: &'a Cluster, namespace: &'a str) -> ProjectDestination<'a> {
    ProjectDestination {
        server: &cluster.server,
        name: &cluster.name,
        namespace,
        cluster_project: &cluster.project,
    }
}

/// Whether the project's windows let the operation go on now.
pub(super) fn window<C>(
    scope: &Scope<C>,
    operation: &Operation,
    started_at: Option<Timestamp>,
    now: Timestamp,
) -> WindowVerdict {
    let target = WindowTarget {
        application: &scope.key.name,
        namespace: scope.namespace.as_str(),
        server: &scope.target.server,
        cluster: &scope.target.name,
    };
    let manual = !operation.initiated_by.automated;
    project::check_windows(&scope.project, WindowQuestion { target, manual, started_at, now }).0
}

/// Warnings of a comparison as conditions.
pub(super) fn conditions_of(problems: &[EngineProblem]) -> Vec<(ConditionType, String)> {
    problems
        .iter()
        .filter(|problem| problem.kind == ProblemKind::Warning)
        .map(|problem| (problem.condition(), problem.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use bridgehead_api::GroupKind;

    use super::*;

    #[test]
    fn a_cluster_that_is_registered_for_namespaces_has_only_those() {
        let key = |kind: &str, namespace: &str| ObjectKey::new(GroupKind::new("", kind), namespace, "one");
        let whole = Cluster::default();
        let some = Cluster { namespaces: vec!["shop".into(), "bank".into()], ..Cluster::default() };
        let wide = Cluster { cluster_resources: true, ..some.clone() };
        let refused = |cluster, kind, namespace: &str| {
            outside_of_registration(cluster, &key(kind, namespace), !namespace.is_empty()).is_some()
        };
        assert!(!refused(&whole, "Secret", "zoo") && !refused(&whole, "Namespace", ""));
        assert!(!refused(&some, "Secret", "bank") && refused(&some, "Secret", "zoo"));
        assert!(refused(&some, "Namespace", "") && !refused(&wide, "Namespace", ""));
    }
}
