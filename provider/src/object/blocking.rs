//! Waiting for objects to be gone, or to hold nothing up.

use std::collections::BTreeMap;
use std::time::Duration;

use bridgehead_kubernetes::ApiErrorKind;
use bridgehead_kubernetes::Connection;
use bridgehead_kubernetes::cache::FrameKind;
use bridgehead_kubernetes::watch::{WatchNews, WatchTarget, Watches};
use serde_json::Value;

use super::text;

/// Bytes of frames that wait to be looked at.
const BUDGET: usize = 8 << 20;

/// Waits until none of the objects blocks. `blocks` says why one does. The error names those that still do.
pub(crate) async fn until_none(
    connection: &Connection,
    target: WatchTarget,
    within: Duration,
    blocks: impl Fn(&Value) -> Option<String>,
) -> Result<(), String> {
    let kind = target.kind().kind.to_string();
    let mut blocking: BTreeMap<String, String> = BTreeMap::new();
    let wait = async {
        let (mut watches, mut events) = Watches::new(connection.clone(), BUDGET);
        watches.start(target);
        let mut listed = false;
        while let Some(event) = events.recv().await {
            match event.news {
                WatchNews::Frames(frames) => {
                    for frame in frames {
                        match frame.kind() {
                            FrameKind::ListBegins => blocking.clear(),
                            FrameKind::ListEnds => listed = true,
                            FrameKind::Present | FrameKind::Deleted => {
                                let Ok(object) = frame.object() else { continue };
                                let name = named(&kind, &object);
                                match blocks(&object) {
                                    Some(why) if frame.kind() == FrameKind::Present => {
                                        blocking.insert(name, why);
                                    }
                                    _ => {
                                        blocking.remove(&name);
                                    }
                                }
                            }
                            FrameKind::Bookmark | FrameKind::Failed => {}
                        }
                    }
                }
                // Where there is no such kind, there is nothing to wait for.
                WatchNews::Refused { kind: ApiErrorKind::KindNotServed, .. } => return Ok(()),
                WatchNews::Refused { message, .. } => return Err(message),
                WatchNews::Interrupted { .. } | WatchNews::Resumed => {}
            }
            if listed && blocking.is_empty() {
                return Ok(());
            }
        }
        Err("the watch has ended".to_owned())
    };
    if let Ok(done) = tokio::time::timeout(within, wait).await {
        return done;
    }
    let named: Vec<String> = blocking.iter().map(|(name, why)| format!("- {name}: {why}")).collect();
    Err(format!("After {} s these still block:\n{}", within.as_secs(), named.join("\n")))
}

/// As in `Application argocd/web`.
fn named(kind: &str, object: &Value) -> String {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{kind} {namespace}{slash}{name}")
}
