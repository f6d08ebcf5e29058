//! What the last operation came to.

use std::io::{self, Write};

use bridgehead_api::Time;
use bridgehead_api::application::OperationState;

use super::table::{field, time};

/// The lines about an operation. `now` ends the duration of one that runs.
pub(crate) fn write(out: &mut dyn Write, state: &OperationState, now: Time) -> io::Result<()> {
    if let Some(result) = &state.sync_result {
        field(out, "Operation:", "Sync")?;
        let revisions =
            if result.revisions.is_empty() { result.revision.clone() } else { result.revisions.join(", ") };
        field(out, "Sync Revision:", &revisions)?;
    }
    field(out, "Phase:", state.phase.as_str())?;
    field(out, "Start:", &time(Some(state.started_at)))?;
    field(out, "Finished:", &time(state.finished_at))?;
    let end = state.finished_at.unwrap_or(now).timestamp();
    let seconds = end.as_second().saturating_sub(state.started_at.timestamp().as_second()).max(0);
    field(out, "Duration:", &go_duration(seconds))?;
    if !state.message.is_empty() {
        field(out, "Message:", &state.message)?;
    }
    Ok(())
}

/// Whole seconds as Go prints them: `0s`, `59s`, `1m5s`, `1h0m0s`.
fn go_duration(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_look_as_in_go() {
        let texts = [0, 59, 65, 3600, 90_061].map(super::go_duration);
        assert_eq!(texts, ["0s", "59s", "1m5s", "1h0m0s", "25h1m1s"]);
    }
}
