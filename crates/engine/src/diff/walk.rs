//! The structural comparison: what the manifest says against what is there.

use serde_json::{Map, Value};

use super::FieldDifference;
use super::defaults::{is_default, is_nothing};
use super::normalise::Sides;
use super::path::Path;
use super::place::{Fields, Place, excluded_fields, same_scalar};
use super::schema::{self, ListRule};

/// What stands for a value of a Secret.
const HIDDEN: &str = "(hidden)";

/// Every field by which live differs from what applying the manifest would give.
pub(super) fn differences(sides: &Sides<'_>) -> Vec<FieldDifference> {
    let mut walk = Walk::new(sides.fields());
    if let (Some(desired), Some(live)) = (sides.desired.as_object(), sides.live.as_object()) {
        walk.object(Place::ROOT, desired, live, sides.last.as_deref().and_then(Value::as_object));
    }
    walk.found
}

/// True if one field of the manifest differs from the live one.
pub(super) fn field_differs(
    fields: Fields<'_>,
    place: Place<'_>,
    name: &str,
    desired: &Value,
    live: Option<&Value>,
    last: Option<&Value>,
) -> bool {
    let mut walk = Walk::new(fields);
    walk.field(place, name, desired, live, last);
    !walk.found.is_empty()
}

/// True if a live field has to go that was applied last and is no longer in the manifest.
pub(super) fn has_to_go(fields: Fields<'_>, place: Place<'_>, name: &str, live: &Value) -> bool {
    let native = fields.is_native(place);
    !live.is_null() && !(native && (is_nothing(name, live, true) || is_default(name, live)))
}

struct Walk<'s> {
    fields: Fields<'s>,
    hidden: bool,
    path: Path,
    found: Vec<FieldDifference>,
}

impl<'s> Walk<'s> {
    fn new(fields: Fields<'s>) -> Self {
        Self { fields, hidden: fields.kind == "Secret", path: Path::default(), found: Vec::new() }
    }

    fn object(
        &mut self,
        place: Place<'_>,
        desired: &Map<String, Value>,
        live: &Map<String, Value>,
        last: Option<&Map<String, Value>>,
    ) {
        for (name, value) in desired.iter().filter(|(name, _)| !place.is_servers_field(name)) {
            self.path.push_field(name);
            self.field(place, name, value, live.get(name), last.and_then(|last| last.get(name)));
            self.path.pop();
        }
        for (name, value) in last.into_iter().flatten() {
            if value.is_null() || desired.contains_key(name) || place.is_servers_field(name) {
                continue;
            }
            // A whole map or list goes, what others added included, as in `kubectl apply`.
            if let Some(live) = live.get(name).filter(|live| has_to_go(self.fields, place, name, live)) {
                self.path.push_field(name);
                self.differ(None, Some(live));
                self.path.pop();
            }
        }
    }

    /// A field of the manifest against the live one.
    fn field(
        &mut self,
        place: Place<'_>,
        name: &str,
        desired: &Value,
        live: Option<&Value>,
        last: Option<&Value>,
    ) {
        let native = self.fields.is_native(place);
        let live = live.filter(|live| !live.is_null());
        if desired.is_null() {
            // A built-in type drops it; a custom resource's field has to be absent.
            let was_applied = last.is_some_and(|last| !last.is_null());
            if let Some(live) = live
                && (!native || was_applied)
                && has_to_go(self.fields, place, name, live)
            {
                self.differ(None, Some(live));
            }
            return;
        }
        let Some(live) = live else {
            if !is_nothing(name, desired, native) {
                self.differ(Some(desired), None);
            }
            return;
        };
        match (desired, live) {
            (Value::Object(wanted), Value::Object(there)) => {
                if self.fields.retains_keys(place, name) {
                    self.excluded(name, wanted, there);
                }
                self.object(place.inside(name), wanted, there, last.and_then(Value::as_object));
            }
            (Value::Array(items), Value::Array(live_items)) => {
                let last = last.and_then(Value::as_array).map(Vec::as_slice);
                match self.fields.list_rule(place, name) {
                    ListRule::Map(keys) => self.keyed(place, name, keys, items, live_items, last),
                    ListRule::Set => self.set(items, live_items, last),
                    ListRule::Atomic if items.is_empty() && native => {
                        // The API server leaves empty lists out: only one that was applied before goes.
                        if last.is_some_and(|last| !last.is_empty()) && !live_items.is_empty() {
                            self.differ(Some(desired), Some(live));
                        }
                    }
                    ListRule::Atomic if items.len() == live_items.len() => {
                        self.positions(place.inside(name), items, live_items, last);
                    }
                    ListRule::Atomic => self.differ(Some(desired), Some(live)),
                }
            }
            _ if self.fields.equal(place, name, desired, live) => {}
            _ => self.differ(Some(desired), Some(live)),
        }
    }

    /// Live fields that exclude one that the manifest gives.
    fn excluded(&mut self, name: &str, desired: &Map<String, Value>, live: &Map<String, Value>) {
        for (field, value) in excluded_fields(name, desired, live) {
            self.path.push_field(field);
            self.differ(None, Some(value));
            self.path.pop();
        }
    }

    /// A list that is replaced as a whole. Its elements may have more fields live than in Git: they are
    /// defaults, and counting them would never come to an end.
    fn positions(&mut self, place: Place<'_>, desired: &[Value], live: &[Value], last: Option<&[Value]>) {
        let last = last.filter(|last| last.len() == desired.len());
        for (index, (desired, live)) in desired.iter().zip(live).enumerate() {
            self.path.push_index(index);
            self.element(place, desired, live, last.and_then(|last| last.get(index)));
            self.path.pop();
        }
    }

    fn element(&mut self, place: Place<'_>, desired: &Value, live: &Value, last: Option<&Value>) {
        match (desired, live) {
            (Value::Object(desired), Value::Object(live)) => {
                self.object(place, desired, live, last.and_then(Value::as_object));
            }
            (Value::Array(items), Value::Array(live_items)) if items.len() == live_items.len() => {
                self.positions(place, items, live_items, None);
            }
            _ if same_scalar(desired, live) => {}
            _ => self.differ(Some(desired), Some(live)),
        }
    }

    /// A list that is a map: elements are found by their keys, wherever they stand.
    fn keyed(
        &mut self,
        place: Place<'_>,
        name: &str,
        keys: &'static [&'static str],
        desired: &[Value],
        live: &[Value],
        last: Option<&[Value]>,
    ) {
        let inner = place.inside(name);
        let pairs = schema::pair(keys, desired, live);
        for (element, partner) in desired.iter().zip(&pairs) {
            self.path.push_key(key_text(keys, element));
            match partner {
                None => self.differ(Some(element), None),
                Some(index) => {
                    let before = last.and_then(|last| schema::find(keys, last, element));
                    if self.fields.retains_keys(place, name)
                        && let (Some(wanted), Some(there)) = (element.as_object(), live[*index].as_object())
                    {
                        self.excluded(name, wanted, there);
                    }
                    self.element(inner, element, &live[*index], before);
                }
            }
            self.path.pop();
        }
        for element in live {
            let was_applied = last.is_some_and(|last| schema::find(keys, last, element).is_some());
            if was_applied && schema::find(keys, desired, element).is_none() {
                self.path.push_key(key_text(keys, element));
                self.differ(None, Some(element));
                self.path.pop();
            }
        }
        if !schema::is_in_order(&pairs) {
            let order = |items: &[Value]| {
                Value::Array(items.iter().map(|item| Value::String(key_text(keys, item))).collect())
            };
            self.differ(Some(&order(desired)), Some(&order(live)));
        }
    }

    fn set(&mut self, desired: &[Value], live: &[Value], last: Option<&[Value]>) {
        for item in desired.iter().filter(|item| !live.contains(item)) {
            self.path.push_key(scalar_text(item));
            self.differ(Some(item), None);
            self.path.pop();
        }
        for item in live.iter().filter(|item| !desired.contains(item)) {
            if last.is_some_and(|last| last.contains(item)) {
                self.path.push_key(scalar_text(item));
                self.differ(None, Some(item));
                self.path.pop();
            }
        }
    }

    fn differ(&mut self, desired: Option<&Value>, live: Option<&Value>) {
        let path = self.path.text();
        let hides = self.hidden && path.starts_with("data");
        let shown = |value: &Value| if hides { Value::String(HIDDEN.into()) } else { value.clone() };
        self.found.push(FieldDifference { path, desired: desired.map(shown), live: live.map(shown) });
    }
}

fn key_text(keys: &[&str], element: &Value) -> String {
    let parts: Vec<String> =
        keys.iter().filter_map(|key| Some(format!("{key}={}", scalar_text(element.get(key)?)))).collect();
    parts.join(",")
}

fn scalar_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
