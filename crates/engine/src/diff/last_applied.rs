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
    let mut value = with_annotations(desired.manifest.value().clone());
    remove_annotation(&mut value);
    let mut text = go_json(&value);
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
fn remove_annotation(value: &mut Value) {
    if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
}

/// JSON as Go's encoder writes it: keys sorted, `<`, `>`, `&` and the two line separators escaped, whole
/// numbers without a fraction.
fn go_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => text.push_str(&go_float(float)),
            None => text.push_str(&number.to_string()),
        },
        Value::String(own) => write_text(own, text),
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.iter().collect();
            entries.sort_unstable_by(|left, right| left.0.cmp(right.0));
            text.push('{');
            for (position, (name, value)) in entries.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_text(name, text);
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
    }
}

fn write_text(own: &str, text: &mut String) {
    for character in Value::from(own).to_string().chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
}

/// The shortest decimals; an exponent only for very great and very small amounts.
fn go_float(float: f64) -> String {
    let amount = float.abs();
    if amount == 0.0 || (1e-6..1e21).contains(&amount) {
        return format!("{float}");
    }
    let text = format!("{float:e}");
    if amount >= 1.0 { text.replacen('e', "e+", 1) } else { text }
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
    fn numbers_are_written_as_go_writes_them() {
        for (float, expected) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (1e-5, "0.00001"),
            (1e-7, "1e-7"),
            (1.5e300, "1.5e+300"),
            (1e20, "100000000000000000000"),
        ] {
            assert_eq!(go_json(&json!(float)), expected);
        }
    }

    #[test]
    fn the_annotation_never_holds_itself() {
        let text = annotation(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "annotations": {LAST_APPLIED: "{}", "x": "y"}}}));
        assert!(!text.contains(LAST_APPLIED), "{text}");
        assert!(text.contains("\"x\":\"y\""), "{text}");
    }
}
