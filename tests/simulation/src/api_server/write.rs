//! POST, PUT and PATCH.

use std::collections::BTreeMap;
use std::sync::Arc;

use bridgehead_api::{GroupVersionKind, ObjectKey};
use serde_json::{Value, json};

use super::audit::{Audited, Verb};
use super::kinds::Kind;
use super::object::{self, metadata, section, text};
use super::refusal::{Reason, Refusal};
use super::request::Patch;
use super::watch::Change;
use super::{Answer, ApiServer, Stored, defaults, ownership, place, strategic, validate};

impl ApiServer {
    pub(super) fn create(&mut self, entry: &mut Audited, object: Value, dry_run: bool) -> Answer {
        self.create_owned(entry, object, None, dry_run)
    }

    fn create_owned(
        &mut self,
        entry: &mut Audited,
        mut object: Value,
        owned: Option<Value>,
        dry_run: bool,
    ) -> Answer {
        let kind = self.served(&object::gvk(&object))?;
        if kind.is_namespaced {
            self.check_namespace(text(&object, "/metadata/namespace"))?;
        } else {
            metadata(&mut object).remove("namespace");
        }
        if text(&object, "/metadata/name").is_empty() {
            let prefix = text(&object, "/metadata/generateName").to_owned();
            if prefix.is_empty() {
                return Err(Refusal::new(Reason::Invalid, "name or generateName is required"));
            }
            let name = format!("{prefix}{:05x}", self.next_uid);
            metadata(&mut object).insert("name".into(), name.into());
        }
        let key = object::key(&object);
        entry.key = key.clone();
        if self.get(&key).is_some() {
            let message = format!("{} \"{}\" already exists", self.plural(&key.group_kind), key.name);
            return Err(Refusal::new(Reason::AlreadyExists, message));
        }
        self.next_uid += 1;
        let uid = format!("00000000-{}-{:012}", self.name, self.next_uid);
        let now = format!("{:.0}", self.now);
        let fields = metadata(&mut object);
        for gone in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"] {
            fields.remove(gone);
        }
        match owned {
            Some(owned) => fields.insert("managedFields".into(), owned),
            None => fields.remove("managedFields"),
        };
        fields.insert("uid".into(), uid.into());
        fields.insert("creationTimestamp".into(), now.into());
        if kind.has_generation {
            fields.insert("generation".into(), 1.into());
        }
        if kind.has_status_subresource {
            object.as_object_mut().expect("metadata made it an object").remove("status");
        }
        if text(&object, "/kind") == "Pod" {
            section(&mut object, &["status"]).insert("phase".into(), "Pending".into());
        }
        defaults::fill(&mut object);
        self.admit(&object)?;
        validate::check(None, &object)?;
        self.keep(Change::Added, &kind, object, dry_run)
    }

    pub(super) fn update(
        &mut self,
        entry: &mut Audited,
        object: Value,
        status: bool,
        dry_run: bool,
    ) -> Answer {
        let kind = self.served(&object::gvk(&object))?;
        let key = object::key(&object);
        let old = self.existing(&key)?;
        entry.uid_precondition = Some(object::uid(&object)).filter(|uid| !uid.is_empty());
        entry.version_precondition = Some(text(&object, "/metadata/resourceVersion").into())
            .filter(|version: &bridgehead_api::ResourceVersion| !version.is_empty());
        if !kind.is_built_in && entry.version_precondition.is_none() {
            let message = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update";
            return Err(Refusal::new(Reason::Invalid, message));
        }
        self.change(&kind, &old, object, status, dry_run)
    }

    pub(super) fn patch(
        &mut self,
        entry: &mut Audited,
        kind: &GroupVersionKind,
        key: &ObjectKey,
        patch: Patch,
        dry_run: bool,
    ) -> Answer {
        let kind = self.served(kind)?;
        let (object, manager) = match patch {
            Patch::Apply { object, manager } => (object, manager),
            other => {
                let old = self.existing(key)?;
                let new = self.patched(&kind, &old, other)?;
                return self.change(&kind, &old, new, false, dry_run);
            }
        };
        let Some(old) = self.get(key).cloned() else {
            entry.verb = Verb::Create;
            let owned = ownership::managed_fields(&BTreeMap::from([(manager, object.clone())]));
            let kept = self.create_owned(entry, object.clone(), Some(owned), dry_run)?;
            if let Some(kept) = kept.as_ref().filter(|_| !dry_run) {
                self.applied.entry(object::uid(kept)).or_default().insert(manager, object);
            }
            return Ok(kept);
        };
        let uid = object::uid(&old);
        let mut new = Value::clone(&old);
        let all = self.applied.entry(uid.clone()).or_default();
        let before = all.get(manager).cloned().unwrap_or(Value::Null);
        let others: Vec<&Value> =
            all.iter().filter(|(name, _)| **name != manager).map(|(_, applied)| applied).collect();
        strategic::remove_missing(&mut new, &before, &object, &others);
        strategic::merge(&mut new, &object);
        let mut managers = all.clone();
        managers.insert(manager, object.clone());
        metadata(&mut new).insert("managedFields".into(), ownership::managed_fields(&managers));
        let kept = self.change(&kind, &old, new, false, dry_run)?;
        if !dry_run {
            self.applied.entry(uid).or_default().insert(manager, object);
        }
        Ok(kept)
    }

    fn patched(&self, kind: &Kind, old: &Stored, patch: Patch) -> Result<Value, Refusal> {
        let mut new = Value::clone(old);
        match patch {
            Patch::Json(operations) => {
                let operations: json_patch::Patch = serde_json::from_value(operations)
                    .map_err(|error| Refusal::new(Reason::Invalid, error.to_string()))?;
                json_patch::patch(&mut new, &operations).map_err(|error| {
                    let reason = match error.kind {
                        json_patch::PatchErrorKind::TestFailed => Reason::Conflict,
                        _ => Reason::Invalid,
                    };
                    Refusal::new(
                        reason,
                        format!("the server rejected our request due to an error in our request: {error}"),
                    )
                })?;
            }
            Patch::Merge(patch) => json_patch::merge(&mut new, &patch),
            Patch::Strategic(patch) if kind.is_built_in => strategic::merge(&mut new, &patch),
            Patch::Strategic(_) | Patch::Apply { .. } => {
                let message = "the body of the request was in an unknown format";
                return Err(Refusal::new(Reason::UnsupportedPatch, message));
            }
        }
        Ok(new)
    }

    /// Brings `old` to `new`, as far as a write may.
    pub(super) fn change(
        &mut self,
        kind: &Kind,
        old: &Stored,
        mut new: Value,
        status: bool,
        dry_run: bool,
    ) -> Answer {
        let old_value: &Value = old;
        if object::key(&new) != object::key(old_value) {
            return Err(Refusal::new(Reason::Invalid, "metadata.name: Invalid value: field is immutable"));
        }
        if let Some(owned) = old_value.pointer("/metadata/managedFields") {
            metadata(&mut new).entry("managedFields").or_insert_with(|| owned.clone());
        }
        let asked_version = text(&new, "/metadata/resourceVersion");
        if !asked_version.is_empty() && asked_version != text(old_value, "/metadata/resourceVersion") {
            return Err(self.modified(old_value));
        }
        let asked_uid = text(&new, "/metadata/uid");
        if !asked_uid.is_empty() && asked_uid != text(old_value, "/metadata/uid") {
            return Err(self.modified(old_value));
        }
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "resourceVersion",
        ] {
            match old_value.pointer(&format!("/metadata/{field}")) {
                Some(value) => metadata(&mut new).insert(field.into(), value.clone()),
                None => metadata(&mut new).remove(field),
            };
        }
        if kind.has_status_subresource {
            keep_other_half(old_value, &mut new, status);
        }
        if !status {
            defaults::fill(&mut new);
        }
        if new == *old_value {
            return Ok(Some(Arc::clone(old)));
        }
        self.admit(&new)?;
        validate::check(Some(old_value), &new)?;
        if kind.has_generation && counts(kind, old_value, &new) {
            let generation = object::number(old_value, "/metadata/generation") + 1;
            metadata(&mut new).insert("generation".into(), generation.into());
        }
        if object::is_terminating(&new) && object::finalizers(&new).is_empty() && !is_graceful(&new) {
            self.drop_object(&new, dry_run)?;
            return Ok(Some(Arc::new(new)));
        }
        self.keep(Change::Modified, kind, new, dry_run)
    }

    fn modified(&self, old: &Value) -> Refusal {
        let key = object::key(old);
        Refusal::new(
            Reason::Conflict,
            format!(
                "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest version and try again",
                self.plural(&key.group_kind),
                key.name
            ),
        )
    }

    fn check_namespace(&self, name: &str) -> Result<(), Refusal> {
        let key = ObjectKey::new(bridgehead_api::GroupKind::new("", "Namespace"), "", name);
        match self.get(&key) {
            None => Err(Refusal::new(Reason::NamespaceMissing, format!("namespaces \"{name}\" not found"))),
            Some(namespace) if object::is_terminating(namespace) => Err(Refusal::new(
                Reason::Forbidden,
                format!("unable to create new content in namespace {name} because it is being terminated"),
            )),
            Some(_) => Ok(()),
        }
    }

    fn admit(&self, object: &Value) -> Result<(), Refusal> {
        let refused = self.admission.iter().any(|rule| {
            rule.until > self.now
                && rule.kind == text(object, "/kind")
                && rule.name == text(object, "/metadata/name")
        });
        if refused && self.is_guarded {
            return Err(Refusal::new(
                Reason::Forbidden,
                "admission webhook \"policy.example.com\" denied the request: not now",
            ));
        }
        Ok(())
    }

    /// Stores a new state and tells the watches.
    pub(super) fn keep(&mut self, change: Change, kind: &Kind, mut object: Value, dry_run: bool) -> Answer {
        if dry_run {
            return Ok(Some(Arc::new(object)));
        }
        self.revision += 1;
        metadata(&mut object).insert("resourceVersion".into(), self.revision.to_string().into());
        let object: Stored = Arc::new(object);
        let key = object::key(&object);
        self.journal.push((key.clone(), object::uid(&object)));
        self.objects.entry(key.group_kind.clone()).or_default().insert(place(&key), Arc::clone(&object));
        self.history.push(&kind.gvk.group_kind, change, self.revision, Arc::clone(&object));
        Ok(Some(object))
    }

    /// Takes an object out and tells the watches.
    pub(super) fn drop_object(&mut self, object: &Value, dry_run: bool) -> Answer {
        if dry_run {
            return Ok(None);
        }
        self.revision += 1;
        let mut last = object.clone();
        metadata(&mut last).insert("resourceVersion".into(), self.revision.to_string().into());
        let key = object::key(object);
        if let Some(objects) = self.objects.get_mut(&key.group_kind) {
            objects.remove(&place(&key));
        }
        self.applied.remove(&object::uid(object));
        self.journal.push((key.clone(), object::uid(object)));
        self.history.push(&key.group_kind, Change::Deleted, self.revision, Arc::new(last));
        if key.group_kind.is("apiextensions.k8s.io", "CustomResourceDefinition")
            && let Some(kind) = super::kinds::defined_by(object)
        {
            self.kinds.remove(&kind.gvk.group_kind);
        }
        Ok(None)
    }

    /// Serves the kind of a definition from now on.
    pub fn establish(&mut self, definition: &Value) {
        if let Some(kind) = super::kinds::defined_by(definition) {
            self.kinds.insert(kind.gvk.group_kind.clone(), kind);
        }
    }
}

/// Pods end when their node says so, namespaces and definitions once they are empty.
pub(super) fn is_graceful(object: &Value) -> bool {
    match text(object, "/kind") {
        "Namespace" | "CustomResourceDefinition" => true,
        "Pod" => object::number(object, "/metadata/deletionGracePeriodSeconds") > 0,
        _ => false,
    }
}

/// A write of the status leaves the rest, and the other way round.
fn keep_other_half(old: &Value, new: &mut Value, status: bool) {
    if status {
        let written = new.get("status").cloned();
        *new = old.clone();
        let fields = new.as_object_mut().expect("a stored object is one");
        match written {
            Some(status) => fields.insert("status".into(), status),
            None => fields.remove("status"),
        };
    } else {
        let fields = new.as_object_mut().expect("its metadata was just written");
        match old.get("status") {
            Some(status) => fields.insert("status".into(), status.clone()),
            None => fields.remove("status"),
        };
    }
}

/// True if the change is one that `generation` counts.
fn counts(kind: &Kind, old: &Value, new: &Value) -> bool {
    let relevant = |object: &Value| {
        let mut object = object.clone();
        let fields = section(&mut object, &[]);
        fields.remove("metadata");
        if kind.has_status_subresource {
            fields.remove("status");
        }
        json!(fields)
    };
    relevant(old) != relevant(new)
}
