//! `cargo xtask deny`.

use std::process::Command;

use anyhow::Result;
use bridgehead_test_harness::tools::{self, Tool};
use bridgehead_test_harness::workspace;
use clap::Args;

use crate::process::execute;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Known vulnerabilities too, for which the RustSec database is fetched
    #[arg(long)]
    advisories: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    deny(arguments.advisories)
}

/// Advisories are asked for by name: their database is a Git repository on the internet, and
/// its content changes without a change of ours, so it is no part of what a commit must pass.
pub(crate) fn deny(advisories: bool) -> Result<()> {
    let mut check = Command::new(tools::ensure(Tool::CargoDeny)?);
    check.args(["--workspace", "check", "bans", "licenses", "sources"]).current_dir(workspace());
    if advisories {
        check.arg("advisories");
    }
    execute(&mut check)
}
