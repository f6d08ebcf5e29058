//! `kubectl`'s record of what it applied last.

use bridgehead_api::annotations::LAST_APPLIED;
use serde_json::Value;

use crate::manifest::{Desired, Manifest};

/// What was applied last, by the live object's annotation; none where it is absent or no JSON object.
pub(super) fn of_live(live: &Manifest) -> Option<Value> {
    let text = live.annotation(LAST_APPLIED)?;
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// The annotation's value for this manifest, as `kubectl` writes it: compact JSON with sorted keys and a
/// line feed at the end, without the annotation itself.
pub fn last_applied_annotation(desired: &Desired) -> String {
    let mut text = match desired.manifest.annotation(LAST_APPLIED) {
        None => go_json(&with_annotations(desired.manifest.value().clone())),
        Some(_) => {
            let mut value = desired.manifest.value().clone();
            remove_annotation(&mut value);
            go_json(&with_annotations(value))
        }
    };
    text.push('\n');
    text
}

/// `kubectl` writes an empty map of annotations where there are none.
fn with_annotations(mut value: Value) -> Value {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        let entry = metadata.entry("annotations").or_insert(Value::Null);
        if entry.is_null() {
            *entry = Value::Object(serde_json::Map::new());
        }
    }
    value
}

/// Takes the annotation out of a manifest.
pub(super) fn remove_annotation(value: &mut Value) {
    if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
}

/// JSON as Go's encoder writes it: keys sorted, `<`, `>` and `&` and the two line separators escaped.
fn go_json(value: &Value) -> String {
    let sorted = sorted(value);
    let text = sorted.to_string();
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    // These characters can only stand inside strings, where an escape means the same.
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The same value with sorted keys, whatever order serde_json's maps keep in this build.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.iter().collect();
            entries.sort_by(|left, right| left.0.cmp(right.0));
            Value::Object(entries.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::Origin;

    fn annotation(value: Value) -> String {
        let manifest = Manifest::new(value);
        last_applied_annotation(&Desired { key: manifest.key(), manifest, origin: Origin::default() })
    }

    #[test]
    fn keys_are_sorted_and_a_line_feed_ends_it() {
        let text = annotation(json!({
            "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"b": "<&>", "a": "1"}
        }));
        assert_eq!(
            text,
            "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"1\",\"b\":\"\\u003c\\u0026\\u003e\"},\"kind\":\"ConfigMap\",\
             \"metadata\":{\"annotations\":{},\"name\":\"a\"}}\n"
        );
    }

    #[test]
    fn the_annotation_never_holds_itself() {
        let text = annotation(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "annotations": {LAST_APPLIED: "{}", "x": "y"}}}));
        assert!(!text.contains(LAST_APPLIED), "{text}");
        assert!(text.contains("\"x\":\"y\""), "{text}");
    }
}
