//! Destinations: connection, live cache and what was learnt about them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use bridgehead_api::{ApplicationKey, GroupKind, GroupVersionKind, ObjectKey, Uid};
use bridgehead_engine::compare::DiffMemo;
use bridgehead_engine::manifest::{Live, Manifest};
use bridgehead_kubernetes::cache::{Applied, Change, Frame, FrameError, LiveCache, Lookup};
use bridgehead_kubernetes::discovery::Resource;
use jiff::{SignedDuration, Timestamp};

use super::world::{Cluster, Reply, WatchFailure};

/// One destination.
pub(super) struct ClusterHandle<C> {
    /// How it is talked to.
    pub cluster: Rc<C>,
    /// What is live in it.
    pub cache: RefCell<LiveCache>,
    /// Verdicts of comparisons that were made already.
    pub memo: RefCell<DiffMemo>,
    /// Why it cannot be talked to at present.
    pub trouble: RefCell<Option<String>>,
    /// Watches that do not go on at present.
    failing: RefCell<HashMap<GroupKind, WatchTrouble>>,
    /// Objects that an answer to a write of ours said are gone, until the watch says so too.
    gone: RefCell<HashMap<ObjectKey, Uid>>,
    /// What each application looks at. The cache keeps these objects whatever mark they carry.
    wanted: RefCell<BTreeMap<ApplicationKey, HashSet<ObjectKey>>>,
    /// Kinds and versions that are served, as the applications were last told.
    served: RefCell<Option<BTreeSet<GroupVersionKind>>>,
    /// Applications that need what is not served, and how often that was looked for since they do.
    pub missing: RefCell<Missing>,
}

/// How much is kept in memory of the clusters' objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Objects whose state is kept.
    pub held: usize,
    /// Objects that are looked at, whatever mark they carry.
    pub wanted: usize,
    /// Verdicts of comparisons that are kept.
    pub verdicts: usize,
}

/// Applications that need kinds that a cluster does not serve. What serves them may come up at any time, and
/// nothing announces that: it is looked for, further apart each time.
#[derive(Debug, Default)]
pub(super) struct Missing {
    applications: BTreeSet<ApplicationKey>,
    /// Looks that brought nothing, since something is missing.
    looks: u32,
}

impl Missing {
    /// Notes whether an application needs what is not served.
    pub(super) fn note(&mut self, application: &ApplicationKey, is_missing: bool) {
        if is_missing {
            self.applications.insert(application.clone());
        } else {
            self.applications.remove(application);
        }
        if self.applications.is_empty() {
            self.looks = 0;
        }
    }

    /// What is served was read again, and brought nothing new.
    pub(super) fn looked(&mut self) {
        self.looks = self.looks.saturating_add(1);
    }

    /// How long to wait before it is read again, if anything is missing.
    pub(super) fn look_after(&self) -> Option<SignedDuration> {
        let seconds = (10 << self.looks.min(6)).min(600);
        (!self.applications.is_empty()).then(|| SignedDuration::from_secs(seconds))
    }
}

/// Why a watch does not go on.
#[derive(Clone, Debug)]
pub(super) struct WatchTrouble {
    /// In the API server's words, or what happened on the way.
    pub message: String,
    /// Why.
    pub reason: WatchFailure,
    /// Since when.
    pub since: Timestamp,
}

/// How long a watch may be interrupted before what it brought counts as outdated: API servers restart, and
/// that is nobody's trouble.
pub(super) const INTERRUPTION: SignedDuration = SignedDuration::from_secs(30);

impl WatchTrouble {
    /// From when on people have to know.
    fn counts_from(&self) -> Timestamp {
        if self.reason == WatchFailure::Refused {
            return self.since;
        }
        self.since.saturating_add(INTERRUPTION).unwrap_or(Timestamp::MAX)
    }

    /// True once people have to know.
    pub(super) fn counts(&self, now: Timestamp) -> bool {
        self.counts_from() <= now
    }
}

/// What is at a key.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// This.
    Live(Live),
    /// Something that has to be read to know more.
    Foreign,
    /// Nothing.
    Absent,
    /// It cannot be told yet.
    Unknown,
}

impl<C: Cluster> ClusterHandle<C> {
    /// A destination of which nothing is known yet.
    pub(super) fn new(cluster: Rc<C>, seed: u64) -> Self {
        Self {
            cluster,
            cache: RefCell::new(LiveCache::new(seed)),
            memo: RefCell::default(),
            trouble: RefCell::default(),
            failing: RefCell::default(),
            gone: RefCell::default(),
            wanted: RefCell::default(),
            served: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// An application looks at an object from now on.
    pub(super) fn want(&self, application: &ApplicationKey, key: &ObjectKey) {
        self.cache.borrow_mut().want(key);
        let mut wanted = self.wanted.borrow_mut();
        if let Some(known) = wanted.get_mut(application) {
            if !known.contains(key) {
                known.insert(key.clone());
            }
        } else {
            wanted.insert(application.clone(), HashSet::from([key.clone()]));
        }
    }

    /// An application looks at these objects, and at no others any more.
    pub(super) fn want_only(&self, application: &ApplicationKey, keys: HashSet<ObjectKey>) {
        let before = self.wanted.borrow_mut().insert(application.clone(), keys);
        let drops = |before: &HashSet<ObjectKey>| !before.is_subset(&self.wanted.borrow()[application]);
        if before.as_ref().is_some_and(drops) {
            self.drop_unwanted();
        }
    }

    /// An application is gone, or has gone elsewhere.
    pub(super) fn forget(&self, application: &ApplicationKey) {
        self.missing.borrow_mut().note(application, false);
        let before = self.wanted.borrow_mut().remove(application);
        if before.is_some() {
            self.drop_unwanted();
        }
    }

    /// Applications that look at an object.
    pub(super) fn wanted_by(&self, key: &ObjectKey) -> Vec<ApplicationKey> {
        let wanted = self.wanted.borrow();
        wanted.iter().filter(|(_, keys)| keys.contains(key)).map(|(name, _)| name.clone()).collect()
    }

    /// How much is kept of the cluster's objects.
    pub(super) fn kept(&self) -> Kept {
        let cache = self.cache.borrow();
        Kept {
            held: cache.statistics().held,
            wanted: cache.wanted_count(),
            verdicts: self.memo.borrow().len(),
        }
    }

    fn drop_unwanted(&self) {
        let wanted = self.wanted.borrow();
        let all: HashSet<&ObjectKey> = wanted.values().flatten().collect();
        self.cache.borrow_mut().retain_wanted(|key| all.contains(key));
        self.memo.borrow_mut().retain(|key| all.contains(key));
    }

    /// True if what is served differs from what it was when this was asked last.
    pub(super) fn serves_something_else(&self) -> bool {
        let now = self.cluster.kinds();
        let now = now.map(|kinds| kinds.kinds().map(|resource| resource.gvk.clone()).collect());
        self.served.replace(now.clone()) != now
    }

    /// Watches a kind in this version. True once everything of it is known.
    pub(super) fn watch(&self, resource: &Resource) -> bool {
        let kind = &resource.gvk.group_kind;
        if self.cache.borrow_mut().add_kind(resource) {
            // What was wrong with a watch of another version is over with it.
            self.failing.borrow_mut().remove(kind);
            self.cluster.watch(resource);
        }
        self.cache.borrow().is_synced(kind)
    }

    /// Has the watches go on in the versions that the cluster prefers now. A kind that neither its watch nor the
    /// cluster's own word finds any more is let go of, with its objects.
    pub(super) fn follow_served(&self) -> Vec<Change> {
        let Some(served) = self.cluster.kinds() else { return Vec::new() };
        let watched: Vec<GroupKind> = self.cache.borrow().kinds().cloned().collect();
        let mut gone = Vec::new();
        for kind in watched {
            if let Some(resource) = served.preferred(&kind) {
                self.watch(resource);
            } else if !served.is_uncertain(&kind.group) && self.is_not_served(&kind) {
                self.failing.borrow_mut().remove(&kind);
                self.cluster.unwatch(&kind);
                gone.extend(self.cache.borrow_mut().remove_kind(&kind));
            }
        }
        gone
    }

    fn is_not_served(&self, kind: &GroupKind) -> bool {
        self.failing.borrow().get(kind).is_some_and(|trouble| trouble.reason == WatchFailure::NotServed)
    }

    /// True if what is told of a kind is of the watch that there is, and not of one before it.
    pub(super) fn watches(&self, kind: &GroupVersionKind) -> bool {
        self.cache.borrow().expects(kind)
    }

    /// A watch does not go on. True if that is news.
    pub(super) fn watch_failed(
        &self,
        kind: &GroupKind,
        message: String,
        reason: WatchFailure,
        now: Timestamp,
    ) -> bool {
        if reason == WatchFailure::Refused {
            self.cache.borrow_mut().set_refused(kind, message.as_str());
        } else {
            self.cache.borrow_mut().set_interrupted(kind, true);
        }
        let mut failing = self.failing.borrow_mut();
        let since = failing.get(kind).map_or(now, |known| known.since);
        let before = failing.insert(kind.clone(), WatchTrouble { message, reason, since });
        before.is_none_or(|before| before.reason != reason)
    }

    /// A watch goes on. What kept it from that until now, if anything did.
    pub(super) fn watch_resumed(&self, kind: &GroupKind) -> Option<WatchTrouble> {
        let trouble = self.failing.borrow_mut().remove(kind)?;
        self.cache.borrow_mut().set_interrupted(kind, false);
        Some(trouble)
    }

    /// Why nothing can be said of a kind at present.
    pub(super) fn watch_trouble(&self, kind: &GroupKind, now: Timestamp) -> Option<WatchTrouble> {
        self.failing.borrow().get(kind).filter(|trouble| trouble.counts(now)).cloned()
    }

    /// When people have to know of each watch that does not go on.
    pub(super) fn watch_troubles_count_from(&self) -> Vec<Timestamp> {
        self.failing.borrow().values().map(WatchTrouble::counts_from).collect()
    }

    /// What is known of an object.
    pub(super) fn lookup(&self, key: &ObjectKey) -> Known {
        match self.cache.borrow().lookup(key) {
            Lookup::Live(held) if self.gone.borrow().get(key) == Some(held.uid()) => Known::Absent,
            Lookup::Live(held) => Known::Live(held.live()),
            Lookup::Foreign => Known::Foreign,
            Lookup::Absent => Known::Absent,
            Lookup::NotSynced | Lookup::KindUnknown => Known::Unknown,
        }
    }

    /// True if an object has to be read before it can be compared with a manifest of this kind and version.
    /// Watches bring each kind in the version that the cluster prefers; in another, fields have other names.
    pub(super) fn is_unread(&self, kind: &GroupVersionKind, key: &ObjectKey) -> bool {
        match self.cache.borrow().lookup(key) {
            Lookup::Foreign => true,
            Lookup::Live(held) if *held.version() != *kind.version => {
                self.cluster.kinds().is_some_and(|kinds| kinds.resource_for(kind).is_some())
            }
            _ => false,
        }
    }

    /// Objects whose tracking id names the application and themselves.
    pub(super) fn of_application(&self, instance: &str) -> Vec<Live> {
        let gone = self.gone.borrow();
        let cache = self.cache.borrow();
        let held = cache.of_application(instance).filter(|held| gone.get(held.key()) != Some(held.uid()));
        held.map(bridgehead_kubernetes::cache::Held::live).collect()
    }

    /// Takes in what a watch brought.
    pub(super) fn apply_frame(&self, kind: &GroupKind, frame: &Frame) -> Result<Applied, FrameError> {
        let applied = self.cache.borrow_mut().apply_frame(kind, frame)?;
        if let Applied::Changed(change) = &applied {
            let mut gone = self.gone.borrow_mut();
            if gone.contains_key(&change.key) {
                let still_held = match self.cache.borrow().lookup(&change.key) {
                    Lookup::Live(held) => gone.get(&change.key) == Some(held.uid()),
                    _ => false,
                };
                if !still_held {
                    gone.remove(&change.key);
                }
            }
        }
        Ok(applied)
    }

    /// Takes in the answer to a read or a write of ours.
    pub(super) fn note(&self, reply: Reply) {
        if let Reply::Object(object) = reply {
            self.note_object(object);
        }
    }

    /// Takes in an object as the API server gave it.
    pub(super) fn note_object(&self, object: Manifest) {
        let live = Live::new(object);
        if self.gone.borrow().get(&live.key).is_some_and(|uid| *uid != live.uid) {
            self.gone.borrow_mut().remove(&live.key);
        }
        let mut cache = self.cache.borrow_mut();
        cache.want(&live.key);
        cache.insert_read(&live);
    }

    /// Takes in an object as the API server gave it, if it is one that is kept.
    /// Whoever looks at it has to be told: the watch brings nothing but our own echo.
    pub(super) fn note_if_held(&self, object: &serde_json::Value) -> Option<Change> {
        let live = Live::new(Manifest::new(object.clone()));
        self.cache.borrow_mut().insert_read(&live)
    }

    /// This very object is gone.
    pub(super) fn note_gone(&self, live: &Live) {
        let known = match self.cache.borrow().lookup(&live.key) {
            Lookup::Live(held) => *held.uid() == live.uid,
            _ => false,
        };
        if known {
            self.gone.borrow_mut().insert(live.key.clone(), live.uid.clone());
        } else {
            self.note_absent(&live.key);
        }
    }

    /// No object of this name is there.
    pub(super) fn note_absent(&self, key: &ObjectKey) {
        self.cache.borrow_mut().insert_missing(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_looked_for_further_apart_while_an_application_misses_one() {
        let (one, other) = (ApplicationKey::new("argocd", "one"), ApplicationKey::new("argocd", "other"));
        let mut missing = Missing::default();
        assert_eq!(missing.look_after(), None);
        missing.note(&one, true);
        missing.note(&other, true);
        let waits = (0..8).map(|_| {
            let wait = missing.look_after().map(|wait| wait.as_secs());
            missing.looked();
            wait
        });
        assert_eq!(waits.collect::<Vec<_>>(), [10, 20, 40, 80, 160, 320, 600, 600].map(Some));
        missing.note(&one, false);
        assert!(missing.look_after().is_some());
        missing.note(&other, false);
        assert_eq!(missing.look_after(), None);
        missing.note(&one, true);
        assert_eq!(missing.look_after(), Some(SignedDuration::from_secs(10)));
    }
}
