//! A real Terraform in a folder and a home of its own, with a provider that is installed from a mirror on
//! disk, as users install it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::{Process, Scratch, tools, wait};

/// The version that the mirror gives the provider, whatever it is.
const VERSION: &str = "0.1.0";
/// Registries that an address without a host stands for, in Terraform and in OpenTofu.
const HOSTS: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];
/// How long a command may take: waits in it have limits of their own.
const WITHIN: Duration = Duration::from_mins(15);

const HEAD: &str = r#"
terraform {
  required_providers {
    bridgehead = { source = "bridgehead/bridgehead" }
  }
}
"#;

/// One configuration with its state.
#[derive(Debug)]
pub struct Terraform {
    program: PathBuf,
    folder: Scratch,
    runs: AtomicU32,
}

impl Terraform {
    /// With this provider installed and this configuration below the `terraform` block, initialised.
    pub fn new(provider: &Path, configuration: &str) -> Result<Self> {
        let terraform =
            Self { program: tools::terraform()?, folder: Scratch::new()?, runs: AtomicU32::new(0) };
        for name in ["home", "data", "tmp", "work", "runs"] {
            std::fs::create_dir(terraform.path(name)).context("failed to make a folder for Terraform")?;
        }
        let mirror = terraform.path("mirror");
        for host in HOSTS {
            let package = mirror.join(format!("{host}/bridgehead/bridgehead/{VERSION}/{}", platform()));
            std::fs::create_dir_all(&package).context("failed to make the mirror")?;
            let place = package.join(format!("terraform-provider-bridgehead_v{VERSION}"));
            std::os::unix::fs::symlink(provider, place).context("failed to install the provider")?;
        }
        let settings = format!(
            "provider_installation {{\n  filesystem_mirror {{ path = \"{}\" }}\n}}\n",
            mirror.display()
        );
        std::fs::write(terraform.path("cli.tfrc"), settings)
            .context("failed to write Terraform's settings")?;
        terraform.configure(configuration)?;
        terraform.succeed(&["init"])?;
        Ok(terraform)
    }

    /// A path in its folder, which ends with the value.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the configuration, its provider block and all.
    pub fn configure(&self, configuration: &str) -> Result<()> {
        std::fs::write(self.path("work/main.tf"), format!("{HEAD}{configuration}"))
            .context("failed to write the configuration")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("-chdir={}", self.path("work").display()))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("TF_DATA_DIR", self.path("data"))
            .env("TF_CLI_CONFIG_FILE", self.path("cli.tfrc"))
            .env("TF_CLI_ARGS", "-no-color")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1");
        command
    }

    /// Starts a command in a process group of its own.
    pub fn start(&self, arguments: &[&str]) -> Result<Run> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let log = self.path(&format!("runs/{run}.log"));
        let process = Process::spawn("terraform", &mut self.command(arguments), &log)?;
        Ok(Run { process, log })
    }

    /// Runs a command that has to end with this exit code. Returns what it printed, on one line.
    pub fn end_with(&self, code: i32, arguments: &[&str]) -> Result<String> {
        let (found, told) = self.start(arguments)?.end()?;
        ensure!(
            found == Some(code),
            "terraform {arguments:?} ended with {found:?} instead of {code}: {told}"
        );
        Ok(told)
    }

    /// Runs a command that has to succeed.
    pub fn succeed(&self, arguments: &[&str]) -> Result<String> {
        self.end_with(0, arguments)
    }

    /// Runs a command that has to fail.
    pub fn fail(&self, arguments: &[&str]) -> Result<String> {
        self.end_with(1, arguments)
    }

    /// Applies; a plan after it has to be empty.
    pub fn apply(&self) -> Result<String> {
        let applied = self.succeed(&["apply", "-auto-approve"])?;
        self.nothing_to_do()?;
        Ok(applied)
    }

    /// Destroys everything.
    pub fn destroy(&self) -> Result<String> {
        self.succeed(&["destroy", "-auto-approve"])
    }

    /// A plan has to be empty, and nothing to have drifted.
    pub fn nothing_to_do(&self) -> Result<()> {
        let plan = self.end_with(0, &["plan", "-detailed-exitcode"])?;
        ensure!(!plan.contains("changed outside of Terraform"), "{plan}");
        Ok(())
    }

    /// A plan that has something to do.
    pub fn plan(&self) -> Result<String> {
        self.end_with(2, &["plan", "-detailed-exitcode"])
    }

    /// The values of a managed resource or data source by its address; null if it is not in the state.
    pub fn values(&self, address: &str) -> Result<Value> {
        // Not `-no-color`: that is for people's output only, and so are the logs.
        let output = self.command(&["show", "-json"]).env_remove("TF_CLI_ARGS").output()?;
        let shown: Value = serde_json::from_slice(&output.stdout).context("`terraform show` is no JSON")?;
        let resources = shown["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
        let found = resources.into_iter().find(|resource| resource["address"] == address);
        Ok(found.map_or(Value::Null, |resource| resource["values"].clone()))
    }

    /// The state file, which holds what is kept.
    pub fn state_file(&self) -> Result<String> {
        std::fs::read_to_string(self.path("work/terraform.tfstate")).context("there is no state")
    }

    /// Takes a resource out of the state, and imports it again by this id: the state has to come out the same.
    pub fn imports(&self, address: &str, id: &str) -> Result<()> {
        self.succeed(&["state", "rm", address])?;
        self.succeed(&["import", address, id])?;
        self.nothing_to_do()
    }
}

/// A running command. Ends with the value.
#[derive(Debug)]
pub struct Run {
    process: Process,
    log: PathBuf,
}

impl Run {
    /// Waits until it has printed this text.
    pub fn until(&mut self, text: &str) -> Result<()> {
        let end = Instant::now() + wait::deadline();
        while !std::fs::read_to_string(&self.log).unwrap_or_default().contains(text) {
            self.process.must_run()?;
            if Instant::now() > end {
                bail!("terraform has not printed `{text}`:\n{}", self.process.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Presses Ctrl-C, which reaches Terraform and its providers.
    pub fn interrupt(&self) -> Result<()> {
        let group = Pid::from_raw(i32::try_from(self.process.pid()).context("a process id is an i32")?);
        killpg(group, Signal::SIGINT).context("failed to interrupt terraform")
    }

    /// Waits for the end. Returns the exit code, and what it printed, on one line.
    pub fn end(mut self) -> Result<(Option<i32>, String)> {
        let status = self.process.wait(WITHIN)?;
        let text = std::fs::read_to_string(&self.log).context("failed to read what terraform printed")?;
        Ok((status.code(), flat(&text)))
    }
}

/// The text on one line, without the frame that Terraform draws around diagnostics.
fn flat(text: &str) -> String {
    text.split(|character: char| character.is_whitespace() || "╷│╵".contains(character))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
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
