//! `app sync`.

use std::io::{BufRead, Write};
use std::time::Duration;

use bridgehead_api::application::{
    Backoff, Info, Operation, OperationInitiator, OperationState, ResultCode, RetryStrategy, SyncOperation,
    SyncOperationResource, SyncPolicyAutomated, SyncStatusCode, SyncStrategy, SyncStrategyApply,
    SyncStrategyHook,
};
use bridgehead_api::duration::parse_duration;
use clap::{Args, ValueEnum};

use super::revisions::RevisionFlags;
use super::selection::Selection;
use super::state::{self, Destination};
use super::wait::{Conditions, wait};
use super::{AppNamespace, Detail, choose, diff, operation};
use crate::cli::can_ask;
use crate::cli::error::{CliError, Exit};
use crate::cli::objects::StoredApplication;
use crate::cli::session::Session;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct SyncOptions {
    /// Names of the applications, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    names: Vec<String>,
    /// Sync the applications that a label selector chooses
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Sync the applications of a project; may be given repeatedly
    #[arg(long = "project", value_name = "PROJECT")]
    projects: Vec<String>,
    /// Delete objects that Git no longer has
    #[arg(long)]
    prune: bool,
    /// Change nothing, only check
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    revisions: RevisionFlags,
    /// Sync these objects alone, as [!]GROUP:KIND:[NAMESPACE/]NAME; may be given repeatedly
    #[arg(long = "resource", value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Sync objects with this label alone, as NAME=VALUE; may be given repeatedly
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// Show what would change and ask first; without a change, do nothing
    #[arg(long)]
    preview_changes: bool,
    /// Do not ask
    #[arg(long = "assumeYes", visible_alias = "assume-yes")]
    assume_yes: bool,
    /// How to sync
    #[arg(long, value_enum, default_value_t)]
    strategy: Strategy,
    /// Delete and create again what cannot be changed in place
    #[arg(long)]
    force: bool,
    /// Replace objects instead of patching them
    #[arg(long)]
    replace: bool,
    /// Apply on the server's side
    #[arg(long)]
    server_side: bool,
    /// Apply only what differs
    #[arg(long)]
    apply_out_of_sync_only: bool,
    /// Do not wait for the end
    #[arg(long = "async")]
    asynchronous: bool,
    /// How often a sync that failed is tried again
    #[arg(long, default_value_t = 0, value_name = "COUNT", allow_negative_numbers = true)]
    retry_limit: i64,
    /// Pause before the first retry
    #[arg(long, default_value = "5s", value_parser = duration, value_name = "DURATION")]
    retry_backoff_duration: String,
    /// Longest pause between retries
    #[arg(long, default_value = "3m0s", value_parser = duration, value_name = "DURATION")]
    retry_backoff_max_duration: String,
    /// What each pause is longer than the one before by
    #[arg(long, default_value_t = 2, value_name = "FACTOR")]
    retry_backoff_factor: i64,
    /// Notes to keep with the operation, as NAME=VALUE; may be given repeatedly
    #[arg(long = "info", value_name = "NAME=VALUE")]
    infos: Vec<String>,
    /// Seconds to wait for each application; 0 for ever
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    timeout: u64,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Detail,
    #[command(flatten)]
    namespace: AppNamespace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Strategy {
    /// With waves and hooks
    #[default]
    Hook,
    /// Without hooks
    Apply,
}

pub(super) async fn run(
    session: &Session,
    options: &SyncOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    options.revisions.check()?;
    if options.revisions.are_by_position() && options.names.len() != 1 {
        return Err(CliError::Usage("`--revisions` is for one application that is named".to_owned()));
    }
    if !options.names.is_empty() && options.selector.is_some() {
        return Err(CliError::Usage("name applications or select them, not both".to_owned()));
    }
    let selection = Selection::parse(&options.resources)?;
    let keys =
        choose(session, &options.names, &options.namespace, options.selector.as_deref(), &options.projects)
            .await?;
    let initiated_by = OperationInitiator { username: session.user_name().await, automated: false };
    for key in keys {
        let application = session.application(&key).await?;
        let selection = with_labels(session, options, &selection, &application).await?;
        let resources = selection.of(&application.typed);
        if !selection.is_everything() && resources.is_empty() {
            return Err(CliError::failed(format!("application `{}` has no such resources", key.name)));
        }
        if options.preview_changes && !previewed(session, options, &application, out).await? {
            continue;
        }
        let operation = Operation {
            initiated_by: initiated_by.clone(),
            ..operation_of(options, &application, resources)?
        };
        let started = operation::start(session, &key, application, &operation).await?;
        if options.asynchronous {
            continue;
        }
        let conditions =
            Conditions { operation: true, selection: selection.clone(), ..Conditions::default() };
        let finished =
            wait(session, &key, started, &conditions, options.timeout, options.output, out).await?;
        if !options.dry_run {
            let state = finished.operation.as_ref();
            must_have_succeeded(state)?;
            let synced = finished.application.as_ref().is_some_and(|application| {
                application.typed.status.sync.status == Some(SyncStatusCode::Synced)
            });
            let prunable = state.map_or(0, requires_pruning);
            if selection.is_everything() && !synced && prunable > 0 {
                return Err(CliError::failed(format!("{prunable} resources require pruning")));
            }
        }
    }
    Ok(Exit::Done)
}

/// The selection, and the objects that Git gives one of the labels.
async fn with_labels(
    session: &Session,
    options: &SyncOptions,
    selection: &Selection,
    application: &StoredApplication,
) -> Result<Selection, CliError> {
    if options.labels.is_empty() {
        return Ok(selection.clone());
    }
    let labels: Vec<(&str, &str)> = options
        .labels
        .iter()
        .map(|text| {
            text.split_once('=')
                .ok_or_else(|| CliError::Usage(format!("`{text}` is no label: write NAME=VALUE")))
        })
        .collect::<Result<_, _>>()?;
    let typed = &application.typed;
    let destination = Destination::of(session, typed).await?;
    let target = state::target(session, &destination, typed, &options.revisions.of(typed)?).await?;
    let labelled = target
        .desired
        .iter()
        .filter(|object| labels.iter().any(|(name, value)| object.manifest.label(name) == Some(*value)));
    let mut selection = selection.clone();
    for object in labelled {
        selection.add(&object.key);
    }
    if selection.is_everything() {
        return Err(CliError::failed(format!(
            "application `{}` has no resources with label `{}`",
            typed.metadata.name,
            options.labels.join("` or `")
        )));
    }
    Ok(selection)
}

/// Shows what would change. True if there is something, and it is wanted.
async fn previewed(
    session: &Session,
    options: &SyncOptions,
    application: &StoredApplication,
    out: &mut dyn Write,
) -> Result<bool, CliError> {
    let typed = &application.typed;
    let name = &typed.metadata.name;
    writeln!(
        out,
        "====== Previewing differences between live and desired state of application {name} ======"
    )?;
    let revisions = options.revisions.of(typed)?;
    if !diff::write_differences(session, typed, &revisions, out).await? {
        writeln!(out, "====== No Differences found ======")?;
        return Ok(false);
    }
    if options.assume_yes {
        return Ok(true);
    }
    if !can_ask() {
        return Err(CliError::Usage("there is nobody to ask: give `--assumeYes`".to_owned()));
    }
    write!(
        out,
        "Please review changes to application {name} shown above. Do you want to continue the sync process? (y/n): "
    )?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| CliError::io("read the answer", error))?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// An operation that failed makes the command fail.
pub(super) fn must_have_succeeded(state: Option<&OperationState>) -> Result<(), CliError> {
    match state {
        Some(state) if !state.phase.is_successful() => {
            let phase = state.phase.as_str();
            Err(CliError::failed(format!("operation has completed with phase: {phase}: {}", state.message)))
        }
        Some(_) => Ok(()),
        // Another request has taken its place already.
        None => Err(CliError::failed("the operation's result is gone")),
    }
}

fn requires_pruning(state: &OperationState) -> usize {
    let results = state.sync_result.iter().flat_map(|result| &result.resources);
    results.filter(|result| result.status == Some(ResultCode::PruneSkipped)).count()
}

fn operation_of(
    options: &SyncOptions,
    application: &StoredApplication,
    resources: Vec<SyncOperationResource>,
) -> Result<Operation, CliError> {
    let spec = &application.typed.spec;
    let name = &application.typed.metadata.name;
    let policy = spec.sync_policy.as_ref();
    let target = spec.effective_sources().first().map(|source| source.target_revision.clone());
    let mut revisions = options.revisions.of(&application.typed)?;
    if let Some(revision) = &options.revisions.revision {
        let automated =
            policy.and_then(|policy| policy.automated.as_ref()).is_some_and(SyncPolicyAutomated::is_enabled);
        if automated && !options.dry_run && Some(revision) != target.as_ref() {
            return Err(CliError::refused(format!(
                "cannot sync application `{name}` to `{revision}`: it is synced automatically to `{}`",
                target.unwrap_or_default()
            )));
        }
    }
    let revision = if spec.has_multiple_sources() { None } else { revisions.pop() };
    let revision = revision.unwrap_or_default();
    let force = options.force;
    let strategy = match options.strategy {
        Strategy::Hook => SyncStrategy { apply: None, hook: Some(SyncStrategyHook { force }) },
        Strategy::Apply => SyncStrategy { apply: Some(SyncStrategyApply { force }), hook: None },
    };
    Ok(Operation {
        sync: Some(SyncOperation {
            revision,
            revisions,
            prune: options.prune,
            dry_run: options.dry_run,
            sync_strategy: Some(strategy),
            resources,
            sync_options: sync_options(options, application),
            ..SyncOperation::default()
        }),
        info: infos(&options.infos)?,
        retry: retry(options, application),
        ..Operation::default()
    })
}

/// What the flags say, and of the application's own options those that they say nothing of.
fn sync_options(options: &SyncOptions, application: &StoredApplication) -> Vec<String> {
    let mut items: Vec<String> = [
        (options.replace, "Replace=true"),
        (options.server_side, "ServerSideApply=true"),
        (options.apply_out_of_sync_only, "ApplyOutOfSyncOnly=true"),
    ]
    .into_iter()
    .filter(|(asked, _)| *asked)
    .map(|(_, item)| item.to_owned())
    .collect();
    let name = |item: &str| item.split('=').next().unwrap_or_default().to_owned();
    let policy = application.typed.spec.sync_policy.as_ref();
    for item in policy.into_iter().flat_map(|policy| &policy.sync_options) {
        if !items.iter().any(|said| name(said) == name(item)) {
            items.push(item.clone());
        }
    }
    items
}

fn retry(options: &SyncOptions, application: &StoredApplication) -> RetryStrategy {
    if options.retry_limit == 0 {
        let policy = application.typed.spec.sync_policy.as_ref();
        return policy.and_then(|policy| policy.retry.clone()).unwrap_or_default();
    }
    RetryStrategy {
        limit: options.retry_limit,
        backoff: Some(Backoff {
            duration: options.retry_backoff_duration.clone(),
            factor: Some(options.retry_backoff_factor),
            max_duration: options.retry_backoff_max_duration.clone(),
        }),
        ..RetryStrategy::default()
    }
}

fn infos(texts: &[String]) -> Result<Vec<Info>, CliError> {
    let read = |text: &String| {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| CliError::Usage(format!("`{text}` is no note: write NAME=VALUE")))?;
        Ok(Info { name: name.to_owned(), value: value.to_owned() })
    };
    texts.iter().map(read).collect()
}

/// Checked here, and kept as it was typed.
fn duration(text: &str) -> Result<String, String> {
    let span = parse_duration(text).map_err(|problem| problem.to_string())?;
    Duration::try_from(span).map_err(|_| format!("`{text}` is negative"))?;
    Ok(text.to_owned())
}
