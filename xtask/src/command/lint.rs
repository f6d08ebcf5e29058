//! `cargo xtask lint`.

use std::process::Command;

use anyhow::{Context, Result, bail};
use bridgehead_test_harness::{tools, workspace};

use crate::process::{cargo, execute};

pub(crate) fn run() -> Result<()> {
    execute(&mut cargo(&["fmt", "--all", "--check"]))?;
    gofmt()?;
    execute(&mut cargo(&["test", "--quiet", "--package", "xtask", "--test", "tidy"]))?;
    execute(&mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))
}

fn gofmt() -> Result<()> {
    tools::require("go")?;
    let output = Command::new("gofmt")
        .args(["-l", "tests"])
        .current_dir(workspace())
        .output()
        .context("failed to start `gofmt`")?;
    let files = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !files.trim().is_empty() {
        bail!("run gofmt on these files:\n{files}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
