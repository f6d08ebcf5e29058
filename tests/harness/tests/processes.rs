//! Nothing outlives a test, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bridgehead_test_harness::{Probe, Process, ProcessIdentity, deadline, ended_by, wait_for};
use nix::sys::signal::Signal;

/// The example `holds-a-cluster`, which cargo builds with the tests.
fn example() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let profile = program.ancestors().nth(2).context("a test is in a target folder")?;
    let example = profile.join("examples/holds-a-cluster");
    if !example.exists() {
        bail!("`{}` is not built: run the tests without --test", example.display());
    }
    Ok(example)
}

/// Starts the example, lets it die, and looks at what it has reported. The identity of a process
/// cannot be learned after its death, so the example waits until the test has.
async fn dies(death: &str, signal: Option<Signal>) -> Result<ExitStatus> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report");
    let seen = folder.path().join("seen");
    let mut command = Command::new(example()?);
    command.arg(death).arg(&report).arg(&seen).env("RUST_BACKTRACE", "0");
    let mut process = Process::spawn("doomed", &mut command, &folder.path().join("log"))?;
    let text = wait_for("the report of a doomed process", async || {
        process.must_run()?;
        let text = std::fs::read_to_string(&report);
        Ok(text.map_or_else(|error| Probe::NotYet(error.to_string()), Probe::Done))
    })
    .await?;
    let (pids, cluster) = text.trim().split_once('\n').context("a report has two lines")?;
    let cluster = Path::new(cluster);
    let children: Vec<ProcessIdentity> =
        pids.split(' ').filter_map(|pid| ProcessIdentity::of(pid.parse().ok()?)).collect();
    assert_eq!(children.len(), 7, "five of the cluster, a child and a grandchild: {children:?}");
    assert!(cluster.exists());
    std::fs::write(&seen, "")?;
    if let Some(signal) = signal {
        process.signal(signal)?;
    }
    let status = process.wait(deadline())?;
    wait_for("everything to be gone", async || {
        let running: Vec<_> = children.iter().filter(|child| child.is_running()).collect();
        let gone = running.is_empty() && !cluster.exists();
        Ok(Probe::when(gone, format!("running: {running:?}, folder: {}", cluster.exists())))
    })
    .await?;
    Ok(status)
}

#[tokio::test]
async fn a_panic_leaves_nothing() -> Result<()> {
    assert_eq!(dies("panic", None).await?.code(), Some(101));
    Ok(())
}

#[tokio::test]
async fn an_exit_without_drops_leaves_nothing() -> Result<()> {
    assert_eq!(dies("exit", None).await?.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn an_abort_leaves_nothing() -> Result<()> {
    assert!(ended_by(dies("abort", None).await?, Signal::SIGABRT));
    Ok(())
}

#[tokio::test]
async fn ctrl_c_leaves_nothing() -> Result<()> {
    assert!(ended_by(dies("signal", Some(Signal::SIGINT)).await?, Signal::SIGINT));
    Ok(())
}

#[tokio::test]
async fn sigkill_leaves_nothing() -> Result<()> {
    assert!(ended_by(dies("signal", Some(Signal::SIGKILL)).await?, Signal::SIGKILL));
    Ok(())
}

#[test]
fn a_child_that_ignores_sigterm_is_killed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let log = folder.path().join("log");
    let mut process = Process::spawn("stubborn", Command::new("sh").args(["-c", script]), &log)?;
    while !process.log_tail().contains("ready") {
        process.must_run()?;
        std::thread::yield_now();
    }
    assert!(ended_by(process.stop(Duration::from_millis(200))?, Signal::SIGKILL));
    Ok(())
}

#[test]
fn the_error_of_a_child_that_ended_shows_its_last_words() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let mut process = Process::spawn("brief", Command::new("sh").args(["-c", "echo why; exit 3"]), &log)?;
    process.wait(deadline())?;
    let error = process.must_run().expect_err("it has ended").to_string();
    assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
    Ok(())
}
