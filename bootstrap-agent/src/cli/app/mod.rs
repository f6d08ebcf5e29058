//! `app`: applications.
//!
//! ```text
//! names, selector → keys ─→ get/list ──────────────→ output
//!                      └──→ patch (`.operation`, annotation, finalizer) ─→ wait (watch) ─→ output
//! ```

mod delete;
mod diff;
mod get;
mod history;
mod list;
mod manifests;
mod operation;
mod revisions;
mod rollback;
pub(super) mod selection;
mod state;
mod sync;
mod terminate;
mod tree;
mod wait;

use std::io::Write;

use bridgehead_api::ObjectKey;
use bridgehead_api::config_map::SETTINGS_NAME;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::error::{CliError, Exit};
use super::objects::{self, StoredApplication};
use super::output::structured::{self, Structured};
use super::output::{self, application, resources};
use super::session::{GlobalOptions, Session};

#[derive(Debug, Subcommand)]
pub(super) enum AppCommand {
    /// List applications
    List(list::ListOptions),
    /// Show one application
    Get(get::GetOptions),
    /// Show what a sync would change
    Diff(diff::DiffOptions),
    /// Print manifests, as Git wants them or as they are
    Manifests(manifests::ManifestsOptions),
    /// Sync applications to their target state
    Sync(Box<sync::SyncOptions>),
    /// Wait until applications are synced and healthy
    Wait(wait::WaitOptions),
    /// Show past deployments
    History(history::HistoryOptions),
    /// Go back to a past deployment
    Rollback(rollback::RollbackOptions),
    /// Stop the running operation
    TerminateOp(terminate::TerminateOptions),
    /// Delete applications
    Delete(delete::DeleteOptions),
}

pub(super) async fn run(
    command: AppCommand,
    global: &GlobalOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let session = Session::open(global)?;
    match command {
        AppCommand::List(options) => list::run(&session, &options, out).await,
        AppCommand::Get(options) => get::run(&session, &options, out).await,
        AppCommand::Diff(options) => diff::run(&session, &options, out).await,
        AppCommand::Manifests(options) => manifests::run(&session, &options, out).await,
        AppCommand::Sync(options) => Box::pin(sync::run(&session, &options, out)).await,
        AppCommand::Wait(options) => wait::run(&session, &options, out).await,
        AppCommand::History(options) => history::run(&session, &options, out).await,
        AppCommand::Rollback(options) => Box::pin(rollback::run(&session, &options, out)).await,
        AppCommand::TerminateOp(options) => terminate::run(&session, &options, out).await,
        AppCommand::Delete(options) => delete::run(&session, &options, out).await,
    }
}

/// Where applications are, when it isn't the agent's namespace.
#[derive(Clone, Debug, Default, Args)]
struct AppNamespace {
    /// Namespace of the application, if it isn't the agent's
    #[arg(short = 'N', long, value_name = "NAMESPACE")]
    app_namespace: Option<String>,
}

impl AppNamespace {
    fn of<'a>(&'a self, session: &'a Session) -> &'a str {
        self.app_namespace.as_deref().unwrap_or(&session.namespace)
    }

    /// The key that a name stands for: `name`, or `namespace/name`.
    fn key(&self, session: &Session, name: &str) -> ObjectKey {
        match name.split_once('/') {
            Some((namespace, name)) => objects::key("Application", namespace, name),
            None => objects::key("Application", self.of(session), name),
        }
    }
}

/// How one application is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Detail {
    /// A summary and a table of objects
    #[default]
    Wide,
    /// The object as stored, in JSON
    Json,
    /// The object as stored, in YAML
    Yaml,
    /// A summary and a tree of objects, with what belongs to them
    Tree,
    /// The same with ages and reasons
    #[value(name = "tree=detailed")]
    TreeDetailed,
}

impl Detail {
    fn structured(self) -> Option<Structured> {
        match self {
            Self::Json => Some(Structured::Json),
            Self::Yaml => Some(Structured::Yaml),
            Self::Wide | Self::Tree | Self::TreeDetailed => None,
        }
    }
}

/// The objects of an application in the form that was asked for, under a summary where there is one.
async fn write_detail(
    session: &Session,
    out: &mut dyn Write,
    detail: Detail,
    application: &StoredApplication,
    summary: impl FnOnce(&mut dyn Write) -> Result<(), CliError>,
) -> Result<(), CliError> {
    if let Some(format) = detail.structured() {
        return structured::write(out, format, &application.value);
    }
    summary(out)?;
    let typed = &application.typed;
    if typed.status.resources.is_empty() {
        return Ok(());
    }
    match detail {
        Detail::Tree | Detail::TreeDetailed => {
            let roots = tree::tree(session, typed).await?;
            writeln!(out)?;
            if detail == Detail::Tree {
                output::tree::write(out, &roots)?;
            } else {
                output::tree::write_detailed(out, &roots, now().into())?;
            }
        }
        Detail::Wide | Detail::Json | Detail::Yaml => resources::write(out, typed)?,
    }
    Ok(())
}

/// The page of an application, where argocd-cm says where there are pages.
async fn url(session: &Session, application: &StoredApplication) -> Option<String> {
    let settings = session.config_map(SETTINGS_NAME).await.ok()?;
    let root = settings.get("url").map(|url| url.trim_end_matches('/')).filter(|url| !url.is_empty())?;
    let metadata = &application.typed.metadata;
    if metadata.namespace.as_str() == session.namespace {
        Some(format!("{root}/applications/{}", metadata.name))
    } else {
        Some(format!("{root}/applications/{}", application::qualified_name(&application.typed)))
    }
}

/// The applications that names and a label selector stand for, in that order and once each.
async fn choose(
    session: &Session,
    names: &[String],
    namespace: &AppNamespace,
    selector: Option<&str>,
    projects: &[String],
) -> Result<Vec<ObjectKey>, CliError> {
    let mut keys: Vec<ObjectKey> = names.iter().map(|name| namespace.key(session, name)).collect();
    if selector.is_some() || !projects.is_empty() {
        let found = session.list_applications(namespace.of(session), selector).await?;
        let found: Vec<_> = found
            .iter()
            .map(|application| &application.typed)
            .filter(|it| projects.is_empty() || projects.contains(&it.spec.project))
            .collect();
        if found.is_empty() {
            let mut filters = Vec::new();
            filters.extend(selector.map(|selector| format!("selector `{selector}`")));
            filters.extend((!projects.is_empty()).then(|| format!("project `{}`", projects.join("`, `"))));
            return Err(CliError::NoMatch(filters.join(" and ")));
        }
        for application in found {
            let metadata = &application.metadata;
            let key = objects::key("Application", metadata.namespace.as_str(), &metadata.name);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    if keys.is_empty() {
        return Err(CliError::Usage(
            "no application is named: give a name, or a selector with `-l`".to_owned(),
        ));
    }
    Ok(keys)
}

fn now() -> Timestamp {
    Timestamp::now()
}
