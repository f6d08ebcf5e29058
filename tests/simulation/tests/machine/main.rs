//! Properties of the sync machine over random plans, with a crash at every point of every run.
//!
//! A crash loses everything but the cluster and the stored record. Planning again from those must leave the
//! same effects to do: waves in order, each hook created once, each prune done once, the same end.

mod case;
mod run;

use bridgehead_api::application::OperationPhase;
use case::{Case, Hook, case};
use proptest::prelude::*;
use run::{History, run, run_with};

/// Compares a run with crashes to the one without.
fn check_against(calm: &History, crashed: &History, points: &[usize]) -> Result<(), TestCaseError> {
    prop_assert_eq!(&crashed.problems, &Vec::<String>::new(), "crash at {:?}\n{}", points, crashed.log());
    prop_assert_eq!(
        calm.end.as_ref(),
        crashed.end.as_ref(),
        "crash at {:?}\nwithout:\n{}\nwith:\n{}",
        points,
        calm.log(),
        crashed.log()
    );
    prop_assert_eq!(
        calm.effects(),
        crashed.effects(),
        "crash at {:?}\nwithout:\n{}\nwith:\n{}",
        points,
        calm.log(),
        crashed.log()
    );
    Ok(())
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let calm = run(case, &[]);
    prop_assert_eq!(&calm.problems, &Vec::<String>::new(), "without a crash\n{}", calm.log());
    for point in 0..calm.crash_points {
        let crashed = run(case, &[point]);
        check_against(&calm, &crashed, &[point])?;
        // A second crash soon after the first: the restart itself is interrupted.
        for distance in [1, 2] {
            let points = [point, point + distance];
            check_against(&calm, &run(case, &points), &points)?;
        }
    }
    Ok(())
}

/// How many cases of each property: `PROPTEST_CASES`, where it is set.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64)
}

fn one_hook() -> Case {
    let hook = Hook {
        name: "hook-0".into(),
        types: vec!["PostSync"],
        policies: Vec::new(),
        wave: 0,
        fails: false,
        generates_name: false,
        left_over: false,
    };
    Case {
        objects: Vec::new(),
        hooks: vec![hook],
        prunes: Vec::new(),
        out_of_sync_only: false,
        prune_last: false,
        pace: vec![0],
    }
}

fn creations(history: &History) -> usize {
    history.effects().iter().filter(|effect| effect.starts_with("apply")).count()
}

/// The record is stored before the creation, the agent dies after it, and then the object goes: nothing is
/// left that tells of it.
#[test]
fn a_hook_whose_creation_has_left_no_trace_is_created_again() {
    let history = run_with(&one_hook(), &[2], &[(1, 0)]);
    assert_eq!(history.problems, Vec::<String>::new(), "{}", history.log());
    assert_eq!((history.end, creations(&history)), (Some(OperationPhase::Succeeded), 2), "{}", history.log());
}

#[test]
fn a_hook_that_vanishes_after_its_creation_was_recorded_is_not_created_again() {
    let history = run_with(&one_hook(), &[], &[(1, 0)]);
    assert_eq!(history.problems, Vec::<String>::new(), "{}", history.log());
    assert_eq!((history.end, creations(&history)), (Some(OperationPhase::Failed), 1), "{}", history.log());
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn planning_again_after_any_prefix_of_effects_leaves_the_same_remaining_effects(case in case()) {
        check(&case)?;
    }

    #[test]
    fn every_sync_ends_whatever_a_stranger_deletes_meanwhile(
        case in case(),
        deletions in prop::collection::vec((0_usize..12, 0_usize..12), 1..4),
        crashes in prop::collection::vec(0_usize..40, 0..3),
    ) {
        let history = run_with(&case, &crashes, &deletions);
        let unfinished = |problem: &&String| {
            problem.starts_with("stuck") || problem.starts_with("does not end") || problem.contains(" times")
        };
        let problems: Vec<&String> = history.problems.iter().filter(unfinished).collect();
        prop_assert!(problems.is_empty(), "{:?}\n{}", problems, history.log());
    }
}
