//! `app terminate-op`.

use std::io::Write;

use bridgehead_api::application::OperationPhase;
use clap::Args;
use serde_json::json;

use super::{AppNamespace, operation};
use crate::cli::error::{CliError, Exit};
use crate::cli::session::Session;

#[derive(Debug, Args)]
pub(crate) struct TerminateOptions {
    /// Name of the application, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    name: String,
    #[command(flatten)]
    namespace: AppNamespace,
}

pub(super) async fn run(
    session: &Session,
    options: &TerminateOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let key = options.namespace.key(session, &options.name);
    let application = session.application(&key).await?;
    operation::change(session, &key, application, |application| {
        let running = application.typed.operation.is_some();
        if !running || application.typed.status.operation_state.is_none() {
            return Err(CliError::refused(format!(
                "no operation of application `{}` is in progress",
                key.name
            )));
        }
        Ok(json!({"status": {"operationState": {"phase": OperationPhase::Terminating}}}))
    })
    .await?;
    writeln!(out, "Application '{}' operation terminating", key.name)?;
    Ok(Exit::Done)
}
