//! An object that is kept.

use std::sync::Arc;

use bridgehead_api::annotations::TRACKING_ID;
use bridgehead_api::{GroupVersionKind, ObjectKey, ResourceVersion, Uid};
use bridgehead_engine::manifest::{Live, Manifest};
use serde_json::Value;

use super::{content, tracking};

/// An object that is kept, as compact JSON: a tenth of what it takes decoded. Decoding one of a few
/// kilobytes takes microseconds, and is needed only where something is compared.
#[derive(Debug)]
pub struct Held {
    pub(super) key: ObjectKey,
    pub(super) uid: Uid,
    pub(super) resource_version: ResourceVersion,
    version: Arc<str>,
    pub(super) tracked_by: Option<Arc<str>>,
    pub(super) wanted: bool,
    pub(super) content: u64,
    json: Box<[u8]>,
}

impl Held {
    /// Takes an object as it was received. `kind`: what it is where it doesn't say itself.
    pub(super) fn new(mut object: Value, kind: &GroupVersionKind) -> Self {
        content::strip(&mut object);
        if let Some(fields) = object.as_object_mut() {
            fields.entry("apiVersion").or_insert_with(|| kind.api_version().into());
            fields.entry("kind").or_insert_with(|| (&*kind.group_kind.kind).into());
        }
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or("");
        let key =
            ObjectKey::new(kind.group_kind.clone(), text("/metadata/namespace"), text("/metadata/name"));
        let version = text("/apiVersion").rsplit('/').next().unwrap_or_default();
        let version = if *version == *kind.version { Arc::clone(&kind.version) } else { Arc::from(version) };
        let tracked_by = object
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations")?.get(TRACKING_ID)?.as_str())
            .and_then(|id| {
                let group_kind = &key.group_kind;
                tracking::tracked_by(id, &group_kind.group, &group_kind.kind, key.namespace(), &key.name)
            })
            .map(Arc::from);
        Self {
            uid: text("/metadata/uid").into(),
            resource_version: text("/metadata/resourceVersion").into(),
            version,
            tracked_by,
            wanted: false,
            content: content::hash(&object),
            json: object.to_string().into_bytes().into_boxed_slice(),
            key,
        }
    }

    /// Its key.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &Uid {
        &self.uid
    }

    /// `metadata.resourceVersion`.
    pub fn resource_version(&self) -> &ResourceVersion {
        &self.resource_version
    }

    /// Version of its kind in which it was received: the watched one, or that of a read.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Application named by its tracking id, if the id names this very object.
    pub fn tracked_by(&self) -> Option<&str> {
        self.tracked_by.as_deref()
    }

    /// Hash of everything but resourceVersion and managedFields: the same hash, the same verdict.
    pub fn content_hash(&self) -> u64 {
        self.content
    }

    /// The object, decoded.
    pub fn live(&self) -> Live {
        let value = serde_json::from_slice(&self.json).expect("written from a value by `Held::new`");
        Live {
            key: self.key.clone(),
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
            manifest: Manifest::new(value),
        }
    }

    /// Bytes that it takes, roughly.
    pub(super) fn size(&self) -> usize {
        // An Arc<str> adds two counters to its text.
        const COUNTERS: usize = 16;
        let texts = [self.uid.as_str(), self.resource_version.as_str(), self.key.namespace(), &self.key.name];
        let texts: usize = texts.iter().map(|text| text.len() + COUNTERS).sum();
        size_of::<Self>() + self.json.len() + texts
    }
}
