//! Cron expressions of five fields, in wall-clock time.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, ToSpan};

/// When something begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Schedule {
    /// At every minute that all fields name.
    Fields(Box<Fields>),
    /// Again and again after a pause (`@every 1h`).
    Every(SignedDuration),
}

/// Sets of minutes, hours, days, months and weekdays, as bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Days of the month and weekdays both narrow: then a day needs to match only one of the two.
    either_day: bool,
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Years that are searched for a match: the twenty-ninth of February comes within eight.
const YEARS: i64 = 9;

impl Schedule {
    /// Reads an expression.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let expanded = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        if let Some(pause) = expanded.strip_prefix("@every ") {
            let pause =
                bridgehead_api::duration::parse_duration(pause.trim()).map_err(|error| error.to_string())?;
            return Ok(Self::Every(pause.max(SignedDuration::from_secs(1))));
        }
        let fields: Vec<&str> = expanded.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(format!(
                "`{text}` is no schedule: it needs minute, hour, day of month, month and weekday, as in `0 22 * * 1-5`"
            ));
        };
        let is_open = |field: &str| field.starts_with(['*', '?']);
        Ok(Self::Fields(Box::new(Fields {
            minutes: set(minutes, 0, 59, &[], 0)?,
            hours: set(hours, 0, 23, &[], 0)?,
            days: set(days, 1, 31, &[], 0)?,
            months: set(months, 1, 12, MONTHS, 1)?,
            weekdays: set(weekdays, 0, 6, WEEKDAYS, 0)?,
            either_day: !is_open(days) && !is_open(weekdays),
        })))
    }

    /// The first beginning after this time.
    pub(super) fn next(&self, after: DateTime) -> Option<DateTime> {
        match self {
            Self::Every(pause) => after.checked_add(*pause).ok(),
            Self::Fields(fields) => fields.next(after),
        }
    }
}

impl Fields {
    fn next(&self, after: DateTime) -> Option<DateTime> {
        // The next whole minute.
        let first = after.with().second(0).subsec_nanosecond(0).build().ok()?.checked_add(1.minute()).ok()?;
        let last = first.date().checked_add(YEARS.years()).ok()?;
        let mut date = first.date();
        while date <= last {
            if self.holds_day(date) {
                let from = if date == first.date() { (first.hour(), first.minute()) } else { (0, 0) };
                if let Some((hour, minute)) = self.time(from) {
                    return Some(date.at(hour, minute, 0, 0));
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn holds_day(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    /// The first time of a day from this one on.
    fn time(&self, (from_hour, from_minute): (i8, i8)) -> Option<(i8, i8)> {
        (from_hour..24).filter(|hour| has(self.hours, *hour)).find_map(|hour| {
            let start = if hour == from_hour { from_minute } else { 0 };
            let minute = (start..60).find(|minute| has(self.minutes, *minute))?;
            Some((hour, minute))
        })
    }
}

fn has(set: u64, bit: i8) -> bool {
    u32::try_from(bit).is_ok_and(|bit| set & (1_u64 << bit) != 0)
}

/// A list of numbers, names, ranges and steps.
fn set(field: &str, least: u32, greatest: u32, names: &[&str], first_name: u32) -> Result<u64, String> {
    let number = |text: &str| -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        let named =
            names.iter().zip(first_name..).find(|(name, _)| **name == lower).map(|(_, number)| number);
        named
            .or_else(|| text.parse().ok())
            .filter(|number| (least..=greatest).contains(number))
            .ok_or_else(|| format!("`{text}` in a schedule is not between {least} and {greatest}"))
    };
    let mut set = 0;
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step: u32 = match step {
            None => 1,
            Some(text) => text
                .parse()
                .ok()
                .filter(|step| *step > 0)
                .ok_or_else(|| format!("`{text}` in a schedule is no step"))?,
        };
        let (low, high) = match range.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None if matches!(range, "*" | "?") => (least, greatest),
            // A step without an end goes on to the end.
            None if part.contains('/') => (number(range)?, greatest),
            None => (number(range)?, number(range)?),
        };
        if low > high {
            return Err(format!("`{range}` in a schedule ends before it begins"));
        }
        for value in (low..=high).step_by(step as usize) {
            set |= 1_u64 << value;
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let after: DateTime = after.parse().expect("a time");
        let schedule = Schedule::parse(schedule).expect("a schedule");
        schedule.next(after).map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_next_minute_that_all_fields_name() {
        // 2026-11-21 is a Saturday.
        for (schedule, expected) in [
            ("* * * * *", "2026-11-21T08:31:00"),
            ("0 22 * * *", "2026-11-21T22:00:00"),
            ("30 8 * * *", "2026-11-22T08:30:00"),
            ("*/15 * * * *", "2026-11-21T08:45:00"),
            ("0 9-17/4 * * MON-FRI", "2026-11-23T09:00:00"),
            ("0 0 1 jan *", "2027-01-01T00:00:00"),
            ("0 0 29 2 *", "2028-02-29T00:00:00"),
            ("0 0 13 * 5", "2026-11-27T00:00:00"),
            ("5/20 * * * *", "2026-11-21T08:45:00"),
            ("@weekly", "2026-11-22T00:00:00"),
            ("@every 90m", "2026-11-21T10:00:30"),
        ] {
            assert_eq!(next(schedule, "2026-11-21T08:30:30"), expected, "{schedule}");
        }
    }

    #[test]
    fn a_day_that_never_comes_is_never() {
        assert_eq!(next("0 0 30 2 *", "2026-11-21T08:30:00"), "");
    }

    #[test]
    fn broken_schedules_are_refused() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "* * * * 7",
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
            "@every x",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text:?}");
        }
    }
}
