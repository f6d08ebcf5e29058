//! `manifests`: what the provider installs, as YAML.

use std::io::Write;
use std::path::PathBuf;

use bridgehead_install::{InstallOptions, Takeover, custom_resource_definitions, install};
use clap::{Args, Subcommand};

use super::error::{CliError, Exit};
use super::output::structured;
use super::session::GlobalOptions;

#[derive(Debug, Subcommand)]
pub(super) enum ManifestsCommand {
    /// The CRDs of Application, AppProject and ApplicationSet
    Crds,
    /// Everything: namespace, CRDs, rights, Deployment
    Install(Box<InstallFlags>),
}

#[derive(Debug, Args)]
pub(crate) struct InstallFlags {
    /// YAML file with options, under the names that the documentation gives them; flags win over it
    #[arg(short = 'f', long, value_name = "FILE")]
    options: Option<PathBuf>,
    /// Image of the agent
    #[arg(long)]
    image: Option<String>,
    /// How many pods of the agent there are; one works at a time
    #[arg(long)]
    replicas: Option<u32>,
    /// The namespace is there already, and isn't part of the output
    #[arg(long)]
    no_namespace: bool,
    /// The CRDs are there already, and aren't part of the output
    #[arg(long)]
    no_crds: bool,
    /// The agent only reports what it would do
    #[arg(long)]
    observe: bool,
    /// The engine to take over from
    #[arg(long, value_parser = ["argocd"])]
    takeover: Option<String>,
}

pub(super) fn run(
    command: &ManifestsCommand,
    global: &GlobalOptions,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let documents = match command {
        ManifestsCommand::Crds => custom_resource_definitions(),
        ManifestsCommand::Install(flags) => {
            let options = options(flags, global)?;
            let mut installation = install(&options).map_err(|error| CliError::Usage(error.to_string()))?;
            if flags.no_crds {
                installation.custom_resource_definitions.clear();
            }
            installation.into_objects()
        }
    };
    structured::write_documents(out, &documents)?;
    Ok(Exit::Done)
}

fn options(flags: &InstallFlags, global: &GlobalOptions) -> Result<InstallOptions, CliError> {
    let mut options = match &flags.options {
        None => InstallOptions { namespace: global.namespace.clone(), ..InstallOptions::default() },
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| CliError::io(format!("read `{}`", path.display()), error))?;
            let mut options: InstallOptions = serde_saphyr::from_str(&text)
                .map_err(|error| CliError::content(format!("options in `{}`", path.display()), error))?;
            if global.namespace != bridgehead_install::DEFAULT_NAMESPACE {
                options.namespace.clone_from(&global.namespace);
            }
            options
        }
    };
    if let Some(image) = &flags.image {
        options.image.clone_from(image);
    }
    options.replicas = flags.replicas.unwrap_or(options.replicas);
    options.create_namespace &= !flags.no_namespace;
    options.agent.observe |= flags.observe;
    if flags.takeover.is_some() {
        options.agent.takeover = Some(Takeover::ArgoCd);
    }
    Ok(options)
}
