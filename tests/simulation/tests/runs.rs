//! Whole runs: random ones, and one with a crash at each of its writes.
//!
//! `BRIDGEHEAD_SIM_RUNS` and `BRIDGEHEAD_SIM_SEED` change how many random ones there are, and which is the
//! first; `BRIDGEHEAD_SIM_CRASHES=all` takes both sides of each write instead of one after the other. A debug
//! build needs half a second for a run, so that the shares here come to under a minute on two processors.
//! A seed that fails is replayed, with every line of its trace, by
//! `cargo run -p bridgehead-simulation -- --seed N --trace`.

use bridgehead_simulation::faults::CrashAt;
use bridgehead_simulation::many::{Pace, Summary, run_all};
use bridgehead_simulation::run::run;
use bridgehead_simulation::scenario::named::{hooked, object, tree};
use bridgehead_simulation::scenario::{ObjectPlan, Scenario, UserRequest, generate};
use jiff::SignedDuration;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Panics with what can be read of the first failure.
fn check(summary: &Summary) {
    if let Some((number, report)) = summary.failed.first() {
        let problems = report.problems.join("\n  ");
        let tail = report.trace.len().saturating_sub(60);
        panic!("number {number}:\n  {problems}\nthe end of its trace:\n{}", report.trace[tail..].join("\n"));
    }
}

#[test]
fn random_runs_keep_every_invariant() {
    let first = number("BRIDGEHEAD_SIM_SEED", 1);
    let runs = number("BRIDGEHEAD_SIM_RUNS", 60);
    eprintln!("seeds {first} to {}", first + runs - 1);
    let summary = run_all(first..first + runs, Pace::default(), generate, |_, _| {});
    check(&summary);
    assert_eq!(summary.runs, runs);
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [7, 143] {
        let (first, second) = (run(generate(seed)), run(generate(seed)));
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

#[test]
fn a_sync_with_hooks_survives_a_crash_before_or_after_each_of_its_writes() {
    let calm = run(hooked(None));
    assert_eq!(calm.problems, Vec::<String>::new(), "without a crash:\n{}", calm.trace.join("\n"));
    assert!(calm.writes > 30, "{} writes are too few to show anything", calm.writes);
    let script = |number| {
        let write = u32::try_from(number / 2).expect("there are not that many writes");
        hooked(Some(CrashAt { write, after: number % 2 == 1 }))
    };
    let is_all = std::env::var("BRIDGEHEAD_SIM_CRASHES").is_ok_and(|share| share == "all");
    let one_side = |turn| script(turn * 2 + turn % 2);
    let writes = u64::from(calm.writes);
    let summary = if is_all {
        run_all(0..writes * 2, Pace::default(), script, |_, _| {})
    } else {
        run_all(0..writes, Pace::default(), one_side, |_, _| {})
    };
    check(&summary);
    assert_eq!(summary.lives, summary.runs * 2, "every run has one crash");
}

/// A sync without anything to wait for begins and ends in one pass; somebody asks again in the middle of it.
#[test]
fn a_refresh_that_is_asked_for_during_a_sync_is_answered_by_another_look_at_git() {
    let settings = |version| ObjectPlan { version, ..object("ConfigMap", "settings", 0) };
    let commits = (1..40)
        .map(|number| (SignedDuration::from_secs(i64::from(number)), tree(&[settings(number)])))
        .collect();
    let every = SignedDuration::from_millis(10);
    let requests = (0..4000).map(|number| (every * number, 0, UserRequest::Refresh)).collect();
    let report = run(Scenario { commits, requests, ..hooked(None) });
    let unanswered: Vec<_> =
        report.problems.iter().filter(|problem| problem.contains("without a look at Git")).collect();
    assert!(unanswered.is_empty(), "{unanswered:#?}\n{}", report.trace.join("\n"));
}
