//! When a failed sync is tried again.

use jiff::{SignedDuration, Timestamp};

use super::sync_policy::RetryStrategy;
use crate::duration::{DurationProblem, parse_seconds_or_duration};
use crate::time::Time;

const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(180);
const FACTOR: i64 = 2;

/// What is wrong with a back-off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read `retry.backoff.{field}`")]
pub struct RetryProblem {
    /// `duration` or `maxDuration`.
    pub field: &'static str,
    /// Why.
    pub source: DurationProblem,
}

/// The earliest time of the next try: the pause is `duration × factor^retries`, at most `maxDuration`
/// (no limit where that is 0), and `retries` counts the tries after the first that have failed already.
pub fn next_retry_at(
    retry: &RetryStrategy,
    retries: i64,
    finished_at: Time,
) -> Result<Timestamp, RetryProblem> {
    let backoff = retry.backoff.as_ref();
    let pause = |field, text: Option<&String>, default| match text {
        Some(text) if !text.is_empty() => {
            parse_seconds_or_duration(text).map_err(|source| RetryProblem { field, source })
        }
        _ => Ok(default),
    };
    let first = pause("duration", backoff.map(|backoff| &backoff.duration), FIRST_PAUSE)?;
    let longest = pause("maxDuration", backoff.map(|backoff| &backoff.max_duration), LONGEST_PAUSE)?;
    let factor = backoff.and_then(|backoff| backoff.factor).unwrap_or(FACTOR);

    let exponent = i32::try_from(retries).unwrap_or(i32::MAX);
    #[expect(clippy::cast_precision_loss, reason = "a factor beyond 2^53 is past every limit anyway")]
    let grown = first.as_secs_f64() * (factor as f64).powi(exponent);
    let limit = if longest > SignedDuration::ZERO { longest.as_secs_f64() } else { f64::INFINITY };
    let seconds = grown.min(limit);
    let wait = SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX);
    Ok(finished_at.plus(wait))
}

#[cfg(test)]
mod tests {
    use super::next_retry_at;
    use crate::application::{Backoff, RetryStrategy};
    use crate::time::Time;

    fn pause_seconds(backoff: Option<Backoff>, retries: i64) -> i64 {
        let strategy = RetryStrategy { limit: 5, backoff, refresh: false };
        let at = next_retry_at(&strategy, retries, Time::default()).expect("valid back-off");
        at.as_second()
    }

    #[test]
    fn pauses_double_from_five_seconds_to_three_minutes() {
        let pauses: Vec<_> = (0..8).map(|retries| pause_seconds(None, retries)).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 180, 180]);
    }

    #[test]
    fn a_bare_number_means_seconds() {
        let backoff = Backoff { duration: "7".into(), factor: Some(3), max_duration: "1m".into() };
        assert_eq!(pause_seconds(Some(backoff.clone()), 1), 21);
        assert_eq!(pause_seconds(Some(backoff), 2), 60);
    }

    #[test]
    fn a_limit_of_zero_is_no_limit_and_never_overflows() {
        let backoff = Backoff { duration: "1s".into(), factor: Some(10), max_duration: "0".into() };
        assert_eq!(pause_seconds(Some(backoff.clone()), 4), 10_000);
        assert!(pause_seconds(Some(backoff), i64::MAX) > 0);
    }

    #[test]
    fn a_broken_duration_is_named() {
        let backoff = Backoff { duration: "soon".into(), ..Backoff::default() };
        let strategy = RetryStrategy { limit: 5, backoff: Some(backoff), refresh: false };
        let problem = next_retry_at(&strategy, 0, Time::default()).expect_err("not a duration");
        assert_eq!(problem.to_string(), "failed to read `retry.backoff.duration`");
    }
}
