//! A real Terraform (or OpenTofu) in a folder of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::host::provider_binary;

/// The configuration that every test begins with.
const HEAD: &str = r#"
terraform {
  required_providers {
    wire = { source = "registry.terraform.io/example/wire" }
  }
}
"#;

/// One configuration with its state, provider installation, home and temporary directory.
pub(crate) struct Terraform {
    folder: TempDir,
}

impl Terraform {
    /// A folder where the provider can be installed from a filesystem mirror, and nowhere else.
    pub(crate) fn new() -> Self {
        let terraform = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["home", "data", "tmp", "work"] {
            std::fs::create_dir(terraform.path(name)).unwrap();
        }
        let mirror = terraform.path("mirror");
        let platform = format!("{}_{}", go_os(), go_architecture());
        let package = mirror.join("registry.terraform.io/example/wire/1.0.0").join(platform);
        std::fs::create_dir_all(&package).unwrap();
        let binary = package.join("terraform-provider-wire_v1.0.0");
        if std::fs::hard_link(provider_binary(), &binary).is_err() {
            std::fs::copy(provider_binary(), &binary).unwrap();
        }
        let mirror = mirror.to_str().unwrap();
        let config = format!("provider_installation {{\n  filesystem_mirror {{ path = \"{mirror}\" }}\n}}\n");
        std::fs::write(terraform.path("cli.tfrc"), config).unwrap();
        terraform
    }

    /// As [`Terraform::new`], with this configuration, initialised.
    pub(crate) fn with(configuration: &str) -> Self {
        let terraform = Self::new();
        terraform.configure(configuration);
        terraform.succeed(&["init"]);
        terraform
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, configuration: &str) {
        std::fs::write(self.path("work/main.tf"), format!("{HEAD}{configuration}")).unwrap();
    }

    /// The command, with nothing of this process's own Terraform settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(terraform_binary());
        command
            .arg(format!("-chdir={}", self.path("work").display()))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("TF_DATA_DIR", self.path("data"))
            .env("TF_CLI_CONFIG_FILE", self.path("cli.tfrc"))
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that has to succeed. Returns what it printed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = text(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    }

    /// Runs a command that has to end with this code. Returns what it printed.
    pub(crate) fn end_with(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    }

    /// Nothing that a provider made is left in the temporary directory.
    pub(crate) fn assert_no_socket_left(&self) {
        let left: Vec<_> = std::fs::read_dir(self.path("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().starts_with("tfplug-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A running command in a process group of its own, which is killed when this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    #[cfg(unix)]
    pub(crate) fn start(mut command: Command) -> Self {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// The group of the command and the providers that it started, as a terminal signals it.
    #[cfg(unix)]
    pub(crate) fn group(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All of it may have ended by itself.
        #[cfg(unix)]
        let _ = nix::sys::signal::killpg(self.group(), nix::sys::signal::Signal::SIGKILL);
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Standard output and standard error.
pub(crate) fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

fn terraform_binary() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    ["terraform", "tofu"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|candidate| is_file(candidate))
        .expect("these tests need terraform or tofu in PATH")
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file()) && path.file_name() != Some(OsStr::new(""))
}

/// Go's name of this operating system.
fn go_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// Go's name of this architecture.
fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
