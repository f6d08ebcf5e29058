//! `app history`.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::{AppNamespace, application};
use crate::cli::error::{CliError, Exit};
use crate::cli::session::Session;

#[derive(Debug, Args)]
pub(crate) struct HistoryOptions {
    /// Name of the application, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    name: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    namespace: AppNamespace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    #[default]
    Wide,
    /// Numbers, for `rollback`
    Id,
}

pub(super) async fn run(
    session: &Session,
    options: &HistoryOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let key = options.namespace.key(session, &options.name);
    let application = session.application(&key).await?;
    let history = &application.typed.status.history;
    match options.output {
        Format::Wide => application::write_history(out, history)?,
        Format::Id => {
            for deployment in history {
                writeln!(out, "{}", deployment.id)?;
            }
        }
    }
    Ok(Exit::Done)
}
