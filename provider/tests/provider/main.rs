//! The provider, driven by a real Terraform (or OpenTofu) against a real API server.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod application;
mod cluster_objects;
mod project;
mod terraform;
