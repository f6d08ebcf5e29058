//! Checks that many attributes share, and rules over several attributes.
//!
//! A check of one attribute is a function for `#[attr(check = ...)]`: it gets the known value and says
//! what is wrong. Any function of yours does; these are here already:
//!
//! ```
//! use tfplug::check;
//! use tfplug::prelude::*;
//!
//! /// A rule.
//! #[derive(Clone, Debug, tfplug::Model)]
//! #[resource("example_rule")]
//! pub struct Rule<S: Stage> {
//!     /// Its name.
//!     #[attr(check = check::dns_label)]
//!     pub name: S::Input<String>,
//!     /// What it does.
//!     #[attr(check = check::one_of(&["allow", "deny"]))]
//!     pub action: S::Input<String>,
//!     /// Where.
//!     #[attr(check = check::range(1..=65535))]
//!     pub port: S::Input<Option<i64>>,
//! }
//! ```
//!
//! Rules over several attributes are for [`validate`](crate::framework::Resource::validate), where a
//! value may be unknown: [`exactly_one`], [`at_most_one`], [`together`] say nothing until they know.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::diagnostic::Diagnostics;
use crate::stage::Maybe;

/// Text that isn't empty.
pub fn not_empty(text: &str) -> Result<(), &'static str> {
    if text.is_empty() { Err("The value is empty.") } else { Ok(()) }
}

/// One of these texts.
pub fn one_of(allowed: &'static [&'static str]) -> impl Fn(&str) -> Result<(), String> {
    move |text| {
        if allowed.contains(&text) {
            return Ok(());
        }
        let list: Vec<String> = allowed.iter().map(|allowed| format!("`{allowed}`")).collect();
        Err(format!("`{text}` is none of {}.", list.join(", ")))
    }
}

/// Text of so many characters.
pub fn length(allowed: RangeInclusive<usize>) -> impl Fn(&str) -> Result<(), String> {
    move |text| {
        let length = text.chars().count();
        if allowed.contains(&length) {
            return Ok(());
        }
        Err(format!(
            "The value has {length} characters; {} to {} are allowed.",
            allowed.start(),
            allowed.end()
        ))
    }
}

/// A number between these two, both included.
pub fn range<T: PartialOrd + Display>(allowed: RangeInclusive<T>) -> impl Fn(&T) -> Result<(), String> {
    move |number| {
        if allowed.contains(number) {
            return Ok(());
        }
        Err(format!("{number} is not between {} and {}.", allowed.start(), allowed.end()))
    }
}

/// A name as Kubernetes and DNS have them: 1 to 63 lower-case letters, digits and hyphens, with a letter
/// or digit at both ends.
pub fn dns_label(text: &str) -> Result<(), String> {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let good = matches!(bytes.len(), 1..=63)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric);
    if good {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a DNS label: 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at \
         both ends."
    ))
}

/// Whether the user gives an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has a value.
    Present,
    /// It is null, or a collection of no blocks.
    Absent,
    /// It isn't known yet.
    Unknown,
}

impl<T> Maybe<Option<T>> {
    /// Whether the user gives it.
    pub fn presence(&self) -> Presence {
        match self {
            Maybe::Known(Some(_)) => Presence::Present,
            Maybe::Known(None) => Presence::Absent,
            // A nested object of which only parts are unknown is there all the same.
            Maybe::Unknown(unknown) if !unknown.value().is_unknown() => Presence::Present,
            Maybe::Unknown(_) => Presence::Unknown,
        }
    }
}

impl<T> Maybe<Vec<T>> {
    /// Whether the user gives any of these blocks.
    pub fn presence(&self) -> Presence {
        match self {
            Maybe::Known(blocks) if blocks.is_empty() => Presence::Absent,
            Maybe::Known(_) => Presence::Present,
            Maybe::Unknown(unknown) => match unknown.value().elements() {
                Some(elements) if !elements.is_empty() => Presence::Present,
                _ => Presence::Unknown,
            },
        }
    }
}

/// An error unless exactly one of the attributes is given.
pub fn exactly_one(problems: &mut Diagnostics, attributes: &[(&str, Presence)]) {
    at_most_one(problems, attributes);
    if attributes.iter().all(|(_, presence)| *presence == Presence::Absent) {
        let summary = format!("One of {} is required", names(attributes));
        problems.error("", summary, "None of them is set.");
    }
}

/// An error if more than one of the attributes is given.
pub fn at_most_one(problems: &mut Diagnostics, attributes: &[(&str, Presence)]) {
    let mut present = attributes.iter().filter(|(_, presence)| *presence == Presence::Present);
    if let (Some((first, _)), Some((second, _))) = (present.next(), present.next()) {
        let summary = format!("`{first}` and `{second}` exclude each other");
        problems.error(*second, summary, format!("Set only one of {}.", names(attributes)));
    }
}

/// An error if some of the attributes are given and others aren't.
pub fn together(problems: &mut Diagnostics, attributes: &[(&str, Presence)]) {
    let find = |wanted| attributes.iter().find(|(_, presence)| *presence == wanted);
    if let (Some((present, _)), Some((absent, _))) = (find(Presence::Present), find(Presence::Absent)) {
        let summary = format!("`{present}` needs `{absent}`");
        problems.error(*present, summary, format!("Set all of {}, or none.", names(attributes)));
    }
}

fn names(attributes: &[(&str, Presence)]) -> String {
    let names: Vec<String> = attributes.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rule: impl Fn(&mut Diagnostics, &[(&str, Presence)]), presences: [Presence; 2]) -> bool {
        let mut problems = Diagnostics::new();
        rule(&mut problems, &[("a", presences[0]), ("b", presences[1])]);
        problems.has_errors()
    }

    #[test]
    fn rules_over_attributes_wait_for_what_is_unknown() {
        use Presence::{Absent, Present, Unknown};
        assert!(told(exactly_one, [Absent, Absent]) && told(exactly_one, [Present, Present]));
        assert!(!told(exactly_one, [Present, Absent]) && !told(exactly_one, [Unknown, Absent]));
        assert!(told(at_most_one, [Present, Present]) && !told(at_most_one, [Present, Unknown]));
        assert!(told(together, [Present, Absent]) && !told(together, [Present, Unknown]));
        assert!(!told(together, [Absent, Absent]));
    }

    #[test]
    fn a_dns_label_is_what_kubernetes_takes() {
        assert!(dns_label("a-1").is_ok() && dns_label("0").is_ok());
        for wrong in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(64)] {
            assert!(dns_label(wrong).is_err(), "{wrong}");
        }
    }
}
