//! Clusters that outlive the command that started them.
//!
//! A supervisor holds the pipes of the cluster's processes and does nothing else. Whoever wants
//! the cluster gone ends the supervisor; the rest follows as it does for every cluster.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::folder::{Folder, clusters};
use super::{Cluster, Options};
use crate::process::{ProcessIdentity, tail};
use crate::tools::{self, Tool};

const RECORD: &str = "cluster.json";
const SUPERVISOR_LOG: &str = "supervisor.log";

/// The line with which the supervisor tells that the cluster is ready.
const READY: &str = "ready";

/// A cluster that runs on its own, as its record says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detached {
    /// The name it was started under.
    pub name: String,
    /// An administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// The API server's address.
    pub server: String,
    /// The process that everything hangs on.
    pub supervisor: ProcessIdentity,
    /// The control plane's processes by component.
    pub processes: Vec<(String, ProcessIdentity)>,
}

/// Whether all of a detached cluster runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everything runs.
    Running,
    /// These components have ended.
    Degraded(Vec<String>),
    /// The supervisor has ended, and the processes with it.
    Ended,
}

impl Detached {
    /// Asks the system which of the processes run.
    pub fn status(&self) -> Status {
        if !self.supervisor.is_running() {
            return Status::Ended;
        }
        let ended: Vec<String> = self
            .processes
            .iter()
            .filter(|(_, process)| !process.is_running())
            .map(|(component, _)| component.clone())
            .collect();
        if ended.is_empty() { Status::Running } else { Status::Degraded(ended) }
    }
}

/// Starts a detached cluster and returns when it is ready. `supervisor` is a command that ends
/// in a call of [`supervise`] with the same options.
pub fn up(name: &str, mut supervisor: Command) -> Result<Detached> {
    check_name(name)?;
    if let Some(existing) = read(&clusters()?.join(name)) {
        if existing.status() != Status::Ended {
            bail!("cluster `{name}` is up already: its kubeconfig is `{}`", existing.kubeconfig.display());
        }
        clear(&existing)?;
    }
    // Built here, where the progress is seen.
    tools::ensure(Tool::ControlPlane)?;
    let log = clusters()?.join(format!("{name}.{SUPERVISOR_LOG}"));
    let errors =
        std::fs::File::create(&log).with_context(|| format!("failed to create `{}`", log.display()))?;
    let mut child = supervisor
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .process_group(0)
        .spawn()
        .context("failed to start the supervisor of a cluster")?;
    let output = child.stdout.take().context("the supervisor has no standard output")?;
    // Ends at the supervisor's first line, or at its end.
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).context("failed to hear from the supervisor")?;
    if line.trim() == READY {
        let _ = std::fs::remove_file(&log);
        return read(&clusters()?.join(name)).context("the cluster is up but left no record");
    }
    let status = child.wait().context("failed to wait for the supervisor")?;
    let reason = tail(&log, 60);
    let _ = std::fs::remove_file(&log);
    bail!("failed to start cluster `{name}` ({status}):\n{reason}")
}

/// The body of the supervisor's process: starts the cluster, says on standard output that it
/// is ready, and stays until it is ended. Returns only with an error.
pub fn supervise(options: &Options) -> Result<std::convert::Infallible> {
    // A session of its own: no terminal's end or Ctrl-C reaches it. Fails only for the leader
    // of a process group, which then is detached already.
    let _ = nix::unistd::setsid();
    let program = tools::ensure(Tool::ControlPlane)?;
    let folder = Folder::named(&options.name)?;
    let cluster = Cluster::start_in(&program, options, folder)?;
    let identify = |pid| ProcessIdentity::of(pid).context("a process of the cluster has ended");
    let record = Detached {
        name: options.name.clone(),
        kubeconfig: cluster.kubeconfig().to_owned(),
        server: cluster.server(),
        supervisor: identify(std::process::id())?,
        processes: cluster
            .pids()
            .into_iter()
            .map(|(component, pid)| Ok((component, identify(pid)?)))
            .collect::<Result<_>>()?,
    };
    let record = serde_json::to_vec_pretty(&record).context("failed to write the cluster's record")?;
    std::fs::write(cluster.folder().join(RECORD), record).context("failed to write the cluster's record")?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{READY}").and_then(|()| output.flush()).context("failed to say that it is ready")?;
    drop(output);
    loop {
        std::thread::park();
    }
}

/// Ends a detached cluster and returns when nothing of it is left.
pub fn down(name: &str) -> Result<()> {
    check_name(name)?;
    let record = read(&clusters()?.join(name)).with_context(|| format!("no cluster `{name}` is up"))?;
    record.supervisor.signal(Signal::SIGTERM)?;
    let everything = || record.processes.iter().map(|(_, process)| process).chain([&record.supervisor]);
    let end = Instant::now() + Duration::from_secs(10);
    while everything().any(ProcessIdentity::is_running) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    for process in everything() {
        process.signal(Signal::SIGKILL)?;
    }
    clear(&record)
}

/// All detached clusters with a record, by name.
pub fn list() -> Result<Vec<Detached>> {
    let clusters = clusters()?;
    let listing =
        std::fs::read_dir(&clusters).with_context(|| format!("failed to list `{}`", clusters.display()))?;
    let mut found: Vec<Detached> = listing.flatten().filter_map(|entry| read(&entry.path())).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn read(folder: &Path) -> Option<Detached> {
    serde_json::from_slice(&std::fs::read(folder.join(RECORD)).ok()?).ok()
}

/// The watchdog removes the folder too; whoever comes first does.
fn clear(record: &Detached) -> Result<()> {
    let folder = clusters()?.join(&record.name);
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match std::fs::remove_dir_all(&folder) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > end => {
                return Err(error).with_context(|| format!("failed to remove `{}`", folder.display()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The name becomes a folder's: nothing but letters, digits and dashes.
fn check_name(name: &str) -> Result<()> {
    let fits =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
        bail!("`{name}` cannot name a cluster: use up to 40 lower-case letters, digits and dashes");
    }
    Ok(())
}
