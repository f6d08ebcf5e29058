//! Automated sync: whether an application starts an operation by itself.
//!
//! As Argo CD decides it, with one difference: a failed automated sync is tried again, with growing pauses
//! and for as long as it is needed, so that what failed for a cause outside Git heals when the cause goes
//! (docs/decisions/0003-failed-syncs-are-retried.md).

use bridgehead_api::application::{
    ApplicationSpec, ConditionType, Operation, OperationInitiator, OperationState, ResourceStatus,
    ResultCode, RetryStrategy, SyncOperation, SyncOperationResource, SyncStatusCode,
};
use jiff::{SignedDuration, Timestamp};

/// Tries of an automated sync whose policy says nothing.
const DEFAULT_RETRY_LIMIT: i64 = 5;
/// First pause between self-heals of one revision that follow each other, tripled each time.
const SELF_HEAL_PAUSE: SignedDuration = SignedDuration::from_secs(2);
/// Longest pause between self-heals.
const SELF_HEAL_LONGEST: SignedDuration = SignedDuration::from_secs(300);
/// Quiet time after which self-heals count from the beginning.
const SELF_HEAL_COOLDOWN: SignedDuration = SignedDuration::from_secs(330);

/// What the decision follows from.
#[derive(Clone, Copy, Debug)]
pub struct AutoInput<'a> {
    /// The normalised specification.
    pub spec: &'a ApplicationSpec,
    /// The last operation.
    pub last: Option<&'a OperationState>,
    /// The verdict of the comparison.
    pub sync: SyncStatusCode,
    /// Every resource of the comparison.
    pub resources: &'a [ResourceStatus],
    /// The revisions that were compared, one for each source.
    pub revisions: &'a [String],
    /// How long a failed sync rests before it is tried again.
    pub failed_pause: SignedDuration,
    /// The present.
    pub now: Timestamp,
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub enum AutoSync {
    /// Nothing to do, or not by itself.
    No,
    /// Start this operation.
    Start(Box<Operation>),
    /// Look again at this time.
    Later(Timestamp, Option<(ConditionType, String)>),
    /// Refused; the condition says why.
    Refused(ConditionType, String),
}

/// Decides.
pub fn decide(input: AutoInput<'_>) -> AutoSync {
    let policy = input.spec.sync_policy.as_ref();
    let Some(automated) = policy.and_then(|policy| policy.automated.as_ref()) else { return AutoSync::No };
    if !automated.is_enabled() || input.sync != SyncStatusCode::OutOfSync {
        return AutoSync::No;
    }
    let out_of_sync =
        || input.resources.iter().filter(|resource| resource.status == Some(SyncStatusCode::OutOfSync));
    if !automated.prunes() && out_of_sync().all(|resource| resource.requires_pruning) {
        return AutoSync::No;
    }
    let objects = || input.resources.iter().filter(|resource| !resource.hook);
    let wipes_out = objects().next().is_some() && objects().all(|resource| resource.requires_pruning);
    if automated.prunes() && wipes_out && !automated.allows_empty() {
        return AutoSync::Refused(
            ConditionType::SyncError,
            "auto-sync would wipe out all resources: Git declares none; set `spec.syncPolicy.automated.allowEmpty` \
             if that is meant"
                .into(),
        );
    }
    let fresh = SyncOperation {
        revision: if input.spec.sources.is_empty() { first(input.revisions) } else { String::new() },
        revisions: if input.spec.sources.is_empty() { Vec::new() } else { input.revisions.to_vec() },
        prune: automated.prunes(),
        sync_options: policy.map(|policy| policy.sync_options.clone()).unwrap_or_default(),
        ..SyncOperation::default()
    };
    let Some(last) = input.last.filter(|last| was_attempted(last, &input)) else {
        return start(fresh, policy.and_then(|policy| policy.retry.clone()));
    };
    let Some(finished) = last.finished_at.map(bridgehead_api::Time::timestamp) else { return AutoSync::No };
    let count = last.operation.sync.as_ref().map_or(0, |sync| sync.auto_heal_attempts_count);
    if last.phase.is_successful() {
        if !automated.heals() || out_of_sync().all(|resource| was_left(last, resource)) {
            return AutoSync::No;
        }
        let count = if input.now.duration_since(finished) > SELF_HEAL_COOLDOWN { 0 } else { count };
        let due = after(finished, self_heal_pause(count));
        if due > input.now {
            return AutoSync::Later(due, None);
        }
        let heal = SyncOperation {
            resources: out_of_sync().map(named).collect(),
            auto_heal_attempts_count: count + 1,
            ..fresh
        };
        return start(heal, policy.and_then(|policy| policy.retry.clone()));
    }
    let due = after(finished, input.failed_pause);
    if due > input.now {
        let shown = input.revisions.join(", ");
        let message =
            format!("failed last sync attempt to [{shown}]: {}; next attempt after {due:.0}", last.message);
        return AutoSync::Later(due, Some((ConditionType::SyncError, message)));
    }
    let selected = last.operation.sync.as_ref().map(|sync| sync.resources.clone()).unwrap_or_default();
    let again = SyncOperation { resources: selected, auto_heal_attempts_count: count, ..fresh };
    // Each of these tries is a pause apart from the one before; retries inside them would only add to it.
    start(again, Some(RetryStrategy { limit: 0, ..RetryStrategy::default() }))
}

fn start(sync: SyncOperation, retry: Option<RetryStrategy>) -> AutoSync {
    AutoSync::Start(Box::new(Operation {
        sync: Some(sync),
        initiated_by: OperationInitiator { automated: true, ..OperationInitiator::default() },
        retry: retry.unwrap_or(RetryStrategy { limit: DEFAULT_RETRY_LIMIT, ..RetryStrategy::default() }),
        ..Operation::default()
    }))
}

/// True if the last operation was a sync of these revisions from these sources.
fn was_attempted(last: &OperationState, input: &AutoInput<'_>) -> bool {
    let Some(result) = &last.sync_result else { return false };
    if last.operation.sync.as_ref().is_none_or(|sync| sync.dry_run) {
        return false;
    }
    if input.spec.sources.is_empty() {
        let source = input.spec.source.clone().unwrap_or_default();
        Some(&result.revision) == input.revisions.first() && result.source == source
    } else {
        result.revisions == input.revisions && result.sources == input.spec.sources
    }
}

/// True for an object that Git no longer has and that the last sync left where it is: its options, or its
/// new owner, say so. Another sync would leave it again.
fn was_left(last: &OperationState, resource: &ResourceStatus) -> bool {
    let results = last.sync_result.iter().flat_map(|result| &result.resources);
    let was_pruning = last.operation.sync.as_ref().is_some_and(|sync| sync.prune);
    was_pruning
        && resource.requires_pruning
        && results.into_iter().any(|result| {
            result.status == Some(ResultCode::PruneSkipped)
                && (&result.group, &result.kind) == (&resource.group, &resource.kind)
                && (&result.namespace, &result.name) == (&resource.namespace, &resource.name)
        })
}

fn self_heal_pause(count: i64) -> SignedDuration {
    if count == 0 {
        return SignedDuration::ZERO;
    }
    let tripled = (1..count).try_fold(SELF_HEAL_PAUSE.as_secs(), |pause, _| pause.checked_mul(3));
    tripled.map_or(SELF_HEAL_LONGEST, |seconds| SignedDuration::from_secs(seconds).min(SELF_HEAL_LONGEST))
}

fn after(time: Timestamp, pause: SignedDuration) -> Timestamp {
    time.checked_add(pause).unwrap_or(Timestamp::MAX)
}

fn first(revisions: &[String]) -> String {
    revisions.first().cloned().unwrap_or_default()
}

fn named(resource: &ResourceStatus) -> SyncOperationResource {
    SyncOperationResource {
        group: resource.group.clone(),
        kind: resource.kind.clone(),
        name: resource.name.clone(),
        namespace: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridgehead_api::application::{
        ApplicationSource, OperationPhase, ResourceResult, SyncOperationResult, SyncPolicy,
        SyncPolicyAutomated,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn spec(automated: SyncPolicyAutomated) -> ApplicationSpec {
        ApplicationSpec {
            source: Some(ApplicationSource::default()),
            sync_policy: Some(SyncPolicy { automated: Some(automated), ..SyncPolicy::default() }),
            ..ApplicationSpec::default()
        }
    }

    fn ended(phase: OperationPhase, revision: &str, count: i64, finished: i64) -> OperationState {
        OperationState {
            operation: Operation {
                sync: Some(SyncOperation { auto_heal_attempts_count: count, ..SyncOperation::default() }),
                ..Operation::default()
            },
            phase,
            message: "no".into(),
            sync_result: Some(SyncOperationResult {
                revision: revision.into(),
                ..SyncOperationResult::default()
            }),
            finished_at: Some(at(finished).into()),
            ..OperationState::default()
        }
    }

    fn drifted() -> Vec<ResourceStatus> {
        vec![ResourceStatus {
            kind: "ConfigMap".into(),
            name: "a".into(),
            namespace: "n".into(),
            status: Some(SyncStatusCode::OutOfSync),
            ..ResourceStatus::default()
        }]
    }

    fn decision(
        automated: SyncPolicyAutomated,
        last: Option<&OperationState>,
        resources: &[ResourceStatus],
        now: i64,
    ) -> AutoSync {
        decide(AutoInput {
            spec: &spec(automated),
            last,
            sync: SyncStatusCode::OutOfSync,
            resources,
            revisions: &["r2".to_owned()],
            failed_pause: SignedDuration::from_secs(180),
            now: at(now),
        })
    }

    #[test]
    fn a_list_of_one_source_was_synced_once_it_was() {
        let automated = SyncPolicyAutomated { prune: Some(true), ..SyncPolicyAutomated::default() };
        let sources = vec![ApplicationSource::default()];
        let spec = ApplicationSpec { source: None, sources: sources.clone(), ..spec(automated) };
        let decide = |last: Option<&OperationState>| {
            decide(AutoInput {
                spec: &spec,
                last,
                sync: SyncStatusCode::OutOfSync,
                resources: &drifted(),
                revisions: &["r2".to_owned()],
                failed_pause: SignedDuration::from_secs(180),
                now: at(1000),
            })
        };
        let AutoSync::Start(operation) = decide(None) else { panic!("nothing was begun") };
        let sync = operation.sync.clone().expect("a sync");
        assert_eq!((sync.revision.as_str(), sync.revisions), ("", vec!["r2".to_owned()]));
        let mut last = ended(OperationPhase::Succeeded, "", 0, 990);
        last.sync_result = Some(SyncOperationResult {
            revisions: vec!["r2".into()],
            sources,
            ..SyncOperationResult::default()
        });
        assert_eq!(decide(Some(&last)), AutoSync::No);
    }

    #[test]
    fn a_new_revision_starts_a_whole_sync() {
        let last = ended(OperationPhase::Succeeded, "r1", 0, 10);
        let AutoSync::Start(operation) =
            decision(SyncPolicyAutomated::default(), Some(&last), &drifted(), 11)
        else {
            panic!("expected a start");
        };
        assert!(!operation.is_selective());
        assert_eq!(operation.retry.limit, 5);
    }

    #[test]
    fn drift_is_healed_only_where_the_policy_says_so_and_then_only_what_drifted() {
        let last = ended(OperationPhase::Succeeded, "r2", 0, 10);
        assert_eq!(decision(SyncPolicyAutomated::default(), Some(&last), &drifted(), 11), AutoSync::No);
        let healing = SyncPolicyAutomated { self_heal: Some(true), ..SyncPolicyAutomated::default() };
        let AutoSync::Start(operation) = decision(healing, Some(&last), &drifted(), 11) else {
            panic!("expected a start");
        };
        assert!(operation.is_selective());
    }

    #[test]
    fn what_the_last_sync_was_told_to_leave_is_not_healed() {
        let healing = SyncPolicyAutomated {
            self_heal: Some(true),
            prune: Some(true),
            ..SyncPolicyAutomated::default()
        };
        let left = ResourceStatus { requires_pruning: true, ..drifted().remove(0) };
        let kept =
            ResourceStatus { name: "b".into(), status: Some(SyncStatusCode::Synced), ..drifted().remove(0) };
        let mut last = ended(OperationPhase::Succeeded, "r2", 0, 10);
        let resources = [left.clone(), kept];
        assert!(matches!(decision(healing.clone(), Some(&last), &resources, 11), AutoSync::Start(_)));
        if let Some(sync) = &mut last.operation.sync {
            sync.prune = true;
        }
        if let Some(result) = &mut last.sync_result {
            result.resources = vec![ResourceResult {
                kind: left.kind.clone(),
                namespace: left.namespace.clone(),
                name: left.name.clone(),
                status: Some(ResultCode::PruneSkipped),
                ..ResourceResult::default()
            }];
        }
        assert_eq!(decision(healing.clone(), Some(&last), &resources, 11), AutoSync::No);
        let drift = [left, drifted().remove(0)];
        assert!(matches!(decision(healing, Some(&last), &drift, 11), AutoSync::Start(_)));
    }

    #[test]
    fn self_heals_that_follow_each_other_wait_longer_and_longer() {
        let healing = SyncPolicyAutomated { self_heal: Some(true), ..SyncPolicyAutomated::default() };
        let pauses: Vec<_> = [1, 2, 3, 9]
            .map(|count| {
                let last = ended(OperationPhase::Succeeded, "r2", count, 1000);
                match decision(healing.clone(), Some(&last), &drifted(), 1000) {
                    AutoSync::Later(due, None) => due.as_second() - 1000,
                    other => panic!("expected a pause, not {other:?}"),
                }
            })
            .into();
        assert_eq!(pauses, [2, 6, 18, 300]);
    }

    #[test]
    fn a_failed_sync_is_tried_again_after_a_pause_and_says_so() {
        let last = ended(OperationPhase::Failed, "r2", 0, 1000);
        let early = decision(SyncPolicyAutomated::default(), Some(&last), &drifted(), 1001);
        assert!(matches!(early, AutoSync::Later(due, Some(_)) if due == at(1180)));
        let late = decision(SyncPolicyAutomated::default(), Some(&last), &drifted(), 1180);
        assert!(matches!(late, AutoSync::Start(_)));
    }

    #[test]
    fn pruning_everything_needs_leave() {
        let gone: Vec<_> = drifted()
            .into_iter()
            .map(|resource| ResourceStatus { requires_pruning: true, ..resource })
            .collect();
        let pruning = SyncPolicyAutomated { prune: Some(true), ..SyncPolicyAutomated::default() };
        assert!(matches!(decision(pruning.clone(), None, &gone, 0), AutoSync::Refused(..)));
        let empty = SyncPolicyAutomated { allow_empty: Some(true), ..pruning };
        assert!(matches!(decision(empty, None, &gone, 0), AutoSync::Start(_)));
        assert_eq!(decision(SyncPolicyAutomated::default(), None, &gone, 0), AutoSync::No);
    }
}
