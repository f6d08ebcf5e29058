//! `cargo xtask demo`.

use anyhow::{Result, bail};
use bridgehead_test_harness::{tools, workspace};
use clap::Args;

use crate::demo::{self, Programs};
use crate::process::{cargo, execute, target_folder};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Stop before the destroy, print how to look at it, and stay until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Build with optimisations
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::require("git")?;
    let mut build =
        cargo(&["build", "--package", "bridgehead", "--package", "terraform-provider-bridgehead"]);
    if arguments.release {
        build.arg("--release");
    }
    execute(build.current_dir(workspace()))?;
    let built = target_folder()?.join(if arguments.release { "release" } else { "debug" });
    let programs = Programs {
        agent: built.join("bridgehead"),
        provider: built.join("terraform-provider-bridgehead"),
        terraform: tools::terraform()?,
    };
    if !programs.agent.is_file() || !programs.provider.is_file() {
        bail!("the build left no binaries in `{}`", built.display());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(demo::run(&programs, arguments.keep))
}
