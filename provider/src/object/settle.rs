//! What was read, in the form that the configuration has, without what is not ours to declare.

use serde_json::Value as Json;
use tfplug::schema::{Attribute, Nesting, Shape};
use tfplug::value::{Number, Type, Value};

use super::field::{absence_matters, field_of};

/// `live` where it differs from `prior` in meaning, `prior` elsewhere. `handed_over` holds, in the shape of
/// managedFields, what another declares: there the prior value stays whatever is live.
pub(crate) fn settle(attribute: &Attribute, prior: &Value, live: Value, handed_over: Option<&Json>) -> Value {
    let above = handed_over;
    let handed_over = above.and_then(|fields| fields.get(format!("f:{}", field_of(&attribute.name))));
    if let Some(fields) = handed_over
        && is_leaf(fields)
    {
        return prior.clone();
    }
    if means_absent(attribute, prior) && means_absent(attribute, &live) {
        return prior.clone();
    }
    match (&attribute.shape, prior, live) {
        (Shape::Nested(Nesting::Single, nested), Value::Map(_), Value::Map(mut live)) => {
            for inner in nested {
                let value = live.remove(&inner.name).unwrap_or_default();
                live.insert(
                    inner.name.clone(),
                    settle(inner, prior.attribute(&inner.name), value, handed_over),
                );
            }
            Value::Map(live)
        }
        (Shape::Nested(Nesting::List, nested), Value::List(before), Value::List(after)) => {
            let settled =
                after.into_iter().enumerate().map(|(index, element)| match (before.get(index), element) {
                    (Some(prior), Value::Map(mut live)) => {
                        for inner in nested {
                            let value = live.remove(&inner.name).unwrap_or_default();
                            live.insert(
                                inner.name.clone(),
                                settle(inner, prior.attribute(&inner.name), value, None),
                            );
                        }
                        Value::Map(live)
                    }
                    (_, element) => element,
                });
            Value::List(settled.collect())
        }
        // Another's object of which nothing is declared here.
        (_, Value::Null, live) if handed_over.is_some() && !live.is_null() => Value::Null,
        (_, _, live) => live,
    }
}

/// `{}` and `{".": {}}`: the field itself, or all of it.
fn is_leaf(fields: &Json) -> bool {
    fields.as_object().is_some_and(|fields| fields.keys().all(|key| key == "."))
}

fn means_absent(attribute: &Attribute, value: &Value) -> bool {
    if value.is_null() {
        return true;
    }
    if absence_matters(&attribute.name) {
        return false;
    }
    match value {
        Value::Bool(flag) => !flag,
        Value::String(text) => text.is_empty(),
        Value::List(elements) | Value::Set(elements) => elements.is_empty(),
        // An empty object says something (`automated = {}`), an empty map doesn't.
        Value::Map(entries) => entries.is_empty() && matches!(attribute.shape, Shape::Type(Type::Map(_))),
        Value::Number(number) => attribute.name == "limit" && *number == Number::from(0),
        _ => false,
    }
}
