//! `bridgehead agent`: the controller in a process of its own.
//!
//! ```text
//! flags ─► connection ─► Lease ─► controller.run
//!                          │          ├─ guard: is another engine alive? if not: defaults, then writes
//!                          └─ lost    └─ health, readiness, metrics over HTTP
//! ```
//! The controller runs on the main thread; connections, Git and the HTTP server have threads of their own.

mod cluster;
mod defaults;
pub(crate) mod destination;
mod guard;
mod http;
mod lease;
mod logging;
mod metrics;
mod world;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bridgehead_kubernetes::{Connection, ConnectionSettings, connect};
use bridgehead_sources::{ProxyEnvironment, Repositories};
use jiff::SignedDuration;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{AgentOptions, Exit};
use crate::controller::world::Event;
use crate::controller::{Controller, Settings};
use crate::runtime;
use world::AgentWorld;

/// How often an agent that may not write yet looks whether it may. It bounds how late it begins.
const RIVAL_LOOK: Duration = Duration::from_millis(50);

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// No way to the cluster.
    #[error("failed to connect to the cluster")]
    Connect(#[from] bridgehead_kubernetes::connect::ConnectError),
    /// The folder for repositories cannot be used.
    #[error("failed to open the cache folder `{folder}`")]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<bridgehead_sources::SourceError>,
    },
    /// The runtime or its signals could not be set up, or the HTTP address is taken.
    #[error("failed to {what}")]
    System {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Runs the agent until it is told to stop, or loses its Lease.
pub fn run(options: &AgentOptions) -> Result<Exit, AgentError> {
    logging::start(options);
    let runtime =
        runtime::start().map_err(|source| AgentError::System { what: "start the runtime".into(), source })?;
    runtime::run(runtime, serve(options))
}

async fn serve(options: &AgentOptions) -> Result<Exit, AgentError> {
    let settings = match &options.kubeconfig {
        Some(path) => ConnectionSettings::kubeconfig(Some(path), options.context.as_deref())?,
        None if options.context.is_some() => {
            ConnectionSettings::kubeconfig(None, options.context.as_deref())?
        }
        None => ConnectionSettings::in_cluster()?,
    };
    let connection = connect(&settings)?;
    let folder = options.cache_dir.clone().unwrap_or_else(|| std::env::temp_dir().join("bridgehead"));
    let mut settings = bridgehead_sources::Settings::new(&folder);
    settings.proxies = ProxyEnvironment::read(|name| std::env::var(name).ok());
    let repositories = Repositories::new(settings)
        .map_err(|source| AgentError::Cache { folder: folder.clone(), source: Box::new(source) })?;

    let mut stop = StopSignals::new()?;
    let (queries, asked) = http::start(options.metrics_address).await?;
    let identity = identity(options);
    let observe_only = options.observe || !options.leader_elect;
    let mut held = if observe_only {
        None
    } else {
        let acquire = lease::acquire(&connection, &options.namespace, &identity);
        tokio::select! {
            held = acquire => Some(held),
            () = stop.wait() => return Ok(Exit::Done),
        }
    };
    queries.leads();

    let connection = match &held {
        Some(held) => connection.fenced(held.fence().clone()),
        None => connection,
    };
    let ended = tokio::select! {
        biased;
        reason = keep(&mut held) => {
            tracing::error!(reason, "the lease is lost: this agent stops");
            return Ok(Exit::Error);
        }
        code = control(options, connection, repositories, asked, &mut stop) => code,
    };
    if let Some(held) = held {
        held.release().await;
    }
    Ok(ended)
}

async fn keep(held: &mut Option<lease::Held>) -> String {
    match held {
        Some(held) => held.keep().await,
        None => std::future::pending().await,
    }
}

async fn control(
    options: &AgentOptions,
    connection: Connection,
    repositories: Repositories,
    asked: http::Queries,
    stop: &mut StopSignals,
) -> Exit {
    let world = AgentWorld::new(connection.clone(), &options.namespace, repositories);
    let events = world.sender();
    let controller = Rc::new(Controller::new(world, controller_settings(options)));
    controller.hold(Some("it is not known yet whether another engine is running".into()));
    let defaults = async || {
        if options.observe {
            return;
        }
        // An engine without a pod gives itself away by what the first lists bring.
        while !controller.is_synced() || controller.has_rival() {
            tokio::time::sleep(RIVAL_LOOK).await;
        }
        defaults::create_until_there(&connection, &options.namespace).await;
    };
    tokio::select! {
        _ = controller.run() => {}
        () = guard::watch(&controller, connection.clone(), &options.namespace, defaults) => {}
        () = http::answer(&controller, asked) => {}
        () = stop.wait() => {
            let _ = events.send(Event::Shutdown);
        }
    }
    Exit::Done
}

fn controller_settings(options: &AgentOptions) -> Settings {
    let span = |time: std::time::Duration| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    let mut settings = Settings::new(options.namespace.as_str().into());
    settings.observe = options.observe;
    settings.takes_over = options.takeover.is_some();
    settings.concurrency = usize::try_from(options.concurrency).unwrap_or(settings.concurrency);
    settings.failed_sync_pause = span(options.failed_sync_pause);
    if let Some(interval) = options.poll_interval {
        settings.poll_interval = span(interval);
    }
    if let Some(jitter) = options.poll_jitter {
        settings.poll_jitter = span(jitter);
    }
    settings
}

fn identity(options: &AgentOptions) -> String {
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
    let name = options.identity.clone().or_else(|| host().ok()).unwrap_or_else(|| "bridgehead".into());
    // Two processes on one host are two holders.
    format!("{name}_{}", std::process::id())
}

/// SIGINT and SIGTERM.
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn new() -> Result<Self, AgentError> {
        let listen = |kind| {
            signal(kind).map_err(|source| AgentError::System { what: "listen to signals".into(), source })
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
