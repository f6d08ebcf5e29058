//! How far an operation has come: `status.operationState`, and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use bridgehead_api::ObjectKey;
use bridgehead_api::application::{HookType, OperationPhase, ResultCode, SyncPhase};
use jiff::Timestamp;

use super::task::TaskId;

/// The part of `status.operationState` that changes while an operation runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Phase of the whole operation.
    pub phase: OperationPhase,
    /// What it is doing, or how it ended.
    pub message: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; with phase Running: when the try before this one failed.
    pub finished_at: Option<Timestamp>,
    /// Tries after the first.
    pub retry_count: i64,
    tasks: Vec<TaskRecord>,
    index: HashMap<TaskId, usize>,
}

/// What is known of one task; an entry of `syncResult.resources`.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    /// The object.
    pub key: ObjectKey,
    /// Its API version.
    pub version: Arc<str>,
    /// The phase it runs in.
    pub phase: SyncPhase,
    /// Set for hooks.
    pub hook: Option<HookType>,
    /// Outcome of the write. None: not written yet, as far as is known.
    pub code: Option<ResultCode>,
    /// Where the task stands.
    pub state: TaskState,
    /// The API server's or the health's words.
    pub message: String,
    /// Container images of the object.
    pub images: Vec<String>,
}

/// Where a task stands; `hookPhase` of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Noted, not begun.
    Pending,
    /// A hook that is announced (no code yet) or created, or an object whose health is awaited.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly by its own account.
    Failed,
    /// Could not be written.
    Error,
}

impl TaskState {
    /// The word in `hookPhase`.
    pub fn as_operation_phase(self) -> Option<OperationPhase> {
        match self {
            TaskState::Pending => None,
            TaskState::Running => Some(OperationPhase::Running),
            TaskState::Succeeded => Some(OperationPhase::Succeeded),
            TaskState::Failed => Some(OperationPhase::Failed),
            TaskState::Error => Some(OperationPhase::Error),
        }
    }

    /// Reads `hookPhase`.
    pub fn from_operation_phase(phase: Option<OperationPhase>) -> Self {
        match phase {
            None => TaskState::Pending,
            Some(OperationPhase::Running | OperationPhase::Terminating) => TaskState::Running,
            Some(OperationPhase::Succeeded) => TaskState::Succeeded,
            Some(OperationPhase::Failed) => TaskState::Failed,
            Some(OperationPhase::Error) => TaskState::Error,
        }
    }

    /// True once nothing more will happen to the task.
    pub fn has_ended(self) -> bool {
        matches!(self, TaskState::Succeeded | TaskState::Failed | TaskState::Error)
    }

    /// True if the task ended and its operation has failed by it.
    pub fn has_failed(self) -> bool {
        matches!(self, TaskState::Failed | TaskState::Error)
    }
}

impl Record {
    /// The record of an operation that begins now.
    pub fn begin(started_at: Timestamp) -> Self {
        Self::restore(OperationPhase::Running, String::new(), started_at, None, 0, Vec::new())
    }

    /// The record as it was stored.
    pub fn restore(
        phase: OperationPhase,
        message: String,
        started_at: Timestamp,
        finished_at: Option<Timestamp>,
        retry_count: i64,
        tasks: Vec<TaskRecord>,
    ) -> Self {
        let index = tasks.iter().enumerate().map(|(position, task)| (task.id(), position)).collect();
        Self { phase, message, started_at, finished_at, retry_count, tasks, index }
    }

    /// All entries, in the order in which they were made.
    pub fn tasks(&self) -> &[TaskRecord] {
        &self.tasks
    }

    /// The entry of a task.
    pub fn task(&self, id: &TaskId) -> Option<&TaskRecord> {
        self.index.get(id).map(|position| &self.tasks[*position])
    }

    /// True if the object has an entry, in whatever phase.
    pub fn knows(&self, key: &ObjectKey) -> bool {
        self.tasks.iter().any(|task| task.key == *key)
    }

    /// Adds or replaces an entry.
    pub fn set(&mut self, entry: TaskRecord) {
        let id = entry.id();
        if let Some(position) = self.index.get(&id) {
            self.tasks[*position] = entry;
        } else {
            self.index.insert(id, self.tasks.len());
            self.tasks.push(entry);
        }
    }

    /// Begins the next try: entries go, the failure time too.
    #[must_use]
    pub fn retry(&self) -> Self {
        let mut next = Self::begin(self.started_at);
        next.retry_count = self.retry_count + 1;
        next.message = format!("retrying attempt #{}", next.retry_count);
        next
    }

    /// Ends the operation.
    pub(super) fn end(&mut self, phase: OperationPhase, message: impl Into<String>, now: Timestamp) {
        self.phase = phase;
        self.message = message.into();
        self.finished_at = Some(now);
    }

    /// True once the operation is over (a try that will be repeated counts too).
    pub fn has_ended(&self) -> bool {
        self.finished_at.is_some()
    }
}

impl TaskRecord {
    /// The task's identity.
    pub fn id(&self) -> TaskId {
        TaskId { phase: self.phase, key: self.key.clone() }
    }

    /// A hook that was announced, and of which nobody knows yet that it was created.
    pub fn is_announced(&self) -> bool {
        self.hook.is_some() && self.state == TaskState::Running && self.code.is_none()
    }
}
