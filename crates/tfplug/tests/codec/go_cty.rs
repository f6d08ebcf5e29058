//! go-cty reads what this crate writes, and this crate what go-cty writes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};
use tfplug::codec::json::Objects;
use tfplug::codec::{json as stored, msgpack};
use tfplug::value::{Type, Value};

use crate::generate::{Content, typed};

/// Generated values; the same in every run.
const CASES: usize = 1500;

#[test]
fn go_cty_and_this_crate_agree_on_msgpack() {
    let cases = generated(Content::All);
    let answers = ask(cases.iter().map(|(ty, value)| {
        json!({ "type": ty.to_json(), "msgpack": STANDARD.encode(msgpack::encode(value, ty).unwrap()) })
    }));
    for ((ty, value), answer) in cases.iter().zip(answers) {
        assert_eq!(answer["error"], Json::Null, "{ty}: {value:?}");
        assert_eq!(Type::from_json(&answer["type"]).unwrap(), *ty);
        assert_eq!(msgpack::decode(&bytes(&answer, "msgpack"), ty).unwrap(), *value, "{ty}");
    }
}

#[test]
fn go_cty_and_this_crate_agree_on_json() {
    let cases = generated(Content::Storable);
    let answers = ask(cases.iter().map(|(ty, value)| {
        json!({
            "type": ty.to_json(),
            "msgpack": STANDARD.encode(msgpack::encode(value, ty).unwrap()),
            "json": STANDARD.encode(stored::encode(value, ty).unwrap()),
        })
    }));
    for ((ty, value), answer) in cases.iter().zip(answers) {
        assert_eq!(answer["error"], Json::Null, "{ty}: {value:?}");
        // By the very comparison with which Terraform holds a result against its plan.
        assert_eq!(answer["same"], true, "{ty}: {value:?}");
        assert_eq!(stored::decode(&bytes(&answer, "json"), ty, Objects::Exact).unwrap(), *value, "{ty}");
        assert_eq!(msgpack::decode(&bytes(&answer, "from_json"), ty).unwrap(), *value, "{ty}");
    }
}

fn generated(content: Content) -> Vec<(Type, Value)> {
    let mut runner = TestRunner::deterministic();
    let strategy = typed(content);
    (0..CASES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn bytes(answer: &Json, field: &str) -> Vec<u8> {
    STANDARD.decode(answer[field].as_str().unwrap()).unwrap()
}

/// The answers of the program in `tests/go-cty`, one for each request.
fn ask(requests: impl Iterator<Item = Json>) -> Vec<Json> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go-cty");
    let temporary = tempfile::tempdir().unwrap();
    let binary = temporary.path().join("go-cty");
    let built = Command::new("go").args(["build", "-o"]).arg(&binary).arg(".").current_dir(folder).status();
    assert!(built.expect("this test needs Go").success(), "failed to build {folder}");
    run(&binary, requests)
}

fn run(binary: &Path, requests: impl Iterator<Item = Json>) -> Vec<Json> {
    let mut lines = String::new();
    for request in requests {
        lines.push_str(&request.to_string());
        lines.push('\n');
    }
    let mut child = Command::new(binary).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Written beside the reading: either pipe may fill up.
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}
