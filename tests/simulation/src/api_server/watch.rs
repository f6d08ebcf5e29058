//! The past, for watches.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use bridgehead_api::GroupKind;
use serde_json::json;

use super::Stored;

/// The type of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Created.
    Added,
    /// Changed.
    Modified,
    /// Gone.
    Deleted,
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Change::Added => "ADDED",
            Change::Modified => "MODIFIED",
            Change::Deleted => "DELETED",
        }
    }
}

/// One change.
#[derive(Debug)]
pub struct Event {
    /// Its resourceVersion.
    pub revision: u64,
    /// Which way.
    pub change: Change,
    /// The object after it, or as it was last.
    pub object: Stored,
    line: OnceCell<Vec<u8>>,
}

impl Event {
    /// The line that a watch sends.
    pub fn line(&self) -> &[u8] {
        self.line.get_or_init(|| {
            json!({"type": self.change.word(), "object": &*self.object}).to_string().into_bytes()
        })
    }
}

/// All changes that are still kept, by kind.
#[derive(Debug, Default)]
pub struct History {
    events: BTreeMap<GroupKind, Vec<Event>>,
    /// Up to here nothing is kept.
    compacted: u64,
    pushed: u64,
}

impl History {
    pub(super) fn push(&mut self, kind: &GroupKind, change: Change, revision: u64, object: Stored) {
        let event = Event { revision, change, object, line: OnceCell::new() };
        self.events.entry(kind.clone()).or_default().push(event);
        self.pushed += 1;
    }

    pub(super) fn compact(&mut self, revision: u64) {
        self.compacted = self.compacted.max(revision);
        for events in self.events.values_mut() {
            let kept = events.partition_point(|event| event.revision <= revision);
            events.drain(..kept);
        }
    }

    /// The changes of a kind after `revision`; none if some of them are no longer kept.
    pub fn since(&self, kind: &GroupKind, revision: u64) -> Option<&[Event]> {
        if revision < self.compacted {
            return None;
        }
        let events = self.events.get(kind).map_or(&[][..], Vec::as_slice);
        Some(&events[events.partition_point(|event| event.revision <= revision)..])
    }

    /// How many changes there ever were.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }
}
