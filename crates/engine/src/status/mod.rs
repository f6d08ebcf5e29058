//! What an application's `status` says, folded from what was seen and done.
//!
//! ```text
//! Comparison, revisions, conditions ─ observe ─► ApplicationStatus ─ patch ─► JSON patch
//! Record ─ state_with ─► operationState ─────────────┘
//! ```
//! Nothing is written where nothing changed: a comparison that only repeats the last one changes no field
//! but `reconciledAt`, and that alone is no reason for a write.

mod conditions;
mod history;
mod observe;
mod operation;
mod patch;

pub use history::with_deployment;
pub use observe::{Observation, Verdict, observe};
pub use operation::{record_of, state_with};
pub use patch::{Consumed, OperationField, differs, status_patch};
