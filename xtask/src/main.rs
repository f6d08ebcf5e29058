//! `cargo xtask`: one command for everything.

// A command's standard output is its product.
#![allow(clippy::print_stdout)]

mod command;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "One command for everything", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// One file in `command/` each.
#[derive(Subcommand)]
enum Command {
    /// Kubernetes clusters that are real except for their nodes
    Cluster(command::cluster::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Cluster(arguments) => command::cluster::run(arguments),
    }
}
