//! The end of the right to write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A moment after which a connection sends nothing that may change anything. Clones share it; who holds it on
/// somebody's behalf, as of a Lease, moves it on for as long as the right lasts. By the monotonic clock: a process
/// that was stopped for a while finds the moment over when it goes on.
#[derive(Clone, Debug)]
pub struct Fence(Arc<Mutex<Instant>>);

impl Fence {
    /// Open until this moment.
    pub fn new(until: Instant) -> Self {
        Self(Arc::new(Mutex::new(until)))
    }

    /// Open until this moment, whatever was said before.
    pub fn move_to(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// True once the moment is over.
    pub fn is_closed(&self) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) <= Instant::now()
    }
}
