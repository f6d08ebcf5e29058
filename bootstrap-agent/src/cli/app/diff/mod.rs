//! `app diff`: what a sync would change.

mod external;
mod mask;
mod predict;

use std::io::Write;

use bridgehead_api::application::{Application, SyncStatusCode};
use bridgehead_engine::compare::{Comparison, ResourceComparison};
use bridgehead_engine::diff::{DiffRules, FieldDifference, Verdict, compare};
use clap::{ArgAction, Args};
use serde_json::Value;
use similar::TextDiff;

use super::revisions::RevisionFlags;
use super::state::{self, Destination};
use super::{AppNamespace, get};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::structured::yaml;
use crate::cli::session::Session;

pub(super) use mask::masked;

#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// Name of the application, or NAMESPACE/NAME
    #[arg(value_name = "APPNAME")]
    name: String,
    #[command(flatten)]
    revisions: RevisionFlags,
    /// Have the agent compare with Git first
    #[arg(long)]
    refresh: bool,
    /// Have the agent compare with Git first, and forget what was rendered before
    #[arg(long)]
    hard_refresh: bool,
    /// Whether a difference gives another exit code than 0
    #[arg(long, action = ArgAction::Set, default_value_t = true, default_missing_value = "true",
          num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    exit_code: bool,
    #[command(flatten)]
    namespace: AppNamespace,
}

/// Exit codes: 0 without a difference, 1 with one, 2 where there is no telling.
pub(super) async fn run(
    session: &Session,
    options: &DiffOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    match differences(session, options, out).await {
        Ok(true) if options.exit_code => Ok(Exit::Failed),
        Ok(_) => Ok(Exit::Done),
        Err(error @ (CliError::ClosedPipe | CliError::Interrupted)) => Err(error),
        Err(error) => Err(error.with_exit(Exit::DiffFailed)),
    }
}

async fn differences(
    session: &Session,
    options: &DiffOptions,
    out: &mut dyn Write,
) -> Result<bool, CliError> {
    options.revisions.check()?;
    let key = options.namespace.key(session, &options.name);
    let application = match (options.hard_refresh, options.refresh) {
        (true, _) => get::refreshed(session, &key, "hard").await?,
        (false, true) => get::refreshed(session, &key, "normal").await?,
        (false, false) => session.application(&key).await?,
    };
    let revisions = options.revisions.of(&application.typed)?;
    write_differences(session, &application.typed, &revisions, out).await
}

/// Writes what a sync to these revisions would change. True if that is anything.
pub(super) async fn write_differences(
    session: &Session,
    application: &Application,
    revisions: &[String],
    out: &mut dyn Write,
) -> Result<bool, CliError> {
    let destination = Destination::of(session, application).await?;
    let target = state::target(session, &destination, application, revisions).await?;
    let comparison = state::compare(session, &destination, application, &target).await?;
    let rules = state::rules(session, application).await?;
    write(&comparison, &rules, out)
}

fn write(comparison: &Comparison, rules: &DiffRules, out: &mut dyn Write) -> Result<bool, CliError> {
    let different = |it: &&ResourceComparison| it.status == SyncStatusCode::OutOfSync && !it.hook;
    let mut found = false;
    for resource in comparison.resources.iter().filter(different) {
        found = true;
        let key = &resource.key;
        writeln!(out, "\n===== {} {}/{} ======", key.group_kind, key.namespace(), key.name)?;
        let (live, wanted, fields) = sides(resource, rules);
        let live = live.as_ref().map_or_else(|| Ok(String::new()), yaml)?;
        let wanted = wanted.as_ref().map_or_else(|| Ok(String::new()), yaml)?;
        if external::is_wanted() {
            out.flush()?;
            external::write(&key.name, &live, &wanted, out)?;
        } else if live == wanted {
            // The difference is in what is not shown, such as a value of a Secret inside of text.
            for field in fields {
                writeln!(
                    out,
                    "{}: {} -> {}",
                    field.path,
                    shown(field.live.as_ref()),
                    shown(field.desired.as_ref())
                )?;
            }
        } else {
            let diff = TextDiff::from_lines(&live, &wanted);
            write!(out, "{}", diff.unified_diff().context_radius(3).header("live", "git"))?;
        }
    }
    Ok(found)
}

/// The object as it is and as it would be, without what nobody may read, and the fields that differ.
fn sides(
    resource: &ResourceComparison,
    rules: &DiffRules,
) -> (Option<Value>, Option<Value>, Vec<FieldDifference>) {
    match (&resource.live, &resource.desired) {
        (Some(live), Some(desired)) => {
            let fields = match compare(desired, live, rules) {
                Verdict::Same => Vec::new(),
                Verdict::Different(fields) => fields,
            };
            let live = masked(live.manifest.value());
            let wanted = predict::predicted(&live, &fields);
            (Some(live), Some(wanted), fields)
        }
        (live, desired) => (
            live.as_ref().map(|live| masked(live.manifest.value())),
            desired.as_ref().map(|desired| masked(desired.manifest.value())),
            Vec::new(),
        ),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "<none>".to_owned(), ToString::to_string)
}
