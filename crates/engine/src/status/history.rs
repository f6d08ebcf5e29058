//! `status.history`: what was deployed, oldest first.

use bridgehead_api::Time;
use bridgehead_api::application::{OperationState, RevisionHistory};

/// Entries kept where the specification says nothing.
const DEFAULT_LIMIT: usize = 10;

/// The history after `state` has succeeded: one more entry, the oldest gone beyond `limit`. Dry runs and
/// syncs of chosen objects leave no entry.
pub fn with_deployment(
    history: &[RevisionHistory],
    state: &OperationState,
    deployed_at: Time,
    limit: Option<i64>,
) -> Vec<RevisionHistory> {
    let Some(result) = &state.sync_result else { return history.to_vec() };
    let is_deployment =
        state.operation.sync.as_ref().is_some_and(|sync| !sync.dry_run && sync.resources.is_empty());
    if !is_deployment {
        return history.to_vec();
    }
    let limit = limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(0));
    let mut entries = history.to_vec();
    entries.push(RevisionHistory {
        revision: result.revision.clone(),
        deployed_at,
        id: history.last().map_or(0, |last| last.id + 1),
        source: result.source.clone(),
        deploy_started_at: Some(state.started_at),
        sources: result.sources.clone(),
        revisions: result.revisions.clone(),
        initiated_by: state.operation.initiated_by.clone(),
    });
    let surplus = entries.len().saturating_sub(limit);
    entries.drain(..surplus);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridgehead_api::application::{Operation, SyncOperation, SyncOperationResource, SyncOperationResult};

    fn state(revision: &str, sync: SyncOperation) -> OperationState {
        OperationState {
            operation: Operation { sync: Some(sync), ..Operation::default() },
            sync_result: Some(SyncOperationResult {
                revision: revision.into(),
                ..SyncOperationResult::default()
            }),
            ..OperationState::default()
        }
    }

    #[test]
    fn the_oldest_entry_goes_and_ids_count_on() {
        let mut history = Vec::new();
        for revision in ["a", "b", "c"] {
            history = with_deployment(
                &history,
                &state(revision, SyncOperation::default()),
                Time::default(),
                Some(2),
            );
        }
        let kept: Vec<_> = history.iter().map(|entry| (entry.id, entry.revision.as_str())).collect();
        assert_eq!(kept, [(1, "b"), (2, "c")]);
    }

    #[test]
    fn selective_and_dry_syncs_leave_no_entry() {
        let dry = SyncOperation { dry_run: true, ..SyncOperation::default() };
        let selective =
            SyncOperation { resources: vec![SyncOperationResource::default()], ..SyncOperation::default() };
        for sync in [dry, selective] {
            assert!(with_deployment(&[], &state("a", sync), Time::default(), None).is_empty());
        }
    }
}
