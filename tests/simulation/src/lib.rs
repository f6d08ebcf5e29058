//! The real reconcile loop over an in-memory API server.
