//! The command line: argocd's words, flags, output and exit codes, over the Kubernetes API alone.
//!
//! ```text
//! arguments ─clap→ Cli ─→ Session (connection, namespace) ─→ a verb ─→ lines on standard output
//!                                                              └──→ CliError ─→ one line, a hint, an exit code
//! ```
//! A verb reads objects, calls the pure parts of other crates, and prints. It asks the agent for
//! something as argocd does: by `.operation`, by annotations, by finalizers.

mod agent;
mod app;
mod cluster;
mod elsewhere;
mod error;
mod lint;
mod manifests;
mod objects;
pub mod output;
mod proj;
mod repo;
mod session;
mod version;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use agent::{AgentOptions, LogFormat, Takeover};
pub use error::{CliError, Exit};
use session::GlobalOptions;

use crate::runtime;

/// Reconciles Git into Kubernetes: the agent in the cluster, and the command line for its applications.
#[derive(Debug, Parser)]
#[command(name = "bridgehead", version, disable_help_subcommand = true, propagate_version = false)]
struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reconcile: what runs in the cluster
    Agent(Box<AgentOptions>),
    /// Look at applications, sync them, wait for them
    #[command(subcommand)]
    App(app::AppCommand),
    /// Look at projects
    #[command(subcommand)]
    Proj(proj::ProjCommand),
    /// Look at clusters
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Look at repositories
    #[command(subcommand)]
    Repo(repo::RepoCommand),
    /// Check Applications, AppProjects and ApplicationSets in files, without a cluster
    Lint(lint::LintOptions),
    /// Print the manifests that install the agent
    #[command(subcommand)]
    Manifests(manifests::ManifestsCommand),
    /// Print the version
    Version(version::VersionOptions),
}

/// Does what the arguments say. The first argument is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = !error.use_stderr();
            // Nothing can be done where even this cannot be written.
            let _ = error.print();
            if let Some(hint) = elsewhere::hint(&arguments).filter(|_| !asked_for) {
                let _ = writeln!(std::io::stderr(), "\nhint: {hint}");
            }
            return if asked_for { ExitCode::SUCCESS } else { Exit::Failed.into() };
        }
    };
    let mut out = std::io::stdout().lock();
    let outcome = dispatch(cli, &mut out);
    let outcome = outcome.and_then(|exit| out.flush().map(|()| exit).map_err(CliError::from));
    match outcome {
        Ok(exit) => exit.into(),
        // Whoever reads us has had enough, as `head` does.
        Err(CliError::ClosedPipe) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = error.write(&mut std::io::stderr().lock());
            error.exit().into()
        }
    }
}

fn dispatch(cli: Cli, out: &mut dyn Write) -> Result<Exit, CliError> {
    let Cli { global, command } = cli;
    match command {
        Command::Agent(options) => run_agent(&options.with_global(&global)),
        Command::Lint(options) => lint::run(&options, out),
        Command::Manifests(command) => manifests::run(&command, &global, out),
        Command::Version(options) => version::run(&options, out),
        Command::App(command) => in_runtime(app::run(command, &global, out)),
        Command::Proj(command) => in_runtime(proj::run(command, &global, out)),
        Command::Cluster(command) => in_runtime(cluster::run(command, &global, out)),
        Command::Repo(command) => in_runtime(repo::run(command, &global, out)),
    }
}

fn run_agent(options: &AgentOptions) -> Result<Exit, CliError> {
    crate::agent::run(options).map_err(CliError::from)
}

fn in_runtime(verb: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    runtime::run(runtime::start()?, async {
        tokio::select! {
            outcome = verb => outcome,
            _ = tokio::signal::ctrl_c() => Err(CliError::Interrupted),
        }
    })
}

/// Whether a person can be asked.
fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn flags_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
