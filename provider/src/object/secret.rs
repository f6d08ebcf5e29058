//! Secrets that stand for something: labels and annotations around the entries.

use std::collections::BTreeMap;

use bridgehead_api::annotations::SECRET_TYPE;
use bridgehead_api::secret::SecretObject;
use serde_json::Value as Json;
use tfplug::prelude::{Diagnostic, Diagnostics};

/// The Secret as a manifest, with the labels and annotations that are declared.
pub(crate) fn secret_manifest(
    mut secret: SecretObject,
    labels: Option<&BTreeMap<String, String>>,
    annotations: Option<&BTreeMap<String, String>>,
) -> Json {
    for (name, value) in labels.into_iter().flatten() {
        secret.metadata.labels.entry(name.clone()).or_insert_with(|| value.clone());
    }
    secret.metadata.annotations.extend(annotations.cloned().unwrap_or_default());
    secret.to_manifest()
}

/// Reads a Secret of this type.
pub(crate) fn read_secret(live: &Json, secret_type: &str) -> Result<SecretObject, Diagnostics> {
    let secret = SecretObject::from_value(live.clone())?;
    match secret.metadata.label(SECRET_TYPE) {
        Some(found) if found == secret_type => Ok(secret),
        _ => Err(Diagnostic::error(format!(
            "Secret {}/{} is no {secret_type}",
            secret.metadata.namespace.as_str(),
            secret.metadata.name
        ))
        .detail(format!("It lacks the label `{SECRET_TYPE}: {secret_type}`."))
        .into()),
    }
}

/// A text that may be absent: the prior form where both mean absent.
pub(crate) fn optional(prior: Option<&String>, live: &str) -> Option<String> {
    match prior {
        Some(prior) if prior == live => Some(prior.clone()),
        None if live.is_empty() => None,
        _ => (!live.is_empty()).then(|| live.to_owned()),
    }
}

/// A flag that is false where it is absent.
pub(crate) fn flag(prior: Option<bool>, live: bool) -> Option<bool> {
    if prior.unwrap_or(false) == live { prior } else { Some(live) }
}

/// A number that is 0 where it is absent.
pub(crate) fn number(prior: Option<i64>, live: i64) -> Option<i64> {
    if prior.unwrap_or(0) == live { prior } else { Some(live) }
}
