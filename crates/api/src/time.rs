//! Points in time as Kubernetes writes them.

use std::borrow::Cow;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A second in UTC, written as `2026-11-21T08:10:47Z`. Finer parts are cut off when it is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

impl Time {
    /// The second that this instant lies in.
    pub fn new(instant: Timestamp) -> Self {
        // Whole seconds of a timestamp are always within a timestamp's range; towards the past, as Go cuts.
        let second = instant.as_nanosecond().div_euclid(1_000_000_000);
        Self(
            i64::try_from(second)
                .ok()
                .and_then(|second| Timestamp::from_second(second).ok())
                .unwrap_or(instant),
        )
    }

    /// The instant at which the second begins.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// This time and a span, as an exact instant; the last instant there is where the sum is beyond it.
    pub fn plus(self, span: SignedDuration) -> Timestamp {
        self.0.saturating_add(span).unwrap_or(Timestamp::MAX)
    }
}

impl From<Timestamp> for Time {
    fn from(instant: Timestamp) -> Self {
        Self::new(instant)
    }
}

impl Default for Time {
    fn default() -> Self {
        Self(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::str::FromStr for Time {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<Timestamp>().map(Self::new)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    fn time(text: &str) -> Time {
        text.parse().expect("test time")
    }

    #[test]
    fn fractions_are_cut_off_towards_the_past() {
        assert_eq!(time("2026-11-21T08:10:47.999Z").to_string(), "2026-11-21T08:10:47Z");
        assert_eq!(time("1969-12-31T23:59:58.5Z").to_string(), "1969-12-31T23:59:58Z");
    }

    #[test]
    fn offsets_are_read_and_written_as_utc() {
        assert_eq!(time("2026-11-21T09:10:47+01:00").to_string(), "2026-11-21T08:10:47Z");
    }
}
