//! A real Terraform in a folder of its own, with the corner provider installed from a mirror.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value as Json;
use tempfile::TempDir;

/// One configuration with its state, its objects and its own home.
pub(crate) struct Terraform {
    folder: TempDir,
}

const HEAD: &str = r#"
terraform {
  required_providers {
    corner = { source = "registry.terraform.io/bridgehead/corner" }
  }
}
"#;

impl Terraform {
    /// With this configuration below the provider block, initialised.
    pub(crate) fn with(configuration: &str) -> Terraform {
        let terraform = Terraform { folder: tempfile::tempdir().unwrap() };
        for name in ["home", "data", "tmp", "work", "objects"] {
            std::fs::create_dir(terraform.path(name)).unwrap();
        }
        let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let mirror = terraform.path("mirror");
        let package =
            mirror.join(format!("registry.terraform.io/bridgehead/corner/1.0.0/{os}_{architecture}"));
        std::fs::create_dir_all(&package).unwrap();
        std::os::unix::fs::symlink(provider_binary(), package.join("terraform-provider-corner_v1.0.0"))
            .unwrap();
        let installation = format!(
            "provider_installation {{\n  filesystem_mirror {{ path = {:?} }}\n}}\n",
            mirror.to_str().unwrap()
        );
        std::fs::write(terraform.path("cli.tfrc"), installation).unwrap();
        terraform.configure(configuration);
        terraform.succeed(&["init"]);
        terraform
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of a thing.
    pub(crate) fn thing(&self, name: &str) -> PathBuf {
        self.path("objects").join(format!("thing-{name}.json"))
    }

    /// Replaces the configuration below the provider block.
    pub(crate) fn configure(&self, configuration: &str) {
        let provider =
            format!("provider \"corner\" {{\n  folder = {:?}\n}}\n", self.path("objects").to_str().unwrap());
        self.configure_all(&format!("{provider}{configuration}"));
    }

    /// Replaces the configuration, provider block and all.
    pub(crate) fn configure_all(&self, configuration: &str) {
        std::fs::write(self.path("work/main.tf"), format!("{HEAD}{configuration}")).unwrap();
    }

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

    /// Runs a command that has to end with this code. Returns what it printed, on one line.
    pub(crate) fn end_with(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        flat(&text)
    }

    /// Applies; a plan after it has to be empty.
    pub(crate) fn apply(&self) -> String {
        let applied = self.succeed(&["apply", "-auto-approve"]);
        self.assert_nothing_to_do();
        applied
    }

    /// A plan is empty, also for what drifted only.
    pub(crate) fn assert_nothing_to_do(&self) {
        let plan = self.end_with(0, &["plan", "-detailed-exitcode"]);
        assert!(!plan.contains("changed outside of Terraform"), "{plan}");
    }

    /// A plan that has something to do.
    pub(crate) fn plan(&self) -> String {
        self.end_with(2, &["plan", "-detailed-exitcode"])
    }

    /// The values of the only resource in the state, as `terraform show -json` has them.
    pub(crate) fn values(&self) -> Json {
        self.resource()["values"].clone()
    }

    /// The resource of the corner provider in the state.
    pub(crate) fn resource(&self) -> Json {
        let output = self.command(&["show", "-json"]).env_remove("TF_CLI_ARGS").output().unwrap();
        let shown: Json = serde_json::from_slice(&output.stdout).unwrap();
        let resources = shown["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
        resources
            .into_iter()
            .find(|resource| resource["type"].as_str().is_some_and(|name| name.starts_with("corner_")))
            .unwrap_or(Json::Null)
    }

    /// The state file.
    pub(crate) fn state_file(&self) -> String {
        std::fs::read_to_string(self.path("work/terraform.tfstate")).unwrap()
    }
}

/// A running command in a process group of its own, which is killed when this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(command.spawn().unwrap())
    }

    pub(crate) fn group(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All of it may have ended by itself.
        let _ = nix::sys::signal::killpg(self.group(), nix::sys::signal::Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// Standard output and standard error.
pub(crate) fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

/// The text on one line, without the frame that Terraform draws around diagnostics.
pub(crate) fn flat(text: &str) -> String {
    text.split(|character: char| character.is_whitespace() || "╷│╵".contains(character))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn terraform_binary() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let wanted = std::env::var("TFPLUG_TEST_TERRAFORM")
        .map_or_else(|_| vec!["terraform".into(), "tofu".into()], |name| vec![name]);
    wanted
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
        .expect("these tests need terraform or tofu in PATH")
}

/// The provider, built once.
fn provider_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // This test lies in <target>/<profile>/deps, the example in <target>/<profile>/examples.
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "tfplug", "--example", "corner"]);
        build.arg("--target-dir").arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "failed to build the corner provider");
        profile.join("examples/corner")
    })
}
