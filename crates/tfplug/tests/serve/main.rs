//! A real provider process, driven as go-plugin's host drives it and by a real Terraform.

mod handshake;
mod host;
mod lifetime;
mod logs;
mod mutual_tls;
mod rpc;
mod terraform;
mod terraform_runs;
