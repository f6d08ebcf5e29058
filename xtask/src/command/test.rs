//! `cargo xtask test`.

use anyhow::Result;
use bridgehead_test_harness::tools::{self, Tool};
use clap::Args;

use crate::process::{cargo, execute, target_folder};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only these packages
    #[arg(short, long)]
    package: Vec<String>,
    /// What follows goes to the test programs, such as a part of a test's name
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    test(&arguments.package, &arguments.rest)
}

/// Everything is built before the first test runs: tools first, where their progress is seen,
/// then all targets with one set of features, so that nothing is built twice. The tests take
/// the binaries from there.
pub(crate) fn test(packages: &[String], rest: &[String]) -> Result<()> {
    tools::require_all(&["git", "go"])?;
    tools::ensure(Tool::ControlPlane)?;
    tools::ensure(Tool::GitSsh)?;
    tools::terraform()?;
    execute(&mut cargo(&["build", "--workspace", "--lib", "--bins", "--tests", "--examples"]))?;
    let mut test = cargo(&["test"]);
    if packages.is_empty() {
        test.arg("--workspace");
    }
    for package in packages {
        test.args(["--package", package]);
    }
    test.arg("--no-fail-fast").arg("--").args(rest);
    execute(test.env("BRIDGEHEAD_BINARIES", target_folder()?.join("debug")))
}
