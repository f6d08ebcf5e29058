//! Definitions that are there already: written, or left to whoever keeps them.

use serde_json::Value;

use super::install::is_installed;
use crate::object::text;

/// Which version wrote a definition. A later one is left alone.
pub(super) const VERSION: &str = "bridgehead.dev/version";

/// Why a live definition is not written in the form of `ours`: it is another's, or a later one. In a takeover an
/// older one of another's is written, if whatever it admits and keeps ours does too.
pub(super) fn stays(live: &Value, ours: &Value, takeover: bool) -> Option<String> {
    let own_version = env!("CARGO_PKG_VERSION");
    let version = live["metadata"]["annotations"][VERSION].as_str();
    match version {
        Some(version) if is_later(version, own_version) => Some(format!(
            "Version {version} wrote it, and this provider is version {own_version}: a definition is never \
             downgraded."
        )),
        None if !is_installed(live) => {
            let is_older = covers(ours, live) && !covers(live, ours);
            (!takeover || !is_older).then(|| {
                "It was installed by something else, which goes on to manage it. Fields that it doesn't know are lost \
                 when an object is written: keep it up to date there."
                    .to_owned()
            })
        }
        _ if is_anothers_too(live) && !covers(ours, live) => Some(
            "Somebody else has written it since, and it has what this version doesn't know: a definition is never \
             downgraded."
                .to_owned(),
        ),
        _ => None,
    }
}

/// Whether somebody else has written its specification.
fn is_anothers_too(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        entry["manager"] != bridgehead_install::FIELD_MANAGER && entry.pointer("/fieldsV1/f:spec").is_some()
    })
}

/// Whether a definition serves whatever another one does: no version, no field and no value is lost.
fn covers(definition: &Value, other: &Value) -> bool {
    let is_same = |pointer: &str| text(definition, pointer) == text(other, pointer);
    let versions = |definition: &Value| -> Vec<Value> {
        definition.pointer("/spec/versions").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let ours = versions(definition);
    is_same("/spec/scope")
        && is_same("/spec/names/kind")
        && is_same("/spec/names/plural")
        && text(other, "/spec/conversion/strategy") != "Webhook"
        && versions(other).iter().all(|theirs| {
            let Some(ours) = ours.iter().find(|ours| ours["name"] == theirs["name"]) else { return false };
            let same = |field: &str| ours[field] == theirs[field];
            let schema = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
            same("served")
                && same("storage")
                && same("subresources")
                && admits(&schema(ours), &schema(theirs))
        })
}

/// Whether a structural schema admits and keeps all that another one does. In doubt it doesn't.
fn admits(ours: &Value, theirs: &Value) -> bool {
    const OPEN: &str = "x-kubernetes-preserve-unknown-fields";
    // What has the same meaning only if both say the same.
    const FIXED: [&str; 4] =
        ["default", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"];
    let (Some(rules), Some(_)) = (ours.as_object(), theirs.as_object()) else { return ours == theirs };
    let open = ours[OPEN] == true;
    let within = |all: &Value, some: &Value| {
        let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
        some.as_array().into_iter().flatten().all(|one| all.contains(one))
    };
    let no_stricter = rules.iter().all(|(rule, value)| match rule.as_str() {
        "description"
        | "title"
        | "example"
        | "properties"
        | "items"
        | "additionalProperties"
        | "nullable"
        | OPEN => true,
        "required" => within(&theirs["required"], value),
        "enum" => theirs["enum"].is_array() && within(value, &theirs["enum"]),
        rule => theirs[rule] == *value,
    });
    let below = |field: &str| match (&ours[field], &theirs[field]) {
        (_, Value::Null) => true,
        (Value::Null, _) => open,
        (ours, theirs) => admits(ours, theirs),
    };
    let mut properties = theirs["properties"].as_object().into_iter().flatten();
    no_stricter
        && FIXED.iter().all(|field| ours[*field] == theirs[*field])
        && (open || theirs[OPEN] != true)
        && (ours["nullable"] == true || theirs["nullable"] != true)
        && below("items")
        && below("additionalProperties")
        && properties.all(|(name, theirs)| match (&ours["properties"][name], &ours["additionalProperties"]) {
            (Value::Null, Value::Null) => open,
            (Value::Null, any) => *any == true || admits(any, theirs),
            (ours, _) => admits(ours, theirs),
        })
}

fn is_later(version: &str, than: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> {
        let plain = text.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        plain.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    };
    parts(version) > parts(than)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";

    fn ours() -> Value {
        bridgehead_install::custom_resource_definitions()[0].clone()
    }

    fn changed(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Value {
        let mut definition = ours();
        change(definition.pointer_mut(SPEC).unwrap().as_object_mut().unwrap());
        definition
    }

    #[test]
    fn a_later_version_is_later_in_numbers_not_in_letters() {
        assert!(is_later("0.10.0", "0.9.1") && is_later("v1.0.0", "0.9.1"));
        assert!(!is_later("0.1.0", "0.1.0") && !is_later("0.1.0-rc1", "0.1.0"));
    }

    #[test]
    fn an_older_definition_of_another_is_brought_up_to_date_in_a_takeover_alone() {
        let older = changed(|spec| {
            spec.remove("revisionHistoryLimit");
        });
        assert_eq!(stays(&older, &ours(), true), None);
        assert!(stays(&older, &ours(), false).is_some());
        assert!(stays(&ours(), &ours(), true).is_some(), "there is nothing to bring up to date");
    }

    #[test]
    fn a_definition_that_has_more_or_admits_more_is_left_alone() {
        let more = changed(|spec| {
            spec.insert("later".to_owned(), json!({"type": "string"}));
            spec.remove("revisionHistoryLimit");
        });
        let wider = changed(|spec| spec["project"] = json!({"x-kubernetes-preserve-unknown-fields": true}));
        for theirs in [more, wider] {
            assert!(stays(&theirs, &ours(), true).is_some());
        }
    }

    #[test]
    fn one_of_ours_that_somebody_has_made_newer_is_not_downgraded() {
        let entry =
            |manager: &str| json!({"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {}}});
        let mut newer = changed(|spec| {
            spec.insert("later".to_owned(), json!({"type": "string"}));
        });
        newer["metadata"]["annotations"] = json!({VERSION: "0.0.1"});
        newer["metadata"]["managedFields"] = json!([entry(bridgehead_install::FIELD_MANAGER)]);
        assert_eq!(stays(&newer, &ours(), false), None, "an older version of ours wrote it");
        newer["metadata"]["managedFields"] =
            json!([entry(bridgehead_install::FIELD_MANAGER), entry("kubectl")]);
        assert!(stays(&newer, &ours(), false).is_some());
    }
}
