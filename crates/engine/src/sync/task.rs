//! The unit of a plan: one object in one phase.

use std::fmt;
use std::sync::Arc;

use bridgehead_api::ObjectKey;
use bridgehead_api::application::{HookDeletePolicy, PropagationPolicy, SyncPhase};
use serde::{Serialize, Serializer};

use crate::manifest::{Desired, images};

/// A task's identity, the same in every plan of one attempt. One hook may run in several phases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TaskId {
    /// Phase in which the task runs.
    pub phase: SyncPhase,
    /// The object.
    pub key: ObjectKey,
}

/// `group/Kind/namespace/name` in its phase, for messages.
impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.key)
    }
}

/// One object in one phase and wave, and what to do with it.
#[derive(Clone, Debug, Serialize)]
pub struct Task {
    /// Identity.
    pub id: TaskId,
    /// API version, as the manifest or the live object says it.
    pub version: Arc<str>,
    /// Wave within the phase.
    pub wave: i64,
    /// What to do.
    pub work: Work,
}

/// What a task does.
#[derive(Clone, Debug, Serialize)]
pub enum Work {
    /// Make the live object as desired.
    Apply {
        /// The object.
        desired: Desired,
        /// How it is written.
        choice: ApplyChoice,
        /// True if live and desired are equal already, so that nothing needs to be sent.
        unchanged: bool,
    },
    /// Create the hook, wait for its end, record it, delete it as its policies say.
    Hook(HookTask),
    /// Delete an object that Git no longer has.
    Prune {
        /// How its dependants go.
        #[serde(serialize_with = "propagation_word")]
        propagation: PropagationPolicy,
        /// True while somebody has to confirm the deletion first.
        unconfirmed: bool,
        /// True if it goes after every wave of the Sync phase.
        last: bool,
        /// The object's tracking id when the plan was made.
        tracking_id: Option<Arc<str>>,
    },
    /// Leave an object that Git no longer has, and say why.
    Keep {
        /// The result's message.
        message: String,
    },
}

/// A hook's task.
#[derive(Clone, Debug, Serialize)]
pub struct HookTask {
    /// The hook with its final name, finalizer and attempt annotation.
    pub desired: Desired,
    /// How it is written.
    pub choice: ApplyChoice,
    /// When it is deleted; never empty.
    pub delete: Vec<HookDeletePolicy>,
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ApplyChoice {
    /// The kind of write.
    pub strategy: Strategy,
    /// Delete and create again where the API server refuses the change.
    pub force: bool,
    /// Ask the API server to refuse unknown fields.
    pub validate: bool,
}

/// The kind of write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Strategy {
    /// Three-way patch by the last-applied annotation.
    ClientSide,
    /// Server-side apply that takes over conflicting fields.
    ServerSide,
    /// Replace the whole object, or create it.
    Replace,
}

impl Task {
    /// The container images that the task's object names.
    pub fn images(&self) -> Vec<String> {
        match &self.work {
            Work::Apply { desired, .. } => images(&desired.manifest),
            Work::Hook(hook) => images(&hook.desired.manifest),
            Work::Prune { .. } | Work::Keep { .. } => Vec::new(),
        }
    }

    /// True for a hook.
    pub fn is_hook(&self) -> bool {
        matches!(self.work, Work::Hook(_))
    }

    /// True for the deletion of an object that Git no longer has.
    pub fn is_prune(&self) -> bool {
        matches!(self.work, Work::Prune { .. })
    }
}

// By reference, as serde calls it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(super) fn propagation_word<S: Serializer>(
    policy: &PropagationPolicy,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(policy.as_str())
}
