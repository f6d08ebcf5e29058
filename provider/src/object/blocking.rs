//! Waiting for objects to be gone, or to hold nothing up.

use std::collections::BTreeMap;
use std::time::Duration;

use bridgehead_kubernetes::ApiErrorKind;
use bridgehead_kubernetes::Connection;
use bridgehead_kubernetes::cache::{Frame, FrameKind};
use bridgehead_kubernetes::watch::{WatchNews, WatchTarget, Watches};
use serde_json::Value;
use tokio::time::Instant;

use super::text;

/// Bytes of frames that wait to be looked at.
const BUDGET: usize = 8 << 20;
/// What is destroyed in the same apply, in any order, is given this long to begin.
const SIBLINGS: Duration = Duration::from_mins(1);

/// An object that blocks, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Something goes on with it.
    Moves(String),
    /// Nobody has begun anything with it.
    Stands(String),
}

impl Block {
    fn why(&self) -> &str {
        match self {
            Self::Moves(why) | Self::Stands(why) => why,
        }
    }
}

/// Waits until none of the objects blocks. `blocks` says whether one does. Where nothing moves any more, a
/// minute is enough. The error names those that still block.
pub(crate) async fn until_none(
    connection: &Connection,
    target: WatchTarget,
    within: Duration,
    blocks: impl Fn(&Value) -> Option<Block>,
) -> Result<(), String> {
    let mut blocking = Blocking {
        kind: target.kind().kind.to_string(),
        objects: BTreeMap::new(),
        listed: false,
        since: Instant::now(),
    };
    let begun = Instant::now();
    let (mut watches, mut events) = Watches::new(connection.clone(), BUDGET);
    watches.start(target);
    loop {
        let end = (begun + within).min(blocking.give_up().unwrap_or(begun + within));
        let Ok(event) = tokio::time::timeout_at(end, events.recv()).await else {
            return Err(blocking.named(begun.elapsed()));
        };
        match event.ok_or("the watch has ended")?.news {
            WatchNews::Frames(frames) => {
                for frame in &frames {
                    blocking.take(frame, &blocks);
                }
            }
            // Where there is no such kind, there is nothing to wait for.
            WatchNews::Refused { kind: ApiErrorKind::KindNotServed, .. } => return Ok(()),
            WatchNews::Refused { message, .. } => return Err(message),
            WatchNews::Interrupted { .. } | WatchNews::Resumed => {}
        }
        if blocking.listed && blocking.objects.is_empty() {
            return Ok(());
        }
    }
}

/// What blocks at present, by kind, namespace and name.
struct Blocking {
    kind: String,
    objects: BTreeMap<String, Block>,
    listed: bool,
    /// The last change.
    since: Instant,
}

impl Blocking {
    fn take(&mut self, frame: &Frame, blocks: impl Fn(&Value) -> Option<Block>) {
        match frame.kind() {
            FrameKind::ListBegins => {
                self.objects.clear();
                // Until it is complete again, that nothing is known to block says nothing.
                self.listed = false;
            }
            FrameKind::ListEnds => self.listed = true,
            FrameKind::Present | FrameKind::Deleted => {
                let Ok(object) = frame.object() else { return };
                let name = named(&self.kind, &object);
                let after = blocks(&object).filter(|_| frame.kind() == FrameKind::Present);
                if self.objects.get(&name) != after.as_ref() {
                    self.since = Instant::now();
                }
                match after {
                    Some(block) => self.objects.insert(name, block),
                    None => self.objects.remove(&name),
                };
            }
            FrameKind::Bookmark | FrameKind::Failed => {}
        }
    }

    /// When nothing is to be expected any more.
    fn give_up(&self) -> Option<Instant> {
        let moves = self.objects.values().any(|block| matches!(block, Block::Moves(_)));
        (self.listed && !moves).then_some(self.since + SIBLINGS)
    }

    fn named(&self, after: Duration) -> String {
        let named: Vec<String> =
            self.objects.iter().map(|(name, block)| format!("- {name}: {}", block.why())).collect();
        format!("After {} s these still block:\n{}", after.as_secs(), named.join("\n"))
    }
}

/// As in `Application argocd/web`.
fn named(kind: &str, object: &Value) -> String {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{kind} {namespace}{slash}{name}")
}
