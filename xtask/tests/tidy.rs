//! Rules of the house that neither the compiler nor clippy holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Which crates of ours each crate may use. Tests may use more, see [`TEST_EDGES`].
const EDGES: &[(&str, &[&str])] = &[
    ("bridgehead-api", &[]),
    ("bridgehead-engine", &["bridgehead-api"]),
    ("bridgehead-install", &["bridgehead-api"]),
    ("bridgehead-eks", &[]),
    ("bridgehead-kubernetes", &["bridgehead-api", "bridgehead-engine"]),
    ("bridgehead-sources", &["bridgehead-api", "bridgehead-engine"]),
    ("tfplug-derive", &[]),
    ("tfplug", &["tfplug-derive"]),
    // Never the agent: what a plan says must not depend on how the cluster is reconciled.
    (
        "terraform-provider-bridgehead",
        &[
            "bridgehead-api",
            "bridgehead-engine",
            "bridgehead-kubernetes",
            "bridgehead-eks",
            "bridgehead-install",
            "tfplug",
        ],
    ),
    (
        "bridgehead",
        &[
            "bridgehead-api",
            "bridgehead-engine",
            "bridgehead-kubernetes",
            "bridgehead-sources",
            "bridgehead-install",
        ],
    ),
    // What is installed is what tests and the demo run.
    ("bridgehead-test-harness", &["bridgehead-install"]),
    (
        "bridgehead-simulation",
        &["bridgehead", "bridgehead-api", "bridgehead-engine", "bridgehead-kubernetes", "bridgehead-sources"],
    ),
    ("bridgehead-e2e", &["bridgehead-test-harness"]),
    ("xtask", &["bridgehead-test-harness"]),
];

/// What the tests of every crate may use besides.
const TEST_EDGES: &[&str] = &["bridgehead-test-harness", "bridgehead-api", "tfplug"];

/// What must not be in reach of crates that compute and do nothing.
const IMPURE: &[&str] = &["tokio", "hyper", "reqwest", "kube-client", "git2", "mio"];
const PURE: &[&str] = &["bridgehead-api", "bridgehead-engine", "bridgehead-install"];

const MAX_LINES: usize = 650;

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(workspace().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo describes the workspace")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace").to_owned()
}

/// The workspace's text files that Git knows or would add, with their content.
fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace())
        .output()
        .expect("git lists the files");
    assert!(listing.status.success(), "{}", String::from_utf8_lossy(&listing.stderr));
    let names = String::from_utf8(listing.stdout).expect("file names are UTF-8");
    names
        .lines()
        .filter(|name| {
            Path::new(name).extension().is_some_and(|it| extensions.iter().any(|known| it == *known))
        })
        // Listed, but removed from the working tree and not committed yet.
        .filter_map(|name| Some((name.to_owned(), std::fs::read_to_string(workspace().join(name)).ok()?)))
        .collect()
}

fn is_generated(name: &str, content: &str) -> bool {
    name.contains("/generated/") || content.lines().take(5).any(|line| line.contains("DO NOT EDIT"))
}

fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn crates_use_only_the_crates_of_ours_that_the_design_lets_them_use() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata.workspace_packages().iter().map(|it| it.name.as_str()).collect();
    let edges: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let Some(allowed) = edges.get(name) else {
            problems.push(format!("{name} has no line in EDGES"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|it| ours.contains(it.name.as_str())) {
            let target = dependency.name.as_str();
            let in_tests = dependency.kind == DependencyKind::Development && TEST_EDGES.contains(&target);
            if !in_tests && !allowed.contains(&target) {
                problems.push(format!("{name} may not use {target}"));
            }
        }
    }
    none(&problems);
}

#[test]
fn crates_that_only_compute_reach_no_crate_that_acts() {
    let metadata = metadata();
    let graph = metadata.resolve.as_ref().expect("cargo resolved the workspace");
    let nodes: BTreeMap<&PackageId, _> = graph.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut problems = Vec::new();
    for package in metadata.workspace_packages().iter().filter(|it| PURE.contains(&it.name.as_str())) {
        let mut seen = BTreeSet::from([&package.id]);
        let mut open = vec![&package.id];
        while let Some(id) = open.pop() {
            let name = metadata[id].name.as_str();
            if IMPURE.contains(&name) {
                problems.push(format!("{} reaches {name}", package.name));
            }
            let normal = nodes[id]
                .deps
                .iter()
                .filter(|it| it.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            open.extend(normal.map(|it| &it.pkg).filter(|next| seen.insert(*next)));
        }
    }
    none(&problems);
}

#[test]
fn every_version_stands_in_the_workspaces_manifest() {
    let mut problems = Vec::new();
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest can be read");
        let mut section = String::new();
        for line in manifest.lines() {
            if line.starts_with('[') {
                line.clone_into(&mut section);
            } else if section.contains("dependencies")
                && line.contains('=')
                && !line.contains("workspace = true")
            {
                problems.push(format!("{}: `{line}` names a version of its own", package.name));
            }
        }
    }
    none(&problems);
}

#[test]
fn files_are_short_enough_to_read() {
    let mut problems = Vec::new();
    for (name, content) in files(&["rs", "go", "py"]) {
        let lines = content.lines().count();
        if lines > MAX_LINES && !is_generated(&name, &content) {
            problems.push(format!("{name} has {lines} lines: split it by noun"));
        }
    }
    none(&problems);
}

#[test]
fn no_test_is_skipped() {
    // Put together, so that this file does not find itself.
    let words = [["#[", "ignore"].concat(), ["t.", "Skip("].concat()];
    let mut problems = Vec::new();
    for (name, content) in files(&["rs", "go"]) {
        for (index, line) in content.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                problems.push(format!("{name}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    none(&problems);
}

#[test]
fn nothing_is_left_to_be_written() {
    let words = [["todo", "!("].concat(), ["unimplemented", "!("].concat()];
    let mut problems = Vec::new();
    for (name, content) in files(&["rs"]).into_iter().filter(|(name, _)| name.contains("src/")) {
        for (index, line) in content.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                problems.push(format!("{name}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    none(&problems);
}
