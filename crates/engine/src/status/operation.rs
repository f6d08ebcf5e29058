//! `status.operationState` ↔ the machine's record.

use bridgehead_api::application::{
    Operation, OperationState, ResourceResult, SyncOperationResult, SyncPhase,
};
use bridgehead_api::{GroupKind, ObjectKey};

use crate::sync::{Record, TaskRecord, TaskState};

/// Reads the record out of what was stored.
pub fn record_of(state: &OperationState) -> Record {
    let results = state.sync_result.iter().flat_map(|result| &result.resources);
    Record::restore(
        state.phase,
        state.message.clone(),
        state.started_at.timestamp(),
        state.finished_at.map(bridgehead_api::Time::timestamp),
        state.retry_count,
        results.map(task_of).collect(),
    )
}

/// The operation's state with the record in it.
pub fn state_with(record: &Record, operation: Operation, target: SyncOperationResult) -> OperationState {
    OperationState {
        operation,
        phase: record.phase,
        message: record.message.clone(),
        sync_result: Some(SyncOperationResult {
            resources: record.tasks().iter().map(result_of).collect(),
            ..target
        }),
        started_at: record.started_at.into(),
        finished_at: record.finished_at.map(Into::into),
        retry_count: record.retry_count,
    }
}

fn task_of(result: &ResourceResult) -> TaskRecord {
    let kind = GroupKind::new(result.group.as_str(), result.kind.as_str());
    TaskRecord {
        key: ObjectKey::new(kind, &result.namespace, result.name.as_str()),
        version: result.version.as_str().into(),
        phase: result.sync_phase.unwrap_or(SyncPhase::Sync),
        hook: result.hook_type,
        code: result.status,
        state: TaskState::from_operation_phase(result.hook_phase),
        message: result.message.clone(),
        images: result.images.clone(),
    }
}

fn result_of(task: &TaskRecord) -> ResourceResult {
    ResourceResult {
        group: task.key.group_kind.group.to_string(),
        version: task.version.to_string(),
        kind: task.key.group_kind.kind.to_string(),
        namespace: task.key.namespace().to_owned(),
        name: task.key.name.to_string(),
        status: task.code,
        message: task.message.clone(),
        hook_type: task.hook,
        hook_phase: task.state.as_operation_phase(),
        sync_phase: Some(task.phase),
        images: task.images.clone(),
    }
}
