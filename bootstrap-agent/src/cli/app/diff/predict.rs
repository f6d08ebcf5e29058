//! A live object as it would be after a sync: the fields that differ, put into it.

use bridgehead_engine::diff::FieldDifference;
use serde_json::{Map, Value};

use super::mask::{CHANGED, is_secret};

/// One step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// `.name` or `["name"]`
    Field(String),
    /// `[3]`
    Index(usize),
    /// `[name=web,protocol=TCP]`
    Element(Vec<(String, String)>),
    /// `[text]`: an item of a list that is a set
    Item(String),
}

/// The object with every difference applied. One whose place cannot be found changes nothing.
pub(super) fn predicted(live: &Value, differences: &[FieldDifference]) -> Value {
    let mut object = live.clone();
    let secret = is_secret(live);
    for difference in differences {
        let hidden =
            secret && (difference.path.starts_with("data") || difference.path.starts_with("stringData"));
        let desired = difference.desired.clone();
        let desired = if hidden { desired.map(|_| CHANGED.into()) } else { desired };
        apply(&mut object, &steps(&difference.path), desired, difference.live.as_ref());
    }
    object
}

fn apply(value: &mut Value, steps: &[Step], desired: Option<Value>, live: Option<&Value>) {
    let Some((step, rest)) = steps.split_first() else {
        *value = desired.unwrap_or_default();
        return;
    };
    match step {
        Step::Field(name) => field(value, name, rest, desired, live),
        Step::Index(index) => {
            let Some(list) = value.as_array_mut() else { return };
            match (list.get_mut(*index), desired) {
                (Some(_), None) if rest.is_empty() => {
                    list.remove(*index);
                }
                (Some(element), desired) => apply(element, rest, desired, live),
                (None, Some(desired)) if rest.is_empty() => list.push(desired),
                (None, _) => {}
            }
        }
        Step::Element(keys) => {
            let list = list_of(value);
            let place = list.iter().position(|element| {
                keys.iter().all(|(key, wanted)| element.get(key).is_some_and(|it| text(it) == *wanted))
            });
            match (place, desired) {
                (Some(place), None) if rest.is_empty() => {
                    list.remove(place);
                }
                (Some(place), desired) => apply(&mut list[place], rest, desired, live),
                (None, Some(desired)) if rest.is_empty() => list.push(desired),
                (None, _) => {}
            }
        }
        Step::Item(_) => {
            let list = list_of(value);
            if let Some(live) = live {
                list.retain(|item| item != live);
            }
            list.extend(desired);
        }
    }
}

fn field(value: &mut Value, name: &str, rest: &[Step], desired: Option<Value>, live: Option<&Value>) {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let Some(fields) = value.as_object_mut() else { return };
    match (rest.is_empty(), desired) {
        (true, None) => {
            fields.remove(name);
        }
        (true, Some(desired)) => {
            fields.insert(name.to_owned(), desired);
        }
        (false, desired) => apply(fields.entry(name).or_insert(Value::Null), rest, desired, live),
    }
}

fn list_of(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    match value {
        Value::Array(list) => list,
        _ => unreachable!("made a list above"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Takes a path apart: `spec.ports[port=80,protocol=TCP].name`, `metadata.labels["a/b"]`, `args[0]`.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (name, after) = quoted_name(quoted);
            steps.push(Step::Field(name));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap_or(inner.len());
            steps.push(bracket(&inner[..end]));
            rest = inner.get(end + 1..).unwrap_or_default();
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            steps.push(Step::Field(name[..end].to_owned()));
            rest = &name[end..];
        }
    }
    steps
}

/// A name up to its closing quote and bracket, with escapes undone.
fn quoted_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut escaped = false;
    for (place, character) in text.char_indices() {
        match character {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (name, text[place + 1..].strip_prefix(']').unwrap_or_default()),
            _ => {
                name.push(character);
                escaped = false;
            }
        }
    }
    (name, "")
}

fn bracket(inner: &str) -> Step {
    if let Ok(index) = inner.parse() {
        return Step::Index(index);
    }
    let pairs: Option<Vec<(String, String)>> = inner
        .split(',')
        .map(|part| part.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())))
        .collect();
    match pairs {
        Some(pairs) => Step::Element(pairs),
        None => Step::Item(inner.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use bridgehead_engine::diff::FieldDifference;
    use serde_json::{Value, json};

    use super::predicted;

    fn difference(path: &str, live: Value, desired: Value) -> FieldDifference {
        let some = |value: Value| (!value.is_null()).then_some(value);
        FieldDifference { path: path.to_owned(), desired: some(desired), live: some(live) }
    }

    #[test]
    fn every_difference_finds_its_place() {
        let live = json!({
            "metadata": {"labels": {"a/b": "old", "gone": "x"}, "finalizers": ["keep", "drop"]},
            "spec": {
                "replicas": 1,
                "containers": [{"name": "side"}, {"name": "web", "image": "web:1", "args": ["a", "b"]}],
                "ports": [{"port": 80, "protocol": "TCP", "name": "http"}, {"port": 53, "protocol": "UDP"}],
            },
        });
        let differences = [
            difference("spec.replicas", json!(1), json!(2)),
            difference("metadata.labels[\"a/b\"]", json!("old"), json!("new")),
            difference("metadata.labels.gone", json!("x"), Value::Null),
            difference("metadata.annotations.note", Value::Null, json!("n")),
            difference("metadata.finalizers[drop]", json!("drop"), Value::Null),
            difference("metadata.finalizers[add]", Value::Null, json!("add")),
            difference("spec.containers[name=web].image", json!("web:1"), json!("web:2")),
            difference("spec.containers[name=web].args[1]", json!("b"), json!("c")),
            difference("spec.containers[name=side]", json!({"name": "side"}), Value::Null),
            difference("spec.containers[name=new]", Value::Null, json!({"name": "new"})),
            difference("spec.ports[port=80,protocol=TCP].name", json!("http"), json!("web")),
        ];
        assert_eq!(
            predicted(&live, &differences),
            json!({
                "metadata": {
                    "labels": {"a/b": "new"}, "annotations": {"note": "n"}, "finalizers": ["keep", "add"],
                },
                "spec": {
                    "replicas": 2,
                    "containers": [{"name": "web", "image": "web:2", "args": ["a", "c"]}, {"name": "new"}],
                    "ports": [{"port": 80, "protocol": "TCP", "name": "web"}, {"port": 53, "protocol": "UDP"}],
                },
            })
        );
    }

    #[test]
    fn a_changed_value_of_a_secret_is_told_and_not_shown() {
        let live = json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "++++++++", "b": "++++++++"}});
        let changed = predicted(&live, &[difference("data.a", json!("(hidden)"), json!("(hidden)"))]);
        assert_eq!(changed["data"], json!({"a": "+++++++++", "b": "++++++++"}));
    }

    #[test]
    fn a_place_that_is_not_there_changes_nothing() {
        let live = json!({"spec": {"text": "a"}});
        let differences = [
            difference("spec.text.deeper", Value::Null, json!(1)),
            difference("spec.text[0].deeper", Value::Null, json!(1)),
        ];
        assert_eq!(predicted(&live, &differences), live);
    }
}
