//! Terraform with a configuration of its own and the provider from a mirror on disk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bridgehead_test_harness::{Process, tail, workspace};

use super::Programs;

const WITHIN: Duration = Duration::from_mins(15);

pub(super) struct Terraform {
    program: PathBuf,
    /// Everything of it: configuration, state, home.
    folder: PathBuf,
    kubeconfig: PathBuf,
    url: String,
}

impl Terraform {
    /// Copies the quickstart and lays out the mirror.
    pub(super) fn new(programs: &Programs, folder: &Path, kubeconfig: &Path, url: &str) -> Result<Self> {
        let tofu = programs.terraform.file_name().is_some_and(|name| name == "tofu");
        // The host that an address without one stands for.
        let host = if tofu { "registry.opentofu.org" } else { "registry.terraform.io" };
        let version = env!("CARGO_PKG_VERSION");
        let place = folder.join(format!("mirror/{host}/bridgehead/bridgehead/{version}/{}", platform()));
        let (work, home) = (folder.join("quickstart"), folder.join("home"));
        for wanted in [&place, &work, &home] {
            std::fs::create_dir_all(wanted)
                .with_context(|| format!("failed to create `{}`", wanted.display()))?;
        }
        std::fs::copy(&programs.provider, place.join(format!("terraform-provider-bridgehead_v{version}")))
            .context("failed to copy the provider into the mirror")?;
        for name in ["main.tf", "outputs.tf", "variables.tf", "versions.tf"] {
            std::fs::copy(workspace().join("examples/quickstart").join(name), work.join(name))
                .with_context(|| format!("failed to copy `{name}` of the quickstart"))?;
        }
        let mirror = folder.join("mirror");
        let settings = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
            mirror.display()
        );
        std::fs::write(folder.join("cli.tfrc"), settings).context("failed to write Terraform's settings")?;
        Ok(Self {
            program: programs.terraform.clone(),
            folder: folder.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            url: url.to_owned(),
        })
    }

    /// Starts a command; it ends with the value.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Process> {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.folder.join("quickstart"))
            .env("TF_CLI_CONFIG_FILE", self.folder.join("cli.tfrc"))
            .env("TF_DATA_DIR", self.folder.join("data"))
            .env("HOME", self.folder.join("home"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_VAR_kubeconfig", &self.kubeconfig)
            .env("TF_VAR_repo_url", &self.url);
        Process::spawn("terraform", &mut command, &self.log())
    }

    /// Runs a command to its end and returns its exit code.
    pub(super) fn code(&self, arguments: &[&str]) -> Result<Option<i32>> {
        Ok(self.start(arguments)?.wait(WITHIN)?.code())
    }

    /// Runs a command that must succeed.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<()> {
        let code = self.code(arguments)?;
        if code != Some(0) {
            bail!("terraform {} failed ({code:?}); the end of its output:\n{}", arguments[0], self.tail());
        }
        Ok(())
    }

    /// The end of its output.
    pub(super) fn tail(&self) -> String {
        tail(&self.log(), 40)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("terraform.log")
    }
}

/// The operating system and architecture in Go's words.
fn platform() -> String {
    let system = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}_{architecture}")
}
