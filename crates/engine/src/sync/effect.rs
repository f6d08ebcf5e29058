//! What the machine asks the agent to do, and what it hears back.

use bridgehead_api::Uid;
use bridgehead_api::application::PropagationPolicy;
use serde::Serialize;

use super::task::{ApplyChoice, TaskId, propagation_word};
use crate::manifest::{Desired, Live};

/// One write. All effects of one advance may run side by side.
#[derive(Clone, Debug, Serialize)]
pub enum Effect {
    /// Create or change an object.
    Apply(ApplyEffect),
    /// Delete an object.
    Delete(DeleteEffect),
    /// Take a finalizer of ours off an object.
    RemoveFinalizer(FinalizerEffect),
}

impl Effect {
    /// The task that the effect belongs to.
    pub fn task(&self) -> &TaskId {
        match self {
            Effect::Apply(effect) => &effect.task,
            Effect::Delete(effect) => &effect.task,
            Effect::RemoveFinalizer(effect) => &effect.task,
        }
    }
}

/// Creates or changes an object.
#[derive(Clone, Debug, Serialize)]
pub struct ApplyEffect {
    /// Its task.
    pub task: TaskId,
    /// The object as it shall be.
    pub desired: Desired,
    /// The object as last seen, if it was seen.
    pub live: Option<Live>,
    /// How to write.
    pub choice: ApplyChoice,
    /// True for a hook: one that exists already with the same attempt annotation is adopted as it is.
    pub hook: bool,
    /// Let the API server check the write without keeping it.
    pub dry_run: bool,
}

/// Deletes an object, on condition that it is still the same one.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteEffect {
    /// Its task.
    pub task: TaskId,
    /// The object as last seen: its UID is always a precondition, for a prune and a cascade its
    /// resourceVersion too.
    pub live: Live,
    /// What happens to its dependants.
    #[serde(serialize_with = "propagation_word")]
    pub propagation: PropagationPolicy,
    /// Why it goes.
    pub reason: DeleteReason,
}

/// Why an object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DeleteReason {
    /// Git no longer has it.
    Prune,
    /// A hook of an earlier attempt stands in the way.
    BeforeHookCreation,
    /// A hook whose policy deletes it after this end.
    HookEnded,
    /// The operation is being terminated.
    Terminated,
    /// The application goes, and its objects with it.
    Cascade,
}

/// Takes one finalizer off an object.
#[derive(Clone, Debug, Serialize)]
pub struct FinalizerEffect {
    /// Its task.
    pub task: TaskId,
    /// The object as last seen.
    pub live: Live,
    /// The finalizer.
    pub finalizer: String,
}

/// What came of an effect.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The effect.
    pub effect: Effect,
    /// Success, or why not.
    pub result: Result<Done, Failure>,
}

/// An effect that took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Written; the text as `kubectl` would print it (`deployment.apps/web created`).
    Applied {
        /// The result's message.
        message: String,
    },
    /// The API server took the deletion, or the object was gone.
    Deleted {
        /// UID of the object that is going or gone.
        uid: Uid,
    },
    /// The finalizer is off, or the object was gone.
    FinalizerRemoved,
}

/// Why an effect did not take place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The object changed since it was seen: look again, then decide again. Nothing was written.
    Stale,
    /// The write was refused; the text is the API server's.
    Refused {
        /// Message for the result.
        message: String,
    },
}
