//! The corner provider, driven by a real Terraform (or OpenTofu) through the whole life of its objects.
//! After each apply a second plan has to be empty.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod configuration;
mod failures;
mod lifecycle;
mod state;
mod terraform;
mod unknowns;
