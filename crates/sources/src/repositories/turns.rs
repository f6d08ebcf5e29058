//! How many exchanges there are at once, and how many of them with one server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::closing;
use crate::access::{Location, RepoAccess};
use crate::error::RepositoryProblem;

/// Exchanges of one kind that are under way at once. Most wait for a server, so there are more than workers.
const ALL: usize = 32;
/// Of these, exchanges with one server: one that stalls must leave the rest to the others.
const PER_SERVER: usize = 8;
/// Servers that are remembered.
const SERVERS: usize = 1000;

/// Turns for one kind of exchange.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    servers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A turn, given back when it is dropped.
pub(super) struct Turn {
    _server: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), servers: Mutex::default() }
    }

    /// Waits for a turn with the repository's server.
    pub(super) async fn take(&self, access: &RepoAccess) -> Result<Turn, RepositoryProblem> {
        let server = self.server(&access.location()?);
        let server = server.acquire_owned().await.map_err(|_| closing())?;
        let all = self.all.clone().acquire_owned().await.map_err(|_| closing())?;
        Ok(Turn { _server: server, _all: all })
    }

    fn server(&self, location: &Location) -> Arc<Semaphore> {
        let name = match location {
            Location::Http(url) => {
                format!(
                    "{}:{}",
                    url.host_str().unwrap_or_default(),
                    url.port_or_known_default().unwrap_or_default()
                )
            }
            Location::Ssh { host, port, .. } => format!("{host}:{port}"),
            Location::Local(_) => String::new(),
        };
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if servers.len() >= SERVERS {
            servers.retain(|_, server| server.available_permits() < PER_SERVER);
        }
        servers.entry(name).or_insert_with(|| Arc::new(Semaphore::new(PER_SERVER))).clone()
    }
}
