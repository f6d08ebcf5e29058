//! The demo as a person runs it, and how it ends.

use std::fs::read_to_string;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context, Result, bail};
use bridgehead_test_harness::{Cluster, Options, Probe, ProcessIdentity, binary, cache, deadline, wait_for};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, ObjectMeta, PostParams};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A demo in a session of its own, as a terminal gives one: whatever it starts is known by that.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// Where it puts what is temporary.
    temporary: tempfile::TempDir,
}

impl Demo {
    fn start(arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        let temporary = tempfile::tempdir()?;
        // Its child becomes the program: the number of one is the other's.
        let mut command = Command::new("setsid");
        command.arg(env!("CARGO_BIN_EXE_xtask")).arg("demo").args(arguments).env("TMPDIR", temporary.path());
        prepare(&mut command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("failed to start the demo through `setsid`")?;
        let (sender, lines) = channel();
        forward(child.stdout.take().context("no standard output")?, sender.clone());
        forward(child.stderr.take().context("no standard error")?, sender);
        Ok(Self { child, lines, seen: Vec::new(), temporary })
    }

    /// With this workspace's binaries as they are built.
    fn with_binaries(arguments: &[&str]) -> Result<Self> {
        let folder = binaries()?;
        Self::start(arguments, |command| {
            command.env("BRIDGEHEAD_BINARIES", folder);
        })
    }

    /// Reads its output until a line contains `part`, and returns the line.
    fn until(&mut self, part: &str) -> Result<String> {
        loop {
            match self.lines.recv_timeout(deadline()) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return Ok(line);
                    }
                }
                Err(why) => bail!("`{part}` did not come ({why}):\n{}", self.seen.join("\n")),
            }
        }
    }

    /// What Ctrl-C does: the terminal sends it to the group in the foreground.
    fn interrupt(&self) -> Result<()> {
        killpg(self.group(), Signal::SIGINT).context("failed to interrupt the demo")
    }

    /// Waits for its end; all that it has said is in `seen` then.
    fn wait(&mut self) -> Result<ExitStatus> {
        // Both streams end with the last process that has them.
        loop {
            match self.lines.recv_timeout(deadline()) {
                Ok(line) => self.seen.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(why) => bail!("the demo does not end ({why}):\n{}", self.seen.join("\n")),
            }
        }
        self.child.wait().context("failed to wait for the demo")
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Processes of its session, by id and name.
    fn processes(&self) -> Vec<(u32, String)> {
        let listing = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        listing
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let stat = read_to_string(entry.path().join("stat")).ok()?;
                // proc(5): after the name in parentheses: state, parent, group, session.
                let (name, fields) = stat.rsplit_once(')')?;
                let fields: Vec<&str> = fields.split_whitespace().collect();
                let lives = !matches!(fields[0], "Z" | "X");
                (lives && fields[3] == self.child.id().to_string()).then(|| (pid, name.to_owned()))
            })
            .collect()
    }

    /// Folders of its clusters and for what is temporary.
    fn folders(&self) -> Result<Vec<PathBuf>> {
        let own = format!("demo.{}.", self.child.id());
        let clusters = entries(&cache::folder_for("clusters")?)?;
        let mut found = entries(self.temporary.path())?;
        found.extend(
            clusters
                .into_iter()
                .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&own))),
        );
        Ok(found)
    }

    /// Waits until nothing of it is left on this machine.
    async fn must_leave_nothing(&self) -> Result<()> {
        wait_for("nothing of the demo to be left", async || {
            let (processes, folders) = (self.processes(), self.folders()?);
            let gone = processes.is_empty() && folders.is_empty();
            Ok(Probe::when(gone, format!("{processes:?} {folders:?}")))
        })
        .await
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Its end, however it comes, ends what it has started.
        let _ = killpg(self.group(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn forward(stream: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect())
}

fn binaries() -> Result<PathBuf> {
    binary("terraform-provider-bridgehead")?;
    Ok(binary("bridgehead")?.parent().context("a binary is in a folder")?.to_owned())
}

/// Interrupts the demo at a line of its output; at least `processes` run at that moment.
async fn interrupted_at(line: &str, processes: usize) -> Result<()> {
    let mut demo = Demo::with_binaries(&[])?;
    demo.until(line)?;
    let running = demo.processes();
    assert!(running.len() >= processes, "{running:?}");
    demo.interrupt()?;
    assert_eq!(demo.wait()?.code(), Some(130), "{}", demo.seen.join("\n"));
    demo.must_leave_nothing().await
}

#[tokio::test]
async fn ctrl_c_during_the_build_leaves_nothing() -> Result<()> {
    let mut demo = Demo::start(&[], |command| {
        command.env_remove("BRIDGEHEAD_BINARIES");
    })?;
    demo.until("$ cargo build")?;
    demo.interrupt()?;
    assert!(!demo.wait()?.success());
    demo.must_leave_nothing().await
}

#[tokio::test]
async fn ctrl_c_while_the_cluster_starts_leaves_nothing() -> Result<()> {
    interrupted_at("1. A cluster", 1).await
}

#[tokio::test]
async fn ctrl_c_while_terraform_applies_leaves_nothing() -> Result<()> {
    // The demo, its watchdog, five of the cluster, Terraform, the provider, the agent.
    interrupted_at("infrastructure", 10).await
}

#[tokio::test]
async fn ctrl_c_while_terraform_destroys_leaves_nothing() -> Result<()> {
    // Applications are being deleted, so the agent is at work too.
    interrupted_at("is being deleted", 10).await
}

#[tokio::test]
async fn a_cluster_of_the_users_is_as_before_after_ctrl_c() -> Result<()> {
    let cluster = Cluster::start(Options::named("own"))?;
    let running: Vec<_> =
        cluster.pids().into_iter().filter_map(|(_, pid)| ProcessIdentity::of(pid)).collect();
    let kubeconfig = cluster.kubeconfig().to_str().context("a path is text")?;
    let mut demo = Demo::with_binaries(&["--keep", "--kubeconfig", kubeconfig])?;
    demo.until("It runs until Ctrl-C")?;
    let environment = demo.until("/environment")?;
    let look = format!(
        "{environment} && bridgehead app get root -o tree && git clone --quiet $TF_VAR_repo_url {}",
        demo.temporary.path().join("clone").display()
    );
    let output = Command::new("sh").args(["-c", &look]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("Application/storefront"), "{output:?}");
    std::fs::remove_dir_all(demo.temporary.path().join("clone"))?;

    demo.interrupt()?;
    let status = demo.wait()?;
    let said = demo.seen.join("\n");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("nothing is left of it"), "{said}");
    demo.must_leave_nothing().await?;
    assert!(running.iter().all(ProcessIdentity::is_running));
    let client = cluster.client().await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    assert_eq!(definitions.list(&ListParams::default()).await?.items, []);

    let namespaces: Api<Namespace> = Api::all(client);
    let metadata = ObjectMeta { name: Some("shop".to_owned()), ..ObjectMeta::default() };
    namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
    let mut refused = Demo::with_binaries(&["--kubeconfig", kubeconfig])?;
    assert_eq!(refused.wait()?.code(), Some(1));
    let said = refused.seen.join("\n");
    assert!(said.contains("has Namespace `shop` already"), "{said}");
    Ok(())
}

#[tokio::test]
async fn what_is_missing_on_the_machine_is_named_with_how_to_get_it() -> Result<()> {
    let empty = tempfile::tempdir()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("demo").env("PATH", empty.path()).env("XDG_CACHE_HOME", empty.path());
    let output = command.output()?;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for wanted in
        ["`git` was not found: install the package `git`", "`go` was not found: install Go 1.26", "go.dev/dl"]
    {
        assert!(said.contains(wanted), "{said}");
    }
    Ok(())
}
