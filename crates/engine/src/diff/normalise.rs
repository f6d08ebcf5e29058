//! The three sides in one form: what the API server rewrites by itself is rewritten here too.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::place::Fields;
use super::rules::DiffRules;
use super::schema::Knowledge;
use crate::manifest::{Desired, Live};

/// What is compared.
pub(super) struct Sides<'a> {
    pub(super) knowledge: Knowledge,
    pub(super) kind: &'a str,
    pub(super) desired: Cow<'a, Value>,
    pub(super) live: Cow<'a, Value>,
    /// What was applied last.
    pub(super) last: Option<Cow<'a, Value>>,
}

/// Brings the sides into one form. Nothing is copied that needs no change.
pub(super) fn sides<'a>(
    desired: &'a Desired,
    live: &'a Live,
    last: Option<Value>,
    rules: &DiffRules,
) -> Sides<'a> {
    let kind = desired.manifest.kind();
    let mut sides = Sides {
        knowledge: Knowledge::of(&desired.key.group_kind),
        kind,
        desired: Cow::Borrowed(desired.manifest.value()),
        live: Cow::Borrowed(live.manifest.value()),
        last: last.map(Cow::Owned),
    };
    let version = |value: &Value| value.get("apiVersion").and_then(Value::as_str).map(str::to_owned);
    if let Some(last) = &sides.last
        && desired.manifest.api_version() != live.manifest.api_version()
        && version(last).as_deref() == Some(desired.manifest.api_version())
    {
        // The live object could be read only in another version, whose fields have other names. What was
        // applied last is in Git's version: that Git changed shows, that the cluster changed does not.
        sides.live = last.clone();
    }
    // A manifest without annotations does not ask for the annotations of others to go: `kubectl` writes at
    // least its own.
    if sides.last.is_some()
        && let Some(metadata) = sides.desired.get("metadata").and_then(Value::as_object)
        && !metadata.get("annotations").is_some_and(Value::is_object)
        && let Some(metadata) = sides.desired.to_mut().get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.insert("annotations".to_owned(), Value::Object(Map::new()));
    }
    match kind {
        "Secret" => sides.each(true, needs_string_data, move_string_data),
        "ClusterRole" => sides.each(true, is_aggregated, drop_rules),
        "Endpoints" => sides.each(false, |_| true, sort_endpoints),
        _ => {}
    }
    for rule in rules.matching(&desired.key) {
        sides.each(false, |_| true, |value| rule.remove_from(value));
    }
    sides
}

impl<'a> Sides<'a> {
    /// What is known of the kind.
    pub(super) fn fields(&self) -> Fields<'a> {
        Fields { knowledge: self.knowledge, kind: self.kind }
    }

    /// Changes what needs it: the sides that Git gave, and the live one too unless it is left out.
    fn each(&mut self, without_live: bool, needs: impl Fn(&Value) -> bool, change: impl Fn(&mut Value)) {
        let live = if without_live { None } else { Some(&mut self.live) };
        for side in [Some(&mut self.desired), self.last.as_mut(), live].into_iter().flatten() {
            if needs(side) {
                change(side.to_mut());
            }
        }
    }
}

fn needs_string_data(secret: &Value) -> bool {
    secret.get("stringData").is_some()
}

/// The API server keeps `stringData` in `data`, over what is there.
fn move_string_data(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    let Some(data) = data.as_object_mut() else { return };
    for (name, value) in texts {
        if let Some(text) = value.as_str() {
            data.insert(name, Value::String(STANDARD.encode(text)));
        }
    }
}

fn is_aggregated(role: &Value) -> bool {
    role.get("aggregationRule").is_some_and(|rule| !rule.is_null())
}

/// A controller fills the rules of an aggregated role.
fn drop_rules(role: &mut Value) {
    if let Some(fields) = role.as_object_mut() {
        fields.remove("rules");
    }
}

/// The API server sorts subsets, their addresses and their ports.
fn sort_endpoints(endpoints: &mut Value) {
    let Some(subsets) = endpoints.get_mut("subsets").and_then(Value::as_array_mut) else { return };
    for subset in subsets.iter_mut() {
        for list in ["addresses", "notReadyAddresses", "ports"] {
            if let Some(items) = subset.get_mut(list).and_then(Value::as_array_mut) {
                items.sort_by_cached_key(|item| {
                    let text = |field: &str| item.get(field).map(Value::to_string).unwrap_or_default();
                    (text("ip"), text("hostname"), text("name"), text("port"), text("protocol"))
                });
            }
        }
    }
    subsets.sort_by_cached_key(|subset| {
        ["addresses", "notReadyAddresses", "ports"]
            .map(|list| subset.get(list).map(Value::to_string).unwrap_or_default())
    });
}
