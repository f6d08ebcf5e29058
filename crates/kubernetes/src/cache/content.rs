//! What of an object is kept, and when two states of it are the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use bridgehead_engine::manifest::retain_own_fields;
use serde_json::Value;

/// Takes out what nobody here looks at.
pub(super) fn strip(object: &mut Value) {
    retain_own_fields(object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("selfLink");
    }
}

/// A hash of everything but resourceVersion and managedFields, whatever the order of the keys.
pub(super) fn hash(object: &Value) -> u64 {
    let mut sum = 0_u64;
    for (name, value) in object.as_object().into_iter().flatten() {
        let part = match (name.as_str(), value.as_object()) {
            ("metadata", Some(metadata)) => metadata
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "resourceVersion" | "managedFields"))
                .fold(0, |sum: u64, (name, value)| sum.wrapping_add(entry(name, hash_value(value)))),
            _ => hash_value(value),
        };
        sum = sum.wrapping_add(entry(name, part));
    }
    sum
}

fn entry(name: &str, value: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (name, value).hash(&mut hasher);
    hasher.finish()
}

fn hash_value(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(flag) => (1_u8, flag).hash(&mut hasher),
        Value::Number(number) => (2_u8, number).hash(&mut hasher),
        Value::String(text) => (3_u8, text).hash(&mut hasher),
        Value::Array(items) => {
            (4_u8, items.len()).hash(&mut hasher);
            for item in items {
                hash_value(item).hash(&mut hasher);
            }
        }
        Value::Object(fields) => {
            let sum = fields
                .iter()
                .fold(0, |sum: u64, (name, value)| sum.wrapping_add(entry(name, hash_value(value))));
            (5_u8, fields.len(), sum).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_somebody_looks_at_counts() {
        let one = json!({"metadata": {"name": "a", "resourceVersion": "1", "managedFields": [1]}, "spec": {"x": 1}});
        let two = json!({"spec": {"x": 1}, "metadata": {"resourceVersion": "2", "name": "a"}});
        assert_eq!(hash(&one), hash(&two));
        let three = json!({"spec": {"x": 2}, "metadata": {"resourceVersion": "2", "name": "a"}});
        assert_ne!(hash(&one), hash(&three));
    }

    #[test]
    fn a_value_that_moves_to_another_field_is_a_change() {
        assert_ne!(hash(&json!({"a": {"b": 1}, "c": {}})), hash(&json!({"a": {}, "c": {"b": 1}})));
        assert_ne!(hash(&json!({"a": [1, 2]})), hash(&json!({"a": [2, 1]})));
    }
}
