//! The GitOps core: pure functions from values to values.
//!
//! ```text
//! sources → inputs (tree ids) → render → desired ─┐
//!                                cluster watch → live ─┴→ diff → plan → steps → outcome → status
//! ```
//! No I/O, no clock, no environment: time, randomness and ids are arguments.

pub mod compare;
pub mod diff;
pub mod health;
pub mod manifest;
pub mod project;
pub mod rival;
pub mod source;
pub mod status;
pub mod sync;
