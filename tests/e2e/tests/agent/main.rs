//! The agent's binary on a real API server.

mod sync;
