//! `app rollback`.

use std::io::Write;

use bridgehead_api::application::{
    Operation, OperationInitiator, RevisionHistory, SyncOperation, SyncPolicyAutomated, SyncStrategy,
    SyncStrategyApply,
};
use clap::Args;

use super::wait::{Conditions, wait};
use super::{AppNamespace, Detail, operation, sync};
use crate::cli::error::{CliError, Exit};
use crate::cli::objects::StoredApplication;
use crate::cli::session::Session;

#[derive(Debug, Args)]
pub(crate) struct RollbackOptions {
    /// Name of the application, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    name: String,
    /// Number of the deployment, from `app history`; the one before the last if not given
    id: Option<i64>,
    /// Delete objects that the past deployment does not have
    #[arg(long)]
    prune: bool,
    /// Seconds to wait for the end; 0 for ever
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    timeout: u64,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Detail,
    #[command(flatten)]
    namespace: AppNamespace,
}

pub(super) async fn run(
    session: &Session,
    options: &RollbackOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let key = options.namespace.key(session, &options.name);
    let application = session.application(&key).await?;
    let operation = Operation {
        initiated_by: OperationInitiator { username: session.user_name().await, automated: false },
        ..rollback(&application, options.id, options.prune)?
    };
    let started = operation::start(session, &key, application, &operation).await?;
    let conditions = Conditions { operation: true, ..Conditions::default() };
    let finished = wait(session, &key, started, &conditions, options.timeout, options.output, out).await?;
    sync::must_have_succeeded(finished.operation.as_ref())?;
    Ok(Exit::Done)
}

/// The operation: manifests of the past deployment, applied without hooks, as argocd does.
fn rollback(application: &StoredApplication, id: Option<i64>, prune: bool) -> Result<Operation, CliError> {
    let name = &application.typed.metadata.name;
    let policy = application.typed.spec.sync_policy.as_ref();
    if policy.and_then(|policy| policy.automated.as_ref()).is_some_and(SyncPolicyAutomated::is_enabled) {
        return Err(CliError::Refused {
            message: format!("application `{name}` cannot go back while it is synced automatically"),
            hint: Some(
                "go back in Git, which is what it follows; or take `syncPolicy.automated` away first"
                    .to_owned(),
            ),
        });
    }
    let deployment = deployment(&application.typed.status.history, name, id)?;
    let several = !deployment.sources.is_empty();
    Ok(Operation {
        sync: Some(SyncOperation {
            revision: deployment.revision.clone(),
            revisions: deployment.revisions.clone(),
            source: (!several).then(|| deployment.source.clone()),
            sources: deployment.sources.clone(),
            prune,
            sync_strategy: Some(SyncStrategy { apply: Some(SyncStrategyApply::default()), hook: None }),
            sync_options: policy.map(|policy| policy.sync_options.clone()).unwrap_or_default(),
            ..SyncOperation::default()
        }),
        ..Operation::default()
    })
}

fn deployment<'h>(
    history: &'h [RevisionHistory],
    name: &str,
    id: Option<i64>,
) -> Result<&'h RevisionHistory, CliError> {
    match (id, history) {
        (None, [.., before, _]) => Ok(before),
        (None, _) => Err(CliError::refused(format!(
            "application `{name}` has nothing to go back to: fewer than two deployments have succeeded"
        ))),
        (Some(id), _) => history.iter().find(|deployment| deployment.id == id).ok_or_else(|| {
            let ids: Vec<String> = history.iter().map(|deployment| deployment.id.to_string()).collect();
            CliError::Refused {
                message: format!("application `{name}` has no deployment {id}"),
                hint: (!ids.is_empty()).then(|| format!("its history has {}", ids.join(", "))),
            }
        }),
    }
}
