//! Sync windows: spans of time in which syncs are allowed or denied.

use bridgehead_api::application::ConditionType;
use bridgehead_api::duration::parse_duration;
use bridgehead_api::project::{AppProject, SyncWindow};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::glob;
use crate::manifest::{INVALID_SETTING_WARNING, Problem};

/// What windows look at in an application.
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowTarget<'a> {
    /// Name of the Application.
    pub application: &'a str,
    /// Destination namespace.
    pub namespace: &'a str,
    /// URL of the destination's API server.
    pub server: &'a str,
    /// Name of the destination cluster.
    pub cluster: &'a str,
}

/// What is to be synced, and when.
#[derive(Clone, Copy, Debug)]
pub struct WindowQuestion<'a> {
    /// The application.
    pub target: WindowTarget<'a>,
    /// A person asked for the sync.
    pub manual: bool,
    /// When the sync began, if it runs already.
    pub started_at: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
}

/// Whether a sync may go on now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowVerdict {
    /// It may.
    Open,
    /// It may not.
    Blocked {
        /// Which window blocks, for people.
        message: String,
        /// When a window opens or closes next.
        look_again: Option<Timestamp>,
    },
}

/// Decides by the project's windows. A window that cannot be read blocks, as in Argo CD, and is told of.
pub fn check_windows(project: &AppProject, question: WindowQuestion<'_>) -> (WindowVerdict, Vec<Problem>) {
    let mut problems = Vec::new();
    let matching: Vec<&SyncWindow> =
        project.spec.sync_windows.iter().filter(|window| concerns(window, question.target)).collect();
    let mut windows = Vec::new();
    for window in matching {
        match Window::read(window, question.now) {
            Ok(read) => windows.push(read),
            Err(error) => problems.push(problem(project, window, &error)),
        }
    }
    if let Some(problem) = problems.first() {
        return (WindowVerdict::Blocked { message: problem.message.clone(), look_again: None }, problems);
    }
    let verdict = match blocking(&windows, question.now) {
        Some(blocking) if !is_exempt(&windows, &blocking, question) => {
            let message = blocking_message(project, blocking[0]);
            let look_again = windows.iter().filter_map(|window| window.changes(question.now)).min();
            WindowVerdict::Blocked { message, look_again }
        }
        _ => WindowVerdict::Open,
    };
    (verdict, problems)
}

struct Window<'a> {
    spec: &'a SyncWindow,
    schedule: super::cron::Schedule,
    duration: SignedDuration,
    /// The time zone's offset now: a window's length does not change with the clocks.
    offset: Offset,
}

impl<'a> Window<'a> {
    fn read(spec: &'a SyncWindow, now: Timestamp) -> Result<Self, String> {
        if !matches!(spec.kind.as_str(), "allow" | "deny") {
            return Err(format!("kind `{}` is neither `allow` nor `deny`", spec.kind));
        }
        let offset = match spec.time_zone.as_str() {
            "" | "UTC" => Offset::UTC,
            name => TimeZoneDatabase::bundled()
                .get(name)
                .map_err(|_| format!("`{name}` is no time zone such as `Europe/Berlin`"))?
                .to_offset(now),
        };
        Ok(Self {
            spec,
            schedule: super::cron::Schedule::parse(&spec.schedule)?,
            duration: parse_duration(&spec.duration).map_err(|error| error.to_string())?,
            offset,
        })
    }

    fn wall_clock(&self, at: Timestamp) -> DateTime {
        self.offset.to_datetime(at)
    }

    fn instant(&self, at: DateTime) -> Option<Timestamp> {
        self.offset.to_timestamp(at).ok()
    }

    /// The beginning of the span that `at` lies in.
    fn began(&self, at: Timestamp) -> Option<DateTime> {
        let wall = self.wall_clock(at);
        let begins = self.schedule.next(wall.checked_sub(self.duration).ok()?)?;
        (begins < wall).then_some(begins)
    }

    fn is_active(&self, at: Timestamp) -> bool {
        self.began(at).is_some()
    }

    fn is_allow(&self) -> bool {
        self.spec.kind == "allow"
    }

    /// When it opens or closes next.
    fn changes(&self, now: Timestamp) -> Option<Timestamp> {
        if let Some(began) = self.began(now) {
            return self.instant(began.checked_add(self.duration).ok()?);
        }
        // It counts as open only after its first moment.
        let opens = self.instant(self.schedule.next(self.wall_clock(now))?)?;
        opens.checked_add(SignedDuration::from_secs(1)).ok()
    }
}

/// The windows that block at this time: the active denials, or else the allowances of which none is active.
fn blocking<'w, 'a>(windows: &'w [Window<'a>], at: Timestamp) -> Option<Vec<&'w Window<'a>>> {
    let denials: Vec<_> =
        windows.iter().filter(|window| !window.is_allow() && window.is_active(at)).collect();
    if !denials.is_empty() {
        return Some(denials);
    }
    let allowances: Vec<_> = windows.iter().filter(|window| window.is_allow()).collect();
    let none_active = !allowances.iter().any(|window| window.is_active(at));
    (none_active && !allowances.is_empty()).then_some(allowances)
}

/// True for a sync that all blocking windows let pass: one that a person asked for, or one that began while
/// it was allowed.
fn is_exempt(windows: &[Window<'_>], blocking: &[&Window<'_>], question: WindowQuestion<'_>) -> bool {
    let manual = question.manual && blocking.iter().all(|window| window.spec.manual_sync);
    let overruns = blocking.iter().all(|window| window.spec.sync_overrun);
    manual
        || question.started_at.is_some_and(|started| {
            overruns
                && self::blocking(windows, started)
                    .is_none_or(|then| question.manual && then.iter().all(|window| window.spec.manual_sync))
        })
}

fn concerns(window: &SyncWindow, target: WindowTarget<'_>) -> bool {
    let any = |patterns: &[String], value: &str| {
        patterns.iter().any(|pattern| !value.is_empty() && glob::matches(pattern, value, None))
    };
    let parts = [
        (&window.applications, any(&window.applications, target.application)),
        (&window.namespaces, any(&window.namespaces, target.namespace)),
        (&window.clusters, any(&window.clusters, target.server) || any(&window.clusters, target.cluster)),
    ];
    let mut given = parts.iter().filter(|(patterns, _)| !patterns.is_empty()).map(|(_, hit)| *hit).peekable();
    if given.peek().is_none() {
        return false;
    }
    if window.and_operator { given.all(|hit| hit) } else { given.any(|hit| hit) }
}

fn blocking_message(project: &AppProject, window: &Window<'_>) -> String {
    let SyncWindow { kind, schedule, duration, .. } = window.spec;
    let name = &project.metadata.name;
    let zone = if window.spec.time_zone.is_empty() { "UTC" } else { &window.spec.time_zone };
    if window.is_allow() {
        format!(
            "sync blocked: no {kind} window of project `{name}` is open; the next one is by `{schedule}` {zone} for {duration}"
        )
    } else {
        format!("sync blocked by the {kind} window `{schedule}` {zone} for {duration} of project `{name}`")
    }
}

fn problem(project: &AppProject, window: &SyncWindow, error: &str) -> Problem {
    let message = format!(
        "sync blocked: spec.syncWindows of project `{}` has a window that cannot be read (schedule `{}`): {error}",
        project.metadata.name, window.schedule
    );
    Problem::warning(ConditionType::Other(INVALID_SETTING_WARNING.to_owned()), None, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn verdict(windows: &Value, now: &str, manual: bool, started: Option<&str>) -> WindowVerdict {
        let spec = serde_json::from_value(json!({"syncWindows": windows})).expect("a project's spec");
        let project = AppProject::new("argocd", "team", spec);
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let target = WindowTarget {
            application: "web-1",
            namespace: "shop",
            server: "https://prod.example.com",
            cluster: "prod",
        };
        let question = WindowQuestion { target, manual, started_at: started.map(time), now: time(now) };
        check_windows(&project, question).0
    }

    fn is_open(windows: &Value, now: &str) -> bool {
        verdict(windows, now, false, None) == WindowVerdict::Open
    }

    #[test]
    fn an_allowance_opens_for_its_span_and_blocks_outside() {
        let windows =
            json!([{"kind": "allow", "schedule": "0 22 * * *", "duration": "2h", "applications": ["web-*"]}]);
        assert!(!is_open(&windows, "2026-11-21T21:59:59Z"));
        assert!(is_open(&windows, "2026-11-21T22:00:01Z"));
        assert!(is_open(&windows, "2026-11-21T23:59:59Z"));
        assert!(!is_open(&windows, "2026-11-22T00:00:00Z"));
    }

    #[test]
    fn a_denial_wins_over_an_allowance() {
        let windows = json!([
            {"kind": "allow", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]},
            {"kind": "deny", "schedule": "0 22 * * *", "duration": "1h", "namespaces": ["shop"]},
        ]);
        assert!(!is_open(&windows, "2026-11-21T22:30:00Z"));
        assert!(is_open(&windows, "2026-11-21T23:30:00Z"));
    }

    #[test]
    fn the_verdict_says_when_to_look_again() {
        let windows =
            json!([{"kind": "deny", "schedule": "0 22 * * *", "duration": "1h", "clusters": ["prod"]}]);
        let WindowVerdict::Blocked { message, look_again } =
            verdict(&windows, "2026-11-21T22:30:00Z", false, None)
        else {
            panic!("expected a refusal");
        };
        assert_eq!(look_again.map(|at| at.to_string()).as_deref(), Some("2026-11-21T23:00:00Z"));
        assert!(message.contains("`0 22 * * *` UTC for 1h of project `team`"), "{message}");
    }

    #[test]
    fn windows_of_others_do_not_count() {
        let windows = json!([{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["api-*"]},
            {"kind": "deny", "schedule": "* * * * *", "duration": "1h"}]);
        assert!(is_open(&windows, "2026-11-21T22:30:00Z"));
        let both = |and: bool| {
            json!([{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["web-1"],
                "namespaces": ["other"], "andOperator": and}])
        };
        assert!(is_open(&both(true), "2026-11-21T22:30:00Z"));
        assert!(!is_open(&both(false), "2026-11-21T22:30:00Z"));
    }

    #[test]
    fn people_pass_only_where_every_blocking_window_lets_them() {
        let window = |manual: bool| json!({"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"], "manualSync": manual});
        let now = "2026-11-21T22:30:00Z";
        assert_eq!(verdict(&json!([window(true)]), now, true, None), WindowVerdict::Open);
        assert_ne!(verdict(&json!([window(true)]), now, false, None), WindowVerdict::Open);
        assert_ne!(verdict(&json!([window(true), window(false)]), now, true, None), WindowVerdict::Open);
    }

    #[test]
    fn a_sync_may_overrun_if_it_began_in_time() {
        let windows = json!([{"kind": "allow", "schedule": "0 22 * * *", "duration": "1h", "applications": ["*"],
            "syncOverrun": true}]);
        let at = |started| verdict(&windows, "2026-11-21T23:10:00Z", false, Some(started));
        assert_eq!(at("2026-11-21T22:50:00Z"), WindowVerdict::Open);
        assert_ne!(at("2026-11-21T23:05:00Z"), WindowVerdict::Open);
    }

    #[test]
    fn schedules_are_read_in_their_time_zone() {
        let windows = json!([{"kind": "allow", "schedule": "0 9 * * *", "duration": "1h", "applications": ["*"],
            "timeZone": "Europe/Berlin"}]);
        // An hour ahead of UTC in winter, two in summer.
        assert!(is_open(&windows, "2026-11-21T08:30:00Z") && !is_open(&windows, "2026-11-21T09:30:00Z"));
        assert!(is_open(&windows, "2026-07-21T07:30:00Z") && !is_open(&windows, "2026-07-21T08:30:00Z"));
    }

    #[test]
    fn a_window_that_cannot_be_read_blocks_and_says_why() {
        for (field, value) in
            [("schedule", "often"), ("duration", "long"), ("kind", "maybe"), ("timeZone", "Mars/Olympus")]
        {
            let mut window =
                json!({"kind": "allow", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]});
            window[field] = json!(value);
            let WindowVerdict::Blocked { message, .. } =
                verdict(&json!([window]), "2026-11-21T22:30:00Z", false, None)
            else {
                panic!("expected a refusal");
            };
            assert!(message.contains("cannot be read"), "{message}");
        }
    }
}
