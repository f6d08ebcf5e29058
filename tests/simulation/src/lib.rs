//! The real reconcile loop over an in-memory API server.

pub mod api_server;
pub mod executor;
pub mod random;
