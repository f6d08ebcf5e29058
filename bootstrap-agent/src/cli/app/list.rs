//! `app list`.

use std::io::Write;

use bridgehead_api::secret::same_git_url;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{AppNamespace, application};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::structured::{self, Structured};
use crate::cli::session::Session;

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// List applications by label, as in `tier=web,env!=test` or `env in (a, b)`
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// List applications of a project; may be given repeatedly
    #[arg(short, long = "project", value_name = "PROJECT")]
    projects: Vec<String>,
    /// List applications whose manifests come from this repository
    #[arg(short, long, value_name = "URL")]
    repo: Option<String>,
    /// List applications that go to this cluster
    #[arg(short, long, value_name = "NAME|URL")]
    cluster: Option<String>,
    #[command(flatten)]
    namespace: AppNamespace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    #[default]
    Wide,
    /// Names
    Name,
    /// The objects as stored, in JSON
    Json,
    /// The objects as stored, in YAML
    Yaml,
}

pub(super) async fn run(
    session: &Session,
    options: &ListOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let namespace = options.namespace.of(session);
    let mut applications = session.list_applications(namespace, options.selector.as_deref()).await?;
    applications.retain(|application| {
        let spec = &application.typed.spec;
        let project = if spec.project.is_empty() { "default" } else { &spec.project };
        let destination = &spec.destination;
        (options.projects.is_empty() || options.projects.iter().any(|wanted| wanted == project))
            && options.cluster.as_ref().is_none_or(|it| *it == destination.server || *it == destination.name)
            && options.repo.as_ref().is_none_or(|url| {
                spec.effective_sources().iter().any(|source| same_git_url(&source.repo_url, url))
            })
    });
    let typed = applications.iter().map(|application| &*application.typed);
    match options.output {
        Format::Wide => application::write_list(out, typed, true)?,
        Format::Name => {
            for application in typed {
                writeln!(out, "{}", application::qualified_name(application))?;
            }
        }
        Format::Json | Format::Yaml => {
            let format = if options.output == Format::Json { Structured::Json } else { Structured::Yaml };
            let values: Vec<Value> = applications.into_iter().map(|application| application.value).collect();
            structured::write(out, format, &Value::Array(values))?;
        }
    }
    Ok(Exit::Done)
}
