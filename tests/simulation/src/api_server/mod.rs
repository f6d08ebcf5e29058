//! A Kubernetes API server in memory.
//!
//! ```text
//! Request ─► checks ─► write ─► objects + history (for watches) + audit (for invariants)
//! ```
//! It has what decides whether a client is right: one resourceVersion for everything, UIDs, generations,
//! preconditions, finalizers, deletion in the background and in the foreground, both kinds of apply,
//! namespaces that end, kinds that come with their definitions, admission, watches whose past is compacted.

pub mod audit;
mod defaults;
pub mod delete;
pub mod kinds;
pub mod object;
mod ownership;
mod refusal;
mod request;
mod strategic;
mod validate;
pub mod watch;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use audit::{Actor, Audited, Verb};
use bridgehead_api::{GroupKind, GroupVersionKind, ObjectKey, Uid};
use jiff::Timestamp;
use kinds::Kind;
pub use refusal::{Reason, Refusal};
pub use request::{Patch, Request};
use serde_json::Value;
use watch::History;

/// An object as it is kept.
pub type Stored = Arc<Value>;

/// Namespace and name.
type Place = (String, String);

/// A refusal by an admission webhook, for as long as it lasts.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Objects of this kind…
    pub kind: String,
    /// … with this name…
    pub name: String,
    /// … are refused until then.
    pub until: Timestamp,
}

/// The API server.
#[derive(Debug)]
pub struct ApiServer {
    name: &'static str,
    now: Timestamp,
    revision: u64,
    next_uid: u64,
    kinds: BTreeMap<GroupKind, Kind>,
    objects: BTreeMap<GroupKind, BTreeMap<Place, Stored>>,
    /// What each field manager applied last, by object.
    applied: HashMap<Uid, BTreeMap<&'static str, Value>>,
    history: History,
    audit: Vec<Audited>,
    journal: Vec<(ObjectKey, Uid)>,
    admission: Vec<Admission>,
    /// The present request is one that webhooks look at: those of controllers are not.
    is_guarded: bool,
}

/// The answer to a request: the object as it is now, or as it was last if this write was its end; none
/// after a deletion that took place at once.
pub type Answer = Result<Option<Stored>, Refusal>;

impl ApiServer {
    /// An empty cluster with its four namespaces.
    pub fn new(name: &'static str, now: Timestamp) -> Self {
        let mut server = Self {
            name,
            now,
            revision: 1000,
            next_uid: 0,
            kinds: kinds::initial(),
            objects: BTreeMap::new(),
            applied: HashMap::new(),
            history: History::default(),
            audit: Vec::new(),
            journal: Vec::new(),
            admission: Vec::new(),
            is_guarded: false,
        };
        for namespace in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let created = server.handle(
                Actor::Setup,
                Request::Create {
                    object: serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
                    dry_run: false,
                },
            );
            assert!(created.is_ok(), "an empty cluster takes its namespaces: {created:?}");
        }
        server
    }

    /// The cluster's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Tells the time.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The newest resourceVersion.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The kinds that are served.
    pub fn kinds(&self) -> &BTreeMap<GroupKind, Kind> {
        &self.kinds
    }

    /// The kind, if it is served.
    pub fn kind(&self, kind: &GroupKind) -> Option<&Kind> {
        self.kinds.get(kind)
    }

    /// An object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Stored> {
        self.objects.get(&key.group_kind)?.get(&place(key))
    }

    /// The objects of a kind.
    pub fn list<'s>(&'s self, kind: &GroupKind) -> impl Iterator<Item = &'s Stored> + use<'s> {
        self.objects.get(kind).into_iter().flat_map(BTreeMap::values)
    }

    /// Everything.
    pub fn all(&self) -> impl Iterator<Item = &Stored> {
        self.objects.values().flat_map(BTreeMap::values)
    }

    /// Changes for watches.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Forgets the past up to and with `revision`: watches from there get 410.
    pub fn compact(&mut self, revision: u64) {
        self.history.compact(revision);
    }

    /// What was touched, in order, with its UID; an object's end too.
    pub fn journal(&self) -> &[(ObjectKey, Uid)] {
        &self.journal
    }

    /// Takes the requests since the last time.
    pub fn take_audit(&mut self) -> Vec<Audited> {
        std::mem::take(&mut self.audit)
    }

    /// Every request since they were last taken.
    pub fn audit(&self) -> &[Audited] {
        &self.audit
    }

    /// Lets a webhook refuse an object.
    pub fn refuse(&mut self, admission: Admission) {
        self.admission.push(admission);
    }

    /// Answers one request.
    pub fn handle(&mut self, actor: Actor, request: Request) -> Answer {
        self.is_guarded = !matches!(actor, Actor::Controller(_));
        let mut entry = self.audit_entry(actor, &request);
        let answer = match request {
            Request::Get { kind, key } => self.served(&kind).and_then(|_| self.existing(&key)).map(Some),
            Request::Create { object, dry_run } => self.create(&mut entry, object, dry_run),
            Request::Update { object, status, dry_run } => self.update(&mut entry, object, status, dry_run),
            Request::Patch { kind, key, patch, dry_run } => {
                self.patch(&mut entry, &kind, &key, patch, dry_run)
            }
            Request::Delete { kind, key, uid, resource_version, propagation } => {
                self.delete(&mut entry, &kind, &key, uid.as_ref(), resource_version.as_ref(), propagation)
            }
        };
        match &answer {
            Ok(after) if entry.dry_run => entry.after.clone_from(after),
            Ok(_) => entry.after = self.get(&entry.key).cloned(),
            Err(refusal) => {
                entry.after.clone_from(&entry.before);
                entry.refused = Some(refusal.clone());
            }
        }
        self.audit.push(entry);
        answer
    }

    fn audit_entry(&self, actor: Actor, request: &Request) -> Audited {
        let (verb, key, dry_run) = match request {
            Request::Get { key, .. } => (Verb::Get, key.clone(), false),
            Request::Create { object, dry_run } => (Verb::Create, object::key(object), *dry_run),
            Request::Update { object, dry_run, .. } => (Verb::Update, object::key(object), *dry_run),
            Request::Patch { key, dry_run, .. } => (Verb::Patch, key.clone(), *dry_run),
            Request::Delete { key, .. } => (Verb::Delete, key.clone(), false),
        };
        let (uid_precondition, version_precondition) = match request {
            Request::Delete { uid, resource_version, .. } => (uid.clone(), resource_version.clone()),
            _ => (None, None),
        };
        let before = self.get(&key).cloned();
        Audited {
            at: self.now,
            actor,
            verb,
            key,
            after: None,
            before,
            dry_run,
            uid_precondition,
            version_precondition,
            refused: None,
        }
    }

    fn served(&self, kind: &GroupVersionKind) -> Result<Kind, Refusal> {
        self.kinds
            .get(&kind.group_kind)
            .filter(|known| known.gvk.version == kind.version)
            .cloned()
            .ok_or_else(|| {
                Refusal::new(Reason::KindNotServed, "the server could not find the requested resource")
            })
    }

    fn existing(&self, key: &ObjectKey) -> Result<Stored, Refusal> {
        self.get(key).cloned().ok_or_else(|| {
            Refusal::new(
                Reason::NotFound,
                format!("{} \"{}\" not found", self.plural(&key.group_kind), key.name),
            )
        })
    }

    fn plural(&self, kind: &GroupKind) -> String {
        let name = self.kinds.get(kind).map_or_else(|| kind.kind.to_lowercase(), |kind| kind.plural.clone());
        if kind.group.is_empty() { name } else { format!("{name}.{}", kind.group) }
    }
}

fn place(key: &ObjectKey) -> Place {
    (key.namespace().to_owned(), key.name.to_string())
}

#[cfg(test)]
mod tests;
