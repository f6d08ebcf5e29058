//! Keeps the form in which a value was written, where a new one means the same.

use std::collections::BTreeMap;

use crate::schema::{Attribute, Nesting, Shape};
use crate::value::Value;

/// `new` in the form of `reference` wherever both mean the same.
pub(super) fn keep(attributes: &[Attribute], reference: &Value, new: Value) -> Value {
    let Value::Map(before) = reference else {
        return new;
    };
    let Value::Map(after) = new else {
        return new;
    };
    let mut kept = BTreeMap::new();
    for (name, value) in after {
        let attribute = attributes.iter().find(|attribute| attribute.name == name);
        let value = match (attribute, before.get(&name)) {
            (Some(attribute), Some(reference)) => keep_value(attribute, reference, value),
            _ => value,
        };
        kept.insert(name, value);
    }
    Value::Map(kept)
}

fn keep_value(attribute: &Attribute, reference: &Value, new: Value) -> Value {
    if *reference == new || reference.is_null() || new.is_null() {
        return new;
    }
    if reference.is_wholly_known() && (attribute.same)(reference, &new) {
        return reference.clone();
    }
    let Shape::Nested(nesting, nested) = &attribute.shape else {
        return new;
    };
    match (*nesting, reference, new) {
        (Nesting::Single, Value::Map(_), new @ Value::Map(_)) => keep(nested, reference, new),
        (Nesting::List, Value::List(before), Value::List(after)) => {
            let kept = after.into_iter().enumerate().map(|(index, new)| match before.get(index) {
                Some(reference @ Value::Map(_)) => keep(nested, reference, new),
                _ => new,
            });
            Value::List(kept.collect())
        }
        (Nesting::Map, Value::Map(before), Value::Map(after)) => {
            let kept = after.into_iter().map(|(key, new)| {
                let new = match before.get(&key) {
                    Some(reference @ Value::Map(_)) => keep(nested, reference, new),
                    _ => new,
                };
                (key, new)
            });
            Value::Map(kept.collect())
        }
        (_, _, new) => new,
    }
}
