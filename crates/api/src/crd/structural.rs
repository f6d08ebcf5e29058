//! From JSON Schema as schemars writes it to the structural schema that the API server demands: every node with
//! one type, nothing nullable, no `$ref`, no `anyOf` beyond int-or-string, no titles and no defaults.

use serde_json::{Map, Value};

/// The structural form of a schema.
pub(super) fn structural(schema: Value) -> Value {
    let mut root = node(schema);
    if let Value::Object(fields) = &mut root {
        fields.remove("$schema");
    }
    // The API server knows what metadata is, and refuses a schema that adds so much as a description.
    if let Some(Value::Object(metadata)) = root.pointer_mut("/properties/metadata") {
        metadata.remove("description");
    }
    root
}

/// Takes the descriptions out of every property with one of these names, and of everything in it.
pub(super) fn without_descriptions_below(schema: &mut Value, names: &[&str]) {
    each_child(schema, &mut |name, child| {
        if name.is_some_and(|name| names.contains(&name)) {
            without_descriptions(child);
        } else {
            without_descriptions_below(child, names);
        }
    });
}

fn without_descriptions(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        fields.remove("description");
    }
    each_child(schema, &mut |_, child| without_descriptions(child));
}

fn each_child(schema: &mut Value, visit: &mut dyn FnMut(Option<&str>, &mut Value)) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties.iter_mut() {
            visit(Some(name), property);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = schema.get_mut(key) {
            visit(None, child);
        }
    }
}

fn node(schema: Value) -> Value {
    let Value::Object(mut fields) = schema else {
        // `true`: anything goes.
        return serde_json::json!({"x-kubernetes-preserve-unknown-fields": true});
    };
    // Defaults of the Rust types are zero values, which Argo CD's CRDs do not write into objects.
    for key in ["title", "default", "nullable", "writeOnly", "readOnly", "minimum"] {
        fields.remove(key);
    }
    unwrap_single(&mut fields, "allOf");
    if !fields.contains_key("x-kubernetes-int-or-string") {
        unwrap_words(&mut fields);
    }
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = fields.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        for (_, property) in properties.iter_mut() {
            *property = node(property.take());
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = fields.get_mut(key)
            && !child.is_boolean()
        {
            *child = node(child.take());
        }
    }
    // Kubernetes prunes what a schema does not name; forbidding it would refuse what Argo CD accepts.
    if fields.get("additionalProperties").is_some_and(Value::is_boolean) {
        fields.remove("additionalProperties");
    }
    Value::Object(fields)
}

/// `allOf: [x]` is `x`: schemars writes it where a reference carries a description of its own.
fn unwrap_single(fields: &mut Map<String, Value>, key: &str) {
    let Some(Value::Array(parts)) = fields.get_mut(key) else { return };
    if parts.len() != 1 {
        return;
    }
    let Some(Value::Object(part)) = parts.pop() else { return };
    fields.remove(key);
    for (name, value) in part {
        fields.entry(name).or_insert(value);
    }
}

/// `oneOf` or `anyOf` over constants is an `enum`; over one schema and null, that schema.
fn unwrap_words(fields: &mut Map<String, Value>) {
    for key in ["oneOf", "anyOf"] {
        let Some(Value::Array(parts)) = fields.remove(key) else { continue };
        let parts: Vec<Value> = parts.into_iter().filter(|part| !is_null(part)).collect();
        let words: Vec<Value> = parts.iter().filter_map(word).flatten().collect();
        if parts.iter().all(|part| word(part).is_some()) {
            fields.insert("type".to_owned(), "string".into());
            fields.insert("enum".to_owned(), Value::Array(words));
        } else if let [Value::Object(only)] = parts.as_slice() {
            for (name, value) in only {
                fields.entry(name.clone()).or_insert_with(|| value.clone());
            }
            unwrap_words(fields);
        } else {
            fields.insert(key.to_owned(), Value::Array(parts));
        }
    }
}

fn is_null(part: &Value) -> bool {
    part["type"] == "null"
        || part["enum"] == serde_json::json!([null])
        || part.get("const").is_some_and(Value::is_null)
}

fn word(part: &Value) -> Option<Vec<Value>> {
    if let Some(constant) = part.get("const") {
        return Some(vec![constant.clone()]);
    }
    match part.get("enum") {
        Some(Value::Array(words)) if part["type"] == "string" => Some(words.clone()),
        _ => None,
    }
}
