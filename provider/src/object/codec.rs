//! Attributes as fields of a manifest, and back: the schema knows both shapes.

use serde_json::{Map, Value as Json, json};
use tfplug::path::Path;
use tfplug::schema::{Attribute, Nesting, Shape};
use tfplug::value::{Number, Type, Value};

use super::field::{field_of, is_int_or_string, is_json_text};

/// A part of a manifest, and where it is not known yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Encoded {
    /// Without nulls and unknown values.
    pub(crate) fields: Map<String, Json>,
    /// The attributes that are not known.
    pub(crate) unknown: Vec<Path>,
}

impl Encoded {
    /// The object.
    pub(crate) fn into_json(self) -> Json {
        Json::Object(self.fields)
    }
}

/// The attributes of this name, as fields.
pub(crate) fn encode(attributes: &[Attribute], names: &[&str], object: &Value) -> Encoded {
    let mut unknown = Vec::new();
    let chosen = attributes.iter().filter(|attribute| names.contains(&attribute.name.as_str()));
    let fields = fields(chosen, object, &Path::root(), &mut unknown);
    Encoded { fields, unknown }
}

fn fields<'a>(
    attributes: impl Iterator<Item = &'a Attribute>,
    object: &Value,
    path: &Path,
    unknown: &mut Vec<Path>,
) -> Map<String, Json> {
    let mut fields = Map::new();
    for attribute in attributes {
        let value = object.attribute(&attribute.name);
        let path = path.attribute(&attribute.name);
        if let Some(json) = encoded(attribute, value, &path, unknown) {
            fields.insert(field_of(&attribute.name), json);
        }
    }
    fields
}

fn encoded(attribute: &Attribute, value: &Value, path: &Path, unknown: &mut Vec<Path>) -> Option<Json> {
    if value.is_null() {
        return None;
    }
    if value.is_unknown() {
        unknown.push(path.clone());
        return None;
    }
    match (&attribute.shape, value) {
        (Shape::Nested(Nesting::Single, nested), value) => {
            Some(Json::Object(fields(nested.iter(), value, path, unknown)))
        }
        (Shape::Nested(Nesting::List | Nesting::Set, nested), value) => {
            let elements = value.elements().unwrap_or_default().iter().enumerate();
            let objects = elements.map(|(index, element)| {
                let path = path.index(index);
                if element.is_unknown() {
                    unknown.push(path);
                    return Json::Object(Map::new());
                }
                Json::Object(fields(nested.iter(), element, &path, unknown))
            });
            Some(Json::Array(objects.collect()))
        }
        (Shape::Nested(Nesting::Map, nested), value) => {
            let entries = value.entries().into_iter().flatten();
            let objects = entries.map(|(key, element)| {
                (key.clone(), Json::Object(fields(nested.iter(), element, &path.key(key), unknown)))
            });
            Some(Json::Object(objects.collect()))
        }
        (Shape::Type(_), Value::String(text)) if is_json_text(&attribute.name) => {
            serde_json::from_str(text).ok()
        }
        (Shape::Type(_), Value::String(text)) if is_int_or_string(&attribute.name) => {
            Some(text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)))
        }
        (Shape::Type(_), value) => plain(value, path, unknown),
    }
}

fn plain(value: &Value, path: &Path, unknown: &mut Vec<Path>) -> Option<Json> {
    match value {
        Value::Null => None,
        Value::Unknown(_) => {
            unknown.push(path.clone());
            None
        }
        Value::Bool(flag) => Some(json!(flag)),
        Value::Number(number) => {
            Some(number.to_i64().map_or_else(|| json!(number.to_f64()), |whole| json!(whole)))
        }
        Value::String(text) => Some(json!(text)),
        Value::List(elements) | Value::Set(elements) => {
            let elements = elements
                .iter()
                .enumerate()
                .map(|(index, element)| plain(element, &path.index(index), unknown).unwrap_or(Json::Null));
            Some(Json::Array(elements.collect()))
        }
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .filter_map(|(key, element)| Some((key.clone(), plain(element, &path.key(key), unknown)?)));
            Some(Json::Object(entries.collect()))
        }
        Value::Typed(typed) => plain(&typed.1, path, unknown),
    }
}

/// Fields as the attributes of these names. What an object lacks is null, or empty where it must not be.
pub(crate) fn decode(attributes: &[Attribute], names: &[&str], object: &Json) -> Vec<(String, Value)> {
    let chosen = attributes.iter().filter(|attribute| names.contains(&attribute.name.as_str()));
    chosen.map(|attribute| (attribute.name.clone(), decoded(attribute, field(object, attribute)))).collect()
}

fn field<'j>(object: &'j Json, attribute: &Attribute) -> &'j Json {
    object.get(field_of(&attribute.name)).unwrap_or(&Json::Null)
}

fn decoded(attribute: &Attribute, json: &Json) -> Value {
    if json.is_null() {
        return if attribute.nullable { Value::Null } else { empty(&attribute.shape) };
    }
    match &attribute.shape {
        Shape::Nested(Nesting::Single, nested) => object(nested, json),
        Shape::Nested(Nesting::List, nested) => {
            Value::List(json.as_array().into_iter().flatten().map(|json| object(nested, json)).collect())
        }
        Shape::Nested(Nesting::Set, nested) => {
            Value::Set(json.as_array().into_iter().flatten().map(|json| object(nested, json)).collect())
        }
        Shape::Nested(Nesting::Map, nested) => {
            Value::map(json.as_object().into_iter().flatten().map(|(key, json)| (key, object(nested, json))))
        }
        Shape::Type(_) if is_json_text(&attribute.name) => Value::string(json.to_string()),
        Shape::Type(ty) => typed(ty, json),
    }
}

fn object(attributes: &[Attribute], json: &Json) -> Value {
    Value::map(
        attributes
            .iter()
            .map(|attribute| (attribute.name.clone(), decoded(attribute, field(json, attribute)))),
    )
}

fn typed(ty: &Type, json: &Json) -> Value {
    let elements = |element: &Type| -> Vec<Value> {
        json.as_array().into_iter().flatten().map(|json| typed(element, json)).collect()
    };
    match ty {
        Type::Bool => json.as_bool().map_or(Value::Null, Value::Bool),
        Type::Number => json.to_string().parse::<Number>().map_or(Value::Null, Value::Number),
        Type::String => Value::string(json.as_str().map_or_else(|| json.to_string(), str::to_owned)),
        Type::List(element) => Value::List(elements(element)),
        Type::Set(element) => Value::Set(elements(element)),
        Type::Map(element) => {
            Value::map(json.as_object().into_iter().flatten().map(|(key, json)| (key, typed(element, json))))
        }
        _ => Value::Null,
    }
}

/// What stands for an absent value where null is not one.
fn empty(shape: &Shape) -> Value {
    match shape {
        Shape::Nested(Nesting::Single, nested) => object(nested, &Json::Null),
        Shape::Nested(Nesting::List, _) | Shape::Type(Type::List(_)) => Value::List(Vec::new()),
        Shape::Nested(Nesting::Set, _) | Shape::Type(Type::Set(_)) => Value::Set(Vec::new()),
        Shape::Nested(Nesting::Map, _) | Shape::Type(Type::Map(_)) => Value::map::<String>([]),
        Shape::Type(Type::Bool) => Value::Bool(false),
        Shape::Type(Type::Number) => Value::Number(Number::from(0)),
        Shape::Type(_) => Value::string(""),
    }
}
