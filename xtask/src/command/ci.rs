//! `cargo xtask ci`.

use std::time::Instant;

use anyhow::{Context, Result};
use bridgehead_test_harness::cache;

use super::{deny, docs, lint, test};

type Step = fn() -> Result<()>;

/// The steps by name, cheap ones first.
const STEPS: [(&str, Step); 4] = [
    ("lint", lint::run),
    ("deny", || deny::deny(false)),
    ("test", || test::test(&[], &[])),
    ("docs", docs::run),
];

pub(crate) fn run() -> Result<()> {
    keep_objects()?;
    let mut times = Vec::new();
    for (name, step) in STEPS {
        eprintln!("== {name}");
        let started = Instant::now();
        step().with_context(|| format!("step {name}"))?;
        times.push(format!("{name} {} s", started.elapsed().as_secs()));
    }
    println!("passed: {}", times.join(", "));
    Ok(())
}

/// A CI machine clones afresh for each run: objects are kept in the cache instead of the clone.
/// Every cargo that the steps start inherits the choice.
fn keep_objects() -> Result<()> {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if !in_ci || std::env::var_os("CARGO_TARGET_DIR").is_some() {
        return Ok(());
    }
    let program = std::env::current_exe().context("failed to find this program")?;
    let folder = cache::folder_for("target-ci")?;
    // Setting a variable of a running process is not safe; a child's is.
    let status = std::process::Command::new(program)
        .arg("ci")
        .env("CARGO_TARGET_DIR", folder)
        // Objects for incremental builds are large and no use to a run that builds once.
        .env("CARGO_INCREMENTAL", "0")
        .status()
        .context("failed to start `xtask ci` with another target folder")?;
    std::process::exit(status.code().unwrap_or(1));
}
