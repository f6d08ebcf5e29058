//! CronJob.

use super::Health;
use super::read::Reader;

/// Only a last run that is known to have failed counts against it: a run under way may still end well.
pub(super) fn health(cron_job: Reader<'_>) -> Health {
    if cron_job.flag("/spec/suspend") {
        return Health::suspended("the cron job is suspended");
    }
    if cron_job.at("/status").is_null() {
        return Health::progressing("waiting for the controller to see the cron job");
    }
    let scheduled = cron_job.text("/status/lastScheduleTime");
    let succeeded = cron_job.text("/status/lastSuccessfulTime");
    if scheduled.is_empty() {
        return Health::healthy("has not been scheduled yet");
    }
    if succeeded.is_empty() {
        return Health::healthy("has not succeeded yet");
    }
    if cron_job.items("/status/active").next().is_some() {
        return Health::healthy("a job is running");
    }
    // Both are UTC in the same form, so that texts compare as times do.
    if succeeded < scheduled {
        return Health::degraded("the last run did not succeed");
    }
    Health::healthy("the last run succeeded")
}
