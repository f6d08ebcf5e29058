//! The patch that `kubectl apply` would send.
//!
//! Built-in kinds get a strategic merge patch, so that elements which others added to a list stay; all
//! others get a JSON merge patch. Either holds only what differs, and the new record of what was applied.

use bridgehead_api::annotations::LAST_APPLIED;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::last_applied::{self, last_applied_annotation};
use super::normalise;
use super::place::{Fields, Place, excluded_fields};
use super::rules::DiffRules;
use super::schema::{self, Knowledge, ListRule};
use super::walk::{field_differs, has_to_go};
use crate::manifest::{Desired, Live};

/// A patch and its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PatchBody {
    /// `application/strategic-merge-patch+json`
    StrategicMerge(Value),
    /// `application/merge-patch+json`
    Merge(Value),
}

impl PatchBody {
    /// The body.
    pub fn body(&self) -> &Value {
        match self {
            Self::StrategicMerge(body) | Self::Merge(body) => body,
        }
    }

    /// The type, as the request's header says it.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::StrategicMerge(_) => "application/strategic-merge-patch+json",
            Self::Merge(_) => "application/merge-patch+json",
        }
    }
}

/// The patch that makes the live object as the manifest says: what the manifest gives and what it gave last
/// time and gives no longer, by the live object's record. None where nothing would change.
pub fn three_way_patch(desired: &Desired, live: &Live) -> Option<PatchBody> {
    let last = last_applied::of_live(&live.manifest);
    let sides = normalise::sides(desired, live, last, &DiffRules::default());
    let patcher = Patcher { fields: sides.fields() };
    let none = Map::new();
    let mut body = patcher.object(
        Place::ROOT,
        sides.desired.as_object().unwrap_or(&none),
        sides.live.as_object().unwrap_or(&none),
        sides.last.as_deref().and_then(Value::as_object),
    );
    let record = last_applied_annotation(desired);
    if live.manifest.annotation(LAST_APPLIED) != Some(&record) {
        put(&mut body, &["metadata", "annotations"], LAST_APPLIED, Value::String(record));
    }
    if body.is_empty() {
        return None;
    }
    let body = Value::Object(body);
    Some(match sides.knowledge {
        Knowledge::Strategic => PatchBody::StrategicMerge(body),
        Knowledge::Native | Knowledge::Custom => PatchBody::Merge(body),
    })
}

fn put(body: &mut Map<String, Value>, way: &[&str], name: &str, value: Value) {
    let Some((first, rest)) = way.split_first() else {
        body.insert(name.to_owned(), value);
        return;
    };
    let entry = body.entry(*first).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(fields) = entry {
        put(fields, rest, name, value);
    }
}

#[derive(Clone, Copy)]
struct Patcher<'s> {
    fields: Fields<'s>,
}

impl Patcher<'_> {
    fn object(
        self,
        place: Place<'_>,
        desired: &Map<String, Value>,
        live: &Map<String, Value>,
        last: Option<&Map<String, Value>>,
    ) -> Map<String, Value> {
        let mut patch = Map::new();
        for (name, value) in desired.iter().filter(|(name, _)| !place.is_servers_field(name)) {
            self.field(place, name, value, live.get(name), last.and_then(|last| last.get(name)), &mut patch);
        }
        for (name, value) in last.into_iter().flatten() {
            if value.is_null() || desired.contains_key(name) || place.is_servers_field(name) {
                continue;
            }
            if live.get(name).is_some_and(|live| has_to_go(self.fields, place, name, live)) {
                patch.insert(name.clone(), Value::Null);
            }
        }
        patch
    }

    fn field(
        self,
        place: Place<'_>,
        name: &str,
        desired: &Value,
        live: Option<&Value>,
        last: Option<&Value>,
        patch: &mut Map<String, Value>,
    ) {
        if !field_differs(self.fields, place, name, desired, live, last) {
            return;
        }
        match (desired, live.filter(|live| !live.is_null())) {
            (Value::Null, _) => {
                patch.insert(name.to_owned(), Value::Null);
            }
            (Value::Object(wanted), Some(Value::Object(there))) => {
                let inner = place.inside(name);
                let mut inside = self.object(inner, wanted, there, last.and_then(Value::as_object));
                if self.fields.retains_keys(place, name) {
                    retain(&mut inside, name, wanted, there);
                }
                patch.insert(name.to_owned(), Value::Object(inside));
            }
            (Value::Array(items), Some(Value::Array(live_items))) => {
                let last = last.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                self.list(place, name, items, live_items, last, patch);
            }
            // In place of a value of another type, a JSON merge patch needs no more than the new value.
            _ => {
                patch.insert(name.to_owned(), desired.clone());
            }
        }
    }

    fn list(
        self,
        place: Place<'_>,
        name: &str,
        desired: &[Value],
        live: &[Value],
        last: &[Value],
        patch: &mut Map<String, Value>,
    ) {
        let strategic = self.fields.knowledge == Knowledge::Strategic;
        match self.fields.list_rule(place, name) {
            ListRule::Atomic => {
                patch.insert(name.to_owned(), Value::Array(desired.to_vec()));
            }
            ListRule::Set if strategic => set(name, desired, live, last, patch),
            ListRule::Map(keys)
                if strategic && !repeats_key(keys[0], desired) && !repeats_key(keys[0], live) =>
            {
                self.keyed(place, name, keys, (desired, live, last), patch);
            }
            ListRule::Set => {
                let kept = live.iter().filter(|item| !desired.contains(item) && !last.contains(item));
                let all = desired.iter().chain(kept).cloned().collect();
                patch.insert(name.to_owned(), Value::Array(all));
            }
            // The merge key does not tell the elements apart (a port for TCP and for UDP): the list is
            // replaced by what the merge would give.
            ListRule::Map(keys) => {
                let mut all = self.merged(place, name, keys, desired, live, last);
                if strategic {
                    all.push(json!({"$patch": "replace"}));
                }
                patch.insert(name.to_owned(), Value::Array(all));
            }
        }
    }

    fn keyed(
        self,
        place: Place<'_>,
        name: &str,
        keys: &'static [&'static str],
        (desired, live, last): (&[Value], &[Value], &[Value]),
        patch: &mut Map<String, Value>,
    ) {
        let key = keys[0];
        let inner = place.inside(name);
        // Two identities with one merge key (a port that changes its protocol) are one element here.
        let partner = |element: &Value| live.iter().find(|item| item.get(key) == element.get(key));
        let mut changes = Vec::new();
        for element in desired {
            match (element.as_object(), partner(element).and_then(Value::as_object)) {
                (Some(wanted), Some(there)) => {
                    let before = last.iter().find(|item| item.get(key) == element.get(key));
                    let mut change = self.object(inner, wanted, there, before.and_then(Value::as_object));
                    if self.fields.retains_keys(place, name) {
                        retain(&mut change, name, wanted, there);
                    }
                    if !change.is_empty() {
                        change.insert(key.to_owned(), element.get(key).cloned().unwrap_or(Value::Null));
                        changes.push(Value::Object(change));
                    }
                }
                _ => changes.push(element.clone()),
            }
        }
        let deletions = live.iter().filter(|element| {
            let same = |item: &&Value| item.get(key) == element.get(key);
            last.iter().any(|item| same(&item)) && !desired.iter().any(|item| same(&item))
        });
        changes.extend(deletions.map(|element| json!({"$patch": "delete", key: element.get(key)})));
        let order = desired.iter().map(|element| json!({key: element.get(key)})).collect();
        patch.insert(format!("$setElementOrder/{name}"), Value::Array(order));
        if !changes.is_empty() {
            patch.insert(name.to_owned(), Value::Array(changes));
        }
    }

    /// The list as merging would give it: the manifest's elements over their live partners, then what
    /// others added.
    fn merged(
        self,
        place: Place<'_>,
        name: &str,
        keys: &'static [&'static str],
        desired: &[Value],
        live: &[Value],
        last: &[Value],
    ) -> Vec<Value> {
        let inner = place.inside(name);
        let pairs = schema::pair(keys, desired, live);
        let mut all: Vec<Value> = desired
            .iter()
            .zip(&pairs)
            .map(|(element, partner)| match partner.map(|index| &live[index]) {
                Some(Value::Object(there)) => {
                    let mut merged = there.clone();
                    let wanted = element.as_object().cloned().unwrap_or_default();
                    let before = schema::find(keys, last, element).and_then(Value::as_object);
                    merge(&mut merged, self.object(inner, &wanted, there, before));
                    Value::Object(merged)
                }
                _ => element.clone(),
            })
            .collect();
        let kept = live.iter().enumerate().filter(|(index, element)| {
            !pairs.contains(&Some(*index)) && schema::find(keys, last, element).is_none()
        });
        all.extend(kept.map(|(_, element)| element.clone()));
        all
    }
}

/// A JSON merge patch applied to an element; enough for elements of ports, which hold no lists.
fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (value, target.get_mut(&name)) {
            (Value::Null, _) => {
                target.remove(&name);
            }
            (Value::Object(patch), Some(Value::Object(inner))) => merge(inner, patch),
            (value, _) => {
                target.insert(name, value);
            }
        }
    }
}

fn set(name: &str, desired: &[Value], live: &[Value], last: &[Value], patch: &mut Map<String, Value>) {
    let added: Vec<Value> = desired.iter().filter(|item| !live.contains(item)).cloned().collect();
    let gone: Vec<Value> =
        live.iter().filter(|item| last.contains(item) && !desired.contains(item)).cloned().collect();
    patch.insert(format!("$setElementOrder/{name}"), Value::Array(desired.to_vec()));
    if !added.is_empty() {
        patch.insert(name.to_owned(), Value::Array(added));
    }
    if !gone.is_empty() {
        patch.insert(format!("$deleteFromPrimitiveList/{name}"), Value::Array(gone));
    }
}

/// Tells the API server to drop the live fields that exclude what the manifest gives.
fn retain(
    patch: &mut Map<String, Value>,
    name: &str,
    desired: &Map<String, Value>,
    live: &Map<String, Value>,
) {
    if excluded_fields(name, desired, live).is_empty() {
        return;
    }
    let mut kept: Vec<&String> =
        desired.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).collect();
    kept.sort();
    patch.insert("$retainKeys".to_owned(), json!(kept));
}

fn repeats_key(key: &str, list: &[Value]) -> bool {
    list.iter().enumerate().any(|(position, element)| {
        list[..position].iter().any(|earlier| earlier.get(key) == element.get(key))
    })
}
