//! Rules that a write must keep.

use serde_json::Value;

use super::object::{self, text};
use super::refusal::{Reason, Refusal};

/// Fields that may not change once they are set, by kind.
const IMMUTABLE: &[(&str, &[&str])] = &[
    ("Job", &["/spec/template", "/spec/selector", "/spec/completions"]),
    ("Service", &["/spec/clusterIP"]),
    ("StatefulSet", &["/spec/serviceName", "/spec/selector"]),
    ("Deployment", &["/spec/selector"]),
    ("PersistentVolumeClaim", &["/spec/storageClassName", "/spec/accessModes"]),
];

/// Checks a new state against the one before.
pub(super) fn check(old: Option<&Value>, new: &Value) -> Result<(), Refusal> {
    let invalid = |message: String| {
        let kind = text(new, "/kind");
        let name = text(new, "/metadata/name");
        Err(Refusal::new(Reason::Invalid, format!("{kind} \"{name}\" is invalid: {message}")))
    };
    if new.pointer("/spec/refused").is_some() || new.pointer("/data/refused").is_some() {
        return invalid("refused: Invalid value: the schema does not allow it".into());
    }
    let Some(old) = old else { return Ok(()) };
    if object::is_terminating(old) {
        let known = object::finalizers(old);
        if object::finalizers(new).iter().any(|held| !known.contains(held)) {
            return invalid(
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted"
                    .into(),
            );
        }
    }
    let rules = IMMUTABLE.iter().filter(|(kind, _)| *kind == text(new, "/kind"));
    for field in rules.flat_map(|(_, fields)| *fields) {
        if old.pointer(field).is_some() && old.pointer(field) != new.pointer(field) {
            let path = field.trim_start_matches('/').replace('/', ".");
            return invalid(format!("{path}: Invalid value: field is immutable"));
        }
    }
    Ok(())
}
