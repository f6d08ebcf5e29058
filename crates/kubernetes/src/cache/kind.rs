//! One kind's part of the cache.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use bridgehead_api::{GroupVersionKind, ObjectKey, ResourceVersion};
use bridgehead_engine::manifest::Live;
use hashbrown::HashTable;
use serde_json::Value;

use super::change::{Change, Happened};
use super::frame::{Frame, FrameError, FrameKey, FrameKind, identity};
use super::held::Held;
use super::{KindState, Lookup};
use crate::error::ApiStatus;

/// How many deletions are remembered, so that an answer that was under way doesn't bring the object
/// back. Answers are seconds late, not thousands of deletions.
const TOMBSTONES: usize = 1024;

/// Identities are hashes already.
#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Identities = HashSet<u64, BuildHasherDefault<AsIs>>;

#[derive(Debug)]
pub(super) struct KindCache {
    kind: GroupVersionKind,
    seed: u64,
    state: KindState,
    held: HashTable<Held>,
    foreign: Identities,
    /// Few: one per desired object.
    wanted: HashMap<u64, Vec<ObjectKey>, BuildHasherDefault<AsIs>>,
    listing: Option<Listing>,
    tombstones: VecDeque<(u64, ResourceVersion)>,
    resource_version: Option<ResourceVersion>,
    /// The state that the last list told of in full.
    listed: Option<ResourceVersion>,
}

/// What a list has brought so far.
#[derive(Debug, Default)]
struct Listing {
    seen: Identities,
    /// Taken from answers meanwhile: the list may be older than they are.
    read: Identities,
}

pub(super) enum Outcome {
    Nothing,
    Changed(Box<Change>),
    Listed(Vec<Change>),
    Failed(ApiStatus),
}

impl KindCache {
    pub(super) fn new(kind: GroupVersionKind, seed: u64) -> Self {
        Self {
            kind,
            seed,
            state: KindState::Listing,
            held: HashTable::new(),
            foreign: Identities::default(),
            wanted: HashMap::default(),
            listing: None,
            tombstones: VecDeque::new(),
            resource_version: None,
            listed: None,
        }
    }

    pub(super) fn kind(&self) -> &GroupVersionKind {
        &self.kind
    }

    /// Frames come in this version from now on, beginning with a list. `false` if they did already.
    pub(super) fn move_to(&mut self, kind: &GroupVersionKind) -> bool {
        if self.kind == *kind {
            return false;
        }
        self.kind = kind.clone();
        self.state = KindState::Listing;
        self.listing = None;
        self.resource_version = None;
        true
    }

    pub(super) fn state(&self) -> &KindState {
        &self.state
    }

    pub(super) fn resource_version(&self) -> Option<&ResourceVersion> {
        self.resource_version.as_ref()
    }

    /// The objects that were kept, and the keys that are still wanted.
    pub(super) fn into_parts(self) -> (impl Iterator<Item = Held>, impl Iterator<Item = ObjectKey>) {
        (self.held.into_iter(), self.wanted.into_values().flatten())
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    pub(super) fn foreign_count(&self) -> usize {
        self.foreign.len()
    }

    pub(super) fn foreign_size(&self) -> usize {
        // One control byte per slot.
        self.foreign.capacity() * (size_of::<u64>() + 1)
    }

    pub(super) fn lookup(&self, key: &ObjectKey) -> Lookup<'_> {
        let id = self.identity_of(key);
        if let Some(held) = self.held.find(id, |held| held.key == *key) {
            return Lookup::Live(held);
        }
        if self.foreign.contains(&id) {
            return Lookup::Foreign;
        }
        match &self.state {
            KindState::Listing => Lookup::NotSynced,
            // Nothing can be said of what may not be looked at, unless it was before.
            KindState::Refused { .. } if self.resource_version.is_none() => Lookup::NotSynced,
            _ => Lookup::Absent,
        }
    }

    pub(super) fn want(&mut self, key: &ObjectKey) {
        let id = self.identity_of(key);
        let keys = self.wanted.entry(id).or_default();
        if !keys.contains(key) {
            keys.push(key.clone());
        }
        if let Some(held) = self.held.find_mut(id, |held| held.key == *key) {
            held.wanted = true;
        }
    }

    pub(super) fn wanted_count(&self) -> usize {
        self.wanted.values().map(Vec::len).sum()
    }

    pub(super) fn retain_wanted(&mut self, keep: &mut impl FnMut(&ObjectKey) -> bool) {
        let mut dropped = Vec::new();
        self.wanted.retain(|id, keys| {
            keys.retain(|key| {
                let kept = keep(key);
                if !kept {
                    dropped.push((*id, key.clone()));
                }
                kept
            });
            !keys.is_empty()
        });
        for (id, key) in dropped {
            let Ok(mut entry) = self.held.find_entry(id, |held| held.key == key) else { continue };
            if entry.get().tracked_by.is_some() {
                entry.get_mut().wanted = false;
            } else {
                entry.remove();
                self.foreign.insert(id);
            }
        }
    }

    pub(super) fn set_interrupted(&mut self, interrupted: bool) {
        match (&self.state, interrupted) {
            (KindState::Current, true) => self.state = KindState::Interrupted,
            (KindState::Interrupted, false) => self.state = KindState::Current,
            (KindState::Refused { .. }, false) => {
                self.state = match self.resource_version {
                    Some(_) => KindState::Interrupted,
                    None => KindState::Listing,
                };
            }
            _ => {}
        }
    }

    pub(super) fn set_refused(&mut self, message: String) {
        self.state = KindState::Refused { message };
    }

    pub(super) fn forget_foreign(&mut self, key: &ObjectKey) {
        let id = self.identity_of(key);
        self.foreign.remove(&id);
    }

    pub(super) fn apply(&mut self, frame: &Frame) -> Result<Outcome, FrameError> {
        match frame.kind {
            FrameKind::ListBegins => {
                self.listing = Some(Listing::default());
                Ok(Outcome::Nothing)
            }
            FrameKind::Bookmark => {
                self.advance(&frame.resource_version);
                Ok(Outcome::Nothing)
            }
            FrameKind::ListEnds => Ok(self.end_list(&frame.resource_version)),
            FrameKind::Failed => Ok(Outcome::Failed(frame.status()?)),
            FrameKind::Present => {
                let outcome = self.present(frame)?;
                if self.listing.is_none() {
                    self.advance(&frame.resource_version);
                }
                Ok(outcome)
            }
            FrameKind::Deleted => {
                self.advance(&frame.resource_version);
                Ok(self.deleted(frame))
            }
        }
    }

    fn present(&mut self, frame: &Frame) -> Result<Outcome, FrameError> {
        let id = frame.key.identity(self.seed);
        if self.is_buried(id, &frame.resource_version) {
            return Ok(Outcome::Nothing);
        }
        if let Some(listing) = &mut self.listing {
            listing.seen.insert(id);
        }
        let known = self.held.find(id, |held| is_key(&held.key, &frame.key));
        if let Some(held) = known
            && !is_newer(&frame.resource_version, &held.resource_version)
            && !self.is_translation(frame, held)
        {
            return Ok(Outcome::Nothing);
        }
        if known.is_none() && !frame.has_tracking_id && !self.is_wanted(id, &frame.key) {
            self.foreign.insert(id);
            return Ok(Outcome::Nothing);
        }
        Ok(self.take(id, frame.object()?))
    }

    fn deleted(&mut self, frame: &Frame) -> Outcome {
        let id = frame.key.identity(self.seed);
        if let Some(listing) = &mut self.listing {
            listing.seen.remove(&id);
        }
        let Ok(entry) = self.held.find_entry(id, |held| is_key(&held.key, &frame.key)) else {
            self.foreign.remove(&id);
            if self.is_wanted(id, &frame.key) {
                self.bury(id, &frame.resource_version);
            }
            return Outcome::Nothing;
        };
        // Equal: the API server stamps a deletion with a version of its own, but others may not.
        if is_older(&frame.resource_version, &entry.get().resource_version) {
            return Outcome::Nothing;
        }
        let (held, _) = entry.remove();
        self.bury(id, &frame.resource_version);
        let mut change = Change::disappeared(held);
        change.resource_version = frame.resource_version.clone();
        Outcome::Changed(Box::new(change))
    }

    pub(super) fn insert_read(&mut self, live: &Live) -> Option<Change> {
        let id = self.identity_of(&live.key);
        if self.is_buried(id, &live.resource_version) || self.was_gone_at_the_list(id, live) {
            return None;
        }
        if let Some(held) = self.held.find(id, |held| held.key == live.key)
            && !is_newer(&live.resource_version, &held.resource_version)
            && !is_same_in_another_version(live, held)
        {
            return None;
        }
        if let Some(listing) = &mut self.listing {
            listing.read.insert(id);
        }
        match self.take(id, live.manifest.value().clone()) {
            Outcome::Changed(change) => Some(*change),
            _ => None,
        }
    }

    /// Keeps an object that is newer than what is known, or lets go of it if it is no longer ours.
    fn take(&mut self, id: u64, object: Value) -> Outcome {
        let mut new = Held::new(object, &self.kind);
        new.wanted = self.wanted.get(&id).is_some_and(|keys| keys.contains(&new.key));
        let keep = new.wanted || new.tracked_by.is_some();

        let Ok(mut entry) = self.held.find_entry(id, |held| held.key == new.key) else {
            if !keep {
                self.foreign.insert(id);
                return Outcome::Nothing;
            }
            self.foreign.remove(&id);
            let change = Change {
                key: new.key.clone(),
                tracked_by_before: None,
                tracked_by_after: new.tracked_by.clone(),
                wanted: new.wanted,
                resource_version: new.resource_version.clone(),
                happened: Happened::Appeared,
            };
            let seed = self.seed;
            self.held.insert_unique(id, new, |held| rehash(seed, held));
            return Outcome::Changed(Box::new(change));
        };
        let old = entry.get_mut();
        let change = Change {
            key: new.key.clone(),
            tracked_by_before: old.tracked_by.clone(),
            tracked_by_after: new.tracked_by.clone(),
            wanted: new.wanted,
            resource_version: new.resource_version.clone(),
            happened: if keep {
                // Another object of the same name counts as changed, whatever it holds.
                Happened::Changed { content: old.content != new.content || old.uid != new.uid }
            } else {
                Happened::Disappeared
            },
        };
        if keep {
            // The same text need not be there twice.
            if old.tracked_by == new.tracked_by {
                new.tracked_by.clone_from(&old.tracked_by);
            }
            *old = new;
        } else {
            entry.remove();
            self.foreign.insert(id);
        }
        Outcome::Changed(Box::new(change))
    }

    fn end_list(&mut self, resource_version: &ResourceVersion) -> Outcome {
        self.advance(resource_version);
        self.listed = Some(resource_version.clone());
        self.state = KindState::Current;
        let Some(listing) = self.listing.take() else { return Outcome::Listed(Vec::new()) };
        let seed = self.seed;
        let gone = |held: &mut Held| {
            let id = rehash(seed, held);
            if listing.seen.contains(&id) {
                return false;
            }
            match (number(&held.resource_version), number(resource_version)) {
                // Newer than the list: the list could not know it.
                (Some(held), Some(list)) => held <= list,
                _ => !listing.read.contains(&id),
            }
        };
        let mut changes: Vec<Change> = self.held.extract_if(gone).map(Change::disappeared).collect();
        changes.sort_by(|left, right| left.key.cmp(&right.key));
        let held: Identities = self.held.iter().map(|held| rehash(seed, held)).collect();
        // Everything seen that is not held is foreign now; what was foreign and not seen is gone.
        self.foreign = listing.seen;
        self.foreign.retain(|id| !held.contains(id));
        self.foreign.shrink_to_fit();
        self.tombstones.retain(|(_, at)| !is_older_or_equal(at, resource_version));
        Outcome::Listed(changes)
    }

    fn advance(&mut self, version: &ResourceVersion) {
        if version.as_str().is_empty() {
            return;
        }
        if self.resource_version.as_ref().is_none_or(|known| is_newer(version, known)) {
            self.resource_version = Some(version.clone());
        }
    }

    /// True if a list brings what is held, in the version that the kind is watched in now.
    fn is_translation(&self, frame: &Frame, held: &Held) -> bool {
        self.listing.is_some()
            && frame.resource_version == held.resource_version
            && *held.version() != *self.kind.version
    }

    fn is_wanted(&self, id: u64, key: &FrameKey) -> bool {
        self.wanted.get(&id).is_some_and(|keys| keys.iter().any(|wanted| is_key(wanted, key)))
    }

    fn identity_of(&self, key: &ObjectKey) -> u64 {
        identity(self.seed, key.namespace().as_bytes(), key.name.as_bytes())
    }

    fn bury(&mut self, id: u64, version: &ResourceVersion) {
        if self.tombstones.len() == TOMBSTONES {
            self.tombstones.pop_front();
        }
        self.tombstones.push_back((id, version.clone()));
    }

    /// True for the answer of a time when the object was still there: a later list did not bring it any more.
    fn was_gone_at_the_list(&self, id: u64, live: &Live) -> bool {
        let is_known =
            self.foreign.contains(&id) || self.held.find(id, |held| held.key == live.key).is_some();
        let listed = self.listed.as_ref();
        !is_known && listed.is_some_and(|listed| is_older_or_equal(&live.resource_version, listed))
    }

    fn is_buried(&self, id: u64, version: &ResourceVersion) -> bool {
        self.tombstones.iter().any(|(buried, at)| *buried == id && is_older_or_equal(version, at))
    }
}

fn rehash(seed: u64, held: &Held) -> u64 {
    identity(seed, held.key.namespace().as_bytes(), held.key.name.as_bytes())
}

fn is_key(key: &ObjectKey, frame: &FrameKey) -> bool {
    key.namespace().as_bytes() == &*frame.namespace && key.name.as_bytes() == &*frame.name
}

fn number(version: &ResourceVersion) -> Option<u64> {
    version.as_str().parse().ok()
}

/// True for what is held, read in another version of its kind: whoever read it wants it so.
fn is_same_in_another_version(live: &Live, held: &Held) -> bool {
    live.resource_version == held.resource_version
        && live.uid == held.uid
        && *live.manifest.gvk().version != *held.version()
}

/// True unless it is known not to be newer. Versions are numbers with every API server that there is;
/// with others only sameness can be told.
fn is_newer(version: &ResourceVersion, than: &ResourceVersion) -> bool {
    match (number(version), number(than)) {
        (Some(version), Some(than)) => version > than,
        _ => version != than,
    }
}

fn is_older(version: &ResourceVersion, than: &ResourceVersion) -> bool {
    matches!((number(version), number(than)), (Some(version), Some(than)) if version < than)
}

fn is_older_or_equal(version: &ResourceVersion, than: &ResourceVersion) -> bool {
    match (number(version), number(than)) {
        (Some(version), Some(than)) => version <= than,
        _ => version == than,
    }
}
