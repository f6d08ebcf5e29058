//! Reading what a server holds without tripping over it.

use serde_json::Value;

/// Fields whose nulls mean something to the tool that reads them: Helm takes a null as "remove this key".
const OPAQUE: &[&str] = &["valuesObject"];

/// The value without fields and items that are null, as Go's decoder treats them.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(name, field)| {
                    let field = if OPAQUE.contains(&name.as_str()) { field } else { without_nulls(field) };
                    (name, field)
                })
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().filter(|item| !item.is_null()).map(without_nulls).collect())
        }
        scalar => scalar,
    }
}
