//! The GitOps core: pure functions from values to values.
