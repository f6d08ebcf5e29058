//! What a cluster holds, as far as it concerns us, kept from watch frames.
//!
//! ```text
//! bytes ─Frame::parse─► Frame (identity, resourceVersion, tracked?) ─apply_frame─► LiveCache
//!                                                                        │ Change
//!                                   our own reads and writes ─insert_read┘
//! ```
//! Pure: no client, no clock, no tasks. A frame is scanned for its metadata only; objects that carry a
//! tracking id of their own, or whose key is wanted, are decoded and kept as compact JSON, of
//! managedFields only our own part; of all others 64 bits remain. Late, doubled and lost frames are expected: what is kept
//! goes forward by resourceVersion, and the next complete list settles the rest.

mod change;
mod content;
mod frame;
mod held;
mod kind;
mod statistics;
mod tracking;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bridgehead_api::{GroupKind, GroupVersionKind, ObjectKey, ResourceVersion};
use bridgehead_engine::manifest::Live;
pub use change::{Applied, Change, Happened};
pub use frame::{Frame, FrameError, FrameKind, ListPage};
pub use held::Held;
use kind::{KindCache, Outcome};
pub use statistics::{KindStatistics, Statistics};
pub use tracking::tracked_by;

use crate::discovery::Resource;
use crate::error::ApiStatus;

/// Answer to "what is at this key?".
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'c> {
    /// This, as of its resourceVersion.
    Live(&'c Held),
    /// Something that nobody had asked for when it was seen: read it to know more.
    Foreign,
    /// Nothing, as of the last frame.
    Absent,
    /// The kind is watched, but not listed yet.
    NotSynced,
    /// The kind is not watched.
    KindUnknown,
}

/// How good the knowledge of a kind is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindState {
    /// Never listed to its end.
    Listing,
    /// Listed; frames come in.
    Current,
    /// Listed, but the watch is interrupted: what is known may be old.
    Interrupted,
    /// It cannot be listed or watched.
    Refused {
        /// In the server's words.
        message: String,
    },
}

/// The live state of one cluster.
#[derive(Debug)]
pub struct LiveCache {
    seed: u64,
    kinds: HashMap<GroupKind, KindCache>,
    applications: BTreeMap<Arc<str>, BTreeSet<ObjectKey>>,
    /// Wanted keys of kinds that are not kept (yet).
    wanted_elsewhere: BTreeSet<ObjectKey>,
}

impl LiveCache {
    /// An empty cache. `seed`: any number; it keeps others from making names that hash alike.
    pub fn new(seed: u64) -> Self {
        Self { seed, kinds: HashMap::new(), applications: BTreeMap::new(), wanted_elsewhere: BTreeSet::new() }
    }

    /// Begins to keep a kind. `true` if it has to be listed in this version: it was not kept until now, or in
    /// another version. What was kept then stays until the list is complete.
    pub fn add_kind(&mut self, resource: &Resource) -> bool {
        let group_kind = &resource.gvk.group_kind;
        if let Some(known) = self.kinds.get_mut(group_kind) {
            return known.move_to(&resource.gvk);
        }
        let mut kind = KindCache::new(resource.gvk.clone(), self.seed);
        for key in self.wanted_elsewhere.extract_if(.., |key| key.group_kind == *group_kind) {
            kind.want(&key);
        }
        self.kinds.insert(group_kind.clone(), kind);
        true
    }

    /// Forgets a kind: its CRD is gone. Its objects are reported as gone.
    pub fn remove_kind(&mut self, kind: &GroupKind) -> Vec<Change> {
        let Some(removed) = self.kinds.remove(kind) else { return Vec::new() };
        let (held, wanted) = removed.into_parts();
        let mut changes: Vec<Change> = held.map(Change::disappeared).collect();
        self.wanted_elsewhere.extend(wanted);
        changes.sort_by(|left, right| left.key.cmp(&right.key));
        for change in &changes {
            self.untrack(change);
        }
        changes
    }

    /// True if this kind is kept, and its frames are expected in this version. Others come from a watch that
    /// was ended.
    pub fn expects(&self, kind: &GroupVersionKind) -> bool {
        self.kinds.get(&kind.group_kind).is_some_and(|known| known.kind() == kind)
    }

    /// The kinds that are kept.
    pub fn kinds(&self) -> impl Iterator<Item = &GroupKind> {
        self.kinds.keys()
    }

    /// What is at this key.
    pub fn lookup(&self, key: &ObjectKey) -> Lookup<'_> {
        let Some(kind) = self.kinds.get(&key.group_kind) else { return Lookup::KindUnknown };
        kind.lookup(key)
    }

    /// From now on frames of this object are decoded and kept, whoever manages it. What is known as
    /// [`Lookup::Foreign`] stays so until it is read ([`Self::insert_read`]) or changes.
    pub fn want(&mut self, key: &ObjectKey) {
        match self.kinds.get_mut(&key.group_kind) {
            Some(kind) => kind.want(key),
            None => {
                self.wanted_elsewhere.insert(key.clone());
            }
        }
    }

    /// How many keys are wanted.
    pub fn wanted_count(&self) -> usize {
        self.wanted_elsewhere.len() + self.kinds.values().map(KindCache::wanted_count).sum::<usize>()
    }

    /// Drops every want that `keep` is false for. Objects that are then neither wanted nor tracked are
    /// let go of, down to their 64 bits.
    pub fn retain_wanted(&mut self, mut keep: impl FnMut(&ObjectKey) -> bool) {
        self.wanted_elsewhere.retain(&mut keep);
        for kind in self.kinds.values_mut() {
            kind.retain_wanted(&mut keep);
        }
    }

    /// Takes one frame of a kind's watch or list. Frames of a kind that isn't kept change nothing.
    pub fn apply_frame(&mut self, kind: &GroupKind, frame: &Frame) -> Result<Applied, FrameError> {
        let Some(cache) = self.kinds.get_mut(kind) else { return Ok(Applied::Nothing) };
        let applied = match cache.apply(frame)? {
            Outcome::Nothing => Applied::Nothing,
            Outcome::Changed(change) => Applied::Changed(*change),
            Outcome::Listed(changes) => Applied::Listed(changes),
            Outcome::Failed(status) if is_expired(&status) => Applied::Expired,
            Outcome::Failed(status) => Applied::Failed(status),
        };
        match &applied {
            Applied::Changed(change) => self.track(change),
            Applied::Listed(changes) => {
                for change in changes {
                    self.untrack(change);
                }
            }
            _ => {}
        }
        Ok(applied)
    }

    /// Takes what a GET or one of our own writes has returned. Nothing happens if something newer is
    /// known, or if the kind isn't kept.
    pub fn insert_read(&mut self, live: &Live) -> Option<Change> {
        let change = self.kinds.get_mut(&live.key.group_kind)?.insert_read(live)?;
        self.track(&change);
        Some(change)
    }

    /// Takes the answer that there is no such object, for one that was [`Lookup::Foreign`]. An object
    /// that is held goes only by its DELETED frame: the answer may be older than what is held.
    pub fn insert_missing(&mut self, key: &ObjectKey) {
        if let Some(kind) = self.kinds.get_mut(&key.group_kind) {
            kind.forget_foreign(key);
        }
    }

    /// The live objects whose tracking id names this application (the name as tracking ids have it) and
    /// the object itself, ordered by key.
    pub fn of_application(&self, instance_name: &str) -> impl Iterator<Item = &Held> {
        self.applications.get(instance_name).into_iter().flatten().filter_map(|key| {
            match self.kinds.get(&key.group_kind)?.lookup(key) {
                Lookup::Live(held) => Some(held),
                _ => None,
            }
        })
    }

    /// The application names that live objects' tracking ids have.
    pub fn applications(&self) -> impl Iterator<Item = &str> {
        self.applications.keys().map(|name| &**name)
    }

    /// True if every kind was listed to its end, or is refused: then what isn't there is absent.
    pub fn kinds_synced(&self) -> bool {
        self.kinds.values().all(|kind| *kind.state() != KindState::Listing)
    }

    /// True if this kind was listed to its end.
    pub fn is_synced(&self, kind: &GroupKind) -> bool {
        matches!(self.state(kind), Some(KindState::Current | KindState::Interrupted))
    }

    /// Kinds in a state, ordered.
    pub fn kinds_in(&self, wanted: impl Fn(&KindState) -> bool) -> Vec<&GroupKind> {
        let mut found: Vec<&GroupKind> =
            self.kinds.iter().filter(|(_, kind)| wanted(kind.state())).map(|(name, _)| name).collect();
        found.sort();
        found
    }

    /// How good the knowledge of a kind is; `None` if it isn't kept.
    pub fn state(&self, kind: &GroupKind) -> Option<&KindState> {
        Some(self.kinds.get(kind)?.state())
    }

    /// The watch is interrupted, or was taken up again.
    pub fn set_interrupted(&mut self, kind: &GroupKind, interrupted: bool) {
        if let Some(kind) = self.kinds.get_mut(kind) {
            kind.set_interrupted(interrupted);
        }
    }

    /// The kind cannot be listed or watched: permission is missing, or it is not served any more.
    pub fn set_refused(&mut self, kind: &GroupKind, message: impl Into<String>) {
        if let Some(kind) = self.kinds.get_mut(kind) {
            kind.set_refused(message.into());
        }
    }

    /// The newest resourceVersion that a kind's frames have brought: where a watch goes on.
    pub fn resource_version(&self, kind: &GroupKind) -> Option<&ResourceVersion> {
        self.kinds.get(kind)?.resource_version()
    }

    /// How much is kept.
    pub fn statistics(&self) -> Statistics {
        statistics::of(self.kinds.iter())
    }

    fn track(&mut self, change: &Change) {
        if change.tracked_by_before == change.tracked_by_after && change.happened != Happened::Appeared {
            return;
        }
        self.untrack(change);
        if let Some(name) = &change.tracked_by_after {
            self.applications.entry(Arc::clone(name)).or_default().insert(change.key.clone());
        }
    }

    fn untrack(&mut self, change: &Change) {
        let Some(name) = &change.tracked_by_before else { return };
        if let Some(keys) = self.applications.get_mut(name) {
            keys.remove(&change.key);
            if keys.is_empty() {
                self.applications.remove(name);
            }
        }
    }
}

fn is_expired(status: &ApiStatus) -> bool {
    status.code == 410 || status.reason == "Expired" || status.reason == "Gone"
}
