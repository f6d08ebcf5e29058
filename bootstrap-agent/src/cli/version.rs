//! `version`.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::error::{CliError, Exit};
use super::output::structured::{self, Structured};

/// The version of Argo CD whose resources, status and commands these are.
const COMPATIBLE_WITH: &str = "3.6";

#[derive(Debug, Args)]
pub(crate) struct VersionOptions {
    /// The version alone
    #[arg(long)]
    short: bool,
    /// Taken and ignored: there is no server whose version would be another
    #[arg(long, hide = true)]
    client: bool,
    /// Output format
    #[arg(short, long, value_enum)]
    output: Option<Structured>,
}

pub(super) fn run(options: &VersionOptions, out: &mut dyn Write) -> Result<Exit, CliError> {
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
    match options.output {
        Some(format) => structured::write(
            out,
            format,
            &json!({"version": version, "argocd": COMPATIBLE_WITH, "platform": platform}),
        )?,
        None if options.short => writeln!(out, "bridgehead: {version}")?,
        None => {
            writeln!(out, "bridgehead: {version}")?;
            writeln!(out, "  Argo CD: {COMPATIBLE_WITH}")?;
            writeln!(out, "  Platform: {platform}")?;
        }
    }
    Ok(Exit::Done)
}
