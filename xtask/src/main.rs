//! `cargo xtask`: one command for everything.

// A command's standard output is its product.
#![allow(clippy::print_stdout)]

mod bench;
mod command;
mod demo;
mod process;

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
    /// From an empty cluster to a running one and back, with Terraform
    Demo(command::demo::Arguments),
    /// Kubernetes clusters that are real except for their nodes
    Cluster(command::cluster::Arguments),
    /// Build what is needed and run all tests
    Test(command::test::Arguments),
    /// Formatting, clippy and the rules of the house
    Lint,
    /// Licences, bans, sources and duplicates of the dependencies
    Deny(command::deny::Arguments),
    /// Build the documentation of the code without a warning
    Docs,
    /// Everything that a change must pass
    Ci,
    /// Measure the agent on a real API server, beside a floor of a bare client
    Bench(command::bench::Arguments),
    /// Build a program that tests or the demo need, if it is not in the cache, and print its path
    Tool(command::tool::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Demo(arguments) => command::demo::run(arguments),
        Command::Cluster(arguments) => command::cluster::run(arguments),
        Command::Test(arguments) => command::test::run(&arguments),
        Command::Lint => command::lint::run(),
        Command::Deny(arguments) => command::deny::run(&arguments),
        Command::Docs => command::docs::run(),
        Command::Ci => command::ci::run(),
        Command::Bench(arguments) => command::bench::run(arguments),
        Command::Tool(arguments) => command::tool::run(&arguments),
    }
}
