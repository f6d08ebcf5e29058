//! What a real Terraform makes of it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::TcpListener;

use nix::sys::signal::{Signal, kill, killpg};

use crate::host::Plugin;
use crate::terraform::{Running, Terraform, text};

fn note(attributes: &str) -> String {
    format!("resource \"wire_note\" \"it\" {{\n{attributes}\n}}\n")
}

#[test]
fn a_resource_lives_and_dies_under_mutual_tls() {
    let terraform = Terraform::with(&note("text = \"one\""));
    let log = terraform.path("log");
    let mut apply = terraform.command(&["apply", "-auto-approve"]);
    apply.env("TF_LOG_PROVIDER", "TRACE").env("TF_LOG_PATH", &log);
    let output = apply.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let log = std::fs::read_to_string(log).unwrap();
    // Logged at the provider's own level, with its keys: Terraform understood the line.
    let listening = log.lines().find(|line| line.contains("listening")).expect("the server's log line");
    assert!(listening.contains("[DEBUG]") && listening.contains("tls=true"), "{listening}");
    let configured = log.lines().find(|line| line.contains("configured:")).expect("the provider's log line");
    assert!(configured.contains("[INFO]") && configured.contains("tf_rpc=ConfigureProvider"), "{configured}");

    terraform.end_with(0, &["plan", "-detailed-exitcode"]);
    assert!(terraform.succeed(&["show"]).contains("note-3"));
    terraform.configure(&note("text = \"seven\""));
    terraform.end_with(2, &["plan", "-detailed-exitcode"]);
    let updated = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(updated.contains("0 added, 1 changed, 0 destroyed"), "{updated}");
    terraform.end_with(0, &["plan", "-detailed-exitcode"]);
    let destroyed = terraform.succeed(&["destroy", "-auto-approve"]);
    assert!(destroyed.contains("1 destroyed"), "{destroyed}");
    terraform.assert_no_socket_left();
}

#[test]
fn a_panic_is_an_error_that_names_it() {
    let terraform = Terraform::with(&note("text = \"one\"\nbehaviour = \"panic\""));
    let output = terraform.end_with(1, &["plan", "-no-color"]);
    let output = output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.contains("panicked in PlanResourceChange: asked to"), "{output}");
    terraform.assert_no_socket_left();
}

#[test]
fn what_the_provider_prints_harms_nobody() {
    let terraform = Terraform::with(&note("text = \"one\"\nbehaviour = \"print\""));
    terraform.succeed(&["apply", "-auto-approve"]);
}

#[test]
fn an_interrupted_apply_keeps_the_state_that_was_reached() {
    let endpoint = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = endpoint.local_addr().unwrap();
    let waiting = format!("text = \"one\"\nbehaviour = \"wait\"\nendpoint = \"{address}\"");
    let terraform = Terraform::with(&note(&waiting));
    let mut apply = Running::start(terraform.command(&["apply", "-auto-approve", "-no-color"]));
    let (mut provider, _) = endpoint.accept().unwrap();
    provider.read_exact(&mut [0; 8]).unwrap();

    // As a terminal does: Terraform and the provider both get it.
    killpg(apply.group(), Signal::SIGINT).unwrap();
    let mut output = String::new();
    apply.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    apply.0.stderr.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(apply.0.wait().unwrap().code(), Some(1), "{output}");
    assert!(output.contains("interrupted while waiting"), "{output}");
    let state = terraform.succeed(&["show"]);
    assert!(state.contains("note-3") && state.contains("tainted"), "{state}");
    terraform.assert_no_socket_left();
}

#[test]
fn a_provider_whose_terraform_was_killed_ends_too() {
    let endpoint = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = endpoint.local_addr().unwrap();
    let waiting = format!("text = \"one\"\nbehaviour = \"wait\"\nendpoint = \"{address}\"");
    let terraform = Terraform::with(&note(&waiting));
    let apply = Running::start(terraform.command(&["apply", "-auto-approve"]));
    let (mut provider, _) = endpoint.accept().unwrap();
    provider.read_exact(&mut [0; 8]).unwrap();

    kill(apply.group(), Signal::SIGKILL).unwrap();
    // The provider holds the connection until its process ends.
    provider.read_to_end(&mut Vec::new()).unwrap();
    terraform.assert_no_socket_left();
}

#[test]
fn terraform_attaches_to_a_provider_that_runs_already() {
    let mut plugin = Plugin::start(&["--debug"], &BTreeMap::new());
    let variable = loop {
        let line = plugin.read_line();
        if let Some(value) = line.trim().strip_prefix("TF_REATTACH_PROVIDERS='") {
            break value.trim_end_matches('\'').to_owned();
        }
    };
    let terraform = Terraform::new();
    terraform.configure(&note("text = \"one\""));
    let run = |arguments: &[&str]| {
        let output = terraform.command(arguments).env("TF_REATTACH_PROVIDERS", &variable).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    };
    run(&["init"]);
    run(&["apply", "-auto-approve"]);
    run(&["plan", "-detailed-exitcode"]);
    assert!(run(&["destroy", "-auto-approve"]).contains("1 destroyed"));
    plugin.signal(Signal::SIGINT);
    assert_eq!(plugin.wait().0.code(), Some(0));
}
