//! Values as Terraform has them: null, unknown, and everything known.
//!
//! A [`Value`] carries no type of its own: the schema knows it, and everything that encodes or decodes is
//! given a [`Type`] beside the value. The one exception is what stands where the type is
//! [`Type::Dynamic`]: it carries its type with it as [`Value::Typed`].
//!
//! Marks (sensitive and the like) never travel to a provider, so there are none here.

mod number;
mod refinement;
mod types;

use std::collections::BTreeMap;

pub use number::{Number, NumberError};
pub use refinement::{Bounds, Refinement};
pub use types::{Type, TypeError};

/// A value of a type that is known from elsewhere.
///
/// Equality is Terraform's: the order of a set doesn't matter, `1` and `1.0` are one number.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// Not known before apply, with what is known of it.
    Unknown(Refinement),
    /// True or false.
    Bool(bool),
    /// A number of any size and precision.
    Number(Number),
    /// Text, in UTF-8.
    String(String),
    /// Elements of a list, or of a tuple.
    List(Vec<Value>),
    /// Elements of a set, each once, in no order that means anything.
    Set(Vec<Value>),
    /// Elements of a map by key, or attributes of an object by name.
    Map(BTreeMap<String, Value>),
    /// A value with its type, where the schema says [`Type::Dynamic`].
    Typed(Box<(Type, Value)>),
}

impl Value {
    /// A value of which nothing is known.
    pub fn unknown() -> Value {
        Value::Unknown(Refinement::default())
    }

    /// A string.
    pub fn string(text: impl Into<String>) -> Value {
        Value::String(text.into())
    }

    /// An object or a map.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A value with its type, for where the schema says [`Type::Dynamic`].
    pub fn typed(ty: Type, value: Value) -> Value {
        Value::Typed(Box::new((ty, value)))
    }

    /// Whether it is null, also where it carries its type.
    pub fn is_null(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Typed(typed) => typed.1.is_null(),
            _ => false,
        }
    }

    /// Whether it is itself unknown. What it holds may be unknown although it is not:
    /// see [`Value::is_wholly_known`].
    pub fn is_unknown(&self) -> bool {
        match self {
            Value::Unknown(_) => true,
            Value::Typed(typed) => typed.1.is_unknown(),
            _ => false,
        }
    }

    /// Whether nothing in it, however deep, is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Value::Unknown(_) => false,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
            Value::List(elements) | Value::Set(elements) => elements.iter().all(Value::is_wholly_known),
            Value::Map(entries) => entries.values().all(Value::is_wholly_known),
            Value::Typed(typed) => typed.1.is_wholly_known(),
        }
    }

    /// The attribute `name` of an object; null where there is none.
    pub fn attribute(&self, name: &str) -> &Value {
        static NULL: Value = Value::Null;
        match self {
            Value::Map(entries) => entries.get(name).unwrap_or(&NULL),
            Value::Typed(typed) => typed.1.attribute(name),
            _ => &NULL,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Typed(typed) => typed.1.as_str(),
            _ => None,
        }
    }

    /// The elements of a list, tuple or set.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Value::List(elements) | Value::Set(elements) => Some(elements),
            Value::Typed(typed) => typed.1.elements(),
            _ => None,
        }
    }

    /// The entries of a map or object.
    pub fn entries(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(entries) => Some(entries),
            Value::Typed(typed) => typed.1.entries(),
            _ => None,
        }
    }

    /// The entries of a map or object, to change them.
    pub fn entries_mut(&mut self) -> Option<&mut BTreeMap<String, Value>> {
        match self {
            Value::Map(entries) => Some(entries),
            Value::Typed(typed) => typed.1.entries_mut(),
            _ => None,
        }
    }

    /// What it is, in the words of an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Unknown(_) => "an unknown value",
            Value::Bool(_) => "a bool",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Set(_) => "a set",
            Value::Map(_) => "a map or object",
            Value::Typed(typed) => typed.1.kind(),
        }
    }

    /// Each unknown in it replaced by null.
    #[must_use]
    pub fn unknown_as_null(self) -> Value {
        match self {
            Value::Unknown(_) => Value::Null,
            Value::List(elements) => Value::List(elements.into_iter().map(Value::unknown_as_null).collect()),
            Value::Set(elements) => Value::Set(elements.into_iter().map(Value::unknown_as_null).collect()),
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key, value.unknown_as_null())).collect())
            }
            Value::Typed(typed) => {
                let (ty, value) = *typed;
                Value::typed(ty, value.unknown_as_null())
            }
            known => known,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Unknown(left), Value::Unknown(right)) => left == right,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Number(left), Value::Number(right)) => left == right,
            (Value::String(left), Value::String(right)) => left == right,
            (Value::List(left), Value::List(right)) => left == right,
            (Value::Set(left), Value::Set(right)) => same_elements(left, right),
            (Value::Map(left), Value::Map(right)) => left == right,
            (Value::Typed(left), Value::Typed(right)) => left == right,
            _ => false,
        }
    }
}

/// Whether two sets hold the same elements, in whatever order.
fn same_elements(left: &[Value], right: &[Value]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    // Most sets come back in the order in which they went.
    if left == right {
        return true;
    }
    let mut taken = vec![false; right.len()];
    left.iter().all(|wanted| {
        let found = right.iter().zip(&taken).position(|(element, taken)| !taken && element == wanted);
        if let Some(index) = found {
            taken[index] = true;
        }
        found.is_some()
    })
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Value {
        Value::Number(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::String(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_equal_in_any_order_and_lists_are_not() {
        let one_two = vec![Value::from(1), Value::from(2)];
        let two_one = vec![Value::from(2), Value::from(1)];
        assert_eq!(Value::Set(one_two.clone()), Value::Set(two_one.clone()));
        assert_ne!(Value::List(one_two), Value::List(two_one));
    }

    #[test]
    fn a_set_with_an_element_twice_is_not_the_set_with_two_elements() {
        let twice = Value::Set(vec![Value::from(1), Value::from(1)]);
        let two = Value::Set(vec![Value::from(1), Value::from(2)]);
        assert_ne!(twice, two);
        assert_ne!(two, twice);
    }
}
