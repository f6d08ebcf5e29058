//! `app manifests`: what Git wants, or what is live.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::AppNamespace;
use super::diff::masked;
use super::revisions::RevisionFlags;
use super::state::{self, Destination};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::structured;
use crate::cli::session::Session;

#[derive(Debug, Args)]
pub(crate) struct ManifestsOptions {
    /// Name of the application, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    name: String,
    /// Where they come from
    #[arg(long, value_enum, default_value_t)]
    source: Source,
    #[command(flatten)]
    revisions: RevisionFlags,
    #[command(flatten)]
    namespace: AppNamespace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Source {
    /// As they would be applied
    #[default]
    Git,
    /// As they are in the cluster
    Live,
}

/// Values of Secrets are left out.
pub(super) async fn run(
    session: &Session,
    options: &ManifestsOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    options.revisions.check()?;
    let key = options.namespace.key(session, &options.name);
    let application = session.application(&key).await?.typed;
    let destination = Destination::of(session, &application).await?;
    let documents: Vec<Value> = match options.source {
        Source::Git => {
            let revisions = options.revisions.of(&application)?;
            let target = state::target(session, &destination, &application, &revisions).await?;
            for warning in &target.warnings {
                eprintln!("warning: {warning}");
            }
            let objects = target.desired.iter().chain(&target.hooks);
            objects.map(|object| masked(object.manifest.value())).collect()
        }
        Source::Live => {
            let live = state::live(&destination, &application).await?;
            live.values().map(|live| masked(live.manifest.value())).collect()
        }
    };
    structured::write_documents(out, &documents)?;
    Ok(Exit::Done)
}
