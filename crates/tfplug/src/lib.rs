//! Terraform plugin protocol 6: write providers in Rust.

pub mod proto;
