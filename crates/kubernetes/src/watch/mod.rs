//! Watches: one task per target, frames into one bounded channel.
//!
//! ```text
//!            ┌────────────── 410: from the start ──────────────┐
//!            ▼                                                 │
//!   list as a stream ──(not served)──► list in pages ──► watch from there ─┐
//!            └───────────── list complete ───────────────►     ▲           │ ended or broken off
//!                                                              └───────────┘ from the last version
//! ```
//! After the start nothing is listed again unless the server says that it has forgotten where we were.
//! What is read ahead is bounded in bytes: by HTTP/2's windows, and by the channel's budget.

mod lines;
mod target;
mod task;
mod watches;

use std::sync::Arc;

pub use target::WatchTarget;
use tokio::sync::OwnedSemaphorePermit;
pub use watches::Watches;

use crate::cache::Frame;
use crate::error::ApiErrorKind;

/// Something that a watch has to tell.
#[derive(Debug)]
pub struct WatchEvent {
    /// Which watch.
    pub target: Arc<WatchTarget>,
    /// What.
    pub news: WatchNews,
    /// Given back when the event is dropped.
    pub(crate) _budget: Option<OwnedSemaphorePermit>,
}

impl WatchEvent {
    /// News that take nothing of any budget.
    pub fn new(target: Arc<WatchTarget>, news: WatchNews) -> Self {
        Self { target, news, _budget: None }
    }
}

/// What a watch has to tell.
#[derive(Debug)]
pub enum WatchNews {
    /// In the order in which the server sent them.
    Frames(Vec<Frame>),
    /// The server cannot be followed at the moment; it is tried again.
    Interrupted {
        /// Why, for people.
        message: String,
    },
    /// The watch goes on where it was.
    Resumed,
    /// The server doesn't let us list or watch this; it is tried again, rarely. That it doesn't serve the kind in
    /// this version is told each time.
    Refused {
        /// In the server's words.
        message: String,
        /// [`ApiErrorKind::Forbidden`], [`ApiErrorKind::Unauthorized`] or
        /// [`ApiErrorKind::KindNotServed`].
        kind: ApiErrorKind,
    },
}
