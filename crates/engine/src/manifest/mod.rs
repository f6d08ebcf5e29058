//! Objects as the stages pass them on.
//!
//! ```text
//! rendered text → Manifest ─ normalise_desired ─► Desired (what Git wants, with its origin and tracking id)
//! watch frames  → Live (what the cluster has, with UID and resourceVersion)
//! ```
//! The wrappers keep the two apart, so that arguments cannot be swapped.

mod hook;
mod images;
mod normalise;
mod object;
mod order;
mod ownership;
mod problem;
mod tracking;

pub use hook::{
    Disposition, disposition, hook_delete_policies, hook_types, is_hook, sync_wave, wave_problem,
};
pub use images::images;
pub use normalise::{Destination, normalise_desired};
pub use object::{Desired, Live, Manifest, Origin};
pub use order::{compare_kinds, defined_kind, defined_scope_is_namespaced, kind_order};
pub use ownership::{FIELD_MANAGER, own_fields, retain_own_fields};
pub use problem::{INVALID_SETTING_WARNING, Problem, ProblemKind};
pub use tracking::{TrackingId, is_self_referencing, stamp_tracking, tracking_id};
