//! `proj`: projects.

use std::io::Write;

use bridgehead_api::project::AppProject;
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use super::error::{CliError, Exit};
use super::objects::{self, key, not_found};
use super::output::project;
use super::output::structured::{self, Structured};
use super::session::{GlobalOptions, Session};

#[derive(Debug, Subcommand)]
pub(super) enum ProjCommand {
    /// List projects
    List {
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: ListFormat,
    },
    /// Show one project
    Get {
        /// Name of the project
        #[arg(value_name = "PROJECT")]
        name: String,
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Wide,
    /// The object as stored, in JSON
    Json,
    /// The object as stored, in YAML
    Yaml,
}

pub(super) async fn run(
    command: ProjCommand,
    global: &GlobalOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let session = Session::open(global)?;
    match command {
        ProjCommand::List { output } => list(&session, output, out).await?,
        ProjCommand::Get { name, output } => get(&session, &name, output, out).await?,
    }
    Ok(Exit::Done)
}

async fn list(session: &Session, format: ListFormat, out: &mut dyn Write) -> Result<(), CliError> {
    let values =
        objects::list(&session.connection, &objects::projects(), Some(&session.namespace), None).await?;
    match format {
        ListFormat::Json => structured::write(out, Structured::Json, &Value::Array(values)),
        ListFormat::Yaml => structured::write(out, Structured::Yaml, &Value::Array(values)),
        ListFormat::Wide | ListFormat::Name => {
            let projects = values.into_iter().map(typed).collect::<Result<Vec<_>, _>>()?;
            if format == ListFormat::Wide {
                return Ok(project::write_list(out, &projects)?);
            }
            for project in projects {
                writeln!(out, "{}", project.metadata.name)?;
            }
            Ok(())
        }
    }
}

async fn get(session: &Session, name: &str, format: Format, out: &mut dyn Write) -> Result<(), CliError> {
    let key = key("AppProject", &session.namespace, name);
    let value = objects::get(&session.connection, &objects::projects(), &key).await?;
    let value = value.ok_or_else(|| not_found("project", &key))?;
    match format {
        Format::Json => structured::write(out, Structured::Json, &value),
        Format::Yaml => structured::write(out, Structured::Yaml, &value),
        Format::Wide => Ok(project::write(out, &typed(value)?)?),
    }
}

fn typed(value: Value) -> Result<AppProject, CliError> {
    AppProject::from_value(value).map_err(|error| CliError::content("a project", error))
}
