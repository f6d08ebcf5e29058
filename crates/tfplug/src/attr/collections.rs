//! Lists, sets and maps.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attr, unexpected};
use crate::codec::ValueError;
use crate::path::Path;
use crate::schema::{Nesting, Shape};
use crate::value::Value;

impl<T: Attr> Attr for Vec<T> {
    const SENSITIVE: bool = T::SENSITIVE;

    fn shape() -> Shape {
        T::shape().collected(Nesting::List)
    }

    fn from_value(value: &Value, path: &Path) -> Result<Vec<T>, ValueError> {
        match value {
            Value::List(elements) => {
                let read = |(index, element)| T::from_value(element, &path.index(index));
                elements.iter().enumerate().map(read).collect()
            }
            other => Err(unexpected(other, "list", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(Attr::to_value).collect())
    }
}

/// A set of elements that need no order or hash, such as nested objects. Equality ignores the order.
#[derive(Clone, Debug)]
pub struct Set<T>(Vec<T>);

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set(Vec::new())
    }
}

impl<T> Set<T> {
    /// The elements, in no order that means anything.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: PartialEq> PartialEq for Set<T> {
    fn eq(&self, other: &Set<T>) -> bool {
        self.len() == other.len()
            && self.iter().all(|element| other.0.contains(element))
            && other.iter().all(|element| self.0.contains(element))
    }
}

impl<T: PartialEq> FromIterator<T> for Set<T> {
    /// What stands twice is taken once.
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Set<T> {
        let mut distinct = Vec::new();
        for element in elements {
            if !distinct.contains(&element) {
                distinct.push(element);
            }
        }
        Set(distinct)
    }
}

impl<T> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Attr> Attr for Set<T> {
    const SENSITIVE: bool = T::SENSITIVE;

    fn shape() -> Shape {
        T::shape().collected(Nesting::Set)
    }

    fn from_value(value: &Value, path: &Path) -> Result<Set<T>, ValueError> {
        match value {
            Value::Set(elements) => {
                elements.iter().map(|element| T::from_value(element, &path.element())).collect()
            }
            other => Err(unexpected(other, "set", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Set(self.iter().map(Attr::to_value).collect())
    }
}

impl<T: Attr + Ord> Attr for BTreeSet<T> {
    const SENSITIVE: bool = T::SENSITIVE;

    fn shape() -> Shape {
        T::shape().collected(Nesting::Set)
    }

    fn from_value(value: &Value, path: &Path) -> Result<BTreeSet<T>, ValueError> {
        match value {
            Value::Set(elements) => {
                elements.iter().map(|element| T::from_value(element, &path.element())).collect()
            }
            other => Err(unexpected(other, "set", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Set(self.iter().map(Attr::to_value).collect())
    }
}

impl<T: Attr> Attr for BTreeMap<String, T> {
    const SENSITIVE: bool = T::SENSITIVE;

    fn shape() -> Shape {
        T::shape().collected(Nesting::Map)
    }

    fn from_value(value: &Value, path: &Path) -> Result<BTreeMap<String, T>, ValueError> {
        match value {
            Value::Map(entries) => {
                let read =
                    |(key, element): (&String, _)| Ok((key.clone(), T::from_value(element, &path.key(key))?));
                entries.iter().map(read).collect()
            }
            other => Err(unexpected(other, "map", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Map(self.iter().map(|(key, element)| (key.clone(), element.to_value())).collect())
    }
}
