//! The project's own programs, as a user would run them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

/// A folder with binaries that somebody has built already and vouches for.
const BUILT: &str = "BRIDGEHEAD_BINARIES";

/// The path of a binary of this workspace, such as `bridgehead` or
/// `terraform-provider-bridgehead`, in the profile of the running test.
///
/// It is built first, once per process, because an old one would make a test say something
/// about yesterday's code. `cargo xtask test` builds all of them and then says so in
/// `BRIDGEHEAD_BINARIES`.
pub fn binary(name: &str) -> Result<PathBuf> {
    static KNOWN: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    if let Some(folder) = std::env::var_os(BUILT) {
        let path = PathBuf::from(folder).join(name);
        if !path.exists() {
            bail!("`{}` does not exist, though {BUILT} says that it is built", path.display());
        }
        return Ok(path);
    }
    // Held during the build: a second test waits for the same binary.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = known.get(name) {
        return Ok(path.clone());
    }
    let path = build(name)?;
    known.insert(name.to_owned(), path.clone());
    Ok(path)
}

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    // This crate is two folders below it.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

fn build(name: &str) -> Result<PathBuf> {
    let (target, profile) = place()?;
    // Without a package, features are those of the whole workspace: nothing is built twice.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--bin", name, "--profile"]);
    cargo.arg(if profile == "debug" { "dev" } else { &profile });
    cargo.arg("--target-dir").arg(&target).current_dir(workspace());
    // What cargo says about the test's own package is not meant for another build.
    for (variable, _) in std::env::vars_os() {
        let variable = variable.to_string_lossy();
        if variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_BIN_") {
            cargo.env_remove(&*variable);
        }
    }
    let output = cargo.output().with_context(|| format!("failed to start cargo to build `{name}`"))?;
    if !output.status.success() {
        bail!("failed to build `{name}`:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(target.join(&profile).join(name))
}

/// The target folder and the profile's folder in it, from where this program is.
fn place() -> Result<(PathBuf, String)> {
    let program = std::env::current_exe().context("failed to find this program")?;
    let mut folder = program.parent().context("this program is in no folder")?;
    if folder.ends_with("deps") || folder.ends_with("examples") {
        folder = folder.parent().context("a target folder has a profile's folder")?;
    }
    let profile = folder.file_name().and_then(|name| name.to_str()).context("a profile has a name")?;
    let target = folder.parent().context("a profile's folder is in a target folder")?;
    Ok((target.to_owned(), profile.to_owned()))
}
