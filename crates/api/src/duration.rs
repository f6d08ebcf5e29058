//! Spans of time as Go writes them: `90s`, `1h30m`, `1.5h`, `300ms`.

use jiff::SignedDuration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration such as `30s`, `5m` or `1h30m`")]
pub struct DurationProblem {
    /// The text.
    pub text: String,
}

/// Reads a duration in Go's form: an optional sign, then numbers with units `ns`, `us`, `ms`, `s`, `m`, `h`.
/// `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<SignedDuration, DurationProblem> {
    duration_nanoseconds(text)
        .map(SignedDuration::from_nanos)
        .ok_or_else(|| DurationProblem { text: text.to_owned() })
}

/// Reads a whole number of seconds, or a duration in Go's form.
pub fn parse_seconds_or_duration(text: &str) -> Result<SignedDuration, DurationProblem> {
    match text.parse::<i32>() {
        Ok(seconds) => Ok(SignedDuration::from_secs(seconds.into())),
        Err(_) => parse_duration(text),
    }
}

fn duration_nanoseconds(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_length);
        let unit_length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        total = total.checked_add(nanoseconds(number, unit)?)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn nanoseconds(number: &str, unit: &str) -> Option<i128> {
    let scale: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Fifteen digits of an hour are finer than a nanosecond.
    let fraction = &fraction[..fraction.len().min(15)];
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part = part.checked_mul(scale)? / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(scale)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::{parse_duration, parse_seconds_or_duration};

    fn milliseconds(text: &str) -> Option<i128> {
        parse_duration(text).ok().map(|duration| duration.as_millis())
    }

    #[test]
    fn units_add_up() {
        assert_eq!(milliseconds("1h30m"), Some(5_400_000));
        assert_eq!(milliseconds("1.5h"), Some(5_400_000));
        assert_eq!(milliseconds(".5s"), Some(500));
        assert_eq!(milliseconds("-2m"), Some(-120_000));
        assert_eq!(milliseconds("300ms"), Some(300));
        assert_eq!(milliseconds("0"), Some(0));
    }

    #[test]
    fn texts_without_unit_or_number_are_refused() {
        for text in ["", "5", "s", "-", "1d", "1h 30m", "1..5s", ".s", "9999999999999h"] {
            assert_eq!(milliseconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_bare_number_is_seconds_where_that_is_allowed() {
        assert_eq!(parse_seconds_or_duration("120").map(|duration| duration.as_secs()), Ok(120));
    }
}
