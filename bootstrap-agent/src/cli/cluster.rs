//! `cluster`: the clusters that applications can go to.

use std::io::Write;

use bridgehead_api::annotations::SECRET_TYPE_CLUSTER;
use bridgehead_api::secret::{Cluster, IN_CLUSTER_NAME, IN_CLUSTER_SERVER};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::error::{CliError, Exit};
use super::output::structured::{self, Structured};
use super::output::table;
use super::session::{GlobalOptions, Session};

#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// List clusters
    List {
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table
    #[default]
    Wide,
    /// URLs
    Server,
    /// JSON, without credentials
    Json,
    /// YAML, without credentials
    Yaml,
}

pub(super) async fn run(
    command: ClusterCommand,
    global: &GlobalOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let ClusterCommand::List { output } = command;
    let session = Session::open(global)?;
    let entries = entries(&session).await?;
    match output {
        Format::Wide => table::write(
            out,
            ["SERVER", "NAME", "VERSION", "STATUS", "MESSAGE", "PROJECT"],
            entries.iter().map(|entry| {
                let cluster = &entry.cluster;
                [
                    server(cluster),
                    cluster.name.clone(),
                    entry.version.clone(),
                    entry.status.to_owned(),
                    entry.message.clone(),
                    cluster.project.clone(),
                ]
            }),
        )?,
        Format::Server => {
            for entry in &entries {
                writeln!(out, "{}", entry.cluster.server)?;
            }
        }
        Format::Json => structured::write(out, Structured::Json, &without_credentials(&entries))?,
        Format::Yaml => structured::write(out, Structured::Yaml, &without_credentials(&entries))?,
    }
    Ok(Exit::Done)
}

/// One line of the list.
struct Entry {
    cluster: Cluster,
    version: String,
    status: &'static str,
    message: String,
}

/// Registered clusters and what is wrong with their Secrets; the agent's own cluster is always there. It is
/// the only one that we have a connection to: whether the agent reaches the others isn't known here.
async fn entries(session: &Session) -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for secret in session.typed_secrets(SECRET_TYPE_CLUSTER).await? {
        let (cluster, message) = match Cluster::from_secret(&secret) {
            Ok((cluster, problems)) => {
                let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
                (cluster, texts.join("; "))
            }
            Err(problem) => (Cluster::default(), format!("Secret `{}`: {problem}", secret.metadata.name)),
        };
        entries.push(Entry { cluster, version: String::new(), status: "Unknown", message });
    }
    if !entries.iter().any(|entry| entry.cluster.server == IN_CLUSTER_SERVER) {
        let cluster = Cluster {
            server: IN_CLUSTER_SERVER.to_owned(),
            name: IN_CLUSTER_NAME.to_owned(),
            ..Cluster::default()
        };
        entries.push(Entry { cluster, version: String::new(), status: "Unknown", message: String::new() });
    }
    let own = entries.iter_mut().filter(|entry| entry.cluster.server == IN_CLUSTER_SERVER);
    let version = session.server_version().await?;
    for entry in own {
        entry.version.clone_from(&version);
        entry.status = "Successful";
    }
    entries.sort_by(|one, other| one.cluster.server.cmp(&other.cluster.server));
    Ok(entries)
}

fn server(cluster: &Cluster) -> String {
    match cluster.namespaces.len() {
        0 => cluster.server.clone(),
        count => format!("{} ({count} namespaces)", cluster.server),
    }
}

fn without_credentials(entries: &[Entry]) -> Value {
    let values = entries.iter().map(|entry| {
        let cluster = &entry.cluster;
        json!({
            "server": cluster.server,
            "name": cluster.name,
            "serverVersion": entry.version,
            "connectionState": {"status": entry.status, "message": entry.message},
            "namespaces": cluster.namespaces,
            "clusterResources": cluster.cluster_resources,
            "project": cluster.project,
            "labels": cluster.labels,
            "annotations": cluster.annotations,
        })
    });
    Value::Array(values.collect())
}
