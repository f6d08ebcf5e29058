//! Child processes that end with their owner.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::watchdog;

/// How often a child is asked whether it has ended. It only bounds how late that is noticed.
const POLL: Duration = Duration::from_millis(10);

/// A child in a process group of its own. Dropping it kills the whole group; if this process
/// dies without dropping anything, the watchdog does.
///
/// Its standard input is a pipe that stays open until then; its output goes to a file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    _stdin: Option<ChildStdin>,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`; standard output and error are appended to the file `log`.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("failed to open the log `{}`", log.display()))?;
        let errors = output.try_clone().context("failed to share a log file")?;
        let command = command.stdin(Stdio::piped()).stdout(output).stderr(errors);
        let mut child = watchdog::start_watched(command)
            .with_context(|| format!("failed to start {name} (`{}`)", command.get_program().display()))?;
        let stdin = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, log: log.to_owned(), _stdin: stdin, status: None })
    }

    /// The name that was given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The child's process id, which is its process group's too.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file that holds its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output, for messages.
    pub fn log_tail(&self) -> String {
        tail(&self.log, 30)
    }

    /// Whether it has ended, and how.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self
                .child
                .try_wait()
                .with_context(|| format!("failed to ask for the end of {}", self.name))?;
            if self.status.is_some() {
                // Grandchildren may live on in the group until the drop.
                self.kill_group();
                watchdog::forget_group(self.pid());
            }
        }
        Ok(self.status)
    }

    /// An error with the end of the log if it has ended.
    pub fn must_run(&mut self) -> Result<()> {
        match self.exited()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}); the end of its log:\n{}", self.name, self.log_tail()),
        }
    }

    /// Sends a signal to the child alone.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.exited()?.is_some() {
            return Ok(());
        }
        kill(self.group(), signal).with_context(|| format!("failed to send {signal} to {}", self.name))
    }

    /// Waits for its end.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} still runs after {within:?}; the end of its log:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Asks it to end with SIGTERM; kills it when it does not follow within the time.
    pub fn stop(&mut self, within: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        match self.wait(within) {
            Ok(status) => Ok(status),
            Err(_) => self.kill(),
        }
    }

    /// Kills the whole group with SIGKILL and reaps the child.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        self.kill_group();
        let status = self.child.wait().with_context(|| format!("failed to reap {}", self.name))?;
        self.status = Some(status);
        watchdog::forget_group(self.pid());
        Ok(status)
    }

    fn kill_group(&self) {
        // ESRCH: the group is empty, which is what is wanted.
        let _ = killpg(self.group(), Signal::SIGKILL);
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.pid().cast_signed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Whether the process was ended by `signal`.
pub fn ended_by(status: ExitStatus, signal: Signal) -> bool {
    status.signal() == Some(signal as i32)
}

/// The last `lines` lines of a file, or a note that it cannot be read.
pub fn tail(file: &Path, lines: usize) -> String {
    match std::fs::read(file) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(error) => format!("(`{}` cannot be read: {error})", file.display()),
    }
}

/// A process as more than a number: numbers are given again, the time of the start tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProcessIdentity {
    /// The process id.
    pub pid: u32,
    /// When it started, in the system's own unit.
    pub started: String,
}

impl ProcessIdentity {
    /// The identity of a running process; `None` if there is none, or only its zombie.
    pub fn of(pid: u32) -> Option<Self> {
        start_time(pid).map(|started| Self { pid, started })
    }

    /// Whether this very process still runs.
    pub fn is_running(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends a signal, if it is still this process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if self.is_running() {
            kill(Pid::from_raw(self.pid.cast_signed()), signal)
                .with_context(|| format!("failed to send {signal} to process {}", self.pid))?;
        }
        Ok(())
    }
}

fn start_time(pid: u32) -> Option<String> {
    if !Path::new("/proc/self/stat").exists() {
        let answer =
            Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
        let text = String::from_utf8(answer.stdout).ok()?;
        let (state, started) = text.trim().split_once(' ')?;
        return (!state.starts_with('Z')).then(|| started.trim().to_owned());
    }
    // proc(5): the second field is the name in parentheses and may hold anything; after it the
    // state is the first and the start time the twentieth.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18).map(str::to_owned))?
}
