//! The framework without a Terraform: what the installed one can't ask for, and what is easier to see
//! from inside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod docs;
mod identity;
mod model;
mod planning;
mod provider;
mod schema;
mod validation;
