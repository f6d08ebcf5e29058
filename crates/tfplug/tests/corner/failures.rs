//! What goes wrong, and what is left then.

use std::io::Read as _;

use nix::sys::signal::{Signal, killpg};

use crate::configuration::thing;
use crate::terraform::{Running, Terraform, flat};

#[test]
fn mistakes_in_a_configuration_name_their_attribute() {
    let terraform = Terraform::with(&thing(""));
    let check = |lines: &str, expected: &[&str]| {
        terraform.configure(&thing(lines));
        let output = terraform.end_with(1, &["validate"]);
        for expected in expected {
            assert!(output.contains(expected), "{lines}: {expected}: {output}");
        }
    };
    check(
        "color = 1\nlist = [{ name = \"Upper\" }]",
        &["`Upper` has capitals", "Invalid value for `list[0].name`", "list = [{ name = \"Upper\" }]"],
    );
    check("unsigned = -1", &["-1 is not a whole number from 0 to 18446744073709551615", "unsigned = -1"]);
    check("signed = 1.5", &["1.5 is not a whole number"]);
    check("json = \"{\"", &["Invalid value for `json`"]);
    check("timeouts = { create = \"soon\" }", &["`soon` is not a span of time"]);
    check("ports = [65536]", &["65536 is not a whole number from 0 to 65535"]);
    check("token_wo = \"x\"", &["A token needs a version"]);
    let steps = "step { command = \"x\" }\n".repeat(4);
    check(&steps, &["Too many step blocks"]);
    terraform.configure(&thing(
        "step {\n  command = \"x\"\n  argument {\n    value = \"y\"\n    old = true\n  }\n}",
    ));
    let warned = terraform.succeed(&["validate"]);
    assert!(warned.contains("It means nothing."), "{warned}");
}

#[test]
fn secrets_that_are_written_only_are_in_no_plan_and_no_state() {
    let terraform = Terraform::with(crate::configuration::FULL);
    terraform.succeed(&["plan", "-out=plan"]);
    let plan = terraform.succeed(&["show", "-json", "plan"]);
    terraform.apply();
    let state = terraform.state_file();
    for secret in ["never to be seen", "hidden in a nested object", "hidden in a list"] {
        let (_, planned) = plan.split_once("\"planned_values\"").unwrap();
        let (planned, _) = planned.split_once("\"configuration\"").unwrap();
        assert!(!planned.contains(secret) && !state.contains(secret), "{secret}");
    }
    assert!(state.contains("kept in the state"));
    let shown = terraform.succeed(&["show"]);
    assert!(!shown.contains("kept in the state"), "{shown}");
}

#[test]
fn a_create_that_fails_after_the_object_exists_is_finished_by_the_next_apply() {
    let terraform = Terraform::with(&thing("behaviour = \"fail\""));
    let output = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(output.contains("Warning: The thing is not ready") && output.contains("apply again"), "{output}");
    assert_eq!(terraform.resource().get("tainted"), None);
    let id = terraform.values()["id"].clone();
    let plan = terraform.plan();
    assert!(plan.contains("1 to change, 0 to destroy"), "{plan}");
    terraform.apply();
    assert_eq!(terraform.values()["id"], id);
}

#[test]
fn a_panic_after_the_object_exists_loses_nothing() {
    let terraform = Terraform::with(&thing("behaviour = \"panic\""));
    let output = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(output.contains("told to panic"), "{output}");
    let id = terraform.values()["id"].clone();
    terraform.apply();
    assert_eq!(terraform.values()["id"], id);
}

#[test]
fn a_create_may_ask_to_be_made_anew() {
    let terraform = Terraform::with(&thing("behaviour = \"fail_and_recreate\""));
    let output = terraform.end_with(1, &["apply", "-auto-approve"]);
    assert!(output.contains("Error: The thing is not ready"), "{output}");
    assert_eq!(terraform.resource()["tainted"], true);
    terraform.configure(&thing(""));
    let replaced = terraform.apply();
    assert!(replaced.contains("1 added, 0 changed, 1 destroyed"), "{replaced}");
}

#[test]
fn an_update_that_fails_keeps_what_it_reached_and_is_tried_again() {
    let terraform = Terraform::with(&thing(""));
    terraform.apply();
    let id = terraform.values()["id"].clone();
    terraform.configure(&thing("behaviour = \"fail\"\ncolor = \"blue\""));
    let output = terraform.end_with(1, &["apply", "-auto-approve"]);
    assert!(output.contains("Error: The thing is not ready"), "{output}");
    assert_eq!(terraform.values()["color"], "blue");
    assert!(terraform.plan().contains("1 to change, 0 to destroy"));
    terraform.apply();
    assert_eq!(terraform.values()["id"], id);
}

#[test]
fn an_interrupted_create_is_finished_by_the_next_apply() {
    let terraform = Terraform::with(&thing("behaviour = \"wait\""));
    let waiting = terraform.path("objects/waiting");
    nix::unistd::mkfifo(&waiting, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut apply = Running::start(terraform.command(&["apply", "-auto-approve"]));
    // Both ends wait for each other: from here on the provider waits for nothing but its end.
    std::fs::read(&waiting).unwrap();
    killpg(apply.group(), Signal::SIGINT).unwrap();
    let mut output = String::new();
    apply.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    apply.0.stderr.take().unwrap().read_to_string(&mut output).unwrap();
    apply.0.wait().unwrap();
    assert!(flat(&output).contains("The operation was interrupted"), "{output}");
    assert_eq!(terraform.resource().get("tainted"), None);
    let id = terraform.values()["id"].clone();
    terraform.apply();
    assert_eq!(terraform.values()["id"], id);
}

#[test]
fn a_delete_that_fails_keeps_the_object() {
    let terraform = Terraform::with(&thing("behaviour = \"fail_delete\""));
    terraform.apply();
    let output = terraform.end_with(1, &["destroy", "-auto-approve"]);
    assert!(output.contains("The thing stays"), "{output}");
    terraform.assert_nothing_to_do();
}

#[test]
fn a_broken_promise_is_told_with_its_attribute() {
    let terraform = Terraform::with(&thing("behaviour = \"break_promise\""));
    let output = terraform.end_with(1, &["apply", "-auto-approve"]);
    assert!(output.contains("`color` is not what the plan promised"), "{output}");
    assert!(output.contains(r#"planned was "red", the result is "another""#), "{output}");
}
