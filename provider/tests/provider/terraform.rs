//! A real Terraform in a folder and a home of its own, with the provider installed from a mirror.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bridgehead_test_harness::{Cluster, tools};
use serde_json::Value as Json;
use tempfile::TempDir;

/// One configuration with its state.
pub(crate) struct Terraform {
    folder: TempDir,
    provider: String,
}

const HEAD: &str = r#"
terraform {
  required_providers {
    bridgehead = { source = "bridgehead/bridgehead" }
  }
}
"#;

impl Terraform {
    /// With this configuration below a provider block for the cluster, initialised.
    pub(crate) fn with(cluster: &Cluster, configuration: &str) -> Terraform {
        let path = cluster.kubeconfig().display().to_string();
        let provider =
            format!("provider \"bridgehead\" {{\n  kubernetes = {{ config_path = {path:?} }}\n}}\n");
        Terraform::with_provider(&provider, configuration)
    }

    /// With this provider block.
    pub(crate) fn with_provider(provider: &str, configuration: &str) -> Terraform {
        let folder = tempfile::tempdir().unwrap();
        let terraform = Terraform { folder, provider: provider.to_owned() };
        for name in ["home", "data", "tmp", "work"] {
            std::fs::create_dir(terraform.path(name)).unwrap();
        }
        let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let mirror = terraform.path("mirror");
        for host in ["registry.terraform.io", "registry.opentofu.org"] {
            let package = mirror.join(format!("{host}/bridgehead/bridgehead/0.1.0/{os}_{architecture}"));
            std::fs::create_dir_all(&package).unwrap();
            let binary = Path::new(env!("CARGO_BIN_EXE_terraform-provider-bridgehead"));
            std::os::unix::fs::symlink(binary, package.join("terraform-provider-bridgehead_v0.1.0")).unwrap();
        }
        let installation = format!(
            "provider_installation {{\n  filesystem_mirror {{ path = {:?} }}\n}}\n",
            mirror.to_str().unwrap()
        );
        std::fs::write(terraform.path("cli.tfrc"), installation).unwrap();
        terraform.configure(configuration);
        terraform.succeed(&["init"]);
        terraform
    }

    /// A path in the test's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the configuration below the provider block.
    pub(crate) fn configure(&self, configuration: &str) {
        let text = format!("{HEAD}{}{configuration}", self.provider);
        std::fs::write(self.path("work/main.tf"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tools::terraform().unwrap());
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
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that has to succeed. Returns what it printed, on one line.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        self.end_with(0, arguments)
    }

    /// Runs a command that has to fail. Returns what it printed, on one line.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        self.end_with(1, arguments)
    }

    fn end_with(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        flat(&text)
    }

    /// Starts a command in a process group of its own.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        use std::os::unix::process::CommandExt as _;
        let mut command = self.command(arguments);
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(command.spawn().unwrap())
    }

    /// Applies; a plan after it has to be empty.
    pub(crate) fn apply(&self) -> String {
        let applied = self.succeed(&["apply", "-auto-approve"]);
        self.assert_nothing_to_do();
        applied
    }

    /// Destroys everything.
    pub(crate) fn destroy(&self) -> String {
        self.succeed(&["destroy", "-auto-approve"])
    }

    /// A plan is empty, also for what has drifted only.
    pub(crate) fn assert_nothing_to_do(&self) {
        let plan = self.end_with(0, &["plan", "-detailed-exitcode"]);
        assert!(!plan.contains("changed outside of Terraform"), "{plan}");
    }

    /// A plan that has something to do.
    pub(crate) fn plan(&self) -> String {
        self.end_with(2, &["plan", "-detailed-exitcode"])
    }

    /// The values of a managed resource or data source, by its address.
    pub(crate) fn values(&self, address: &str) -> Json {
        let output = self.command(&["show", "-json"]).env_remove("TF_CLI_ARGS").output().unwrap();
        let shown: Json = serde_json::from_slice(&output.stdout).unwrap();
        let resources = shown["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
        resources
            .into_iter()
            .find(|resource| resource["address"] == address)
            .map_or(Json::Null, |resource| resource["values"].clone())
    }

    /// The state file, which holds what is kept.
    pub(crate) fn state_file(&self) -> String {
        std::fs::read_to_string(self.path("work/terraform.tfstate")).unwrap()
    }

    /// Takes a resource out of the state, and imports it again by this id: the state has to come out the same.
    pub(crate) fn assert_imports(&self, address: &str, id: &str) {
        self.succeed(&["state", "rm", address]);
        self.succeed(&["import", address, id]);
        self.assert_nothing_to_do();
    }
}

/// A running command, whose process group is killed when this is dropped.
pub(crate) struct Running(Child);

impl Running {
    fn group(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }

    /// Reads standard output up to a line with this text.
    pub(crate) fn until(&mut self, text: &str) {
        use std::io::Read as _;
        let mut seen = Vec::new();
        let pipe = self.0.stdout.as_mut().unwrap();
        let mut byte = [0];
        while !String::from_utf8_lossy(&seen).contains(text) {
            assert!(pipe.read(&mut byte).unwrap() == 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        nix::sys::signal::killpg(self.group(), nix::sys::signal::Signal::SIGINT).unwrap();
    }

    /// Waits for the end. Returns whether it succeeded, and what it printed, on one line.
    pub(crate) fn end(mut self) -> (bool, String) {
        use std::io::Read as _;
        let (mut out, mut errors) = (String::new(), String::new());
        if let Some(mut pipe) = self.0.stdout.take() {
            pipe.read_to_string(&mut out).unwrap();
        }
        if let Some(mut pipe) = self.0.stderr.take() {
            pipe.read_to_string(&mut errors).unwrap();
        }
        let status = self.0.wait().unwrap();
        (status.success(), flat(&format!("{out}{errors}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All of it may have ended by itself.
        let _ = nix::sys::signal::killpg(self.group(), nix::sys::signal::Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

/// The text on one line, without the frame that Terraform draws around diagnostics.
fn flat(text: &str) -> String {
    text.split(|character: char| character.is_whitespace() || "╷│╵".contains(character))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
