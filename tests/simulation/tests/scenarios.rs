//! Scripts that are written by hand, for what random runs have found.

use bridgehead::controller::Kept;
use bridgehead_simulation::faults::Rates;
use bridgehead_simulation::git::{Folder, Tree};
use bridgehead_simulation::run::{Report, run};
use bridgehead_simulation::scenario::manifests::{ODD, manifest};
use bridgehead_simulation::scenario::named::{hook, hooked, object, shop, tree};
use bridgehead_simulation::scenario::{Mischief, ObjectPlan, Scenario, UserRequest};
use jiff::SignedDuration;

/// Runs it, and makes sure that what it is about did happen.
fn check(scenario: Scenario, happens: &str) -> Report {
    let report = run(scenario);
    assert_eq!(report.problems, Vec::<String>::new(), "{}", report.trace.join("\n"));
    assert!(
        report.trace.iter().any(|line| line.contains(happens)),
        "{happens}:\n{}",
        report.trace.join("\n")
    );
    report
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// A hook that takes its time, and an object behind it.
fn slow_hook(types: &[&'static str]) -> [ObjectPlan; 2] {
    let hook = ObjectPlan { behaviour: "slow", ..hook("migrate", types, &[], true) };
    [hook, object("ConfigMap", "settings", 1)]
}

#[test]
fn a_running_hook_that_lost_its_tracking_id_is_waited_for() {
    let aimed = vec![(seconds(3), Mischief::Untrack, "migrate")];
    check(Scenario { aimed, ..shop(&slow_hook(&["PreSync"])) }, "stranger: Untrack batch/Job/shop/migrate");
}

#[test]
fn a_running_hook_that_lost_its_tracking_id_is_waited_for_after_a_restart() {
    let aimed = vec![(seconds(3), Mischief::Untrack, "migrate")];
    let crashes = vec![seconds(4)];
    let report = check(
        Scenario { aimed, crashes, ..shop(&slow_hook(&["PreSync"])) },
        "stranger: Untrack batch/Job/shop/migrate",
    );
    assert_eq!(report.lives, 2);
}

#[test]
fn a_finalizer_that_could_not_be_taken_off_a_hook_comes_off_later() {
    let aimed = vec![(seconds(3), Mischief::Refuse, "migrate")];
    let refused = "Patch batch/Job/shop/migrate-0000000-postsync-1767225600 — refused: Forbidden";
    check(Scenario { aimed, ..shop(&slow_hook(&["PostSync"])) }, refused);
}

#[test]
fn a_pod_that_is_given_time_to_end_is_gone_before_what_stands_in_lower_waves_goes() {
    let pod = ObjectPlan { kind: "Pod", wave: 2, ..hook("smoke-test", &["Sync"], &[], false) };
    let objects = [ObjectPlan { behaviour: "slow", ..pod }, object("ConfigMap", "settings", 0)];
    let requests = vec![(seconds(4), 0, UserRequest::Delete)];
    check(Scenario { requests, ..shop(&objects) }, "Vanish /Pod/shop/smoke-test");
}

#[test]
fn answers_that_never_come_do_not_make_a_hook_run_twice() {
    let rates = Rates { lost_after: 1000, ..Rates::default() };
    check(Scenario { rates, ..hooked(None) }, "LostAfter: create batch/Job/shop/before");
}

#[test]
fn objects_of_a_kind_that_the_same_sync_defines_are_waited_for() {
    let options = vec!["SkipDryRunOnMissingResource=true"];
    let objects = [
        ObjectPlan {
            options: options.clone(),
            ..object("CustomResourceDefinition", "widgets.example.com", 0)
        },
        ObjectPlan { options, ..object("Widget", "front", 1) },
        object("ConfigMap", "settings", 2),
    ];
    let rates = Rates { late_event: 1000, ..Rates::default() };
    check(Scenario { rates, ..shop(&objects) }, "Create example.com/Widget/shop/front");
}

#[test]
fn a_project_that_becomes_stricter_stops_what_it_now_forbids_and_no_longer_once_it_allows_it() {
    let objects = [
        ObjectPlan { behaviour: "slow", ..object("Deployment", "web", 0) },
        object("Secret", "key", 1),
        object("ConfigMap", "settings", 1),
    ];
    let forbidden = vec![(seconds(3), vec!["Secret"]), (seconds(200), Vec::new())];
    let report = check(
        Scenario { forbidden, ..shop(&objects) },
        "synchronization tasks are not valid: /Secret/shop/key",
    );
    let created = report.trace.iter().filter(|line| line.contains("Create /Secret/shop/key"));
    let created: Vec<&String> = created.collect();
    assert!(matches!(created.as_slice(), [line] if line.as_str() > "2026-01-01T00:03:20"), "{created:?}");
}

/// Nothing but one field changes from the first commit to the second.
fn a_field_leaves(options: &[&'static str]) -> Scenario {
    let settings = manifest(&object("ConfigMap", "settings", 0));
    let mut less = settings.clone();
    let field = less["data"].as_object_mut().and_then(|data| data.remove(ODD));
    assert!(field.is_some(), "the first version has it");
    let tree = |manifest| Tree::from([("apps/shop".to_owned(), Folder::Manifests(vec![manifest]))]);
    let mut scenario = shop(&[]);
    scenario.applications[0].options.extend(options);
    Scenario { commits: vec![(seconds(0), tree(settings)), (seconds(60), tree(less))], ..scenario }
}

#[test]
fn a_field_that_leaves_git_leaves_the_object() {
    check(a_field_leaves(&[]), "Patch /ConfigMap/shop/settings => v1");
}

#[test]
fn a_field_that_leaves_git_leaves_an_object_that_is_applied_on_the_servers_side() {
    check(a_field_leaves(&["ServerSideApply=true"]), "Patch /ConfigMap/shop/settings => v1");
}

#[test]
fn nothing_is_kept_of_an_application_that_is_gone() {
    let requests = vec![(seconds(60), 0, UserRequest::Delete)];
    let report = check(Scenario { requests, ..hooked(None) }, "user asks shop for Delete");
    assert_eq!(report.kept, Kept::default());
}

#[test]
fn what_neither_git_nor_the_last_operation_names_is_forgotten() {
    let commits = |count: i64| {
        (0..count).map(|number| {
            let version = u32::try_from(number).expect("small") + 1;
            let objects = [
                ObjectPlan { version, ..object("ConfigMap", "settings", 0) },
                object("ConfigMap", &format!("only-{number}"), 0),
                hook("migrate", &["PreSync"], &["HookSucceeded"], true),
            ];
            (seconds(20 * number), tree(&objects))
        })
    };
    let kept = |count| run(Scenario { commits: commits(count).collect(), ..shop(&[]) }).kept;
    let (few, many) = (kept(2), kept(12));
    assert!(few.held > 0 && few.wanted > 0 && few.verdicts > 0, "{few:?}");
    assert_eq!(many, few);
}

#[test]
fn what_could_not_be_rendered_while_a_sync_came_to_its_end_is_tried_again() {
    let rates = Rates { git: 500, ..Rates::default() };
    for seed in 0..40 {
        let scenario = Scenario { seed, rates, calm: seconds(30), ..shop(&slow_hook(&["PreSync"])) };
        check(scenario, "OperationCompleted");
    }
}
