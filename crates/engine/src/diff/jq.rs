//! jq path expressions of ignore rules, without what could run for ever.
//!
//! An expression selects places, as in `.spec.template.spec.containers[] | select(.name == "proxy")`. The
//! interpreter cannot be interrupted, so what has no bound is refused when the rule is read: definitions,
//! generators and loops, and reading anything but the object. What is left takes time polynomial in the
//! object's size, and [`LONGEST`], [`MOST_DESCENTS`] and [`MOST_PATHS`] keep the power small.

use std::fmt;
use std::sync::Arc;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Num, Val};
use serde::Deserialize as _;
use serde_json::Value;

use super::pointer::Step;

/// Bytes of an expression.
const LONGEST: usize = 2048;
/// Times that an expression may descend into everything (`..`).
const MOST_DESCENTS: usize = 2;
/// Places that one expression may select in one object.
const MOST_PATHS: usize = 10_000;

/// Names that generate without end, loop, or look beyond the object.
const REFUSED: &[&str] = &[
    "def",
    "reduce",
    "foreach",
    "label",
    "import",
    "include",
    "range",
    "repeat",
    "recurse",
    "while",
    "until",
    "walk",
    "combinations",
    "limit",
    "input",
    "inputs",
    "env",
    "now",
    "debug",
    "stderr",
    "halt",
    "halt_error",
    "input_line_number",
    "input_filename",
    "splits",
];

type Filter = jaq_core::Filter<data::JustLut<Val>>;

/// A compiled expression.
#[derive(Clone)]
pub(super) struct JqPath {
    expression: Arc<str>,
    filter: Arc<Filter>,
}

impl fmt::Debug for JqPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.expression, formatter)
    }
}

impl JqPath {
    /// Compiles an expression.
    pub(super) fn compile(expression: &str) -> Result<Self, String> {
        refuse_unbounded(expression)?;
        let code = format!("path({expression})");
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(&arena, File { code: code.as_str(), path: () })
            .map_err(|_| format!("`{expression}` is not a jq expression"))?;
        let filter = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let names: Vec<String> = errors
                .iter()
                .flat_map(|(_, undefined)| undefined.iter().map(|(name, _)| format!("`{name}`")))
                .collect();
            format!("`{expression}` uses what jq does not know: {}", names.join(", "))
        })?;
        Ok(Self { expression: expression.into(), filter: Arc::new(filter) })
    }

    /// The places that it selects, in an order in which removing one does not move those that follow.
    pub(super) fn paths(&self, object: &Value) -> Result<Vec<Vec<Step>>, String> {
        let input = Val::deserialize(object).map_err(|error| error.to_string())?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut paths = Vec::new();
        for outcome in self.filter.id.run((context, input)).map(unwrap_valr) {
            // A place that does not exist in this object is no error of the rule.
            let Ok(Val::Arr(path)) = outcome else { continue };
            if paths.len() == MOST_PATHS {
                return Err(format!("`{}` selects more than {MOST_PATHS} places", self.expression));
            }
            if let Some(steps) = path.iter().map(step).collect::<Option<Vec<Step>>>() {
                paths.push(steps);
            }
        }
        paths.sort_unstable_by(|left, right| right.cmp(left));
        paths.dedup();
        Ok(paths)
    }
}

fn step(value: &Val) -> Option<Step> {
    match value {
        Val::TStr(text) => Some(Step::Field(String::from_utf8_lossy(text).into_owned())),
        Val::Num(Num::Int(index)) => usize::try_from(*index).ok().map(Step::Index),
        _ => None,
    }
}

fn refuse_unbounded(expression: &str) -> Result<(), String> {
    if expression.len() > LONGEST {
        return Err(format!("the expression is longer than {LONGEST} bytes"));
    }
    if expression.contains("\\(") {
        return Err(format!("`{expression}` puts expressions into texts, which ignore rules may not"));
    }
    let bare = without_texts(expression);
    if bare.matches("..").count() > MOST_DESCENTS {
        return Err(format!("`{expression}` descends into everything more than {MOST_DESCENTS} times"));
    }
    match names(&bare).find(|name| REFUSED.contains(name)) {
        Some(name) => Err(format!("`{expression}` uses `{name}`, which ignore rules may not")),
        None => Ok(()),
    }
}

/// The expression with the insides of its texts blanked out.
fn without_texts(expression: &str) -> String {
    let mut bare = String::with_capacity(expression.len());
    let mut inside = false;
    let mut escaped = false;
    for character in expression.chars() {
        match character {
            '"' if !escaped => {
                inside = !inside;
                bare.push('"');
            }
            _ if inside => bare.push(' '),
            other => bare.push(other),
        }
        escaped = inside && character == '\\' && !escaped;
    }
    bare
}

/// Names of functions and keywords: not those after `.`, `$` or `@`.
fn names(bare: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut position = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &bare[position..];
            let start = position + rest.find(is_name)?;
            let end = start + bare[start..].find(|c| !is_name(c)).unwrap_or(bare.len() - start);
            position = end;
            let before = bare[..start].chars().next_back();
            if !matches!(before, Some('.' | '$' | '@')) {
                return Some(&bare[start..end]);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::pointer;

    fn remaining(expression: &str, object: Value) -> Value {
        let mut object = object;
        let paths = JqPath::compile(expression).expect("an expression").paths(&object).expect("paths");
        for path in paths {
            pointer::remove(&mut object, &path);
        }
        object
    }

    #[test]
    fn selected_items_and_fields_go() {
        let object = json!({"c": [{"n": "a", "i": 1}, {"n": "b", "i": 2}, {"n": "b", "i": 3}]});
        assert_eq!(
            remaining(r#".c[] | select(.n == "b")"#, object.clone()),
            json!({"c": [{"n": "a", "i": 1}]})
        );
        assert_eq!(remaining(".c[]?.i", object), json!({"c": [{"n": "a"}, {"n": "b"}, {"n": "b"}]}));
    }

    #[test]
    fn regular_expressions_and_descent_work() {
        let object = json!({"m": {"a-hash": 1, "b": {"a-hash": 2}}});
        assert_eq!(
            remaining(r#".. | select(type == "object") | ."a-hash"?"#, object),
            json!({"m": {"b": {}}})
        );
        let object = json!({"env": [{"name": "DD_X"}, {"name": "Y"}]});
        assert_eq!(
            remaining(r#".env[]? | select(.name | test("^DD_"))"#, object),
            json!({"env": [{"name": "Y"}]})
        );
    }

    #[test]
    fn places_that_do_not_exist_are_no_error() {
        assert_eq!(remaining(".spec.list[] | .x", json!({"spec": 1})), json!({"spec": 1}));
    }

    #[test]
    fn what_has_no_bound_is_refused_and_fields_of_that_name_are_not() {
        for expression in [
            "repeat(.a)",
            "range(1e12)",
            "def f: f; f",
            ".a | until(false; .)",
            r#""\(range(9))""#,
            ".. | .. | ..",
        ] {
            assert!(JqPath::compile(expression).is_err(), "{expression}");
        }
        assert!(JqPath::compile(".range.env.input").is_ok());
        assert!(JqPath::compile(r#".a[] | select(.name == "def env")"#).is_ok());
    }

    #[test]
    fn broken_expressions_are_named() {
        for expression in [".a[", "nothing_of_this_name(.)", ""] {
            let error = JqPath::compile(expression).expect_err("broken");
            assert!(error.contains(expression), "{error}");
        }
    }
}
