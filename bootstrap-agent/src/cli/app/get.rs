//! `app get`.

use std::io::Write;
use std::time::Duration;

use bridgehead_api::ObjectKey;
use bridgehead_api::annotations::{REFRESH, REFRESH_TIMESTAMP};
use clap::Args;
use serde_json::json;
use tokio::time::timeout;

use super::{AppNamespace, Detail, application, now, url, write_detail};
use crate::cli::error::{CliError, Exit};
use crate::cli::objects::{ApplicationWatch, Observed, StoredApplication, not_found};
use crate::cli::output::operation;
use crate::cli::session::Session;

/// A refresh that isn't answered in this time won't be: there is no agent.
const REFRESH_TIME: Duration = Duration::from_mins(2);

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct GetOptions {
    /// Name of the application, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    name: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Detail,
    /// Show what the last operation came to
    #[arg(long)]
    show_operation: bool,
    /// Show Helm parameters
    #[arg(long)]
    show_params: bool,
    /// Compare with Git first
    #[arg(long)]
    refresh: bool,
    /// Compare with Git first, and forget what was rendered before
    #[arg(long)]
    hard_refresh: bool,
    /// With several sources: which one's parameters to show, counting from 1
    #[arg(long, value_name = "NUMBER")]
    source_position: Option<usize>,
    #[command(flatten)]
    namespace: AppNamespace,
}

pub(super) async fn run(
    session: &Session,
    options: &GetOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let key = options.namespace.key(session, &options.name);
    let refresh = match (options.hard_refresh, options.refresh) {
        (true, _) => Some("hard"),
        (false, true) => Some("normal"),
        (false, false) => None,
    };
    let application = match refresh {
        Some(kind) => refreshed(session, &key, kind).await?,
        None => session.application(&key).await?,
    };
    let project = session.project(&application.typed.spec.project).await?;
    let url = url(session, &application).await;
    let typed = &application.typed;
    write_detail(session, out, options.output, &application, |out| {
        application::write_summary(out, typed, url.as_deref(), project.as_ref())?;
        application::write_conditions(out, typed)?;
        if let Some(state) = typed.status.operation_state.as_ref().filter(|_| options.show_operation) {
            writeln!(out)?;
            operation::write(out, state, now().into())?;
        }
        if options.show_params {
            let position = options.source_position.unwrap_or(1).max(1);
            let sources = typed.spec.effective_sources();
            let source = sources.get(position - 1).ok_or_else(|| {
                CliError::Usage(format!(
                    "there is no source {position}: the application has {}",
                    sources.len()
                ))
            })?;
            application::write_parameters(out, source)?;
        }
        Ok(())
    })
    .await?;
    Ok(Exit::Done)
}

/// Asks the agent to compare, and waits until it has.
pub(super) async fn refreshed(
    session: &Session,
    key: &ObjectKey,
    kind: &str,
) -> Result<StoredApplication, CliError> {
    let annotations = json!({REFRESH: kind, REFRESH_TIMESTAMP: now().to_string()});
    let change = json!({"metadata": {"annotations": annotations}});
    let asked = match session.patch_application(key, change).await {
        Ok(asked) => asked,
        Err(error) if error.is_not_found() => return Err(not_found("application", key)),
        Err(error) => return Err(error.into()),
    };
    let mut watch = ApplicationWatch::after(session, key, &asked);
    let answered = async {
        loop {
            match watch.next().await? {
                Observed::Present(application)
                    if application.typed.metadata.annotation(REFRESH).is_none() =>
                {
                    return Ok(application);
                }
                Observed::Present(_) => {}
                Observed::Deleted => return Err(not_found("application", key)),
            }
        }
    };
    timeout(REFRESH_TIME, answered).await.unwrap_or_else(|_| {
        Err(CliError::Refused {
            message: format!(
                "nothing has refreshed application `{}` within {} s",
                key.name,
                REFRESH_TIME.as_secs()
            ),
            hint: Some(format!(
                "is the agent running and ready? `kubectl -n {} get pods -l app.kubernetes.io/name=bridgehead-agent`",
                session.namespace
            )),
        })
    })
}
