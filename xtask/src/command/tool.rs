//! `cargo xtask tool`.

use anyhow::Result;
use bridgehead_test_harness::tools::{self, Tool};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub(crate) struct Arguments {
    name: Name,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    ControlPlane,
    GitSsh,
    #[value(name = "tofu")]
    OpenTofu,
    CargoDeny,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let tool = match arguments.name {
        Name::ControlPlane => Tool::ControlPlane,
        Name::GitSsh => Tool::GitSsh,
        Name::OpenTofu => Tool::OpenTofu,
        Name::CargoDeny => Tool::CargoDeny,
    };
    println!("{}", tools::ensure(tool)?.display());
    Ok(())
}
