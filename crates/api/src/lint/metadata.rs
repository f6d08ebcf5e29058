//! `metadata` of the three kinds, which their schemas leave to the API server.

use super::tree::{Node, Value};
use super::{Report, schema};
use crate::annotations as names;
use crate::nearest::nearest;

const FIELDS: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

const FINALIZERS: &[&str] = &[
    names::RESOURCES_FINALIZER,
    names::RESOURCES_FINALIZER_FOREGROUND,
    names::RESOURCES_FINALIZER_BACKGROUND,
    names::PRE_DELETE_FINALIZER,
    names::POST_DELETE_FINALIZER,
    "pre-delete-finalizer.argocd.argoproj.io/cleanup",
    "post-delete-finalizer.argocd.argoproj.io/cleanup",
    "foregroundDeletion",
    "orphan",
];

pub(super) fn check(document: &Node, report: &mut Report) {
    let Some(metadata) = document.get("metadata") else { return };
    if !matches!(metadata.value, Value::Map(_)) {
        return;
    }
    for entry in metadata.entries() {
        if !FIELDS.contains(&entry.name.as_str()) {
            let hint =
                nearest(&entry.name, FIELDS.iter().copied()).map(|name| format!("did you mean `{name}`?"));
            let path = schema::field("metadata", &entry.name);
            report.error(path, entry, format!("unknown field `{}`", entry.name), hint);
        }
    }
    for name in ["name", "namespace", "generateName"] {
        if let Some(value) = metadata.get(name) {
            schema::expect_text(&format!("metadata.{name}"), value, report);
        }
    }
    if metadata.get("name").is_none() && metadata.get("generateName").is_none() {
        report.error("metadata.name", metadata, "required field `name` is missing", None);
    }
    // Annotations are looked at for every kind of object.
    for entry in metadata.get("labels").map(Node::entries).unwrap_or_default() {
        schema::expect_text(&schema::field("metadata.labels", &entry.name), &entry.value, report);
    }
    finalizers("metadata.finalizers", metadata.get("finalizers"), report);
}

/// A finalizer that nobody serves keeps an object for ever; one that is nearly Argo CD's is a slip.
pub(super) fn finalizers(path: &str, list: Option<&Node>, report: &mut Report) {
    for (index, item) in list.map(Node::items).unwrap_or_default().iter().enumerate() {
        let Some(finalizer) = item.text() else { continue };
        if finalizer.contains("argo") && !FINALIZERS.contains(&finalizer) {
            let hint =
                nearest(finalizer, FINALIZERS.iter().copied()).map(|name| format!("did you mean `{name}`?"));
            let says =
                format!("nothing serves the finalizer `{finalizer}`, so the object could never be deleted");
            report.warning(format!("{path}[{index}]"), item, says, hint);
        }
    }
}
