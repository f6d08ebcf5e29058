//! Concrete places in a JSON value.

use serde_json::Value;

/// One step on the way to a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into an object; into a list where the text is a number.
    Field(String),
    /// Into a list.
    Index(usize),
}

/// Reads a JSON pointer (RFC 6901): `/spec/template/spec/containers/0/image`, `~1` for `/`, `~0` for `~`.
pub(super) fn parse(pointer: &str) -> Result<Vec<Step>, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err(format!("`{pointer}` is not a JSON pointer: it has to begin with `/`"));
    };
    Ok(rest.split('/').map(|token| Step::Field(token.replace("~1", "/").replace("~0", "~"))).collect())
}

/// Takes a place away; nothing happens where it is absent.
pub(super) fn remove(value: &mut Value, steps: &[Step]) {
    let Some((last, way)) = steps.split_last() else { return };
    let mut place = value;
    for step in way {
        match child_mut(place, step) {
            Some(child) => place = child,
            None => return,
        }
    }
    match (place, last) {
        (Value::Object(fields), Step::Field(name)) => {
            fields.remove(name);
        }
        (Value::Array(items), step) => {
            if let Some(index) = index(step)
                && index < items.len()
            {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// The value at a place.
pub(super) fn get<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |place, step| match (place, step) {
        (Value::Object(fields), Step::Field(name)) => fields.get(name),
        (Value::Array(items), step) => items.get(index(step)?),
        _ => None,
    })
}

/// Writes a value to a place; objects on the way are made, lists are not.
pub(super) fn set(value: &mut Value, steps: &[Step], new: Value) {
    let Some((last, way)) = steps.split_last() else { return };
    let mut place = value;
    for step in way {
        if let (Value::Object(fields), Step::Field(name)) = (&mut *place, step) {
            fields.entry(name.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
        match child_mut(place, step) {
            Some(child) => place = child,
            None => return,
        }
    }
    match (place, last) {
        (Value::Object(fields), Step::Field(name)) => {
            fields.insert(name.clone(), new);
        }
        (Value::Array(items), step) => {
            if let Some(item) = index(step).and_then(|index| items.get_mut(index)) {
                *item = new;
            }
        }
        _ => {}
    }
}

fn child_mut<'v>(place: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
    match (place, step) {
        (Value::Object(fields), Step::Field(name)) => fields.get_mut(name),
        (Value::Array(items), step) => items.get_mut(index(step)?),
        _ => None,
    }
}

fn index(step: &Step) -> Option<usize> {
    match step {
        Step::Index(index) => Some(*index),
        Step::Field(name) => name.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn escapes_are_read() {
        let steps = parse("/metadata/annotations/a.b~1c~0d").expect("a pointer");
        assert_eq!(steps[2], Step::Field("a.b/c~d".into()));
        assert!(parse("spec.replicas").is_err());
    }

    #[test]
    fn fields_and_items_go_and_absent_places_are_left() {
        let mut value = json!({"a": [{"b": 1, "c": 2}, 3]});
        remove(&mut value, &parse("/a/0/b").expect("a pointer"));
        remove(&mut value, &parse("/a/7").expect("a pointer"));
        remove(&mut value, &parse("/x/y").expect("a pointer"));
        remove(&mut value, &parse("/a/1").expect("a pointer"));
        assert_eq!(value, json!({"a": [{"c": 2}]}));
    }

    #[test]
    fn a_value_is_set_where_its_surroundings_can_be_made() {
        let mut value = json!({"spec": {}});
        set(&mut value, &parse("/spec/x/y").expect("a pointer"), json!(1));
        set(&mut value, &parse("/list/0").expect("a pointer"), json!(1));
        assert_eq!(get(&value, &parse("/spec/x/y").expect("a pointer")), Some(&json!(1)));
    }
}
