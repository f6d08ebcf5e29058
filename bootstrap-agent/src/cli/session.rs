//! Which cluster and namespace a command is about.

use std::path::PathBuf;

use bridgehead_kubernetes::{Connection, ConnectionSettings, connect};
use clap::Args;

use super::error::CliError;

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct GlobalOptions {
    /// Path of the kubeconfig file; KUBECONFIG or ~/.kube/config if not given
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig file; the current one if not given
    #[arg(long, visible_alias = "kube-context", global = true, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// Namespace of the agent
    #[arg(short, long, global = true, env = "ARGOCD_NAMESPACE", default_value = "argocd")]
    pub(super) namespace: String,
    /// Taken and ignored: commands always use the Kubernetes API, as `argocd --core` does
    #[arg(long, global = true, hide = true)]
    core: bool,
}

/// A cluster and the agent's namespace in it.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) namespace: String,
}

impl Session {
    pub(super) fn open(global: &GlobalOptions) -> Result<Self, CliError> {
        let settings = settings(global)?;
        Ok(Self { connection: connect(&settings)?, namespace: global.namespace.clone() })
    }
}

/// A kubeconfig where one is named or lies in its place, else the Pod's ServiceAccount.
fn settings(global: &GlobalOptions) -> Result<ConnectionSettings, CliError> {
    let named = global.kubeconfig.is_some() || global.context.is_some();
    let from_file = ConnectionSettings::kubeconfig(global.kubeconfig.as_deref(), global.context.as_deref());
    match from_file {
        Ok(settings) => Ok(settings),
        Err(error) if named => Err(error.into()),
        Err(error) => ConnectionSettings::in_cluster().map_err(|_| error.into()),
    }
}
