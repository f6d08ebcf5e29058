//! Walks over values by their schema.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::path::Path;
use crate::schema::{Attribute, Nesting, Shape};
use crate::value::Value;

/// The object with each attribute changed for which `change` returns something, nested ones too.
/// Null and unknown objects stay. The result has every attribute of the schema.
pub(crate) fn transform(
    attributes: &[Attribute],
    object: &Value,
    change: &dyn Fn(&Attribute, &Value) -> Option<Value>,
) -> Value {
    let Value::Map(entries) = object else {
        return object.clone();
    };
    let mut changed = BTreeMap::new();
    for attribute in attributes {
        let before = entries.get(&attribute.name).unwrap_or(&Value::Null);
        let after = change(attribute, before).unwrap_or_else(|| before.clone());
        let after = match &attribute.shape {
            Shape::Type(_) => after,
            Shape::Nested(nesting, nested) => {
                each_object(*nesting, &after, &|object| transform(nested, object, change))
            }
        };
        changed.insert(attribute.name.clone(), after);
    }
    Value::Map(changed)
}

/// The value of a nested attribute with each of its objects changed.
fn each_object(nesting: Nesting, value: &Value, change: &dyn Fn(&Value) -> Value) -> Value {
    match (nesting, value) {
        (Nesting::List, Value::List(elements)) => Value::List(elements.iter().map(change).collect()),
        (Nesting::Set, Value::Set(elements)) => Value::Set(elements.iter().map(change).collect()),
        (Nesting::Map, Value::Map(entries)) => {
            Value::Map(entries.iter().map(|(key, object)| (key.clone(), change(object))).collect())
        }
        (Nesting::Single, object) => change(object),
        (_, other) => other.clone(),
    }
}

/// Defaults where the configuration has null.
pub(crate) fn fill_defaults(attributes: &[Attribute], config: &Value) -> Value {
    transform(attributes, config, &|attribute, value| {
        if value.is_null() { attribute.default.clone() } else { None }
    })
}

/// The object as it may be stored: nothing write-only, and collections of blocks never null.
pub(crate) fn storable(attributes: &[Attribute], object: &Value) -> Value {
    transform(attributes, object, &|attribute, value| {
        if attribute.write_only {
            return Some(Value::Null);
        }
        match (&attribute.shape, attribute.block, value) {
            (Shape::Nested(Nesting::List, _), Some(_), Value::Null) => Some(Value::List(Vec::new())),
            (Shape::Nested(Nesting::Set, _), Some(_), Value::Null) => Some(Value::Set(Vec::new())),
            (Shape::Nested(Nesting::Map, _), Some(_), Value::Null) => Some(Value::Map(BTreeMap::new())),
            _ => None,
        }
    })
}

/// Calls `visit` for each attribute of each known object, with its value and path.
pub(crate) fn visit(
    attributes: &[Attribute],
    object: &Value,
    path: &Path,
    visitor: &mut dyn FnMut(&Attribute, &Value, &Path),
) {
    let Value::Map(entries) = object else {
        return;
    };
    for attribute in attributes {
        let value = entries.get(&attribute.name).unwrap_or(&Value::Null);
        let path = path.attribute(&attribute.name);
        visitor(attribute, value, &path);
        let Shape::Nested(nesting, nested) = &attribute.shape else {
            continue;
        };
        match (nesting, value) {
            (Nesting::List, Value::List(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    visit(nested, element, &path.index(index), visitor);
                }
            }
            (Nesting::Set, Value::Set(elements)) => {
                for element in elements {
                    visit(nested, element, &path.element(), visitor);
                }
            }
            (Nesting::Map, Value::Map(entries)) => {
                for (key, element) in entries {
                    visit(nested, element, &path.key(key), visitor);
                }
            }
            (Nesting::Single, object) => visit(nested, object, &path, visitor),
            _ => {}
        }
    }
}

/// Runs the checks of each attribute that is known and not null.
pub(crate) fn run_checks(attributes: &[Attribute], config: &Value, problems: &mut Diagnostics) {
    visit(attributes, config, &Path::root(), &mut |attribute, value, path| {
        if !value.is_null() && value.is_wholly_known() {
            for check in &attribute.checks {
                check(value, path, problems);
            }
        }
        let limits = attribute.block.unwrap_or_default();
        let count = value.elements().map(<[Value]>::len);
        if let Some(count) = count.and_then(|count| u32::try_from(count).ok())
            && limits.max > 0
            && count > limits.max
        {
            let summary = format!("Too many `{}` blocks", attribute.name);
            problems.error(
                path.clone(),
                summary,
                format!("At most {} may stand here; there are {count}.", limits.max),
            );
        }
    });
}
