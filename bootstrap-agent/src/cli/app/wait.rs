//! `app wait`, and the waiting of `sync` and `rollback`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use bridgehead_api::ObjectKey;
use bridgehead_api::application::{Application, HealthStatusCode, Operation, OperationState, SyncStatusCode};
use clap::Args;
use tokio::time::{Instant, timeout_at};

use super::selection::Selection;
use super::{AppNamespace, Detail, application, choose, now, url, write_detail};
use crate::cli::error::{CliError, Exit};
use crate::cli::objects::{ApplicationWatch, Observed, StoredApplication, not_found};
use crate::cli::output::operation;
use crate::cli::output::resources::{self, ResourceState};
use crate::cli::session::Session;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct WaitOptions {
    /// Names of the applications, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    names: Vec<String>,
    /// Wait for the applications that a label selector chooses
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Wait until it is synced
    #[arg(long)]
    sync: bool,
    /// Wait until it is healthy
    #[arg(long)]
    health: bool,
    /// Wait until it is suspended
    #[arg(long)]
    suspended: bool,
    /// Wait until it is degraded
    #[arg(long)]
    degraded: bool,
    /// Wait until no operation runs
    #[arg(long)]
    operation: bool,
    /// Wait until it is gone
    #[arg(long)]
    delete: bool,
    /// Wait for these objects alone, as [!]GROUP:KIND:[NAMESPACE/]NAME; may be given repeatedly
    #[arg(long = "resource", value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Seconds to wait for each application; 0 for ever
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    timeout: u64,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Detail,
    #[command(flatten)]
    namespace: AppNamespace,
}

/// What is waited for.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "any of them may be asked for together")]
pub(super) struct Conditions {
    pub(super) sync: bool,
    pub(super) health: bool,
    pub(super) suspended: bool,
    pub(super) degraded: bool,
    pub(super) operation: bool,
    pub(super) delete: bool,
    pub(super) selection: Selection,
}

/// What was waited for has come.
pub(super) struct Finished {
    /// The application; `None` if it is gone.
    pub(super) application: Option<StoredApplication>,
    /// The last operation, as it was then.
    pub(super) operation: Option<OperationState>,
}

pub(super) async fn run(
    session: &Session,
    options: &WaitOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let any = options.sync
        || options.health
        || options.suspended
        || options.degraded
        || options.operation
        || options.delete;
    let conditions = Conditions {
        sync: options.sync || !any,
        health: options.health || !any,
        suspended: options.suspended,
        degraded: options.degraded,
        operation: options.operation || !any,
        delete: options.delete,
        selection: Selection::parse(&options.resources)?,
    };
    let keys = choose(session, &options.names, &options.namespace, options.selector.as_deref(), &[]).await?;
    for key in keys {
        match session.application(&key).await {
            Ok(application) => {
                wait(session, &key, application, &conditions, options.timeout, options.output, out).await?;
            }
            Err(CliError::NotFound { .. }) if conditions.delete => {
                writeln!(out, "Application '{}' deleted", key.name)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Exit::Done)
}

/// Waits for one application, telling what happens to its objects meanwhile, and its state at the end.
pub(super) async fn wait(
    session: &Session,
    key: &ObjectKey,
    application: StoredApplication,
    conditions: &Conditions,
    seconds: u64,
    detail: Detail,
    out: &mut dyn Write,
) -> Result<Finished, CliError> {
    let silent = detail.structured().is_some();
    let deadline = (seconds > 0).then(|| Instant::now() + Duration::from_secs(seconds));
    let mut watch = ApplicationWatch::after(session, key, &application);
    let mut progress = Progress { seen: BTreeMap::new(), conditions, silent };
    let mut application = application;
    if !silent {
        resources::write_progress_header(out)?;
        out.flush()?;
    }
    loop {
        if conditions.hold(&application.typed) {
            write_state(session, &application, conditions, detail, out).await?;
            let operation = application.typed.status.operation_state.clone();
            return Ok(Finished { application: Some(application), operation });
        }
        if let Err(degraded) = progress.tell(&application.typed, out) {
            write_state(session, &application, conditions, detail, out).await?;
            return Err(degraded);
        }
        let observed = match deadline {
            None => Some(watch.next().await?),
            Some(deadline) => timeout_at(deadline, watch.next()).await.ok().transpose()?,
        };
        match observed {
            Some(Observed::Present(now)) => application = now,
            Some(Observed::Deleted) if conditions.delete => {
                if !silent {
                    writeln!(out, "Application '{}' deleted", key.name)?;
                }
                return Ok(Finished { application: None, operation: None });
            }
            Some(Observed::Deleted) => return Err(not_found("application", key)),
            None => {
                if !silent {
                    writeln!(out, "\nThis is the state of the app after `wait` timed out:")?;
                }
                write_state(session, &application, conditions, detail, out).await?;
                return Err(CliError::Outcome {
                    message: format!(
                        "timed out ({seconds}s) waiting for app \"{}\" match desired state",
                        key.name
                    ),
                    exit: Exit::Error,
                });
            }
        }
    }
}

async fn write_state(
    session: &Session,
    application: &StoredApplication,
    conditions: &Conditions,
    detail: Detail,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let url = url(session, application).await;
    let typed = &application.typed;
    write_detail(session, out, detail, application, |out| {
        writeln!(out)?;
        application::write_summary(out, typed, url.as_deref(), None)?;
        writeln!(out)?;
        if let Some(state) = typed.status.operation_state.as_ref().filter(|_| conditions.operation) {
            operation::write(out, state, now().into())?;
        }
        Ok(())
    })
    .await?;
    Ok(out.flush()?)
}

/// What has been told of each object.
struct Progress<'c> {
    seen: BTreeMap<(String, String, String, String), ResourceState>,
    conditions: &'c Conditions,
    silent: bool,
}

impl Progress<'_> {
    /// Tells what has changed. Somebody who waits for health is not kept waiting for what has just degraded.
    fn tell(&mut self, application: &Application, out: &mut dyn Write) -> Result<(), CliError> {
        let time = now().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        let mut told = false;
        for state in resources::states(application, &self.conditions.selection) {
            let changed = if let Some(before) = self.seen.get_mut(&state.key()) {
                let unknown = before.health == HealthStatusCode::Unknown.as_str();
                if self.conditions.health && !unknown && !before.is_degraded() && state.is_degraded() {
                    return Err(CliError::Outcome {
                        message: format!(
                            "application '{}' health state has transitioned from {} to {} ({} {})",
                            application.metadata.name, before.health, state.health, state.kind, state.name
                        ),
                        exit: Exit::Error,
                    });
                }
                before.merge(&state)
            } else {
                self.seen.insert(state.key(), state.clone());
                true
            };
            if changed && !self.silent {
                let state = &self.seen[&state.key()];
                resources::write_progress(out, &time, state)?;
                told = true;
            }
        }
        if told {
            out.flush()?;
        }
        Ok(())
    }
}

impl Conditions {
    /// Whether everything that is waited for is there.
    pub(super) fn hold(&self, application: &Application) -> bool {
        if self.delete {
            return false;
        }
        let ready = if self.selection.is_everything() {
            let health = application.status.health.status.map_or("", |status| status.as_str());
            let sync = application.status.sync.status.map_or("", |status| status.as_str());
            self.fit(health, sync)
        } else {
            let states = resources::states(application, &self.selection);
            states.iter().all(|state| self.fit(&state.health, &state.status))
        };
        ready && (!self.operation || !operation_in_progress(application))
    }

    fn fit(&self, health: &str, sync: &str) -> bool {
        let wanted = [
            (self.health, HealthStatusCode::Healthy),
            (self.suspended, HealthStatusCode::Suspended),
            (self.degraded, HealthStatusCode::Degraded),
        ];
        let mut wanted = wanted.into_iter().filter(|(asked, _)| *asked).peekable();
        let healthy = wanted.peek().is_none() || wanted.any(|(_, code)| code.as_str() == health);
        healthy && (!self.sync || sync == SyncStatusCode::Synced.as_str())
    }
}

/// Asked for, running, or ended with its result not yet compared: status is older than the operation then.
fn operation_in_progress(application: &Application) -> bool {
    if application.operation.is_some() {
        return true;
    }
    let Some(state) = &application.status.operation_state else { return false };
    let Some(finished) = state.finished_at else { return true };
    let dry_run = |operation: &Operation| operation.sync.as_ref().is_some_and(|sync| sync.dry_run);
    !dry_run(&state.operation) && application.status.reconciled_at.is_none_or(|at| at < finished)
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
