//! A real provider process, driven as go-plugin's host drives it and by a real Terraform.

// Signals, unix sockets.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod go_host;
mod handshake;
mod host;
mod lifetime;
mod logs;
mod mutual_tls;
mod rpc;
mod terraform;
mod terraform_runs;
