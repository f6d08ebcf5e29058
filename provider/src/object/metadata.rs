//! Labels and annotations: those that are declared here, among those that others add.

use std::collections::BTreeMap;

use bridgehead_api::annotations;
use serde_json::Value as Json;
use tfplug::model::Model;
use tfplug::schema::{Nesting, Shape};
use tfplug::value::{Type, Value};

use super::ownership::is_handed_over;

/// What Argo CD, the agent and kubectl write for themselves, and what has an attribute of its own.
const OF_OTHERS: &[&str] = &[
    annotations::LAST_APPLIED,
    annotations::REFRESH,
    annotations::REFRESH_TIMESTAMP,
    annotations::HYDRATE,
    annotations::HYDRATE_TIMESTAMP,
    annotations::TRACKING_ID,
    annotations::INSTALLATION_ID,
    annotations::NOTIFIED,
    annotations::SECRET_TYPE,
    annotations::WAIT_FOR_APPLICATIONS,
];

/// The declared labels or annotations as they are live: changed and missing ones show, others don't. Those that
/// another declares keep their prior value.
pub(crate) fn declared_entries(prior: &Value, field: &str, live: &Json, handed_over: Option<&Json>) -> Value {
    let Some(declared) = prior.entries() else { return prior.clone() };
    let live = &live["metadata"][field];
    Value::map(declared.iter().filter_map(|(key, value)| {
        if is_handed_over(handed_over, &["metadata", field, key]) {
            return Some((key.clone(), value.clone()));
        }
        Some((key.clone(), Value::string(live.get(key)?.as_str()?)))
    }))
}

/// All entries that may be a person's, for an import.
pub(crate) fn imported_entries(live: &Json) -> Option<BTreeMap<String, String>> {
    let entries = live.as_object()?.iter().filter(|(key, _)| !OF_OTHERS.contains(&key.as_str()));
    let entries: BTreeMap<String, String> =
        entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    (!entries.is_empty()).then_some(entries)
}

/// An object with these values, its defaults, and for the rest null, or empty where null is no value.
pub(crate) fn completed<M: Model>(known: Value) -> Value {
    let mut entries = match known {
        Value::Map(entries) => entries,
        _ => BTreeMap::new(),
    };
    for attribute in M::schema().attributes {
        let value = entries.entry(attribute.name.clone()).or_insert(Value::Null);
        if !value.is_null() || attribute.nullable {
            continue;
        }
        if let Some(default) = &attribute.default {
            value.clone_from(default);
        } else if !attribute.mode.is_computed() {
            *value = match &attribute.shape {
                Shape::Nested(Nesting::Single, nested) => {
                    Value::map(nested.iter().map(|inner| (inner.name.clone(), Value::Null)))
                }
                Shape::Type(Type::String) => Value::string(""),
                _ => Value::Null,
            };
        }
    }
    Value::Map(entries)
}
