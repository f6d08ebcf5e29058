//! What the API server demands of a schema, and what clients expect of the definitions.

use serde_json::Value;

use super::{Kind, definition};

/// Every node of a schema, with its path.
fn nodes(schema: &Value) -> Vec<(String, &Value)> {
    fn walk<'a>(path: String, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(format!("{path}.{name}"), property, found);
        }
        for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
            if let Some(child) = schema.get(key) {
                walk(format!("{path}{mark}"), child, found);
            }
        }
        found.push((path, schema));
    }
    let mut found = Vec::new();
    walk(String::new(), schema, &mut found);
    found
}

fn schema(definition: &Value) -> &Value {
    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

#[test]
fn every_node_is_structural() {
    const ALLOWED: &[&str] = &[
        "type",
        "description",
        "properties",
        "required",
        "items",
        "additionalProperties",
        "enum",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "anyOf",
        "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
    ];
    for kind in Kind::ALL {
        let definition = definition(*kind);
        for (path, node) in nodes(schema(&definition)) {
            let fields = node.as_object().expect("a schema is an object");
            for key in fields.keys() {
                assert!(ALLOWED.contains(&key.as_str()), "{} {path}: {key}", kind.as_str());
            }
            let open = fields.contains_key("x-kubernetes-preserve-unknown-fields");
            let int_or_string = fields.contains_key("x-kubernetes-int-or-string");
            assert!(node["type"].is_string() != int_or_string || open, "{} {path}: {node}", kind.as_str());
            assert_eq!(fields.contains_key("anyOf"), int_or_string, "{} {path}", kind.as_str());
            for name in node["required"].as_array().into_iter().flatten() {
                assert!(
                    node["properties"].get(name.as_str().expect("a name")).is_some(),
                    "{path} requires {name}"
                );
            }
        }
    }
}

#[test]
fn every_field_is_described_where_there_is_room() {
    for kind in [Kind::Application, Kind::AppProject] {
        let definition = definition(kind);
        for (path, node) in nodes(schema(&definition)) {
            let is_field =
                !path.is_empty() && path != ".metadata" && !path.ends_with("[]") && !path.ends_with("{}");
            assert!(!is_field || node["description"].is_string(), "{} {path}", kind.as_str());
        }
    }
}

#[test]
fn definitions_fit_into_etcd_with_room_for_their_managed_fields() {
    for kind in Kind::ALL {
        let bytes = definition(*kind).to_string().len();
        assert!(bytes < 700_000, "{}: {bytes}", kind.as_str());
    }
}

#[test]
fn only_the_application_set_has_a_status_subresource() {
    let subresources = |kind| definition(kind)["spec"]["versions"][0].get("subresources").cloned();
    assert_eq!(subresources(Kind::Application), Some(serde_json::json!({})));
    assert_eq!(subresources(Kind::ApplicationSet), Some(serde_json::json!({"status": {}})));
    assert_eq!(subresources(Kind::AppProject), None);
}

#[test]
fn values_of_any_shape_are_kept() {
    let open = |kind: Kind| -> Vec<String> {
        let paths = nodes(kind.schema()).into_iter();
        let open = paths.filter(|(_, node)| node.get("x-kubernetes-preserve-unknown-fields").is_some());
        open.map(|(path, _)| path).collect()
    };
    assert!(open(Kind::Application).contains(&".spec.source.helm.valuesObject".to_owned()));
    assert_eq!(open(Kind::Application).len(), 15);
    let sets = open(Kind::ApplicationSet);
    for path in [
        ".spec.generators[].list.elements[]",
        ".spec.generators[].plugin.input.parameters{}",
        ".spec.generators[].matrix.generators[].matrix",
        ".spec.generators[].merge.generators[].merge",
    ] {
        assert!(sets.contains(&path.to_owned()), "{path}");
    }
    assert_eq!(open(Kind::AppProject), Vec::<String>::new());
}
