//! Cron schedules in five fields, as sync windows take them.

const FIELDS: [(&str, u32, u32); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 6)];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// What is wrong with a schedule, and what to write.
pub(super) fn problem(schedule: &str) -> Option<(String, Option<String>)> {
    let schedule = match schedule.split_once(' ') {
        Some((zone, rest)) if zone.starts_with("TZ=") || zone.starts_with("CRON_TZ=") => rest,
        _ => schedule,
    };
    if schedule.trim_start().starts_with('@') {
        let says = format!("`{schedule}` is a nickname, and five fields are wanted");
        let hint = match schedule.trim() {
            "@yearly" | "@annually" => "write `0 0 1 1 *`",
            "@monthly" => "write `0 0 1 * *`",
            "@weekly" => "write `0 0 * * 0`",
            "@daily" | "@midnight" => "write `0 0 * * *`",
            "@hourly" => "write `0 * * * *`",
            _ => return Some((says, None)),
        };
        return Some((says, Some(hint.to_owned())));
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let says = format!(
            "a schedule has five fields (minute, hour, day of month, month, day of week), not {}",
            fields.len()
        );
        let hint = (fields.len() == 6).then(|| "leave out the seconds".to_owned());
        return Some((says, hint));
    }
    fields.iter().zip(FIELDS).find_map(|(text, (name, least, most))| {
        text.split(',')
            .find_map(|part| part_problem(part, name, least, most))
            .map(|(says, hint)| (format!("{name} `{text}`: {says}"), hint))
    })
}

fn part_problem(part: &str, field: &str, least: u32, most: u32) -> Option<(String, Option<String>)> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    if let Some(step) = step
        && !step.parse::<u32>().is_ok_and(|step| step > 0)
    {
        return Some((format!("the step `{step}` is not a number above 0"), None));
    }
    if range == "*" || range == "?" {
        return None;
    }
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let mut bounds = [0, 0];
    for (bound, text) in bounds.iter_mut().zip([first, last]) {
        match number(text, field) {
            Some(number) if (least..=most).contains(&number) => *bound = number,
            Some(7) if field == "day of week" => {
                return Some(("there is no day 7".to_owned(), Some("Sunday is 0".to_owned())));
            }
            Some(number) => return Some((format!("{number} is not from {least} to {most}"), None)),
            None => return Some((format!("`{text}` is not a number"), None)),
        }
    }
    (bounds[0] > bounds[1]).then(|| {
        let hint = format!("write `{first}-{most},{least}-{last}`");
        (format!("`{range}` ends before it begins"), Some(hint))
    })
}

fn number(text: &str, field: &str) -> Option<u32> {
    let lower = text.to_lowercase();
    let named = |names: &[&str], first: u32| {
        names
            .iter()
            .position(|name| *name == lower)
            .and_then(|index| u32::try_from(index).ok())
            .map(|index| index + first)
    };
    match field {
        "month" => named(&MONTHS, 1),
        "day of week" => named(&DAYS, 0),
        _ => None,
    }
    .or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn schedules_that_argo_cd_takes_are_taken() {
        for schedule in [
            "* * * * *",
            "0 9 * * 1-5",
            "0 0 * * 0,6",
            "*/15 0-6/2 1,15 JAN-mar MON-FRI",
            "0 0 ? * ?",
            "TZ=Europe/Berlin 0 22 * * *",
        ] {
            assert_eq!(problem(schedule), None, "{schedule}");
        }
    }

    #[test]
    fn others_are_told_with_what_is_wrong() {
        for (schedule, says, hint) in [
            ("@daily", "nickname", Some("write `0 0 * * *`")),
            ("0 0 9 * * *", "five fields", Some("leave out the seconds")),
            ("0 9 * *", "five fields", None),
            ("60 * * * *", "60 is not from 0 to 59", None),
            ("0 0 * * 7", "no day 7", Some("Sunday is 0")),
            ("0 22-6 * * *", "ends before it begins", Some("write `22-23,0-6`")),
            ("0 0 * * workdays", "`workdays` is not a number", None),
            ("*/0 * * * *", "step", None),
        ] {
            let (said, hinted) = problem(schedule).expect("a problem");
            assert!(said.contains(says), "{schedule}: {said}");
            assert_eq!(hinted.as_deref(), hint, "{schedule}");
        }
    }
}
