//! `cargo xtask demo`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use bridgehead_test_harness::tools::{self, Tool};
use bridgehead_test_harness::workspace;
use clap::Args;

use crate::demo::{self, Interrupt, Programs, Wishes};
use crate::process::{cargo, execute, target_folder};

/// A folder with binaries that somebody has built already and vouches for, as for tests.
const BUILT: &str = "BRIDGEHEAD_BINARIES";

#[derive(Args)]
pub(crate) struct Arguments {
    /// Stop before the destroy, print how to look at it, and stay until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Use the current context's cluster of this file in place of one of the demo's own; what
    /// the demo makes there is taken down at its end, and also after an error or Ctrl-C
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Build with optimisations
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        let programs = programs(&arguments)?;
        let wishes = Wishes { keep: arguments.keep, kubeconfig: arguments.kubeconfig };
        demo::run(&programs, &wishes, &interrupt).await
    })
}

/// What is missing on the machine is told before anything is built.
fn programs(arguments: &Arguments) -> Result<Programs> {
    let terraform = tools::installed_terraform();
    let mut building = Vec::new();
    if arguments.kubeconfig.is_none() {
        building.push(Tool::ControlPlane);
    }
    if terraform.is_none() {
        building.push(Tool::OpenTofu);
    }
    let mut needed = vec!["git"];
    for tool in &building {
        if !tools::is_built(*tool)? {
            needed.push("go");
            break;
        }
    }
    tools::require_all(&needed)?;
    for tool in building {
        tools::ensure(tool)?;
    }
    let terraform = terraform.map_or_else(|| tools::ensure(Tool::OpenTofu), Ok)?;
    let built = match std::env::var_os(BUILT) {
        Some(folder) => folder.into(),
        None => build(arguments.release)?,
    };
    let programs = Programs {
        agent: built.join("bridgehead"),
        provider: built.join("terraform-provider-bridgehead"),
        terraform,
    };
    if !programs.agent.is_file() || !programs.provider.is_file() {
        bail!("there are no binaries in `{}`", built.display());
    }
    Ok(programs)
}

fn build(release: bool) -> Result<PathBuf> {
    let mut build =
        cargo(&["build", "--package", "bridgehead", "--package", "terraform-provider-bridgehead"]);
    if release {
        build.arg("--release");
    }
    execute(build.current_dir(workspace()))?;
    Ok(target_folder()?.join(if release { "release" } else { "debug" }))
}
