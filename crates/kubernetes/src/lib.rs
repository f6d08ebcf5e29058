//! Connections, discovery, watches, the live cache and writes.
//!
//! ```text
//! ConnectionSettings → connect → Connection ─┬→ discovery → which kinds there are
//!                                            ├→ watch ──frames──► cache (pure) → Live
//!                                            ├→ write (create, patch, apply, delete)
//!                                            └→ waits (CRDs, rollouts, disappearance)
//! ```
//! Nothing here decides what should be written. [`cache`] does no I/O at all: whoever has frames can
//! feed it, the simulator included.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

pub mod cache;
pub mod connect;
pub mod discovery;
mod error;
mod jitter;
pub mod waits;
pub mod watch;
pub mod write;

pub use connect::{Connection, ConnectionSettings, Credentials, TokenSource, connect};
pub use discovery::{Discovery, Resource};
pub use error::{ApiError, ApiErrorKind, ApiStatus, FieldConflict, FieldProblem};
