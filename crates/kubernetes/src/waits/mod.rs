//! Waiting for one object to be in a state, by a watch on its name.
//!
//! Nothing polls: each change is looked at as it comes. A wait that ends without success says what it
//! saw last, and why the server could not be asked, if so.

mod custom_resources;
mod deployment;
mod disappearance;

use std::time::Duration;

use bridgehead_api::ObjectKey;
use bridgehead_engine::manifest::{Live, Manifest};
pub use custom_resources::{crd_established, crds_established};
pub use deployment::{rolled_out, rollout};
pub use disappearance::gone;
use thiserror::Error;

use crate::cache::{Frame, FrameKind};
use crate::connect::Connection;
use crate::discovery::Resource;
use crate::error::ApiErrorKind;
use crate::watch::{WatchNews, WatchTarget, Watches};

/// Frames of one object: small.
const BUDGET: usize = 4 << 20;

/// What one look at an object found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It is as it should be.
    Done(T),
    /// Not yet; the text says what is there instead.
    NotYet(String),
    /// It will never be.
    Never(String),
}

/// A wait that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", self.text())]
pub struct WaitError {
    /// What was waited for, as in `Deployment argocd/bridgehead to be rolled out`.
    pub what: String,
    /// Why it ended.
    pub why: WaitEnd,
    /// What was there when it did.
    pub last_seen: String,
}

/// Why a wait ended without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// Time is up.
    Deadline(Duration),
    /// It will never be.
    Never,
    /// The server doesn't let us look.
    Refused,
}

impl WaitError {
    fn text(&self) -> String {
        let Self { what, why, last_seen } = self;
        match why {
            WaitEnd::Deadline(time) => {
                format!("{what} did not come within {} s; last seen: {last_seen}", time.as_secs())
            }
            WaitEnd::Never => format!("{what} will not come: {last_seen}"),
            WaitEnd::Refused => format!("{what} cannot be waited for: {last_seen}"),
        }
    }
}

/// Looks at an object whenever it changes, until `look` is done or time is up. `look` gets `None` while
/// there is no such object. `what` names what is waited for, as in `CRD x to be established`.
pub async fn wait_for<T>(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    within: Duration,
    what: impl Into<String>,
    mut look: impl FnMut(Option<&Live>) -> Verdict<T>,
) -> Result<T, WaitError> {
    let mut watched = Watched::new(connection, resource, key);
    let what = what.into();
    let work = watched.until(&mut look);
    match tokio::time::timeout(within, work).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(why)) => Err(WaitError { what, why, last_seen: watched.last_seen }),
        Err(_) => {
            let last_seen = watched.describe();
            Err(WaitError { what, why: WaitEnd::Deadline(within), last_seen })
        }
    }
}

/// One object, followed.
struct Watched {
    kind: ObjectKey,
    _watches: Watches,
    events: tokio::sync::mpsc::Receiver<crate::watch::WatchEvent>,
    object: Option<Live>,
    /// The list is complete: that there is no object means something.
    listed: bool,
    seen_in_list: bool,
    interrupted: Option<String>,
    last_seen: String,
}

impl Watched {
    fn new(connection: &Connection, resource: &Resource, key: &ObjectKey) -> Self {
        let (mut watches, events) = Watches::new(connection.clone(), BUDGET);
        let mut target = WatchTarget::all(resource.clone()).named(&key.name);
        if !key.namespace().is_empty() {
            target = target.in_namespace(key.namespace());
        }
        watches.start(target);
        Self {
            kind: key.clone(),
            _watches: watches,
            events,
            object: None,
            listed: false,
            seen_in_list: false,
            interrupted: None,
            last_seen: "nothing yet".to_owned(),
        }
    }

    async fn until<T>(&mut self, look: &mut impl FnMut(Option<&Live>) -> Verdict<T>) -> Result<T, WaitEnd> {
        loop {
            let Some(event) = self.events.recv().await else {
                "the watch has ended".clone_into(&mut self.last_seen);
                return Err(WaitEnd::Refused);
            };
            match &event.news {
                WatchNews::Frames(frames) => frames.iter().for_each(|frame| self.take(frame)),
                WatchNews::Interrupted { message } => self.interrupted = Some(message.clone()),
                WatchNews::Resumed => self.interrupted = None,
                // Without its kind, there is no object.
                WatchNews::Refused { kind: ApiErrorKind::KindNotServed, .. } => {
                    (self.object, self.listed) = (None, true);
                }
                WatchNews::Refused { message, .. } => {
                    message.clone_into(&mut self.last_seen);
                    return Err(WaitEnd::Refused);
                }
            }
            if !self.listed && self.object.is_none() {
                continue;
            }
            match look(self.object.as_ref()) {
                Verdict::Done(found) => return Ok(found),
                Verdict::NotYet(seen) => self.last_seen = seen,
                Verdict::Never(seen) => {
                    self.last_seen = seen;
                    return Err(WaitEnd::Never);
                }
            }
        }
    }

    fn take(&mut self, frame: &Frame) {
        match frame.kind() {
            FrameKind::ListBegins => self.seen_in_list = false,
            FrameKind::Present => {
                self.seen_in_list = true;
                if let Ok(object) = frame.object() {
                    self.object = Some(Live { key: self.kind.clone(), ..Live::new(Manifest::new(object)) });
                }
            }
            FrameKind::Deleted => self.object = None,
            FrameKind::ListEnds => {
                self.listed = true;
                if !self.seen_in_list {
                    self.object = None;
                }
            }
            FrameKind::Bookmark | FrameKind::Failed => {}
        }
    }

    fn describe(&self) -> String {
        match &self.interrupted {
            Some(message) => format!("{} ({message})", self.last_seen),
            None => self.last_seen.clone(),
        }
    }
}

/// The condition of this type in `status.conditions`: its status, reason and message.
fn condition<'l>(live: &'l Live, condition_type: &str) -> Option<(&'l str, &'l str, &'l str)> {
    let conditions = live.manifest.value().pointer("/status/conditions")?.as_array()?;
    let found = conditions
        .iter()
        .find(|entry| entry.get("type").and_then(|name| name.as_str()) == Some(condition_type))?;
    let text = |name: &str| found.get(name).and_then(|value| value.as_str()).unwrap_or("");
    Some((text("status"), text("reason"), text("message")))
}
