//! Conditions: what holds now, with the time since when.

use bridgehead_api::Time;
use bridgehead_api::application::{ApplicationCondition, ConditionType};

/// The conditions as they are now. One that said the same before keeps its time; conditions of types that
/// `owned` does not list are kept as they are.
pub(super) fn merge(
    before: &[ApplicationCondition],
    now_held: Vec<(ConditionType, String)>,
    owned: &[ConditionType],
    now: Time,
) -> Vec<ApplicationCondition> {
    let kept = before.iter().filter(|condition| !owned.contains(&condition.r#type)).cloned();
    let mut conditions: Vec<ApplicationCondition> = kept.collect();
    for (r#type, message) in now_held {
        let known = before.iter().find(|known| known.r#type == r#type && known.message == message);
        let since = known.and_then(|known| known.last_transition_time).unwrap_or(now);
        let condition = ApplicationCondition { r#type, message, last_transition_time: Some(since) };
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    conditions.sort_by(|left, right| (&left.r#type, &left.message).cmp(&(&right.r#type, &right.message)));
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().expect("a time")
    }

    #[test]
    fn a_condition_that_still_holds_keeps_its_time() {
        let owned = [ConditionType::ComparisonError, ConditionType::SyncError];
        let first = merge(
            &[],
            vec![(ConditionType::ComparisonError, "gone".into())],
            &owned,
            at("2026-01-01T00:00:00Z"),
        );
        let second = merge(
            &first,
            vec![(ConditionType::ComparisonError, "gone".into())],
            &owned,
            at("2026-01-01T01:00:00Z"),
        );
        assert_eq!(first, second);
        assert!(merge(&second, vec![], &owned, at("2026-01-01T02:00:00Z")).is_empty());
    }

    #[test]
    fn conditions_of_other_types_stay() {
        let before = merge(
            &[],
            vec![(ConditionType::SyncError, "refused".into())],
            &[ConditionType::SyncError],
            at("2026-01-01T00:00:00Z"),
        );
        let after = merge(&before, vec![], &[ConditionType::ComparisonError], at("2026-01-01T00:00:01Z"));
        assert_eq!(before, after);
    }
}
