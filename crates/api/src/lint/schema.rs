//! A document against the schema of its kind, strictly: what the API server would silently drop is an error.

use serde_json::Value as Schema;

use super::mistakes::hint;
use super::tree::{Entry, Node, Value};
use super::{Report, mistakes};
use crate::crd::Kind;

/// Checks everything but `metadata`, which is the API server's and is looked at elsewhere, and `status`, which the
/// agent writes.
pub(super) fn check(kind: Kind, document: &Node, report: &mut Report) {
    value("", document, kind.schema(), kind, report);
}

/// Checks one value.
pub(super) fn value(path: &str, node: &Node, schema: &Schema, kind: Kind, report: &mut Report) {
    if schema.get("x-kubernetes-int-or-string").is_some() {
        if !matches!(node.value, Value::Integer(_) | Value::Text(_)) {
            wrong_type(path, node, "a whole number or a text", report);
        }
        return;
    }
    match schema["type"].as_str() {
        Some("object") => object(path, node, schema, kind, report),
        Some("array") => {
            if !matches!(node.value, Value::List(_)) {
                wrong_type(path, node, "a list", report);
            }
            for (index, item) in node.items().iter().enumerate() {
                value(&format!("{path}[{index}]"), item, &schema["items"], kind, report);
            }
        }
        Some("string") => text(path, node, schema, report),
        Some("boolean") if !matches!(node.value, Value::Boolean(_)) => {
            wrong_type(path, node, "a boolean", report);
        }
        Some("integer") => {
            let fits = |number: &i128| schema["format"] != "int64" || i64::try_from(*number).is_ok();
            if !matches!(&node.value, Value::Integer(number) if fits(number)) {
                wrong_type(path, node, "a whole number", report);
            }
        }
        // No type: anything goes.
        _ => {}
    }
}

fn object(path: &str, node: &Node, schema: &Schema, kind: Kind, report: &mut Report) {
    if !matches!(node.value, Value::Map(_)) {
        wrong_type(path, node, "an object", report);
        return;
    }
    if schema.get("x-kubernetes-preserve-unknown-fields").is_some() {
        return;
    }
    for (index, entry) in node.entries().iter().enumerate() {
        let below = field(path, &entry.name);
        if node.entries()[..index].iter().any(|earlier| earlier.name == entry.name) {
            report.error(&*below, entry, format!("the field `{}` is there twice", entry.name), None);
        }
        if path.is_empty() && matches!(entry.name.as_str(), "metadata" | "status") {
            continue;
        }
        // Null is as good as absent.
        if entry.value.value == Value::Null && schema["properties"].get(&entry.name).is_some() {
            continue;
        }
        if let Some(property) = schema["properties"].get(&entry.name) {
            value(&below, &entry.value, property, kind, report);
        } else if let Some(values) = schema.get("additionalProperties") {
            value(&below, &entry.value, values, kind, report);
        } else {
            unknown(&below, path, entry, schema, kind, report);
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Schema::as_str) {
        if node.get(name).is_none() {
            let says = format!("required field `{name}` is missing");
            let about = schema["properties"][name]["description"].as_str().map(first_sentence);
            report.error(field(path, name), node, says, about);
        }
    }
}

fn unknown(path: &str, parent: &str, entry: &Entry, schema: &Schema, kind: Kind, report: &mut Report) {
    let says = format!("unknown field `{}`", entry.name);
    report.error(path, entry, says, hint(&mistakes::Context { parent, schema, kind }, &entry.name));
}

fn text(path: &str, node: &Node, schema: &Schema, report: &mut Report) {
    if !expect_text(path, node, report) {
        return;
    }
    let text = node.text().unwrap_or_default();
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Schema::as_str).collect();
        word(path, node, text, &words, report);
    }
    let length = text.chars().count();
    if schema["maxLength"].as_u64().is_some_and(|most| length as u64 > most) {
        report.error(
            path,
            node,
            format!("{length} characters, and at most {} are allowed", schema["maxLength"]),
            None,
        );
    }
    if schema["minLength"].as_u64().is_some_and(|least| (length as u64) < least) {
        report.error(path, node, "must not be empty", None);
    }
}

/// Reports a word that is none of the known ones.
pub(super) fn word(path: &str, node: &Node, word: &str, words: &[&str], report: &mut Report) {
    if words.contains(&word) {
        return;
    }
    let hint = match crate::nearest::nearest(word, words.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known: `{}`", words.join("`, `")),
    };
    report.error(path, node, format!("unknown value `{word}`"), Some(hint));
}

/// Reports what is no text; false where it did. Numbers and booleans need quotes.
pub(super) fn expect_text(path: &str, node: &Node, report: &mut Report) -> bool {
    match node.value {
        Value::Text(_) => true,
        Value::Boolean(_) | Value::Integer(_) | Value::Float => {
            let says = format!("must be a text, and is {} without quotes", node.kind());
            report.error(path, node, says, Some("put the value in quotes".to_owned()));
            false
        }
        _ => {
            wrong_type(path, node, "a text", report);
            false
        }
    }
}

fn wrong_type(path: &str, node: &Node, wanted: &str, report: &mut Report) {
    let hint = match (&node.value, wanted) {
        (Value::Text(text), _) if text.contains("{{") => {
            Some("a placeholder is a text; `templatePatch` can set other types".to_owned())
        }
        (Value::Text(text), "a boolean") if matches!(text.as_str(), "true" | "false") => {
            Some(format!("write `{text}` without quotes"))
        }
        (Value::Text(text), "a whole number") if text.parse::<i64>().is_ok() => {
            Some(format!("write `{text}` without quotes"))
        }
        (Value::Map(_) | Value::Text(_), "a list") => Some("begin each item with `- `".to_owned()),
        _ => None,
    };
    report.error(path, node, format!("must be {wanted}, and is {}", node.kind()), hint);
}

/// The path of a field below a path.
pub(super) fn field(path: &str, name: &str) -> String {
    let simple = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    match (path.is_empty(), simple) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (false, false) => format!("{path}[{name:?}]"),
    }
}

fn first_sentence(text: &str) -> String {
    let end = text.find(". ").unwrap_or(text.len());
    let sentence = text[..end].trim_end_matches('.');
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
