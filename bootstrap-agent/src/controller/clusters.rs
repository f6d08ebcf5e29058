//! Destinations: connection, live cache and what was learnt about them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bridgehead_api::{GroupKind, ObjectKey, Uid};
use bridgehead_engine::compare::DiffMemo;
use bridgehead_engine::manifest::{Live, Manifest};
use bridgehead_kubernetes::cache::{Applied, Change, Frame, FrameError, LiveCache, Lookup};
use bridgehead_kubernetes::discovery::Resource;

use super::world::{Cluster, Reply};

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
    /// Objects that an answer to a write of ours said are gone, until the watch says so too.
    gone: RefCell<HashMap<ObjectKey, Uid>>,
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
            gone: RefCell::default(),
        }
    }

    /// Begins to watch a kind. True once everything of it is known.
    pub(super) fn watch(&self, resource: &Resource) -> bool {
        if self.cache.borrow_mut().add_kind(resource) {
            self.cluster.watch(resource);
        }
        self.cache.borrow().is_synced(&resource.gvk.group_kind)
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
