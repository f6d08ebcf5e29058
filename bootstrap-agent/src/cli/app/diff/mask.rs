//! Values of Secrets are never shown.

use bridgehead_api::annotations::LAST_APPLIED;
use serde_json::Value;

/// What stands for a value that is there.
const HIDDEN: &str = "++++++++";
/// What stands for a value that would replace another.
pub(super) const CHANGED: &str = "+++++++++";

/// An object for people: without the values of a Secret, and without managedFields.
pub(crate) fn masked(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if is_secret(&object) {
        for field in ["data", "stringData"] {
            if let Some(entries) = object.get_mut(field).and_then(Value::as_object_mut) {
                entries.values_mut().for_each(|value| *value = HIDDEN.into());
            }
        }
        // Holds the whole Secret once more.
        if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
        {
            annotations.remove(LAST_APPLIED);
        }
    }
    object
}

/// True for a Secret of the core group.
pub(super) fn is_secret(object: &Value) -> bool {
    object["kind"] == "Secret" && object["apiVersion"] == "v1"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::masked;

    #[test]
    fn no_value_of_a_secret_is_left() {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"a\":\"hidden\"}}", "b": "c",
            }},
            "data": {"a": "hidden"}, "stringData": {"b": "hidden"}, "type": "Opaque",
        });
        let text = masked(&secret).to_string();
        assert!(!text.contains("hidden"), "{text}");
        assert!(text.contains("\"b\":\"c\"") && text.contains("Opaque"), "{text}");
    }

    #[test]
    fn other_objects_are_shown_as_they_are() {
        for object in [
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}),
            json!({"apiVersion": "example.com/v1", "kind": "Secret", "data": {"a": "b"}}),
        ] {
            assert_eq!(masked(&object), object);
        }
    }
}
