//! The plan that follows from schema, configuration and prior state alone.
//!
//! - What the user gives is echoed; where it means the same as the prior value, the prior form stays.
//! - What only the provider sets keeps its prior value while nothing changes. As soon as anything does,
//!   it is unknown, unless it is to `keep`. On a create it is unknown.
//! - A computed value that is missing in the prior state (an unfinished object) is unknown, and so is a
//!   change.

mod pairing;

use std::collections::BTreeMap;

use crate::path::Path;
use crate::schema::{Attribute, Nesting, Shape};
use crate::value::Value;

/// What becomes of computed values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Computed {
    /// Prior values stay.
    Stay,
    /// The object changes: those that need not stay are unknown.
    Renew,
    /// The object has to change although nothing differs: all are unknown.
    RenewAll,
}

/// The planned object. `config` has its defaults filled in; `prior` is null for a create.
///
/// `unfinished`: an earlier operation did not come to its end, so there is something to do although
/// nothing differs.
pub(super) fn plan(attributes: &[Attribute], config: &Value, prior: &Value, unfinished: bool) -> Value {
    let prior = (!prior.is_null()).then_some(prior);
    let settled = object(attributes, config, prior, Computed::Stay);
    let Some(prior_object) = prior else {
        return settled;
    };
    if settled == *prior_object && !unfinished {
        return settled;
    }
    let renewed = object(attributes, config, prior, Computed::Renew);
    if renewed == *prior_object {
        return object(attributes, config, prior, Computed::RenewAll);
    }
    renewed
}

fn object(attributes: &[Attribute], config: &Value, prior: Option<&Value>, computed: Computed) -> Value {
    let Value::Map(given) = config else {
        return config.clone();
    };
    let mut planned = BTreeMap::new();
    for attribute in attributes {
        let given = given.get(&attribute.name).unwrap_or(&Value::Null);
        let prior = prior.filter(|prior| !prior.is_null()).map(|prior| prior.attribute(&attribute.name));
        planned.insert(attribute.name.clone(), value(attribute, given, prior, computed));
    }
    Value::Map(planned)
}

fn value(attribute: &Attribute, config: &Value, prior: Option<&Value>, computed: Computed) -> Value {
    if attribute.write_only {
        return Value::Null;
    }
    if config.is_null() {
        return if attribute.is_made_up() { made_up(attribute, prior, computed) } else { Value::Null };
    }
    let prior = prior.filter(|prior| !prior.is_null());
    let Shape::Nested(nesting, nested) = &attribute.shape else {
        return keep_form(attribute, config, prior);
    };
    let objects = |config: &Value, prior: Option<&Value>| object(nested, config, prior, computed);
    match (*nesting, config) {
        (Nesting::Single, Value::Map(_)) => objects(config, prior),
        (Nesting::List, Value::List(given)) => {
            let before = prior.and_then(Value::elements).unwrap_or_default();
            let pairs = given.iter().enumerate().map(|(index, config)| objects(config, before.get(index)));
            Value::List(pairs.collect())
        }
        (Nesting::Map, Value::Map(given)) => {
            let before = prior.and_then(Value::entries);
            let pairs = given.iter().map(|(key, config)| {
                let before = before.and_then(|before| before.get(key));
                (key.clone(), objects(config, before))
            });
            Value::Map(pairs.collect())
        }
        (Nesting::Set, Value::Set(given)) => {
            // Terraform compares elements of a set of blocks with the configuration alone.
            if attribute.block.is_none() && !holds_made_up(nested) && keeps_form(attribute, config, prior) {
                return prior.unwrap_or(config).clone();
            }
            let before = prior.and_then(Value::elements).unwrap_or_default();
            let partners = pairing::partners(given, before, &|config, prior| matches(nested, config, prior));
            let pairs = given.iter().zip(partners).map(|(config, partner)| {
                let mut object = objects(config, partner.map(|partner| &before[partner]));
                echo(nested, config, &mut object);
                object
            });
            Value::Set(pairs.collect())
        }
        _ => config.clone(),
    }
}

/// A computed value for which the configuration has nothing.
fn made_up(attribute: &Attribute, prior: Option<&Value>, computed: Computed) -> Value {
    let Some(prior) = prior else {
        return Value::unknown();
    };
    let missing = prior.is_null() && !attribute.nullable;
    // A new value would mean a new object: it stays until something else asks for one.
    let stays = attribute.keep || attribute.replace.is_some();
    match computed {
        _ if missing => Value::unknown(),
        Computed::Stay => prior.clone(),
        Computed::Renew if stays => prior.clone(),
        Computed::RenewAll if attribute.replace.is_some() => prior.clone(),
        Computed::Renew | Computed::RenewAll => Value::unknown(),
    }
}

fn keep_form(attribute: &Attribute, config: &Value, prior: Option<&Value>) -> Value {
    match prior {
        Some(prior) if keeps_form(attribute, config, Some(prior)) => prior.clone(),
        _ => config.clone(),
    }
}

fn keeps_form(attribute: &Attribute, config: &Value, prior: Option<&Value>) -> bool {
    config.is_wholly_known() && prior.is_some_and(|prior| (attribute.same)(config, prior))
}

/// Elements of a set keep the form of the configuration.
fn echo(attributes: &[Attribute], config: &Value, planned: &mut Value) {
    let (Value::Map(given), Some(planned)) = (config, planned.entries_mut()) else {
        return;
    };
    for attribute in attributes {
        if let (Some(given), false, Shape::Type(_)) = (
            given.get(&attribute.name).filter(|given| !given.is_null()),
            attribute.write_only,
            &attribute.shape,
        ) {
            planned.insert(attribute.name.clone(), given.clone());
        }
    }
}

/// Whether an element of a set is the one that the configuration means: all that it gives is the same.
fn matches(attributes: &[Attribute], config: &Value, prior: &Value) -> bool {
    attributes
        .iter()
        .all(|attribute| fits(attribute, config.attribute(&attribute.name), prior.attribute(&attribute.name)))
}

fn fits(attribute: &Attribute, config: &Value, prior: &Value) -> bool {
    if attribute.write_only || (config.is_null() && attribute.is_made_up()) {
        return true;
    }
    let Shape::Nested(nesting, nested) = &attribute.shape else {
        return (attribute.same)(config, prior);
    };
    match (*nesting, config, prior) {
        (Nesting::Single, Value::Map(_), Value::Map(_)) => matches(nested, config, prior),
        (Nesting::List, Value::List(given), Value::List(before)) => {
            given.len() == before.len()
                && given.iter().zip(before).all(|(config, prior)| matches(nested, config, prior))
        }
        (Nesting::Map, Value::Map(given), Value::Map(before)) => {
            given.keys().eq(before.keys())
                && given.iter().all(|(key, config)| matches(nested, config, &before[key]))
        }
        (Nesting::Set, Value::Set(given), Value::Set(before)) => {
            given.len() == before.len()
                && given.iter().all(|config| before.iter().any(|prior| matches(nested, config, prior)))
        }
        _ => config == prior,
    }
}

fn holds_made_up(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.is_made_up()
            || match &attribute.shape {
                Shape::Nested(_, nested) => holds_made_up(nested),
                Shape::Type(_) => false,
            }
    })
}

/// Whether something known differs from the prior state.
pub(super) fn surely_changes(attributes: &[Attribute], prior: &Value, planned: &Value) -> bool {
    prior.is_null()
        || attributes.iter().any(|attribute| {
            let (before, after) = (prior.attribute(&attribute.name), planned.attribute(&attribute.name));
            after.is_wholly_known() && after != before
        })
}

/// The attributes whose change asks for a new object, with the reasons. Within a set it is the set.
pub(super) fn replacements(attributes: &[Attribute], prior: &Value, planned: &Value) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    replaced(attributes, prior, planned, &Path::root(), &mut found);
    found
}

fn replaced(
    attributes: &[Attribute],
    prior: &Value,
    planned: &Value,
    path: &Path,
    found: &mut Vec<(Path, String)>,
) {
    for attribute in attributes {
        let path = path.attribute(&attribute.name);
        let (prior, planned) = (prior.attribute(&attribute.name), planned.attribute(&attribute.name));
        if let Some(why) = &attribute.replace
            && planned != prior
            && attribute.another.is_none_or(|another| another(prior, planned))
        {
            found.push((path, why.clone()));
            continue;
        }
        let Shape::Nested(nesting, nested) = &attribute.shape else {
            continue;
        };
        match (*nesting, planned) {
            (Nesting::Single, Value::Map(_)) => replaced(nested, prior, planned, &path, found),
            (Nesting::List, Value::List(elements)) => {
                let before = prior.elements().unwrap_or_default();
                for (index, element) in elements.iter().enumerate() {
                    let before = before.get(index).unwrap_or(&Value::Null);
                    replaced(nested, before, element, &path.index(index), found);
                }
            }
            (Nesting::Map, Value::Map(entries)) => {
                for (key, element) in entries {
                    replaced(nested, prior.attribute(key), element, &path.key(key), found);
                }
            }
            (Nesting::Set, Value::Set(elements)) => {
                for inner in nested {
                    let of = |elements: &[Value]| {
                        Value::Set(
                            elements.iter().map(|object| object.attribute(&inner.name).clone()).collect(),
                        )
                    };
                    if let Some(why) = &inner.replace
                        && of(elements) != of(prior.elements().unwrap_or_default())
                    {
                        found.push((path.clone(), why.clone()));
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod properties;
