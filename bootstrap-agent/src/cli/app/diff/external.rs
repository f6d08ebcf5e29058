//! The program that `KUBECTL_EXTERNAL_DIFF` names, called as kubectl and argocd do: with two files.

use std::io::Write;
use std::process::Command;

use crate::cli::error::CliError;

const VARIABLE: &str = "KUBECTL_EXTERNAL_DIFF";

/// Whether there is one.
pub(super) fn is_wanted() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|program| !program.is_empty())
}

/// Calls it, and writes what it prints. Its exit code says that there is a difference, which is known.
pub(super) fn write(name: &str, live: &str, wanted: &str, out: &mut dyn Write) -> Result<(), CliError> {
    let command = std::env::var(VARIABLE).unwrap_or_default();
    let mut words = command.split_whitespace();
    let Some(program) = words.next() else { return Ok(()) };
    let folder = tempfile::tempdir().map_err(|error| CliError::io("make a temporary folder", error))?;
    let file = |suffix: &str, text: &str| {
        let path = folder.path().join(format!("{}{suffix}", name.replace(['/', ':'], "_")));
        std::fs::write(&path, text)
            .map_err(|error| CliError::io(format!("write `{}`", path.display()), error))?;
        Ok::<_, CliError>(path)
    };
    let output = Command::new(program)
        .args(words)
        .arg(file("-live.yaml", live)?)
        .arg(file("", wanted)?)
        .output()
        .map_err(|error| CliError::io(format!("run `{command}`, which {VARIABLE} names"), error))?;
    out.write_all(&output.stdout)?;
    out.write_all(&output.stderr)?;
    Ok(())
}
