//! Values as msgpack, the form in which they cross the wire.
//!
//! - null is nil; an unknown is an extension of type 0, or of type 12 with what is known of it;
//! - a number is an integer where it is one of 64 bits, a float where it has a fraction and is one exactly,
//!   else text;
//! - lists, tuples and sets are arrays; maps and objects are maps, objects with every attribute;
//! - where the type is dynamic, a value is an array of the JSON form of its type and the value itself,
//!   except that an unknown of no known type stands bare.

use std::collections::BTreeMap;

use super::reader::{Head, Reader};
use super::{Problem, ValueError};
use crate::path::Path;
use crate::value::{Bounds, Number, NumberError, Refinement, Type, Value};

/// The extension of an unknown of which nothing is known; its one byte means nothing.
const UNKNOWN: [u8; 3] = [0xd4, 0, 0];
/// The extension type of an unknown with bounds.
const REFINED: i8 = 12;
/// Bytes of a string's prefix that are sent at most.
const LONGEST_PREFIX: usize = 256;

/// The keys in the map of a refined unknown.
mod key {
    pub(super) const NULLABLE: u64 = 1;
    pub(super) const PREFIX: u64 = 2;
    pub(super) const LOWER: u64 = 3;
    pub(super) const UPPER: u64 = 4;
    pub(super) const SHORTEST: u64 = 5;
    pub(super) const LONGEST: u64 = 6;
}

/// The bytes of `value`, which is of type `ty`.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, ValueError> {
    let mut bytes = Vec::new();
    write(&mut bytes, value, ty, &Path::root())?;
    Ok(bytes)
}

/// The value of type `ty` that `bytes` hold.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, ValueError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader, ty, &Path::root())?;
    if !reader.is_empty() {
        return Err(ValueError::new(&Path::root(), Problem::Damaged("they go on after the value")));
    }
    Ok(value)
}

/// A vector takes every byte, so what the writer returns is dropped.
macro_rules! put {
    ($function:ident($bytes:expr $(, $argument:expr)*)) => {
        // Writing to a vector can't fail.
        let _ = rmp::encode::$function($bytes $(, $argument)*);
    };
}

fn write(bytes: &mut Vec<u8>, value: &Value, ty: &Type, path: &Path) -> Result<(), ValueError> {
    match (value, ty) {
        (Value::Typed(typed), Type::Dynamic) => {
            let (ty, value) = &**typed;
            if *ty == Type::Dynamic {
                return write(bytes, value, ty, path);
            }
            put!(write_array_len(bytes, 2));
            put!(write_bin(bytes, &ty.to_bytes()));
            return write(bytes, value, ty, path);
        }
        (Value::Typed(typed), _) if typed.0 == *ty => return write(bytes, &typed.1, ty, path),
        (Value::Null, _) => {
            put!(write_nil(bytes));
        }
        (Value::Unknown(refinement), Type::Dynamic) => {
            // No type, no bounds: Terraform takes only the bare form here.
            let _ = refinement;
            bytes.extend_from_slice(&UNKNOWN);
        }
        (Value::Unknown(refinement), _) => write_unknown(bytes, refinement),
        (Value::Bool(value), Type::Bool) => {
            put!(write_bool(bytes, *value));
        }
        (Value::Number(number), Type::Number) => write_number(bytes, number),
        (Value::String(text), Type::String) => {
            put!(write_str(bytes, text));
        }
        (Value::List(elements), Type::List(element)) | (Value::Set(elements), Type::Set(element)) => {
            put!(write_array_len(bytes, length(elements.len(), path)?));
            let is_set = matches!(ty, Type::Set(_));
            for (index, value) in elements.iter().enumerate() {
                let path = if is_set { path.element() } else { path.index(index) };
                write(bytes, value, element, &path)?;
            }
        }
        (Value::List(elements), Type::Tuple(types)) => {
            if elements.len() != types.len() {
                let found = format!("{} elements", elements.len());
                return Err(ValueError::mismatch(path, ty, &found));
            }
            put!(write_array_len(bytes, length(elements.len(), path)?));
            for (index, (value, ty)) in elements.iter().zip(types).enumerate() {
                write(bytes, value, ty, &path.index(index))?;
            }
        }
        (Value::Map(entries), Type::Map(element)) => {
            put!(write_map_len(bytes, length(entries.len(), path)?));
            for (key, value) in entries {
                put!(write_str(bytes, key));
                write(bytes, value, element, &path.key(key))?;
            }
        }
        (Value::Map(entries), Type::Object { attributes, .. }) => {
            if let Some(name) = entries.keys().find(|name| !attributes.contains_key(*name)) {
                return Err(ValueError::new(path, Problem::Superfluous(name.clone())));
            }
            put!(write_map_len(bytes, length(attributes.len(), path)?));
            for (name, ty) in attributes {
                put!(write_str(bytes, name));
                write(bytes, entries.get(name).unwrap_or(&Value::Null), ty, &path.attribute(name))?;
            }
        }
        _ => return Err(ValueError::mismatch(path, ty, value.kind())),
    }
    Ok(())
}

fn length(length: usize, path: &Path) -> Result<u32, ValueError> {
    u32::try_from(length).map_err(|_| ValueError::refused(path, "more than 2^32 elements"))
}

fn write_number(bytes: &mut Vec<u8>, number: &Number) {
    if let Some(integer) = number.to_i64() {
        put!(write_sint(bytes, integer));
    } else if let Some(float) = number.to_f64_exactly().filter(|_| !number.is_integer()) {
        put!(write_f64(bytes, float));
    } else {
        // Larger integers too, even those that a float holds: read as a float, Terraform takes them for
        // a number with the digits of a double (2^64 is 18446744073709552000 then).
        put!(write_str(bytes, &number.to_string()));
    }
}

fn write_unknown(bytes: &mut Vec<u8>, refinement: &Refinement) {
    let Some(bounds) = refinement.bounds() else {
        bytes.extend_from_slice(&UNKNOWN);
        return;
    };
    let mut entries = 0;
    let mut body = Vec::new();
    if bounds.not_null {
        entries += 1;
        put!(write_uint(&mut body, key::NULLABLE));
        put!(write_bool(&mut body, false));
    }
    if let Some(prefix) = &bounds.prefix {
        entries += 1;
        put!(write_uint(&mut body, key::PREFIX));
        put!(write_str(&mut body, &prefix[..prefix.floor_char_boundary(LONGEST_PREFIX)]));
    }
    for (key, bound) in [(key::LOWER, &bounds.lower), (key::UPPER, &bounds.upper)] {
        if let Some((number, inclusive)) = bound {
            entries += 1;
            put!(write_uint(&mut body, key));
            put!(write_array_len(&mut body, 2));
            write_number(&mut body, number);
            put!(write_bool(&mut body, *inclusive));
        }
    }
    for (key, bound) in [(key::SHORTEST, bounds.shortest), (key::LONGEST, bounds.longest)] {
        if let Some(length) = bound {
            entries += 1;
            put!(write_uint(&mut body, key));
            put!(write_uint(&mut body, length));
        }
    }
    let mut map = Vec::with_capacity(body.len() + 1);
    put!(write_map_len(&mut map, entries));
    map.extend_from_slice(&body);
    // The widest bounds are two numbers of 4096 digits and a prefix: far below 2^32.
    let length = u32::try_from(map.len()).unwrap_or(u32::MAX);
    put!(write_ext_meta(bytes, length, REFINED));
    bytes.extend_from_slice(&map);
}

fn read(reader: &mut Reader<'_>, ty: &Type, path: &Path) -> Result<Value, ValueError> {
    let at = |problem| ValueError::new(path, problem);
    // A dynamic value is an array, and so is a list: only the type tells.
    if *ty == Type::Dynamic {
        return read_dynamic(reader, path);
    }
    let head = reader.next().map_err(at)?;
    Ok(match (head, ty) {
        (Head::Nil, _) => Value::Null,
        (Head::Extension(kind, body), _) => Value::Unknown(read_refinement(kind, body).map_err(at)?),
        (Head::Bool(value), Type::Bool) => Value::Bool(value),
        (_, Type::Number) => Value::Number(read_number(head).map_err(at)?),
        (Head::Bytes(bytes), Type::String) => Value::String(text(bytes).map_err(at)?),
        (Head::Array(count), Type::List(element)) => {
            let elements = (0..count).map(|index| read(reader, element, &path.index(index)));
            Value::List(elements.collect::<Result<_, _>>()?)
        }
        (Head::Array(count), Type::Set(element)) => {
            let elements = (0..count).map(|_| read(reader, element, &path.element()));
            Value::Set(elements.collect::<Result<_, _>>()?)
        }
        (Head::Array(count), Type::Tuple(types)) if count == types.len() => {
            let elements = types.iter().enumerate().map(|(index, ty)| read(reader, ty, &path.index(index)));
            Value::List(elements.collect::<Result<_, _>>()?)
        }
        (Head::Map(count), Type::Map(element)) => {
            let mut entries = BTreeMap::new();
            for _ in 0..count {
                let key = read_key(reader).map_err(at)?;
                let value = read(reader, element, &path.key(&key))?;
                entries.insert(key, value);
            }
            Value::Map(entries)
        }
        (Head::Map(count), Type::Object { attributes, .. }) => {
            let mut entries = BTreeMap::new();
            for _ in 0..count {
                let name = read_key(reader).map_err(at)?;
                let Some(ty) = attributes.get(&name) else {
                    return Err(at(Problem::Superfluous(name)));
                };
                let value = read(reader, ty, &path.attribute(&name))?;
                entries.insert(name, value);
            }
            if let Some(name) = attributes.keys().find(|name| !entries.contains_key(*name)) {
                return Err(at(Problem::Missing(name.clone())));
            }
            Value::Map(entries)
        }
        (Head::Array(count), Type::Tuple(_)) => {
            return Err(ValueError::mismatch(path, ty, &format!("{count} elements")));
        }
        _ => return Err(ValueError::mismatch(path, ty, head.kind())),
    })
}

fn read_dynamic(reader: &mut Reader<'_>, path: &Path) -> Result<Value, ValueError> {
    let at = |problem| ValueError::new(path, problem);
    match reader.next().map_err(at)? {
        Head::Nil => Ok(Value::Null),
        Head::Extension(..) => Ok(Value::unknown()),
        Head::Array(2) => {
            let Head::Bytes(json) = reader.next().map_err(at)? else {
                return Err(ValueError::mismatch(path, "a type", "something else"));
            };
            let ty = Type::from_bytes(json).map_err(|error| at(Problem::Type(error)))?;
            let value = read(reader, &ty, path)?;
            Ok(Value::typed(ty, value))
        }
        head => Err(ValueError::mismatch(path, "a type and a value", head.kind())),
    }
}

fn read_key(reader: &mut Reader<'_>) -> Result<String, Problem> {
    match reader.next()? {
        Head::Bytes(bytes) => text(bytes),
        _ => Err(Problem::Damaged("a key is no string")),
    }
}

fn text(bytes: &[u8]) -> Result<String, Problem> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Problem::Damaged("text is not UTF-8"))
}

fn read_number(head: Head<'_>) -> Result<Number, Problem> {
    match head {
        Head::Integer(integer) => Ok(integer.into()),
        Head::Unsigned(integer) => Ok(integer.into()),
        Head::Float(float) => Number::from_f64(float).map_err(Problem::Number),
        Head::Bytes(bytes) => text(bytes)?.parse().map_err(|error: NumberError| Problem::Number(error)),
        _ => Err(Problem::Mismatch { expected: "number".to_owned(), found: head.kind().to_owned() }),
    }
}

const SHAPE: Problem = Problem::Damaged("the bounds of an unknown are not bounds");

/// What an extension tells of an unknown. Any extension stands for one; only type 12 says more.
fn read_refinement(kind: i8, body: &[u8]) -> Result<Refinement, Problem> {
    if kind != REFINED {
        return Ok(Refinement::default());
    }
    let mut reader = Reader::new(body);
    let Head::Map(count) = reader.next()? else {
        return Err(SHAPE);
    };
    let mut bounds = Bounds::default();
    for _ in 0..count {
        let Head::Unsigned(key) = reader.next()? else {
            return Err(SHAPE);
        };
        match (key, reader.peek()?) {
            (key::NULLABLE, Head::Bool(nullable)) => {
                reader.next()?;
                bounds.not_null = !nullable;
            }
            (key::PREFIX, Head::Bytes(bytes)) => {
                reader.next()?;
                bounds.prefix = Some(text(bytes)?);
            }
            (key::LOWER | key::UPPER, Head::Array(2)) => {
                reader.next()?;
                let number = read_number(reader.next()?)?;
                let Head::Bool(inclusive) = reader.next()? else {
                    return Err(SHAPE);
                };
                let bound = if key == key::LOWER { &mut bounds.lower } else { &mut bounds.upper };
                *bound = Some((number, inclusive));
            }
            (key::SHORTEST | key::LONGEST, Head::Unsigned(length)) => {
                reader.next()?;
                let bound = if key == key::SHORTEST { &mut bounds.shortest } else { &mut bounds.longest };
                *bound = Some(length);
            }
            // A bound that a later Terraform knows.
            _ => skip(&mut reader)?,
        }
    }
    Ok(Refinement::new(bounds))
}

/// Reads one value of any shape and forgets it.
fn skip(reader: &mut Reader<'_>) -> Result<(), Problem> {
    let mut pending = 1_usize;
    while pending > 0 {
        pending -= 1;
        pending += match reader.next()? {
            Head::Array(count) => count,
            Head::Map(count) => count * 2,
            _ => 0,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &Value, ty: &Type, expect: &[u8]) {
        assert_eq!(encode(value, ty).unwrap(), expect);
        assert_eq!(&decode(expect, ty).unwrap(), value);
    }

    #[test]
    fn the_forms_are_those_of_the_protocol() {
        check(&Value::Null, &Type::String, &[0xc0]);
        check(&Value::unknown(), &Type::String, &[0xd4, 0, 0]);
        check(&Value::unknown(), &Type::Dynamic, &[0xd4, 0, 0]);
        check(&Value::from("a"), &Type::String, &[0xa1, b'a']);
        check(&Value::from(-1), &Type::Number, &[0xff]);
        check(&Value::Number("0.5".parse().unwrap()), &Type::Number, &[0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]);
        check(&Value::Number("0.1".parse().unwrap()), &Type::Number, b"\xa30.1");
        check(&Value::Set(vec![Value::from(true)]), &Type::set(Type::Bool), &[0x91, 0xc3]);
        check(&Value::typed(Type::Number, Value::from(1)), &Type::Dynamic, b"\x92\xc4\x08\"number\"\x01");
        check(&Value::typed(Type::Number, Value::Null), &Type::Dynamic, b"\x92\xc4\x08\"number\"\xc0");
        check(&Value::Unknown(Refinement::not_null()), &Type::String, &[0xc7, 3, 12, 0x81, 1, 0xc2]);
    }

    #[test]
    fn objects_carry_every_attribute() {
        let ty = Type::object([("a", Type::String), ("b", Type::Bool)]);
        let bytes = encode(&Value::map([("a", Value::from("x"))]), &ty).unwrap();
        assert_eq!(bytes, [0x82, 0xa1, b'a', 0xa1, b'x', 0xa1, b'b', 0xc0]);
        let short = [0x81, 0xa1, b'a', 0xa1, b'x'];
        assert!(decode(&short, &ty).unwrap_err().to_string().contains("attribute `b` is missing"));
    }

    #[test]
    fn an_error_says_where() {
        let ty = Type::object([("a", Type::list(Type::Bool))]);
        let value = Value::map([("a", Value::List(vec![Value::from(true), Value::from("x")]))]);
        let error = encode(&value, &ty).unwrap_err();
        assert_eq!(error.to_string(), "`a[1]`: expected bool, found a string");
    }

    #[test]
    fn damaged_bytes_are_an_error_and_claim_no_memory() {
        // An array of 2^32-1 elements in 5 bytes.
        assert!(decode(&[0xdd, 0xff, 0xff, 0xff, 0xff], &Type::list(Type::Bool)).is_err());
        assert!(decode(&[0xa5, b'a'], &Type::String).is_err());
        assert!(decode(&[0xc3, 0xc3], &Type::Bool).is_err());
        assert!(decode(&[], &Type::Bool).is_err());
    }
}
