//! What Terraform would refuse, told in the provider's own words and with the attribute's name.
//!
//! Terraform checks every plan against its configuration and every result against its plan, and blames
//! the provider in terms that its user can do little with. The same checks, here, name the attribute and
//! both values to whoever writes the provider.

use crate::diagnostic::Diagnostics;
use crate::path::Path;
use crate::schema::{Attribute, Nesting, Shape};
use crate::value::Value;

/// What is wrong with a plan: it may differ from the configuration only where the provider sets the
/// value, and may keep the prior value where that means the same.
pub(super) fn check_plan(
    attributes: &[Attribute],
    config: &Value,
    prior: &Value,
    planned: &Value,
) -> Diagnostics {
    let mut problems = Diagnostics::new();
    plan_object(attributes, config, prior, planned, &Path::root(), &mut problems);
    problems
}

fn plan_object(
    attributes: &[Attribute],
    config: &Value,
    prior: &Value,
    planned: &Value,
    path: &Path,
    problems: &mut Diagnostics,
) {
    for attribute in attributes {
        let name = &attribute.name;
        let path = path.attribute(name);
        let (config, prior, planned) =
            (config.attribute(name), prior.attribute(name), planned.attribute(name));
        if attribute.write_only {
            if !planned.is_null() {
                tell(problems, &path, "is planned", "it is write-only, so a plan has no value for it");
            }
            continue;
        }
        let kept = planned == prior && !prior.is_null() && !config.is_null();
        let computed = attribute.mode.is_computed() && config.is_null();
        if planned == config || kept || computed {
            continue;
        }
        let Shape::Nested(nesting, nested) = &attribute.shape else {
            let why = if config.is_null() {
                "the configuration has no value for it, and it is not computed".to_owned()
            } else {
                "the configuration has a value for it, which a plan has to repeat".to_owned()
            };
            tell(problems, &path, "is planned otherwise than configured", &why);
            continue;
        };
        match (*nesting, config, planned) {
            (Nesting::Single, Value::Map(_), Value::Map(_)) => {
                plan_object(nested, config, prior, planned, &path, problems);
            }
            (Nesting::List, Value::List(given), Value::List(promised)) if given.len() == promised.len() => {
                let before = prior.elements().unwrap_or_default();
                for (index, (given, promised)) in given.iter().zip(promised).enumerate() {
                    let before = before.get(index).unwrap_or(&Value::Null);
                    plan_object(nested, given, before, promised, &path.index(index), problems);
                }
            }
            (Nesting::Map, Value::Map(given), Value::Map(promised)) if given.keys().eq(promised.keys()) => {
                for (key, given) in given {
                    let (before, promised) = (prior.attribute(key), &promised[key]);
                    plan_object(nested, given, before, promised, &path.key(key), problems);
                }
            }
            // Which element of a set is which, Terraform tries out; here their number has to do.
            (Nesting::Set, Value::Set(given), Value::Set(promised)) if given.len() == promised.len() => {}
            _ => tell(
                problems,
                &path,
                "is planned otherwise than configured",
                "a plan has the elements that the configuration has",
            ),
        }
    }
}

/// What is wrong with the result of an apply: all that the plan promised has to be so, all else has to
/// be known.
pub(super) fn check_applied(attributes: &[Attribute], planned: &Value, new: &Value) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for attribute in attributes {
        let path = Path::of(&attribute.name);
        let (planned, new) = (planned.attribute(&attribute.name), new.attribute(&attribute.name));
        if attribute.write_only && !new.is_null() {
            tell(&mut problems, &path, "is stored", "it is write-only, so the state has no value for it");
            continue;
        }
        if !new.is_wholly_known() {
            tell(&mut problems, &path, "is unknown after apply", "every value has to be known then");
            continue;
        }
        let hidden = holds_secret(attribute);
        kept_promise(planned, new, &path, hidden, &mut problems);
    }
    problems
}

/// Whether the value is not to be shown: something in it is sensitive.
fn holds_secret(attribute: &Attribute) -> bool {
    attribute.sensitive
        || match &attribute.shape {
            Shape::Nested(_, nested) => nested.iter().any(holds_secret),
            Shape::Type(_) => false,
        }
}

fn kept_promise(planned: &Value, new: &Value, path: &Path, hidden: bool, problems: &mut Diagnostics) {
    match (planned, new) {
        (Value::Unknown(refinement), new) => {
            if refinement.bounds().is_some_and(|bounds| bounds.not_null) && new.is_null() {
                tell(problems, path, "is null after apply", "the plan promised that it would not be");
            }
        }
        (Value::List(promised), Value::List(elements)) if promised.len() == elements.len() => {
            for (index, (promised, element)) in promised.iter().zip(elements).enumerate() {
                kept_promise(promised, element, &path.index(index), hidden, problems);
            }
        }
        (Value::Map(promised), Value::Map(entries)) if promised.keys().eq(entries.keys()) => {
            for (key, promised) in promised {
                kept_promise(promised, &entries[key], &path.attribute(key), hidden, problems);
            }
        }
        // Which element of a set came of which unknown one can't be told.
        (Value::Set(promised), Value::Set(_)) if !planned.is_wholly_known() && !promised.is_empty() => {}
        (Value::Typed(promised), Value::Typed(typed)) if !promised.1.is_wholly_known() => {
            kept_promise(&promised.1, &typed.1, path, hidden, problems);
        }
        (planned, new) if planned == new => {}
        (planned, new) => {
            let why = if hidden {
                "the value differs from the planned one".to_owned()
            } else {
                format!("planned was {}, the result is {}", shown(planned), shown(new))
            };
            tell(problems, path, "is not what the plan promised", &why);
        }
    }
}

/// A value in a message, not too long.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        other => format!("{} with {} elements", other.kind(), size(other)),
    };
    if text.len() > 200 { format!("{}…", &text[..text.floor_char_boundary(200)]) } else { text }
}

fn size(value: &Value) -> usize {
    value
        .elements()
        .map(<[Value]>::len)
        .or_else(|| value.entries().map(std::collections::BTreeMap::len))
        .unwrap_or(0)
}

fn tell(problems: &mut Diagnostics, path: &Path, what: &str, why: &str) {
    problems.error(
        path.clone(),
        format!("`{path}` {what}"),
        format!("Attribute `{path}`: {why}. This is a bug in the provider."),
    );
}
