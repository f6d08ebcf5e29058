//! Job.

use super::Health;
use super::read::Reader;

pub(super) fn health(job: Reader<'_>) -> Health {
    let holds = |condition_type: &str| {
        job.condition(condition_type).filter(|condition| condition.text("/status") == "True")
    };
    if let Some(failed) = holds("Failed") {
        return Health::degraded(failed.text("/message"));
    }
    if let Some(complete) = holds("Complete") {
        return Health::healthy(complete.text("/message"));
    }
    if let Some(suspended) = holds("Suspended") {
        return Health::suspended(suspended.text("/message"));
    }
    Health::progressing("")
}
