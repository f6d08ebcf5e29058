//! Reading and changing objects as JSON.

use bridgehead_api::{GroupVersionKind, ObjectKey, Uid};
use serde_json::{Map, Value};

/// The text at a JSON pointer, or none.
pub fn text<'o>(object: &'o Value, pointer: &str) -> &'o str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The number at a JSON pointer, or 0.
pub fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// Group, version and kind.
pub fn gvk(object: &Value) -> GroupVersionKind {
    GroupVersionKind::parse(text(object, "/apiVersion"), text(object, "/kind"))
}

/// The key as the object itself says it.
pub fn key(object: &Value) -> ObjectKey {
    ObjectKey::new(
        gvk(object).group_kind,
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> Uid {
    text(object, "/metadata/uid").into()
}

/// `metadata.annotations[name]`.
pub fn annotation<'o>(object: &'o Value, name: &str) -> Option<&'o str> {
    object.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// True once deletion was asked for.
pub fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// `object[a][b]…`, made an object where it is none.
pub fn section<'o>(object: &'o mut Value, path: &[&str]) -> &'o mut Map<String, Value> {
    let mut place = object;
    for name in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = place
            .as_object_mut()
            .expect("made an object above")
            .entry((*name).to_owned())
            .or_insert_with(|| Value::Object(Map::new()));
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    place.as_object_mut().expect("made an object above")
}

/// `metadata`, made an object where it is none.
pub fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    section(object, &["metadata"])
}

/// Sets or takes away the finalizers.
pub fn set_finalizers(object: &mut Value, finalizers: Vec<String>) {
    if finalizers.is_empty() {
        metadata(object).remove("finalizers");
    } else {
        metadata(object).insert("finalizers".into(), finalizers.into());
    }
}
