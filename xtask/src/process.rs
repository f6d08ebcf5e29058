//! Programs that subcommands run.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// `cargo` in the workspace's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(bridgehead_test_harness::workspace());
    command
}

/// Runs a command to its end with this terminal; an error if it fails.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let status = command.status().with_context(|| format!("failed to start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// The folder that cargo builds into.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let output = cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .context("failed to start `cargo metadata`")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("failed to read the answer of `cargo metadata`")?;
    let folder = metadata["target_directory"].as_str().context("`cargo metadata` names no target folder")?;
    Ok(folder.into())
}

fn shown(command: &Command) -> String {
    let mut text = String::from(
        PathBuf::from(command.get_program())
            .file_name()
            .map_or_else(|| command.get_program().to_string_lossy(), std::ffi::OsStr::to_string_lossy),
    );
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
