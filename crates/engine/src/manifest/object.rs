//! The object itself, and the three roles it plays.

use std::fmt;
use std::sync::Arc;

use bridgehead_api::{GroupVersionKind, ObjectKey, ResourceVersion, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A Kubernetes object as JSON. Cloning is cheap; changing copies once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(Arc<Value>);

impl Manifest {
    /// Wraps a JSON object. Anything else reads as an object without fields.
    pub fn new(value: Value) -> Self {
        Self(Arc::new(value))
    }

    /// The JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The JSON, for a change; copied first if others hold it too.
    pub fn value_mut(&mut self) -> &mut Value {
        Arc::make_mut(&mut self.0)
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or("")
    }

    /// `apiVersion`, or the empty text.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// `kind`, or the empty text.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// `metadata.name`, or the empty text.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `metadata.generateName`, or the empty text.
    pub fn generate_name(&self) -> &str {
        self.text("/metadata/generateName")
    }

    /// `metadata.namespace`, or the empty text.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::parse(self.api_version(), self.kind())
    }

    /// Group, kind, namespace and name as the manifest itself says them.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.gvk().group_kind, self.namespace(), self.name())
    }

    /// `metadata.annotations[name]`.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(name)?.as_str()
    }

    /// `metadata.labels[name]`.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(name)?.as_str()
    }

    /// True if the comma-separated annotation `name` holds `item` (white space around items ignored).
    pub fn annotation_lists(&self, name: &str, item: &str) -> bool {
        self.annotation(name).is_some_and(|list| list.split(',').any(|entry| entry.trim() == item))
    }

    /// Sets `metadata.annotations[name]`.
    pub fn set_annotation(&mut self, name: &str, value: impl Into<String>) {
        let metadata = object_entry(self.value_mut(), "metadata");
        object_entry(metadata, "annotations")
            .as_object_mut()
            .expect("object_entry yields an object")
            .insert(name.to_owned(), Value::String(value.into()));
    }

    /// Sets `metadata.name`.
    pub fn set_name(&mut self, name: &str) {
        self.set_metadata("name", Value::String(name.to_owned()));
    }

    /// Sets `metadata.namespace`; the empty text takes it away.
    pub fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            if let Some(metadata) = self.value_mut().get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("namespace");
            }
        } else {
            self.set_metadata("namespace", Value::String(namespace.to_owned()));
        }
    }

    /// Adds to `metadata.finalizers` what is not there yet.
    pub fn add_finalizer(&mut self, finalizer: &str) {
        let metadata = object_entry(self.value_mut(), "metadata");
        let metadata = metadata.as_object_mut().expect("object_entry yields an object");
        let entry = metadata.entry("finalizers").or_insert_with(|| Value::Array(Vec::new()));
        if !entry.is_array() {
            *entry = Value::Array(Vec::new());
        }
        let list = entry.as_array_mut().expect("made an array above");
        if !list.iter().any(|item| item.as_str() == Some(finalizer)) {
            list.push(Value::String(finalizer.to_owned()));
        }
    }

    /// True for a CustomResourceDefinition.
    pub fn is_crd(&self) -> bool {
        self.kind() == "CustomResourceDefinition" && self.api_version().starts_with("apiextensions.k8s.io/")
    }

    fn set_metadata(&mut self, field: &str, value: Value) {
        object_entry(self.value_mut(), "metadata")
            .as_object_mut()
            .expect("object_entry yields an object")
            .insert(field.to_owned(), value);
    }
}

/// `value[name]` as an object, made so where it is absent or something else.
fn object_entry<'v>(value: &'v mut Value, name: &str) -> &'v mut Value {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let entry = value.as_object_mut().expect("made an object above").entry(name).or_insert(Value::Null);
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry
}

/// Where in the repository a manifest came from.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Path inside the repository; empty if a tool produced it.
    pub file: Arc<str>,
    /// First line of the document, from 1; 0 if unknown.
    pub line: u32,
}

/// `file:line`, as far as it is known.
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.line) {
            (true, _) => formatter.write_str("generated manifests"),
            (false, 0) => formatter.write_str(&self.file),
            (false, line) => write!(formatter, "{}:{line}", self.file),
        }
    }
}

/// What Git wants: namespaced by the destination where the kind is namespaced, tracking stamped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Key in the destination cluster.
    pub key: ObjectKey,
    /// The manifest as it will be applied.
    pub manifest: Manifest,
    /// Where it came from.
    pub origin: Origin,
}

/// What the cluster has. Of its managedFields only our own part is kept, see
/// [`super::retain_own_fields`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Key in its cluster.
    pub key: ObjectKey,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
    /// The object as last seen.
    pub manifest: Manifest,
}

impl Live {
    /// Reads the key, UID and resourceVersion out of a full object.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            key: manifest.key(),
            uid: manifest.text("/metadata/uid").into(),
            resource_version: manifest.text("/metadata/resourceVersion").into(),
            manifest,
        }
    }

    /// True once deletion was asked for.
    pub fn is_terminating(&self) -> bool {
        self.manifest.value().pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.manifest
            .value()
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }
}
