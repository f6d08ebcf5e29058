//! Values of any type.

use super::{Attr, unexpected};
use crate::codec::{ValueError, json};
use crate::path::Path;
use crate::schema::Shape;
use crate::value::{Type, Value};

/// A known value of any type, with that type.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic {
    ty: Type,
    value: Value,
}

impl Dynamic {
    /// A value with its type.
    pub fn new(ty: Type, value: Value) -> Dynamic {
        Dynamic { ty, value }
    }

    /// The value that JSON is: objects are objects, arrays are tuples.
    pub fn from_json(json: &serde_json::Value) -> Result<Dynamic, ValueError> {
        json::decode_untyped(json.to_string().as_bytes()).map(|(ty, value)| Dynamic { ty, value })
    }

    /// The JSON that the value is. Numbers beyond 64 bits and doubles lose digits here, as they do in
    /// [`serde_json::Value`]; [`Dynamic::to_json_text`] keeps them.
    pub fn to_json(&self) -> Result<serde_json::Value, ValueError> {
        let bytes = json::encode(&self.value, &self.ty)?;
        serde_json::from_slice(&bytes).map_err(|error| ValueError::refused(&Path::root(), &error))
    }

    /// The JSON that the value is, as text, with every digit.
    pub fn to_json_text(&self) -> Result<String, ValueError> {
        let bytes = json::encode(&self.value, &self.ty)?;
        String::from_utf8(bytes).map_err(|error| ValueError::refused(&Path::root(), &error))
    }

    /// Its type.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// The value itself.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl Attr for Dynamic {
    fn shape() -> Shape {
        Shape::Type(Type::Dynamic)
    }

    fn from_value(value: &Value, path: &Path) -> Result<Dynamic, ValueError> {
        match value {
            Value::Typed(typed) if typed.1.is_wholly_known() && !typed.1.is_null() => {
                Ok(Dynamic { ty: typed.0.clone(), value: typed.1.clone() })
            }
            Value::Typed(typed) if !typed.1.is_null() => Err(unexpected(&Value::unknown(), "a value", path)),
            other => Err(unexpected(other, "a value with its type", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::typed(self.ty.clone(), self.value.clone())
    }
}
