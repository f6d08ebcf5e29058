//! `cargo xtask cluster up|down|list`.

use std::process::Command;

use anyhow::{Context, Result};
use bridgehead_test_harness::{self as harness, Options, Status};
use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start a cluster that stays until `down`, and print the path of its kubeconfig
    Up(ClusterArguments),
    /// End a cluster
    Down {
        /// The name it was started under
        #[arg(long, default_value = "dev")]
        name: String,
    },
    /// List the clusters that are up
    List,
    /// The process that holds a cluster; `up` starts it
    #[command(hide = true)]
    Supervise(ClusterArguments),
}

#[derive(Args, Clone)]
struct ClusterArguments {
    /// Lower-case letters, digits and dashes
    #[arg(long, default_value = "dev")]
    name: String,
    /// Log every request to the API server in `audit.log` beside the kubeconfig
    #[arg(long)]
    audit_log: bool,
    /// How many nodes kwok plays
    #[arg(long, default_value_t = 2)]
    nodes: u32,
}

impl ClusterArguments {
    fn options(&self) -> Options {
        Options { audit_log: self.audit_log, nodes: self.nodes, ..Options::named(&self.name) }
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    match arguments.action {
        Action::Up(wanted) => up(&wanted),
        Action::Down { name } => harness::down(&name),
        Action::List => list(),
        Action::Supervise(wanted) => match harness::supervise(&wanted.options())? {},
    }
}

fn up(wanted: &ClusterArguments) -> Result<()> {
    let program = std::env::current_exe().context("failed to find this program")?;
    let mut supervisor = Command::new(program);
    supervisor.args(["cluster", "supervise", "--name", &wanted.name, "--nodes", &wanted.nodes.to_string()]);
    if wanted.audit_log {
        supervisor.arg("--audit-log");
    }
    let cluster = harness::up(&wanted.name, supervisor)?;
    println!("{}", cluster.kubeconfig.display());
    Ok(())
}

fn list() -> Result<()> {
    for cluster in harness::list()? {
        let status = match cluster.status() {
            Status::Running => "running".to_owned(),
            Status::Degraded(ended) => format!("ended: {}", ended.join(", ")),
            Status::Ended => "ended".to_owned(),
        };
        println!("{}\t{status}\t{}\t{}", cluster.name, cluster.server, cluster.kubeconfig.display());
    }
    Ok(())
}
