//! What we applied last on the server's side, from the fields that we own of a live object.

use serde_json::{Map, Value};

use crate::manifest::{Manifest, own_fields};

/// The live object, cut down to the fields that we own: what an apply takes away that no longer gives them.
///
/// Fields that somebody else owns besides stay when an apply gives them up, but then we own them no more: they
/// count as different once, and not again.
pub(super) fn of_live(live: &Manifest, desired: &Manifest) -> Option<Value> {
    part(own_fields(live.value())?, live.value(), Some(desired.value()))
}

/// The part of a value that the fields name. Lists keep their length, with null for the elements of others, so
/// that places stay what they are.
fn part(fields: &Value, live: &Value, desired: Option<&Value>) -> Option<Value> {
    let fields = fields.as_object()?;
    if fields.is_empty() {
        return Some(leaf(live, desired));
    }
    match live {
        Value::Object(live) => {
            let mut owned = Map::new();
            for (name, inner) in fields {
                let Some(name) = name.strip_prefix("f:") else { continue };
                let desired = desired.and_then(|desired| desired.get(name));
                if let Some(value) = live.get(name).and_then(|live| part(inner, live, desired)) {
                    owned.insert(name.to_owned(), value);
                }
            }
            Some(Value::Object(owned))
        }
        Value::Array(items) => {
            let mut owned: Vec<Value> = vec![Value::Null; items.len()];
            for (name, inner) in fields {
                let named = |items: &[Value]| items.iter().position(|item| is_named(name, item));
                let Some(position) = named(items) else { continue };
                let wanted = desired.and_then(Value::as_array);
                let wanted = wanted.and_then(|wanted| wanted.get(named(wanted)?));
                owned[position] = part(inner, &items[position], wanted).unwrap_or_default();
            }
            owned.iter().any(|item| !item.is_null()).then_some(Value::Array(owned))
        }
        _ => None,
    }
}

/// A value that is owned as one. A map that Git gives as an empty one is owned as such, and what stands in it
/// is a default, or somebody else's.
fn leaf(live: &Value, desired: Option<&Value>) -> Value {
    let is_empty = desired.and_then(Value::as_object).is_some_and(Map::is_empty);
    if is_empty && live.is_object() { Value::Object(Map::new()) } else { live.clone() }
}

/// True if this is the element that `k:{"name":"web"}` or `v:"text"` names.
fn is_named(name: &str, item: &Value) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    if let Some(keys) = name.strip_prefix("k:").and_then(read) {
        let holds = |(key, value): (&String, &Value)| item.get(key) == Some(value);
        return keys.as_object().is_some_and(|keys| keys.iter().all(holds));
    }
    name.strip_prefix("v:").and_then(read).is_some_and(|value| value == *item)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_of_others_leave_their_places() {
        let live = json!({"metadata": {"name": "web", "finalizers": ["theirs", "ours"]}, "spec": {
            "replicas": 2, "containers": [{"name": "sidecar"}, {"name": "web", "image": "web:1", "tty": true}],
        }});
        let fields = json!({
            "f:metadata": {"f:finalizers": {"v:\"ours\"": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:name": {}}}},
        });
        assert_eq!(
            part(&fields, &live, None),
            Some(json!({"metadata": {"finalizers": [null, "ours"]}, "spec": {
                "containers": [null, {"name": "web", "image": "web:1"}],
            }}))
        );
    }

    #[test]
    fn a_list_of_which_nothing_is_there_is_not_ours() {
        let fields = json!({"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}});
        assert_eq!(part(&fields, &json!({"spec": {"containers": []}}), None), Some(json!({"spec": {}})));
    }

    #[test]
    fn an_empty_map_in_git_owns_nothing_of_what_stands_in_it() {
        let fields = json!({"f:spec": {"f:strategy": {}}});
        let live = json!({"spec": {"strategy": {"type": "RollingUpdate"}}});
        assert_eq!(
            part(&fields, &live, Some(&json!({"spec": {"strategy": {}}}))),
            Some(json!({"spec": {"strategy": {}}}))
        );
        assert_eq!(part(&fields, &live, Some(&json!({"spec": {}}))), Some(live));
    }
}
