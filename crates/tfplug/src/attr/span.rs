//! Spans of time, as Terraform's users write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Attr;
use crate::codec::ValueError;
use crate::path::Path;
use crate::schema::{Attribute, Nesting, Shape};
use crate::value::Value;

/// A span of time: `90s`, `1h30m`, `500ms`. Two are equal when they last equally long.
#[derive(Clone, Debug)]
pub struct Span {
    text: String,
    duration: Duration,
}

/// Text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of time such as `90s`, `10m` or `1h30m`")]
pub struct SpanError(String);

impl Span {
    /// How long it is.
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

/// Longest units first, and `ms` before `m`, so that the first that fits is the right one.
const UNITS: [(&str, f64); 8] = [
    ("ms", 1e-3),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ns", 1e-9),
    ("h", 3600.0),
    ("m", 60.0),
    ("s", 1.0),
];

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Span, SpanError> {
        let wrong = || SpanError(text.to_owned());
        let mut seconds = 0.0;
        let mut rest = text;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() && rest != "0" {
            let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.');
            let (count, unit_and_rest) = rest.split_at(digits.ok_or_else(wrong)?);
            let count: f64 = count.parse().map_err(|_| wrong())?;
            let (after, scale) = UNITS
                .iter()
                .find_map(|(unit, scale)| Some((unit_and_rest.strip_prefix(unit)?, scale)))
                .ok_or_else(wrong)?;
            seconds += count * scale;
            rest = after;
        }
        let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
        Ok(Span { text: text.to_owned(), duration })
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span { text: format!("{}s", duration.as_secs_f64()), duration }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Span) -> bool {
        self.duration == other.duration
    }
}

crate::text_attr!(Span);

/// How long the operations of a resource may take; `S::Input<Option<Timeouts>>` in its model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeouts {
    /// Of a create.
    pub create: Option<Span>,
    /// Of a read.
    pub read: Option<Span>,
    /// Of an update.
    pub update: Option<Span>,
    /// Of a delete.
    pub delete: Option<Span>,
}

impl Attr for Timeouts {
    fn shape() -> Shape {
        let attributes = ["create", "read", "update", "delete"].map(|operation| {
            let description = format!("How long the {operation} may take, like `90s` or `1h30m`.");
            Attribute::of::<Option<Span>>(operation).description(description)
        });
        Shape::Nested(Nesting::Single, attributes.into())
    }

    fn from_value(value: &Value, path: &Path) -> Result<Timeouts, ValueError> {
        let span = |name: &str| Attr::from_value(value.attribute(name), &path.attribute(name));
        Ok(Timeouts {
            create: span("create")?,
            read: span("read")?,
            update: span("update")?,
            delete: span("delete")?,
        })
    }

    fn to_value(&self) -> Value {
        Value::map([
            ("create", self.create.to_value()),
            ("read", self.read.to_value()),
            ("update", self.update.to_value()),
            ("delete", self.delete.to_value()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_users_write_them() {
        for (text, seconds) in [("90s", 90.0), ("1h30m", 5400.0), ("1.5m", 90.0), ("500ms", 0.5), ("0", 0.0)]
        {
            assert_eq!(text.parse::<Span>().unwrap().duration(), Duration::from_secs_f64(seconds), "{text}");
        }
        for text in ["", "5", "m", "-1s", "1 s", "1d", "1.2.3s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert_eq!("90s".parse::<Span>().unwrap(), "1m30s".parse::<Span>().unwrap());
    }
}
