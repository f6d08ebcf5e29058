//! `cargo xtask bench`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use bridgehead_test_harness::workspace;
use clap::Args;

use crate::bench::{self, Scale};
use crate::process::{cargo, execute, target_folder};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Applications
    #[arg(long, default_value_t = 200)]
    applications: usize,
    /// Objects of each application
    #[arg(long, default_value_t = 10)]
    objects: usize,
    /// Foreign Secrets of 10 KB that are in the cluster beforehand
    #[arg(long, default_value_t = 0)]
    foreign_secrets: usize,
    /// Use this binary instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write the figures to a file too
    #[arg(long)]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let binary = if let Some(path) = arguments.binary {
        path
    } else {
        let mut build = cargo(&["build", "--release", "--package", "bridgehead", "--bin", "bridgehead"]);
        execute(build.current_dir(workspace()))?;
        target_folder()?.join("release").join("bridgehead")
    };
    let scale = Scale {
        applications: arguments.applications,
        objects: arguments.objects,
        foreign_secrets: arguments.foreign_secrets,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(bench::run(&binary, scale))?;
    let text = serde_json::to_string_pretty(&figures)?;
    println!("{text}");
    if let Some(path) = arguments.output {
        std::fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}
