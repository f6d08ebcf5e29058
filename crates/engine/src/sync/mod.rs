//! Syncing: what has to be done, in which order, and how far it has come.
//!
//! ```text
//! targets + hooks + options ─ plan::build ─► Plan ─┐
//!                    status.operationState = Record ┼─ machine::advance ─► Advance { record, effects, … }
//!                  live objects, outcomes of effects ┘        ▲                        │
//!                                                             └──── outcomes ◄── the agent runs them
//! ```
//! A plan is a value that follows from the pinned revision, the options and the cluster. The record is all
//! that survives a restart: a plan that is made again after any part of its effects has the same effects
//! left to do.

mod attempt;
mod auto;
mod effect;
mod machine;
mod plan;
mod record;
mod task;
mod waves;
mod words;

pub use attempt::Attempt;
pub use auto::{AutoInput, AutoSync, decide};
pub use effect::{ApplyEffect, DeleteEffect, DeleteReason, Done, Effect, Failure, FinalizerEffect, Outcome};
pub use machine::{Advance, Observed, Persist, Seen, advance, release_left_over};
pub use plan::{Plan, PlanInput, PlanSettings, Step, Target, build};
pub use record::{Record, TaskRecord, TaskState};
pub use task::{ApplyChoice, HookTask, Strategy, Task, TaskId, Work};
pub use words::kubectl_name;
