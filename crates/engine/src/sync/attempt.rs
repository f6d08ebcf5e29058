//! Which try of which operation a hook belongs to.

use std::fmt;

use bridgehead_api::Uid;
use jiff::Timestamp;

/// One try of one operation of one application. Its text stands on every hook that the try creates, so
/// that a restart can tell its own hooks from those of an earlier try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// UID of the Application.
    pub application: Uid,
    /// `operationState.startedAt`, whole seconds.
    pub started_at: Timestamp,
    /// `operationState.retryCount`.
    pub retry: i64,
}

impl fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.application, self.started_at.as_second(), self.retry)
    }
}

impl Attempt {
    /// The start of an operation that follows `previous`: now, in whole seconds, and later than the
    /// previous start, so that two operations within one second (or after the clock went back) differ.
    pub fn start_after(previous: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let second = previous.map_or(now.as_second(), |earlier| now.as_second().max(earlier.as_second() + 1));
        Timestamp::from_second(second).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_operations_within_one_second_have_different_starts() {
        let now: Timestamp = "2026-01-02T03:04:05.9Z".parse().expect("a time");
        let first = Attempt::start_after(None, now);
        let second = Attempt::start_after(Some(first), now);
        assert_eq!(first.to_string(), "2026-01-02T03:04:05Z");
        assert!(second > first);
    }
}
