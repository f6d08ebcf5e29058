//! The real reconcile loop over an in-memory API server.
//!
//! ```text
//! seed ─► Scenario ─► run: agent ⇄ SimulatedWorld ⇄ API servers ⇄ controllers, users, strangers
//!                                                        │ audit
//!                                                        ▼
//!                                                   invariants ─► Report
//! ```
//! Everything runs on one thread and one simulated clock. A seed decides every choice, so that a run that
//! went wrong can be looked at again, line by line.

// The in-memory API server mirrors the real one's shape: flags in groups, methods that need no state yet,
// results that cannot fail today.
#![allow(
    clippy::struct_excessive_bools,
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::single_match_else,
    clippy::match_bool,
    clippy::match_same_arms,
    clippy::assigning_clones,
    clippy::range_plus_one,
    clippy::range_minus_one,
    clippy::redundant_closure_for_method_calls,
    clippy::type_complexity
)]

pub mod actors;
pub mod agent;
pub mod api_server;
pub mod cluster;
pub mod controllers;
pub mod executor;
pub mod faults;
pub mod git;
pub mod invariants;
pub mod many;
pub mod random;
pub mod run;
pub mod scenario;
pub mod world;
