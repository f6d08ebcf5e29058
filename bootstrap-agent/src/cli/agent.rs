//! `agent`: the flags of the program that reconciles.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bridgehead_api::duration::parse_duration;
use clap::{ArgAction, Args, ValueEnum};

use super::session::GlobalOptions;

/// What the agent is told. Without a kubeconfig it uses the ServiceAccount of the Pod that it runs in.
#[derive(Clone, Debug, Args)]
pub struct AgentOptions {
    /// Namespace of the Applications, projects, Secrets and settings that the agent reads.
    #[arg(skip)]
    pub namespace: String,
    /// Path of a kubeconfig file, to run outside of the cluster.
    #[arg(skip)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig file; the current one if there is none.
    #[arg(skip)]
    pub context: Option<String>,
    /// Compare and report what would be done; write nothing
    #[arg(long)]
    pub observe: bool,
    /// Go on although the named engine is installed: it must not run any more
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub takeover: Option<Takeover>,
    /// Where metrics, health and readiness are served
    #[arg(long, default_value = "127.0.0.1:8082", value_name = "ADDRESS:PORT")]
    pub metrics_address: SocketAddr,
    /// Folder for repositories and renders; one in the temporary folder if not given
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,
    /// Time between two looks at a repository; `timeout.reconciliation` of argocd-cm if not given
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub poll_interval: Option<Duration>,
    /// Random time on top of the interval; `timeout.reconciliation.jitter` of argocd-cm if not given
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub poll_jitter: Option<Duration>,
    /// Pause before an automatic sync that has failed is tried again
    #[arg(long, value_parser = duration, default_value = "180s", value_name = "DURATION")]
    pub failed_sync_pause: Duration,
    /// Applications that are worked on at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=256), value_name = "COUNT")]
    pub concurrency: u32,
    /// Whether to wait for the Lease before writing, so that one of several replicas works
    #[arg(long, action = ArgAction::Set, default_value_t = true, default_missing_value = "true",
          num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    pub leader_elect: bool,
    /// Name that the Lease is held by; the host's if not given
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub identity: Option<String>,
    /// In which form to log
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// How much to log: error, warn, info, debug, trace, or directives such as `info,bridgehead=debug`
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
}

/// The engine that is taken over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Takeover {
    /// Argo CD's application-controller.
    #[value(name = "argocd")]
    ArgoCd,
}

/// In which form to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line
    #[default]
    Json,
    /// For people
    Text,
}

impl AgentOptions {
    pub(super) fn with_global(mut self, global: &GlobalOptions) -> Self {
        self.namespace.clone_from(&global.namespace);
        self.kubeconfig.clone_from(&global.kubeconfig);
        self.context.clone_from(&global.context);
        self
    }
}

/// Go's durations, as Argo CD's settings have them: `90s`, `2m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let span = parse_duration(text).map_err(|problem| problem.to_string())?;
    Duration::try_from(span).map_err(|_| format!("`{text}` is negative"))
}
