//! Values as JSON, the form in which states are stored.
//!
//! As msgpack, except that a number keeps its digits as they stand, a dynamic value is an object of
//! `value` and `type`, and nothing is unknown.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Problem, ValueError};
use crate::path::Path;
use crate::value::{Number, NumberError, Type, Value};

/// What a decoder does with an object that isn't quite of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Each attribute is there and no other.
    Exact,
    /// Attributes that the type lacks are dropped, those that the JSON lacks are null: how stored state
    /// of the same version is read.
    Lenient,
}

/// The JSON of `value`, which is of type `ty` and wholly known.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, ValueError> {
    let mut text = String::new();
    write(&mut text, value, ty, &Path::root())?;
    Ok(text.into_bytes())
}

/// The value of type `ty` that `bytes` of JSON hold.
pub fn decode(bytes: &[u8], ty: &Type, objects: Objects) -> Result<Value, ValueError> {
    let raw = serde_json::from_slice(bytes)
        .map_err(|error| ValueError::new(&Path::root(), Problem::Json(error)))?;
    read(raw, ty, objects, &Path::root())
}

/// The value that `bytes` of JSON hold, without a type to direct it: objects are objects, arrays are
/// tuples. The type comes along.
pub fn decode_untyped(bytes: &[u8]) -> Result<(Type, Value), ValueError> {
    let raw = serde_json::from_slice(bytes)
        .map_err(|error| ValueError::new(&Path::root(), Problem::Json(error)))?;
    read_untyped(raw, &Path::root())
}

/// The JSON of a value as it stands: arrays for lists and sets, objects for maps and objects.
pub fn encode_untyped(value: &Value) -> Result<Vec<u8>, ValueError> {
    let mut text = String::new();
    write_untyped(&mut text, value, &Path::root())?;
    Ok(text.into_bytes())
}

fn write_untyped(text: &mut String, value: &Value, path: &Path) -> Result<(), ValueError> {
    match value {
        Value::Typed(_) => write(text, value, &Type::Dynamic, path)?,
        Value::Null => text.push_str("null"),
        Value::Unknown(_) => return Err(ValueError::new(path, Problem::Unknown)),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(value) => write_string(text, value),
        Value::List(elements) | Value::Set(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                comma(text, index);
                write_untyped(text, element, &path.index(index))?;
            }
            text.push(']');
        }
        Value::Map(entries) => {
            text.push('{');
            for (index, (key, element)) in entries.iter().enumerate() {
                comma(text, index);
                write_string(text, key);
                text.push(':');
                write_untyped(text, element, &path.attribute(key))?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write(text: &mut String, value: &Value, ty: &Type, path: &Path) -> Result<(), ValueError> {
    match (value, ty) {
        (Value::Typed(typed), Type::Dynamic) => {
            let (ty, value) = &**typed;
            text.push_str("{\"value\":");
            write(text, value, ty, path)?;
            text.push_str(",\"type\":");
            text.push_str(&ty.to_json().to_string());
            text.push('}');
        }
        (Value::Typed(typed), _) if typed.0 == *ty => write(text, &typed.1, ty, path)?,
        (Value::Null, _) => text.push_str("null"),
        (Value::Unknown(_), _) => return Err(ValueError::new(path, Problem::Unknown)),
        (Value::Bool(value), Type::Bool) => text.push_str(if *value { "true" } else { "false" }),
        (Value::Number(number), Type::Number) => text.push_str(&number.to_string()),
        (Value::String(value), Type::String) => write_string(text, value),
        (Value::List(elements), Type::List(element)) | (Value::Set(elements), Type::Set(element)) => {
            let is_set = matches!(ty, Type::Set(_));
            text.push('[');
            for (index, value) in elements.iter().enumerate() {
                comma(text, index);
                let path = if is_set { path.element() } else { path.index(index) };
                write(text, value, element, &path)?;
            }
            text.push(']');
        }
        (Value::List(elements), Type::Tuple(types)) if elements.len() == types.len() => {
            text.push('[');
            for (index, (value, ty)) in elements.iter().zip(types).enumerate() {
                comma(text, index);
                write(text, value, ty, &path.index(index))?;
            }
            text.push(']');
        }
        (Value::Map(entries), Type::Map(element)) => {
            text.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                comma(text, index);
                write_string(text, key);
                text.push(':');
                write(text, value, element, &path.key(key))?;
            }
            text.push('}');
        }
        (Value::Map(entries), Type::Object { attributes, .. }) => {
            if let Some(name) = entries.keys().find(|name| !attributes.contains_key(*name)) {
                return Err(ValueError::new(path, Problem::Superfluous(name.clone())));
            }
            text.push('{');
            for (index, (name, ty)) in attributes.iter().enumerate() {
                comma(text, index);
                write_string(text, name);
                text.push(':');
                write(text, entries.get(name).unwrap_or(&Value::Null), ty, &path.attribute(name))?;
            }
            text.push('}');
        }
        _ => return Err(ValueError::mismatch(path, ty, value.kind())),
    }
    Ok(())
}

fn comma(text: &mut String, index: usize) {
    if index > 0 {
        text.push(',');
    }
}

fn write_string(text: &mut String, value: &str) {
    text.push_str(&serde_json::Value::from(value).to_string());
}

fn read(raw: &RawValue, ty: &Type, objects: Objects, path: &Path) -> Result<Value, ValueError> {
    let text = raw.get();
    if text == "null" {
        return Ok(Value::Null);
    }
    let mismatch = || ValueError::mismatch(path, ty, kind(text));
    Ok(match ty {
        Type::Bool => match text {
            "true" | "\"true\"" => Value::Bool(true),
            "false" | "\"false\"" => Value::Bool(false),
            _ => return Err(mismatch()),
        },
        Type::Number => {
            // Text is taken for a number too: so some states hold it.
            let digits = text.trim_matches('"');
            let number: Result<Number, NumberError> = digits.parse();
            Value::Number(number.map_err(|_| mismatch())?)
        }
        Type::String => match text.as_bytes().first() {
            Some(b'"') => Value::String(parse(raw, path)?),
            Some(b'{' | b'[') | None => return Err(mismatch()),
            // A number or bool of an older schema.
            Some(_) => Value::String(text.to_owned()),
        },
        Type::List(element) => {
            let elements: Vec<&RawValue> = parse_as(raw, b'[', mismatch)?;
            let read = |(index, raw)| read(raw, element, objects, &path.index(index));
            Value::List(elements.into_iter().enumerate().map(read).collect::<Result<_, _>>()?)
        }
        Type::Set(element) => {
            let elements: Vec<&RawValue> = parse_as(raw, b'[', mismatch)?;
            let read = |raw| read(raw, element, objects, &path.element());
            Value::Set(elements.into_iter().map(read).collect::<Result<_, _>>()?)
        }
        Type::Tuple(types) => {
            let elements: Vec<&RawValue> = parse_as(raw, b'[', mismatch)?;
            if elements.len() != types.len() {
                return Err(ValueError::mismatch(path, ty, &format!("{} elements", elements.len())));
            }
            let read = |(index, (raw, ty))| read(raw, ty, objects, &path.index(index));
            Value::List(elements.into_iter().zip(types).enumerate().map(read).collect::<Result<_, _>>()?)
        }
        Type::Map(element) => {
            let entries: BTreeMap<String, &RawValue> = parse_as(raw, b'{', mismatch)?;
            let read = |(key, raw): (String, _)| {
                let value = read(raw, element, objects, &path.key(&key))?;
                Ok((key, value))
            };
            Value::Map(entries.into_iter().map(read).collect::<Result<_, ValueError>>()?)
        }
        Type::Object { attributes, .. } => {
            let mut entries: BTreeMap<String, &RawValue> = parse_as(raw, b'{', mismatch)?;
            let mut values = BTreeMap::new();
            for (name, ty) in attributes {
                let value = match entries.remove(name) {
                    Some(raw) => read(raw, ty, objects, &path.attribute(name))?,
                    None if objects == Objects::Lenient => Value::Null,
                    None => return Err(ValueError::new(path, Problem::Missing(name.clone()))),
                };
                values.insert(name.clone(), value);
            }
            if let (Some(name), Objects::Exact) = (entries.into_keys().next(), objects) {
                return Err(ValueError::new(path, Problem::Superfluous(name)));
            }
            Value::Map(values)
        }
        Type::Dynamic => {
            let entries: BTreeMap<String, &RawValue> = parse_as(raw, b'{', mismatch)?;
            let (Some(ty), Some(value)) = (entries.get("type"), entries.get("value")) else {
                return Err(ValueError::mismatch(path, "a type and a value", "another object"));
            };
            let ty = Type::from_bytes(ty.get().as_bytes())
                .map_err(|error| ValueError::new(path, Problem::Type(error)))?;
            let value = read(value, &ty, objects, path)?;
            Value::typed(ty, value)
        }
    })
}

fn read_untyped(raw: &RawValue, path: &Path) -> Result<(Type, Value), ValueError> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'n') | None => (Type::Dynamic, Value::Null),
        Some(b't' | b'f') => (Type::Bool, Value::Bool(text == "true")),
        Some(b'"') => (Type::String, Value::String(parse(raw, path)?)),
        Some(b'[') => {
            let elements: Vec<&RawValue> = parse(raw, path)?;
            let mut types = Vec::with_capacity(elements.len());
            let mut values = Vec::with_capacity(elements.len());
            for (index, raw) in elements.into_iter().enumerate() {
                let (ty, value) = read_untyped(raw, &path.index(index))?;
                types.push(ty);
                values.push(value);
            }
            (Type::Tuple(types), Value::List(values))
        }
        Some(b'{') => {
            let entries: BTreeMap<String, &RawValue> = parse(raw, path)?;
            let mut types = BTreeMap::new();
            let mut values = BTreeMap::new();
            for (name, raw) in entries {
                let (ty, value) = read_untyped(raw, &path.attribute(&name))?;
                types.insert(name.clone(), ty);
                values.insert(name, value);
            }
            (Type::object(types), Value::Map(values))
        }
        Some(_) => {
            let number = text.parse().map_err(|error| ValueError::new(path, Problem::Number(error)))?;
            (Type::Number, Value::Number(number))
        }
    })
}

fn parse<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue, path: &Path) -> Result<T, ValueError> {
    serde_json::from_str(raw.get()).map_err(|error| ValueError::new(path, Problem::Json(error)))
}

/// Parses what begins with `first`; anything else is a mismatch.
fn parse_as<'a, T: serde::Deserialize<'a>>(
    raw: &'a RawValue,
    first: u8,
    mismatch: impl Fn() -> ValueError,
) -> Result<T, ValueError> {
    if raw.get().as_bytes().first() != Some(&first) {
        return Err(mismatch());
    }
    serde_json::from_str(raw.get()).map_err(|_| mismatch())
}

/// What JSON text is, in the words of an error message.
fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "a bool",
        Some(b'"') => "a string",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let json = b"18446744073709551617.000000000000000000001";
        let value = decode(json, &Type::Number, Objects::Exact).unwrap();
        assert_eq!(encode(&value, &Type::Number).unwrap(), json);
    }

    #[test]
    fn dynamic_values_carry_their_type() {
        let value = Value::typed(Type::list(Type::String), Value::List(vec![Value::from("a")]));
        let json = encode(&value, &Type::Dynamic).unwrap();
        assert_eq!(String::from_utf8_lossy(&json), r#"{"value":["a"],"type":["list","string"]}"#);
        assert_eq!(decode(&json, &Type::Dynamic, Objects::Exact).unwrap(), value);
    }

    #[test]
    fn stored_state_may_lack_and_exceed_the_schema_and_other_json_may_not() {
        let ty = Type::object([("kept", Type::String), ("added", Type::Bool)]);
        let json = br#"{"kept":"x","removed":[1]}"#;
        let value = decode(json, &ty, Objects::Lenient).unwrap();
        assert_eq!(value, Value::map([("kept", Value::from("x")), ("added", Value::Null)]));
        assert!(decode(json, &ty, Objects::Exact).is_err());
    }

    #[test]
    fn an_error_says_where() {
        let ty = Type::object([("a", Type::map(Type::Number))]);
        let error = decode(br#"{"a":{"k":{}}}"#, &ty, Objects::Exact).unwrap_err();
        assert_eq!(error.to_string(), r#"`a["k"]`: expected number, found an object"#);
    }

    #[test]
    fn json_without_a_type_becomes_objects_and_tuples() {
        let (ty, value) = decode_untyped(br#"{"a":[1,"x",null]}"#).unwrap();
        assert_eq!(ty.to_string(), "object({a = tuple([number, string, any])})");
        assert_eq!(value.attribute("a").elements().unwrap().len(), 3);
    }
}
