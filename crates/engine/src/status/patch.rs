//! The one patch that stores a pass over an application.

use bridgehead_api::application::{ApplicationStatus, Operation};
use bridgehead_api::{ResourceVersion, Uid, annotations};
use serde_json::{Value, json};

/// What the pass took note of, and changes on the object together with the status that answers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consumed {
    /// Value of the refresh annotation that was answered; the annotation goes.
    pub refresh: Option<String>,
    /// What becomes of `.operation`.
    pub operation: OperationField,
}

/// What becomes of `.operation`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OperationField {
    /// It stays as it is.
    #[default]
    Keep,
    /// The operation has ended.
    Remove,
    /// An operation begins by itself.
    Set(Box<Operation>),
}

/// True if `after` says something new: `reconciledAt` alone does not.
pub fn differs(before: &ApplicationStatus, after: &ApplicationStatus) -> bool {
    let mut same_time = after.clone();
    same_time.reconciled_at = before.reconciled_at;
    same_time != *before
}

/// JSON patch operations that take the object, as it was read at `read_at`, to `after`: the first tests hold
/// UID and resourceVersion, so that a change by anybody else means reading again. `before` is the stored
/// status where it is known to the letter; without it the whole status is written. None: nothing to write.
pub fn status_patch(
    uid: &Uid,
    read_at: &ResourceVersion,
    before: Option<&ApplicationStatus>,
    after: &ApplicationStatus,
    consumed: &Consumed,
) -> Option<Value> {
    let mut changes: Vec<Value> = Vec::new();
    let status = serde_json::to_value(after).expect("a status is plain data");
    match before {
        None => changes.push(json!({"op": "add", "path": "/status", "value": status})),
        Some(before) => {
            let stored = serde_json::to_value(before).expect("a status is plain data");
            for change in json_patch::diff(&stored, &status).0 {
                let mut change = serde_json::to_value(change).expect("a patch is plain data");
                prefix(&mut change, "path");
                prefix(&mut change, "from");
                changes.push(change);
            }
        }
    }
    if let Some(refresh) = &consumed.refresh {
        let path = format!("/metadata/annotations/{}", annotations::REFRESH.replace('/', "~1"));
        changes.push(json!({"op": "test", "path": path, "value": refresh}));
        changes.push(json!({"op": "remove", "path": path}));
    }
    match &consumed.operation {
        OperationField::Keep => {}
        OperationField::Remove => changes.push(json!({"op": "remove", "path": "/operation"})),
        OperationField::Set(operation) => {
            changes.push(json!({"op": "add", "path": "/operation", "value": operation}));
        }
    }
    if changes.is_empty() {
        return None;
    }
    let mut patch = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": uid}),
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": read_at}),
    ];
    patch.append(&mut changes);
    Some(Value::Array(patch))
}

fn prefix(change: &mut Value, field: &str) {
    if let Some(Value::String(path)) = change.get_mut(field) {
        path.insert_str(0, "/status");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_comparison_with_the_same_verdict_is_no_reason_to_write() {
        let before = ApplicationStatus::default();
        let mut after = before.clone();
        after.reconciled_at = Some("2026-01-01T00:00:00Z".parse().expect("a time"));
        assert!(!differs(&before, &after));
        after.controller_namespace = "argocd".into();
        assert!(differs(&before, &after));
    }

    #[test]
    fn the_refresh_annotation_goes_only_if_it_is_the_one_that_was_answered() {
        let consumed = Consumed { refresh: Some("hard".into()), ..Consumed::default() };
        let status = ApplicationStatus::default();
        let patch = status_patch(&"u".into(), &"7".into(), Some(&status), &status, &consumed)
            .expect("a patch")
            .to_string();
        assert!(patch.contains(
            r#"{"op":"test","path":"/metadata/annotations/argocd.argoproj.io~1refresh","value":"hard"}"#
        ));
        assert!(patch.contains(r#"{"op":"test","path":"/metadata/resourceVersion","value":"7"}"#));
    }

    #[test]
    fn nothing_new_gives_no_patch() {
        let status = ApplicationStatus::default();
        assert_eq!(
            status_patch(&"u".into(), &"7".into(), Some(&status), &status, &Consumed::default()),
            None
        );
    }
}
