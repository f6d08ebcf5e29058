//! Many runs, side by side.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::run::{Report, run};
use crate::scenario::Scenario;

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs that were made.
    pub runs: u64,
    /// Writes that the agent has sent.
    pub writes: u64,
    /// Passes that the agent has made.
    pub passes: u64,
    /// Lives of the agent.
    pub lives: u64,
    /// Runs with problems, by number.
    pub failed: Vec<(u64, Report)>,
}

/// How many runs at once, and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Runs at once.
    pub threads: usize,
    /// Failures after which no further run begins.
    pub enough: usize,
}

impl Default for Pace {
    /// As many threads as there are processors, until the first failure.
    fn default() -> Self {
        Self { threads: thread::available_parallelism().map_or(1, usize::from), enough: 1 }
    }
}

/// Runs a script for each number. Reports are shown to `look` as they come.
pub fn run_all(
    numbers: Range<u64>,
    pace: Pace,
    script: impl Fn(u64) -> Scenario + Sync,
    look: impl Fn(u64, &Report) + Sync,
) -> Summary {
    let next = AtomicU64::new(numbers.start);
    let summary = Mutex::new(Summary::default());
    let locked = || summary.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..pace.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end || locked().failed.len() >= pace.enough {
                        return;
                    }
                    let report = run(script(number));
                    let mut summary = locked();
                    look(number, &report);
                    summary.runs += 1;
                    summary.writes += u64::from(report.writes);
                    summary.passes += report.passes;
                    summary.lives += u64::from(report.lives);
                    if !report.problems.is_empty() {
                        summary.failed.push((number, report));
                    }
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.failed.sort_by_key(|(number, _)| *number);
    summary
}
