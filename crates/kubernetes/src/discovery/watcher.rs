//! Discovery that is kept up to date when somebody says that it may have changed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::fetch::{Memory, discover_again, read_version};
use super::{Discovery, ServerVersion};
use crate::connect::Connection;
use crate::error::ApiError;

/// Many CRDs are installed at once as a rule: they are looked at together.
const LEAST_AGE: Duration = Duration::from_millis(500);

/// The last discovery of one server.
pub struct Discoverer {
    connection: Connection,
    current: RwLock<Option<Arc<Discovery>>>,
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    memory: Memory,
    fetched: Option<Instant>,
}

impl Discoverer {
    /// Nothing is fetched yet.
    pub fn new(connection: Connection) -> Self {
        Self { connection, current: RwLock::default(), state: tokio::sync::Mutex::default() }
    }

    /// The last discovery, fetched first if there is none.
    pub async fn get(&self) -> Result<Arc<Discovery>, ApiError> {
        if let Some(discovery) = self.last() {
            return Ok(discovery);
        }
        self.refresh().await
    }

    /// The last discovery, if there was one.
    pub fn last(&self) -> Option<Arc<Discovery>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks again: after a CRD or APIService has changed, or a kind was not found. Calls that come
    /// while another one waits share its answer, so many changes at once cost one look.
    pub async fn refresh(&self) -> Result<Arc<Discovery>, ApiError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let (Some(fetched), Some(last)) = (state.fetched, self.last()) {
            // Begun after this call was made: it has seen what the caller has seen.
            if fetched >= asked {
                return Ok(last);
            }
            tokio::time::sleep_until(fetched + LEAST_AGE).await;
        }
        let begun = Instant::now();
        let found = discover_again(&self.connection, &mut state.memory).await?;
        let found = match self.last() {
            Some(earlier) => found.keeping(&earlier),
            None => found,
        };
        let found = Arc::new(found);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        state.fetched = Some(begun);
        Ok(found)
    }

    /// Asks for the server's version: the cheapest proof that it answers.
    pub async fn server_version(&self) -> Result<ServerVersion, ApiError> {
        read_version(&self.connection).await
    }
}
