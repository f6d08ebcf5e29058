//! YAML against the libraries that Argo CD reads it with.
//!
//! `tests/yaml/*.golden` are made by `go run . -bless ../yaml` in `tests/go-yaml`; `tests/yaml/VERSIONS` says
//! which versions made them.

use std::path::Path;

use bridgehead_sources::yaml::{YamlLimits, documents};
use serde_json::{Value, json};

/// Where our parser, which reads YAML 1.2, differs: escapes of JSON in double quotes, a separator of lines that is
/// none any more, a question mark at the begin of a word and a dash alone in a flow list.
const DIFFERENT: [&str; 5] =
    ["escape-slash", "surrogates", "line-separator", "question-in-plain", "dash-in-flow"];

#[test]
fn every_file_is_read_as_the_reference_reads_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/yaml");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the goldens")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() > 50, "the goldens are there");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let content = std::fs::read(&file).expect("a file");
        let golden = std::fs::read_to_string(file.with_extension("golden")).expect("its golden");
        let (ours, theirs) = (ours(&content), theirs(&golden));
        if ours != theirs && !DIFFERENT.contains(&name.as_str()) {
            wrong.push(format!("{name}:\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Documents as lines of JSON up to the first error. Empty ones say nothing.
fn ours(content: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for document in documents(content, YamlLimits::default()) {
        match document {
            Ok(document) if document.value.is_null() => {}
            Ok(document) => lines.push(document.value.to_string()),
            Err(_) => {
                lines.push("error".to_owned());
                break;
            }
        }
    }
    lines
}

fn theirs(golden: &str) -> Vec<String> {
    golden
        .lines()
        .filter(|line| *line != "null")
        .map(|line| match line {
            "error" => line.to_owned(),
            line => unmark(serde_json::from_str(line).expect("the golden is JSON")).to_string(),
        })
        .collect()
}

/// The golden marks floats. A whole one is written without a point when it goes on to a cluster, and is an
/// integer from there on.
fn unmark(value: Value) -> Value {
    match value {
        Value::Object(fields) => match (fields.len(), fields.get("float").and_then(Value::as_str)) {
            (1, Some(text)) => {
                let float: f64 = text.parse().expect("a float");
                float.to_string().parse::<i64>().map_or_else(|_| json!(float), |whole| json!(whole))
            }
            _ => fields.into_iter().map(|(key, field)| (key, unmark(field))).collect(),
        },
        Value::Array(items) => items.into_iter().map(unmark).collect(),
        other => other,
    }
}
