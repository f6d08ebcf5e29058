//! Terraform with a configuration of its own and the provider from a mirror on disk.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bridgehead_test_harness::{Process, workspace};
use nix::sys::signal::Signal;

use super::stage::Stage;
use super::{LOOK, Programs};

/// How long an interrupted command may take to come to its end: it finishes what it is doing
/// and writes the state.
const ENDS_WITHIN: Duration = Duration::from_mins(2);

const OPTIONS: [&str; 2] = ["-input=false", "-no-color"];

pub(super) struct Terraform {
    program: PathBuf,
    /// Everything of it: configuration, state, logs.
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    commands: usize,
    running: Option<Process>,
}

impl Terraform {
    /// Copies the quickstart and lays out the mirror.
    pub(super) fn new(programs: &Programs, folder: &Path, stage: &Stage, url: &str) -> Result<Self> {
        let tofu = programs.terraform.file_name().is_some_and(|name| name == "tofu");
        // The host that an address without one stands for.
        let host = if tofu { "registry.opentofu.org" } else { "registry.terraform.io" };
        let version = env!("CARGO_PKG_VERSION");
        let mirror = folder.join("mirror");
        let place = mirror.join(format!("{host}/bridgehead/bridgehead/{version}/{}", platform()));
        let (work, logs, temporary) = (folder.join("quickstart"), folder.join("logs"), folder.join("tmp"));
        for wanted in [&place, &work, &logs, &temporary] {
            std::fs::create_dir_all(wanted)
                .with_context(|| format!("failed to create `{}`", wanted.display()))?;
        }
        std::fs::copy(&programs.provider, place.join(format!("terraform-provider-bridgehead_v{version}")))
            .context("failed to copy the provider into the mirror")?;
        for name in ["main.tf", "outputs.tf", "variables.tf", "versions.tf"] {
            std::fs::copy(workspace().join("examples/quickstart").join(name), work.join(name))
                .with_context(|| format!("failed to copy `{name}` of the quickstart"))?;
        }
        if stage.is_users() {
            // The agent is the demo's process: no Pod of it, which would pull an image.
            let text = "resource \"bridgehead_agent\" \"this\" {\n  replicas = 0\n}\n";
            std::fs::write(work.join("demo_override.tf"), text)
                .context("failed to write the demo's override")?;
        }
        let settings = folder.join("cli.tfrc");
        let text = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
            mirror.display()
        );
        std::fs::write(&settings, text).context("failed to write Terraform's settings")?;
        let environment = vec![
            ("TF_CLI_CONFIG_FILE", settings.into()),
            ("TF_DATA_DIR", folder.join("data").into()),
            // A provider that is killed leaves its socket's folder there.
            ("TMPDIR", temporary.into()),
            ("TF_VAR_kubeconfig", stage.kubeconfig.clone().into()),
            ("TF_VAR_repo_url", url.into()),
            ("CHECKPOINT_DISABLE", "1".into()),
        ];
        Ok(Self {
            program: programs.terraform.clone(),
            folder: folder.to_owned(),
            environment,
            commands: 0,
            running: None,
        })
    }

    /// `terraform` or `tofu`.
    pub(super) fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What a shell sets to run the same commands.
    pub(super) fn exports(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.environment {
            // Writing to a String does not fail.
            let _ = writeln!(text, "export {name}='{}'", value.display());
        }
        text
    }

    /// Starts a command, with a log of its own.
    pub(super) fn start(&mut self, command: &str, arguments: &[&str]) -> Result<()> {
        self.commands += 1;
        let log = self.folder.join(format!("logs/{}-{command}.log", self.commands));
        let mut process = Command::new(&self.program);
        // Settings of the user's own shell are meant for other configurations.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TF_") {
                process.env_remove(name);
            }
        }
        process
            .arg(command)
            .args(arguments)
            .args(OPTIONS)
            .current_dir(self.folder.join("quickstart"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let name = format!("{} {command}", self.name());
        self.running = Some(Process::spawn(&name, &mut process, &log)?);
        Ok(())
    }

    /// Whether the command has ended, and how.
    pub(super) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.running {
            Some(process) => process.exited(),
            None => bail!("no command of {} was started", self.name()),
        }
    }

    /// Runs a command to its end.
    pub(super) async fn run(&mut self, command: &str, arguments: &[&str]) -> Result<ExitStatus> {
        self.start(command, arguments)?;
        loop {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// An error with the end of the command's output unless it was a success.
    pub(super) fn must_succeed(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            let name = self.running.as_ref().map_or_else(|| self.name(), |process| process.name().to_owned());
            bail!("{name} failed ({status}); the end of its output:\n{}", self.tail());
        }
        Ok(())
    }

    /// The end of the last command's output.
    pub(super) fn tail(&self) -> String {
        self.running.as_ref().map(Process::log_tail).unwrap_or_default()
    }

    /// Asks a command that runs to come to its end.
    pub(super) fn interrupt(&mut self) -> Result<()> {
        if let Some(process) = &mut self.running {
            process.signal(Signal::SIGINT)?;
            process.wait(ENDS_WITHIN)?;
        }
        Ok(())
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
