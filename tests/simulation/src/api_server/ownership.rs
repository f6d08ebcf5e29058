//! managedFields, as server-side apply writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::strategic::{self, Rule};

/// The managedFields of an object to which these managers have applied these manifests.
pub(super) fn managed_fields(applied: &BTreeMap<&'static str, Value>) -> Value {
    let entries = applied.iter().map(|(manager, manifest)| {
        let mut manifest = manifest.clone();
        if let Some(fields) = manifest.as_object_mut() {
            fields.remove("kind");
            fields.remove("status");
        }
        let version = manifest.as_object_mut().and_then(|fields| fields.remove("apiVersion"));
        if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|name, _| !matches!(name.as_str(), "name" | "namespace" | "generateName"));
        }
        json!({
            "manager": manager, "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1",
            "fieldsV1": fields("", &manifest),
        })
    });
    Value::Array(entries.collect())
}

/// The names of a value's fields, as `fieldsV1` has them.
fn fields(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(inner) => {
            let named = inner.iter().filter(|(_, value)| !value.is_null());
            Value::Object(named.map(|(name, value)| (format!("f:{name}"), fields(name, value))).collect())
        }
        Value::Array(items) => match strategic::rule(name, items) {
            Rule::Whole => json!({}),
            Rule::Set => Value::Object(items.iter().map(|item| (format!("v:{item}"), json!({}))).collect()),
            Rule::By(key) => {
                let element = |item: &Value| {
                    let mut inner = fields("", item);
                    if let Some(inner) = inner.as_object_mut() {
                        inner.insert(".".into(), json!({}));
                    }
                    (format!("k:{}", json!({key: item.get(key)})), inner)
                };
                Value::Object(items.iter().map(element).collect::<Map<String, Value>>())
            }
        },
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_lists_are_named_by_their_keys() {
        let manifest = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "main", "args": ["x"]}]}}},
        });
        assert_eq!(
            managed_fields(&BTreeMap::from([("us", manifest)])),
            json!([{"manager": "us", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
                    "k:{\"name\":\"main\"}": {".": {}, "f:args": {}, "f:name": {}},
                }}}},
            }}])
        );
    }
}
