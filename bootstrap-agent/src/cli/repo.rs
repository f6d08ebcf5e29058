//! `repo`: the repositories that manifests come from.

use std::io::Write;

use bridgehead_api::annotations::{SECRET_TYPE_REPO_CREDS, SECRET_TYPE_REPOSITORY};
use bridgehead_api::secret::{RepoCreds, Repository, RepositoryType, find_repo_creds, without_user_info};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::error::{CliError, Exit};
use super::output::structured::{self, Structured};
use super::output::table;
use super::session::{GlobalOptions, Session};

#[derive(Debug, Subcommand)]
pub(super) enum RepoCommand {
    /// List repositories
    List {
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table
    #[default]
    Wide,
    /// URLs
    Url,
    /// JSON, without credentials
    Json,
    /// YAML, without credentials
    Yaml,
}

/// One line of the list.
struct Entry {
    repository: Repository,
    credentials: &'static str,
    message: String,
}

pub(super) async fn run(
    command: RepoCommand,
    global: &GlobalOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let RepoCommand::List { output } = command;
    let session = Session::open(global)?;
    let entries = entries(&session).await?;
    match output {
        Format::Wide => table::write(
            out,
            ["TYPE", "NAME", "REPO", "INSECURE", "OCI", "LFS", "CREDS", "STATUS", "MESSAGE", "PROJECT"],
            entries.iter().map(|entry| {
                let repository = &entry.repository;
                [
                    repository_type(repository).to_owned(),
                    repository.name.clone(),
                    without_user_info(&repository.url),
                    repository.is_insecure().to_string(),
                    repository.enable_oci.to_string(),
                    repository.enable_lfs.to_string(),
                    entry.credentials.to_owned(),
                    // Whether the agent reaches it isn't known here; its applications say so.
                    "Unknown".to_owned(),
                    entry.message.clone(),
                    repository.project.clone(),
                ]
            }),
        )?,
        Format::Url => {
            for entry in &entries {
                writeln!(out, "{}", without_user_info(&entry.repository.url))?;
            }
        }
        Format::Json => structured::write(out, Structured::Json, &without_credentials(&entries))?,
        Format::Yaml => structured::write(out, Structured::Yaml, &without_credentials(&entries))?,
    }
    Ok(Exit::Done)
}

async fn entries(session: &Session) -> Result<Vec<Entry>, CliError> {
    let templates: Vec<RepoCreds> = session
        .typed_secrets(SECRET_TYPE_REPO_CREDS)
        .await?
        .iter()
        .filter_map(|secret| RepoCreds::from_secret(secret).ok())
        .collect();
    let mut entries: Vec<Entry> = session
        .typed_secrets(SECRET_TYPE_REPOSITORY)
        .await?
        .iter()
        .map(|secret| match Repository::from_secret(secret) {
            Ok(repository) => Entry {
                credentials: credentials(&repository, &templates),
                repository,
                message: String::new(),
            },
            Err(problem) => Entry {
                repository: Repository::default(),
                credentials: "false",
                message: format!("Secret `{}`: {problem}", secret.metadata.name),
            },
        })
        .collect();
    entries.sort_by(|one, other| one.repository.url.cmp(&other.repository.url));
    Ok(entries)
}

fn credentials(repository: &Repository, templates: &[RepoCreds]) -> &'static str {
    if repository.credentials.are_present() {
        "true"
    } else if find_repo_creds(templates, &repository.url).is_some_and(|it| it.credentials.are_present()) {
        "inherited"
    } else {
        "false"
    }
}

fn repository_type(repository: &Repository) -> &'static str {
    repository.repository_type.unwrap_or(RepositoryType::Git).as_str()
}

fn without_credentials(entries: &[Entry]) -> Value {
    let values = entries.iter().map(|entry| {
        let repository = &entry.repository;
        json!({
            "type": repository_type(repository),
            "name": repository.name,
            "repo": without_user_info(&repository.url),
            "insecure": repository.is_insecure(),
            "enableOCI": repository.enable_oci,
            "enableLfs": repository.enable_lfs,
            "credentials": entry.credentials,
            "project": repository.project,
            "message": entry.message,
        })
    });
    Value::Array(values.collect())
}
