//! Objects as the stages pass them on.
//!
//! ```text
//! rendered text → Manifest → Desired (what Git wants, with its origin and tracking id)
//! watch frames  → Live (what the cluster has, with UID and resourceVersion)
//! ```
//! The wrappers keep the two apart, so that arguments cannot be swapped.

mod object;

pub use object::{Desired, Live, Manifest, Origin};
