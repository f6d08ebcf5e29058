//! Kubernetes clusters that are real except for their nodes.
//!
//! etcd, the API server, the controller manager and the scheduler are the real ones at one
//! pinned version; kwok plays the nodes, so no container runs and no root is needed. A cluster
//! has its own port on loopback, its own folder and its own certificate authority; any number
//! of them run side by side.

mod components;
mod detached;
mod folder;
mod kubeconfig;
mod ready;
mod shared;
mod tokens;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::audit::AuditLog;
use crate::ports::{self, Port};
use crate::process::Process;
use crate::tools::{self, Tool};
use components::Components;
use folder::Folder;

pub use detached::{Detached, Status, down, list, supervise, up};
pub use shared::{namespace, test_cluster};
pub use tokens::ServiceAccountAccess;

/// Where ClusterIPs of Services come from.
pub const SERVICE_RANGE: &str = "10.96.0.0/16";

const AUDIT_LOG: &str = "audit.log";

/// A port may be taken by somebody who does not reserve it between our look and the bind.
const ATTEMPTS: u32 = 3;

/// What a cluster is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names the kubeconfig's context and the folder. A DNS label.
    pub name: String,
    /// Whether the API server writes one JSON line per request: see [`Cluster::audit_log`].
    pub audit_log: bool,
    /// How often the API server compacts etcd, which ends watches from older revisions. `None`
    /// is the API server's default of five minutes.
    pub compaction_interval: Option<Duration>,
    /// How many nodes kwok plays.
    pub nodes: u32,
    /// More flags for the API server, after ours.
    pub apiserver_arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "test".to_owned(),
            audit_log: false,
            compaction_interval: None,
            nodes: 2,
            apiserver_arguments: Vec::new(),
        }
    }
}

impl Options {
    /// The defaults under a name of their own.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// A running cluster. Dropping it ends its processes and removes its folder; so does the end
/// of this process, however it comes.
#[derive(Debug)]
pub struct Cluster {
    // Fields drop in this order: clients of the API server go before it, it goes before etcd.
    others: Vec<Process>,
    apiserver: Option<Process>,
    etcd: Process,
    folder: Folder,
    port: Port,
    options: Options,
    program: PathBuf,
    kubeconfig: PathBuf,
    authority: String,
}

impl Cluster {
    /// Brings up a cluster and returns when it is ready: nodes take Pods, and namespace
    /// `default` has its ServiceAccount. The control plane is built first if it is not in the
    /// cache. Blocks; fine in an asynchronous test, which has nothing else to do.
    #[expect(clippy::needless_pass_by_value, reason = "options are made where they are used")]
    pub fn start(options: Options) -> Result<Self> {
        let program = tools::ensure(Tool::ControlPlane)?;
        let mut attempt = 1;
        loop {
            match Self::try_start(&program, &options) {
                Err(error) if attempt < ATTEMPTS && is_collision(&error) => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    fn try_start(program: &Path, options: &Options) -> Result<Self> {
        let folder = Folder::temporary(&options.name)?;
        Self::start_in(program, options, folder)
    }

    fn start_in(program: &Path, options: &Options, folder: Folder) -> Result<Self> {
        let port = ports::reserve()?;
        let components = Components { program, folder: folder.path(), port: port.number, options };
        let (kubeconfig, authority) = components.write_files()?;
        let etcd = components.etcd()?;
        let apiserver = components.apiserver()?;
        let mut cluster = Self {
            others: Vec::new(),
            apiserver: Some(apiserver),
            etcd,
            folder,
            port,
            options: options.clone(),
            program: program.to_owned(),
            kubeconfig,
            authority,
        };
        cluster.wait_for_apiserver()?;
        let components = cluster.components();
        cluster.others = vec![components.controller_manager()?, components.scheduler()?, components.kwok()?];
        cluster.wait_for_nodes()?;
        Ok(cluster)
    }

    /// The name that was given at the start.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// The kubeconfig of an administrator who is known by a client certificate.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's address, such as `https://127.0.0.1:20001`.
    pub fn server(&self) -> String {
        self.components().server()
    }

    /// The port of [`Self::server`].
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The certificate that clients verify the API server with, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The folder with the cluster's files and logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client with the administrator's rights. It belongs to the runtime that calls this.
    pub async fn client(&self) -> Result<kube::Client> {
        client(&self.kubeconfig).await
    }

    /// The requests that the API server has answered. An error if the cluster was started
    /// without its audit log.
    pub fn audit_log(&self) -> Result<AuditLog> {
        if !self.options.audit_log {
            bail!("cluster `{}` was started without an audit log", self.name());
        }
        Ok(AuditLog::new(self.folder.path().join(AUDIT_LOG)))
    }

    /// The ids of the cluster's processes.
    pub fn pids(&self) -> Vec<(String, u32)> {
        let running = self.apiserver.iter().chain([&self.etcd]).chain(&self.others);
        running.map(|process| (process.name().to_owned(), process.pid())).collect()
    }

    /// Kills the API server, as a crash would: connections break, etcd keeps what was written.
    pub fn stop_apiserver(&mut self) -> Result<()> {
        if let Some(mut apiserver) = self.apiserver.take() {
            apiserver.kill()?;
        }
        Ok(())
    }

    /// Starts the API server again, at the same address, and waits until it is ready.
    pub fn start_apiserver(&mut self) -> Result<()> {
        if self.apiserver.is_none() {
            self.apiserver = Some(self.components().apiserver()?);
        }
        self.wait_for_apiserver()
    }

    /// Stops and starts the API server.
    pub fn restart_apiserver(&mut self) -> Result<()> {
        self.stop_apiserver()?;
        self.start_apiserver()
    }

    /// Ends the controller manager, the scheduler or kwok for the rest of the cluster's life.
    pub fn stop_component(&mut self, name: &str) -> Result<()> {
        let index = self
            .others
            .iter()
            .position(|process| process.name() == name)
            .with_context(|| format!("no component `{name}` runs in cluster `{}`", self.options.name))?;
        self.others.swap_remove(index).kill()?;
        Ok(())
    }

    /// Ends the cluster, which a drop does too, and reports what went wrong with that.
    pub fn stop(mut self) -> Result<()> {
        for process in &mut self.others {
            process.kill()?;
        }
        self.stop_apiserver()?;
        self.etcd.kill()?;
        Ok(())
    }

    fn components(&self) -> Components<'_> {
        Components {
            program: &self.program,
            folder: self.folder.path(),
            port: self.port.number,
            options: &self.options,
        }
    }

    fn wait_for_apiserver(&mut self) -> Result<()> {
        let kubeconfig = self.kubeconfig.clone();
        let Some(apiserver) = self.apiserver.as_mut() else { bail!("the API server was stopped") };
        let mut processes = vec![apiserver, &mut self.etcd];
        crate::block_on(async move || {
            let client = client(&kubeconfig).await?;
            ready::apiserver(&client, &mut processes).await
        })
    }

    fn wait_for_nodes(&mut self) -> Result<()> {
        let kubeconfig = self.kubeconfig.clone();
        let nodes = self.options.nodes;
        let mut processes: Vec<&mut Process> = self.others.iter_mut().collect();
        crate::block_on(async move || {
            let client = client(&kubeconfig).await?;
            ready::nodes(&client, nodes, &mut processes).await
        })
    }
}

/// A client for a kubeconfig file. It belongs to the runtime that calls this.
pub async fn client(kubeconfig: &Path) -> Result<kube::Client> {
    use kube::config::{Config, KubeConfigOptions, Kubeconfig};
    let content = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("failed to read the kubeconfig `{}`", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(content, &KubeConfigOptions::default())
        .await
        .with_context(|| format!("failed to use the kubeconfig `{}`", kubeconfig.display()))?;
    kube::Client::try_from(config).context("failed to make a client")
}

fn is_collision(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("address already in use")
}
