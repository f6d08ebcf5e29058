//! What is known at one place of an object: shared by the comparison and the patch.

use bridgehead_api::annotations::LAST_APPLIED;
use serde_json::{Map, Value};

use super::defaults::is_servers_choice;
use super::quantity;
use super::schema::{self, Knowledge, ListRule};

/// Fields of the metadata that are the API server's own.
const SERVERS_METADATA: &[&str] =
    &["creationTimestamp", "managedFields", "generation", "selfLink", "resourceVersion", "uid"];

/// A place in an object.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Name of the field around it; a list's elements have the list's. Empty at the root.
    pub(super) parent: &'a str,
    /// Nothing is known of fields here: their names are the user's.
    pub(super) free: bool,
    /// Values here are quantities.
    quantities: bool,
    /// Inside the object's own metadata, whose type is the same for every kind.
    in_metadata: bool,
}

impl Place<'static> {
    /// The root.
    pub(super) const ROOT: Self = Self { parent: "", free: false, quantities: false, in_metadata: false };
}

impl Place<'_> {
    /// The place inside the field `name`.
    pub(super) fn inside(self, name: &str) -> Place<'_> {
        let free = self.free || schema::has_free_keys(self.parent, name);
        Place {
            parent: name,
            free,
            quantities: !free && schema::holds_quantities(name),
            in_metadata: self.in_metadata || (self.parent.is_empty() && name == "metadata"),
        }
    }

    /// True for fields that are never compared or sent from here.
    pub(super) fn is_servers_field(self, name: &str) -> bool {
        if self.parent.is_empty() {
            matches!(name, "apiVersion" | "kind" | "status")
        } else if self.in_metadata {
            // What is applied last is `kubectl`'s to write: a manifest that holds it was copied from a cluster.
            (self.parent == "metadata" && SERVERS_METADATA.contains(&name))
                || (self.parent == "annotations" && name == LAST_APPLIED)
        } else {
            false
        }
    }
}

/// What is known of an object's kind.
#[derive(Clone, Copy)]
pub(super) struct Fields<'s> {
    pub(super) knowledge: Knowledge,
    pub(super) kind: &'s str,
}

impl Fields<'_> {
    /// True where the API server has a compiled-in type.
    pub(super) fn is_native(self, place: Place<'_>) -> bool {
        (self.knowledge.is_native() || place.in_metadata) && !place.free
    }

    /// How the list `name` is merged.
    pub(super) fn list_rule(self, place: Place<'_>, name: &str) -> ListRule {
        if self.is_native(place) {
            schema::list_rule(self.kind, place.parent, name)
        } else {
            ListRule::Atomic
        }
    }

    /// True for a map whose fields exclude each other.
    pub(super) fn retains_keys(self, place: Place<'_>, name: &str) -> bool {
        self.knowledge == Knowledge::Strategic
            && !place.free
            && schema::retains_keys(self.kind, place.parent, name)
    }

    /// Equality of two values that are not both maps or both lists.
    pub(super) fn equal(self, place: Place<'_>, name: &str, desired: &Value, live: &Value) -> bool {
        if same_scalar(desired, live) {
            return true;
        }
        if !self.knowledge.is_native() {
            return false;
        }
        if schema::is_base64(self.kind, place.parent, name)
            && let (Some(desired), Some(live)) = (desired.as_str(), live.as_str())
        {
            let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            return bare(desired) == bare(live) || (desired.is_empty() && name == "caBundle");
        }
        if place.free {
            return false;
        }
        if place.quantities || schema::is_quantity(self.kind, name) {
            let (desired, live) = (quantity::amount(desired), quantity::amount(live));
            return desired.is_some() && desired == live;
        }
        is_servers_choice(name, desired)
    }
}

/// Live fields that cannot stand beside what the manifest gives: the source of a volume, the parameters of
/// a strategy.
pub(super) fn excluded_fields<'l>(
    field: &str,
    desired: &Map<String, Value>,
    live: &'l Map<String, Value>,
) -> Vec<(&'l str, &'l Value)> {
    let given = |name: &str| desired.get(name).is_some_and(|value| !value.is_null());
    let names_a_source = desired.iter().any(|(name, value)| name != "name" && !value.is_null());
    live.iter()
        .filter(|(name, value)| !value.is_null() && !given(name))
        .filter(|(name, _)| match field {
            // A strategy without a type has the default one, and a rolling one has parameters.
            "strategy" => {
                name.as_str() == "rollingUpdate"
                    && desired.get("type").and_then(Value::as_str).is_some_and(|kind| kind != "RollingUpdate")
            }
            // A volume without a source is an empty directory.
            "volumes" => name.as_str() != "name" && (names_a_source || name.as_str() != "emptyDir"),
            _ => false,
        })
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

/// Equality of values that are no maps or lists; numbers by their amount.
pub(super) fn same_scalar(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) if one.is_f64() || two.is_f64() => {
            one.as_f64() == two.as_f64()
        }
        _ => one == two,
    }
}
