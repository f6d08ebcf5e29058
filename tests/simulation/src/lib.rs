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

pub mod actors;
pub mod agent;
pub mod api_server;
pub mod cluster;
pub mod controllers;
pub mod executor;
pub mod faults;
pub mod git;
pub mod invariants;
pub mod random;
pub mod run;
pub mod scenario;
pub mod world;
