//! A Git server over SSH.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::repository::{Repository, isolate};
use crate::ports::{self, Port};
use crate::process::Process;
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

/// The server, with a host key and one client key of its own.
#[derive(Debug)]
pub struct GitSshServer {
    _process: Process,
    port: Port,
    folder: Scratch,
}

impl GitSshServer {
    /// Starts a server on loopback.
    pub fn start() -> Result<Self> {
        let program = tools::ensure(Tool::GitSsh)?;
        let folder = Scratch::new()?;
        std::fs::create_dir(folder.path().join("repositories"))
            .context("failed to make a folder for repositories")?;
        let port = ports::reserve()?;
        let mut command = Command::new(program);
        command
            .arg(format!("--port={}", port.number))
            .arg(format!("--keys={}", folder.path().display()))
            .arg(format!("--root={}", folder.path().join("repositories").display()));
        isolate(&mut command);
        let mut process = Process::spawn("git-ssh", &mut command, &folder.path().join("git-ssh.log"))?;
        let end = Instant::now() + crate::deadline();
        // The port opens when the keys are written.
        while TcpStream::connect(("127.0.0.1", port.number)).is_err() {
            process.must_run()?;
            if Instant::now() > end {
                bail!("git-ssh does not listen; the end of its log:\n{}", process.log_tail());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { _process: process, port, folder })
    }

    /// Makes a repository.
    pub fn create(&self, name: &str) -> Result<Repository> {
        let root = self.folder.path().join("repositories");
        Repository::create(&root, &self.folder.path().join("trees"), name, self.url(name))
    }

    /// The address of the repository `name`, whether there is one or not.
    pub fn url(&self, name: &str) -> String {
        format!("ssh://git@127.0.0.1:{}/{name}.git", self.port.number)
    }

    /// The private key that the server lets in, in OpenSSH's format.
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join("client")
    }

    /// A private key that the server does not know.
    pub fn stranger_key(&self) -> PathBuf {
        self.folder.path().join("stranger")
    }

    /// The server's line of a `known_hosts` file.
    pub fn known_hosts(&self) -> Result<String> {
        read(&self.folder.path().join("known_hosts"))
    }

    /// A line for the same address with the key of somebody else.
    pub fn forged_known_hosts(&self) -> Result<String> {
        read(&self.folder.path().join("known_hosts.forged"))
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))
}
