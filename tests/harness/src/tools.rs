//! Programs that tests and the demo need and that are built once per machine.
//!
//! Each is kept below the cache under its version and a hash of what it is built from, built
//! beside its place and renamed into it, so that what is found there is always complete.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::cache::{self, Lock};
use crate::process::{Process, tail};
use crate::scratch::Scratch;

/// A program that can be built from source with nothing but Go or Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// etcd, the Kubernetes control plane and kwok in one binary.
    ControlPlane,
    /// OpenTofu, for machines without `terraform`.
    OpenTofu,
    /// A Git server over SSH.
    GitSsh,
    /// The linter of the dependency graph.
    CargoDeny,
}

/// The version of Kubernetes that clusters run.
pub const KUBERNETES_VERSION: &str = "1.36.3";

const CARGO_DENY_VERSION: &str = "0.20.2";
const OPENTOFU_VERSION: &str = "1.12.6";
/// The first release of Terraform and of OpenTofu that has write-only attributes.
const TERRAFORM_NEEDED: (u32, u32) = (1, 11);

/// How often a running build says that it is alive.
const PROGRESS: Duration = Duration::from_secs(10);

/// The path of the program, which is built first if it is not in the cache. Builds report
/// their progress on standard error; a second caller waits for the first.
pub fn ensure(tool: Tool) -> Result<PathBuf> {
    let recipe = recipe(tool)?;
    let tools = cache::folder_for("tools")?;
    let place = tools.join(&recipe.key);
    let program = place.join(recipe.program);
    if program.exists() {
        return Ok(program);
    }
    let _lock = Lock::acquire(&tools.join(format!("{}.lock", recipe.key)), || {
        eprintln!("{}: waiting for another build of it", recipe.name);
    })?;
    if program.exists() {
        return Ok(program);
    }
    let building = Scratch::below(&tools, "building-")?;
    build(&recipe, building.path())?;
    std::fs::rename(building.path(), &place)
        .with_context(|| format!("failed to move {} to `{}`", recipe.name, place.display()))?;
    Ok(program)
}

/// Whether the program is in the cache, so that [`ensure`] has nothing to build.
pub fn is_built(tool: Tool) -> Result<bool> {
    let recipe = recipe(tool)?;
    Ok(cache::folder_for("tools")?.join(&recipe.key).join(recipe.program).exists())
}

struct Recipe {
    name: String,
    /// Version and content: the folder's name in the cache.
    key: String,
    /// The binary's path below that folder.
    program: &'static str,
    builder: Builder,
    /// What a first build took on two cores.
    expectation: &'static str,
}

enum Builder {
    Go { module: PathBuf, package: &'static str, stamps: Vec<String> },
    Cargo { krate: &'static str, version: &'static str },
}

fn recipe(tool: Tool) -> Result<Recipe> {
    match tool {
        Tool::ControlPlane => {
            let (major, minor) = ("1", "36");
            let version = "k8s.io/component-base/version";
            go(
                "control-plane",
                KUBERNETES_VERSION,
                "../control-plane",
                ".",
                // Clients read the version of the server and cannot parse the default one.
                vec![
                    format!("{version}.gitVersion=v{KUBERNETES_VERSION}"),
                    format!("{version}.gitMajor={major}"),
                    format!("{version}.gitMinor={minor}"),
                    format!("{version}.gitTreeState=clean"),
                ],
                "about 5 minutes",
            )
        }
        Tool::OpenTofu => go(
            "tofu",
            OPENTOFU_VERSION,
            "../tools/opentofu",
            "github.com/opentofu/opentofu/cmd/tofu",
            vec!["github.com/opentofu/opentofu/version.dev=no".to_owned()],
            "about 5 minutes",
        ),
        Tool::GitSsh => go("git-ssh", "1", "../tools/git-ssh", ".", Vec::new(), "some seconds"),
        Tool::CargoDeny => Ok(Recipe {
            name: format!("cargo-deny {CARGO_DENY_VERSION}"),
            key: format!("cargo-deny-{CARGO_DENY_VERSION}"),
            program: "bin/cargo-deny",
            builder: Builder::Cargo { krate: "cargo-deny", version: CARGO_DENY_VERSION },
            expectation: "about 5 minutes",
        }),
    }
}

fn go(
    name: &'static str,
    version: &str,
    folder: &str,
    package: &'static str,
    stamps: Vec<String>,
    expectation: &'static str,
) -> Result<Recipe> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let hash = hash_of(&module, &stamps)?;
    Ok(Recipe {
        name: format!("{name} {version}"),
        key: format!("{name}-{version}-{hash}"),
        program: name,
        builder: Builder::Go { module, package, stamps },
        expectation,
    })
}

/// The first 12 digits of a hash over a module's Go files, its sums and what is stamped in.
fn hash_of(module: &Path, stamps: &[String]) -> Result<String> {
    let listing =
        std::fs::read_dir(module).with_context(|| format!("failed to list `{}`", module.display()))?;
    let mut files = Vec::new();
    for entry in listing {
        let path = entry.with_context(|| format!("failed to list `{}`", module.display()))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("go" | "mod" | "sum")) {
            files.push(path);
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().map(std::ffi::OsStr::as_encoded_bytes).unwrap_or_default());
        let mut content = Vec::new();
        std::fs::File::open(&file)
            .and_then(|mut open| open.read_to_end(&mut content))
            .with_context(|| format!("failed to read `{}`", file.display()))?;
        hash.update(content.len().to_be_bytes());
        hash.update(content);
    }
    for stamp in stamps {
        hash.update(stamp);
    }
    Ok(hex::encode(hash.finalize())[..12].to_owned())
}

fn build(recipe: &Recipe, into: &Path) -> Result<()> {
    let log = into.join("build.log");
    let mut command = match &recipe.builder {
        Builder::Go { module, package, stamps } => {
            let mut flags = String::from("-s -w");
            for stamp in stamps {
                flags.push_str(" -X ");
                flags.push_str(stamp);
            }
            let mut command = Command::new("go");
            command
                .current_dir(module)
                .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", &flags, "-o"])
                .arg(into.join(recipe.program))
                .arg(package)
                // No C compiler is needed, and the binary runs on any distribution.
                .env("CGO_ENABLED", "0")
                .env("GOWORK", "off");
            command
        }
        Builder::Cargo { krate, version } => {
            let mut command = Command::new("cargo");
            command
                .args(["install", "--locked", "--quiet", krate, "--version", version, "--root"])
                .arg(into)
                .current_dir(into)
                // Its objects are needed once; a build around this one keeps its own.
                .env("CARGO_TARGET_DIR", into.join("target"))
                .env_remove("RUSTFLAGS");
            command
        }
    };
    let program = command.get_program().to_string_lossy().into_owned();
    require(&program)?;
    eprintln!("{}: building it once for this machine ({})", recipe.name, recipe.expectation);
    let started = Instant::now();
    let mut process = Process::spawn(&recipe.name, &mut command, &log)?;
    let mut reported = started;
    let status = loop {
        if let Some(status) = process.exited()? {
            break status;
        }
        if reported.elapsed() >= PROGRESS {
            reported = Instant::now();
            eprintln!("{}: building, {} s so far", recipe.name, started.elapsed().as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        bail!("building {} failed ({status}); the end of its output:\n{}", recipe.name, tail(&log, 40));
    }
    eprintln!("{}: built in {} s", recipe.name, started.elapsed().as_secs());
    let target = into.join("target");
    if target.exists() {
        std::fs::remove_dir_all(&target).context("failed to remove the objects of a build")?;
    }
    Ok(())
}

/// The program that applies Terraform configurations: the installed `terraform`, else the
/// installed `tofu`, else OpenTofu from the cache.
pub fn terraform() -> Result<PathBuf> {
    installed_terraform().map_or_else(|| ensure(Tool::OpenTofu), Ok)
}

/// The `terraform` or else the `tofu` on PATH. One that is too old for write-only attributes is
/// passed over, and said to be.
pub fn installed_terraform() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = ["terraform", "tofu"].into_iter().filter_map(|name| {
        std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
    });
    for path in found {
        match terraform_version(&path) {
            Some(version) if release(&version) >= TERRAFORM_NEEDED => return Some(path),
            Some(version) => eprintln!(
                "`{}` is version {version}; {}.{} or later is needed, so it is not used",
                path.display(),
                TERRAFORM_NEEDED.0,
                TERRAFORM_NEEDED.1
            ),
            None => eprintln!("`{}` does not tell its version, so it is not used", path.display()),
        }
    }
    None
}

fn terraform_version(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .args(["version", "-json"])
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    answer["terraform_version"].as_str().map(str::to_owned)
}

/// Major and minor number.
fn release(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// An error that names each of `programs` that cannot be started, with how to get it.
pub fn require_all(programs: &[&str]) -> Result<()> {
    let missing: Vec<String> =
        programs.iter().filter_map(|program| require(program).err()).map(|error| error.to_string()).collect();
    if !missing.is_empty() {
        bail!("{}", missing.join("\n"));
    }
    Ok(())
}

/// An error that says how to get `program` if it cannot be started.
pub fn require(program: &str) -> Result<()> {
    let version_flag = if program == "go" { "version" } else { "--version" };
    let found = Command::new(program)
        .arg(version_flag)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .and_then(|mut child: Child| child.wait());
    match found {
        Ok(_) => Ok(()),
        Err(_) => bail!("`{program}` was not found: {}", how_to_get(program)),
    }
}

fn how_to_get(program: &str) -> &'static str {
    match program {
        "go" => "install Go 1.26 or later from https://go.dev/dl and put its `bin` folder on PATH",
        "cargo" => "install Rust from https://rustup.rs",
        "git" => "install the package `git` of your system",
        "sshd" => "install the package `openssh-server` of your system",
        _ => "install it and put it on PATH",
    }
}

#[cfg(test)]
mod tests {
    use super::{TERRAFORM_NEEDED, release};

    #[test]
    fn releases_compare_as_numbers() {
        assert!(release("1.9.8") < TERRAFORM_NEEDED && release("1.12.0-beta1") > TERRAFORM_NEEDED);
    }
}
