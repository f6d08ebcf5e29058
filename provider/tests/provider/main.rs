//! The provider, driven by a real Terraform (or OpenTofu) against a real API server.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent;
mod agent_destroy;
mod agent_takeover;
mod application;
mod cluster;
mod cluster_objects;
mod connection;
mod crowd;
mod destroy;
mod handed_over;
mod project;
mod repository;
mod rules;
mod terraform;
mod unknown;
mod wait;
