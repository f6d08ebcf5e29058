//! Kubernetes' strategic merge patch, for the lists that scenarios use.
//!
//! Lists of the kinds below are merged item by item, by a key field; all others are replaced. Directives:
//! `$patch: delete|replace`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`, `$retainKeys`.

use serde_json::{Map, Value};

/// How a list is merged.
pub(super) enum Rule {
    /// Items with the same value here are the same item.
    By(&'static str),
    /// A set of texts.
    Set,
    /// Replaced as a whole.
    Whole,
}

/// How the list of this name is merged.
pub(super) fn rule(field: &str, items: &[Value]) -> Rule {
    match field {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" | "secrets" => {
            Rule::By("name")
        }
        "ports" if items.iter().any(|item| item.get("containerPort").is_some()) => Rule::By("containerPort"),
        "ports" => Rule::By("port"),
        "volumeMounts" => Rule::By("mountPath"),
        "ownerReferences" => Rule::By("uid"),
        "conditions" => Rule::By("type"),
        "hostAliases" => Rule::By("ip"),
        "topologySpreadConstraints" => Rule::By("topologyKey"),
        "finalizers" => Rule::Set,
        _ => Rule::Whole,
    }
}

/// Applies `patch` to `target`.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        let kept = patch.iter().filter(|(name, _)| *name != "$patch");
        *target = Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect());
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else { return };
    if let Some(retained) = patch.get("$retainKeys").and_then(Value::as_array) {
        fields.retain(|name, _| retained.iter().any(|kept| kept.as_str() == Some(name)));
    }
    for (name, value) in patch {
        if let Some(field) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(items) = fields.get_mut(field).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
        } else if name.starts_with('$') {
            // Order does not matter to anybody here; the others are handled above.
        } else if value.is_null() {
            fields.remove(name);
        } else if let Some(items) = value.as_array() {
            let list = fields.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            merge_list(name, list, items);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn merge_list(field: &str, list: &mut Value, patch: &[Value]) {
    let known = list.as_array().cloned().unwrap_or_default();
    let all: Vec<Value> = known.iter().chain(patch).cloned().collect();
    let is_directive = |item: &Value, word| item.get("$patch").and_then(Value::as_str) == Some(word);
    if patch.iter().any(|item| is_directive(item, "replace")) {
        *list = patch.iter().filter(|item| !is_directive(item, "replace")).cloned().collect();
        return;
    }
    *list = match rule(field, &all) {
        Rule::Whole => Value::Array(patch.to_vec()),
        Rule::Set => {
            let mut items = known;
            items.extend(patch.iter().filter(|item| !list_contains(list, item)).cloned());
            Value::Array(items)
        }
        Rule::By(key) => {
            let mut items = known;
            for change in patch {
                let position = items.iter().position(|item| item.get(key) == change.get(key));
                match position {
                    Some(position) if is_directive(change, "delete") => {
                        items.remove(position);
                    }
                    Some(position) => merge(&mut items[position], change),
                    None if is_directive(change, "delete") => {}
                    None => items.push(change.clone()),
                }
            }
            Value::Array(items)
        }
    };
}

fn list_contains(list: &Value, wanted: &Value) -> bool {
    list.as_array().is_some_and(|items| items.contains(wanted))
}

/// Takes out of `target` what `before` has and `after` has not, list items by their keys. What `keeps`
/// says yes to (a path) stays: somebody else owns it.
pub(super) fn remove_missing(target: &mut Value, before: &Value, after: &Value, others: &[&Value]) {
    let (Some(fields), Some(before)) = (target.as_object_mut(), before.as_object()) else { return };
    for (name, old) in before {
        let theirs: Vec<&Value> = others.iter().filter_map(|other| other.get(name)).collect();
        match after.get(name) {
            None if theirs.is_empty() => {
                fields.remove(name);
            }
            None => {}
            Some(new) => {
                let Some(live) = fields.get_mut(name) else { continue };
                match (live.as_array_mut(), old.as_array(), new.as_array()) {
                    (Some(live), Some(old), Some(new)) => remove_missing_items(name, live, old, new),
                    _ => remove_missing(live, old, new, &theirs),
                }
            }
        }
    }
}

fn remove_missing_items(field: &str, live: &mut Vec<Value>, old: &[Value], new: &[Value]) {
    match rule(field, old) {
        Rule::Whole => {}
        Rule::Set => live.retain(|item| !old.contains(item) || new.contains(item)),
        Rule::By(key) => {
            let has =
                |items: &[Value], item: &Value| items.iter().any(|other| other.get(key) == item.get(key));
            live.retain(|item| !has(old, item) || has(new, item));
            for item in live {
                let same = |other: &&Value| other.get(key) == item.get(key);
                if let (Some(old), Some(new)) = (old.iter().find(same), new.iter().find(same)) {
                    let (old, new) = (old.clone(), new.clone());
                    remove_missing(item, &old, &new, &[]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(mut target: Value, patch: &Value) -> Value {
        merge(&mut target, patch);
        target
    }

    #[test]
    fn containers_are_merged_by_name_and_arguments_replaced() {
        let live = json!({"containers": [{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b"}]});
        let patch = json!({"containers": [{"name": "a", "args": ["y"]}, {"$patch": "delete", "name": "b"}]});
        assert_eq!(
            merged(live, &patch),
            json!({"containers": [{"name": "a", "image": "a:1", "args": ["y"]}]})
        );
    }

    #[test]
    fn null_removes_and_finalizers_are_a_set() {
        let live = json!({"metadata": {"finalizers": ["a", "b"], "labels": {"x": "1", "y": "2"}}});
        let patch = json!({"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"], "labels": {"x": null}}});
        assert_eq!(
            merged(live, &patch),
            json!({"metadata": {"finalizers": ["b", "c"], "labels": {"y": "2"}}})
        );
    }

    #[test]
    fn what_is_no_longer_applied_goes_unless_somebody_else_applies_it() {
        let mut live = json!({"data": {"a": "1", "b": "2", "c": "3"}});
        let before = json!({"data": {"a": "1", "b": "2"}});
        let after = json!({"data": {}});
        remove_missing(&mut live, &before, &after, &[&json!({"data": {"b": "2"}})]);
        assert_eq!(live, json!({"data": {"b": "2", "c": "3"}}));
    }
}
