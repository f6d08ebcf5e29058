//! Version ranges against `tests/corpus/version-ranges/golden.txt`, which the library that Argo CD uses wrote.

use bridgehead_engine::source::{RefAdvertisement, is_version_range, resolve};

const GOLDEN: &str = include_str!("../../../tests/corpus/version-ranges/golden.txt");
const VERSIONS: &[&str] = &[
    "0.0.0",
    "0.0.1",
    "0.0.2",
    "0.1.0",
    "0.1.5",
    "0.2.0",
    "0.2.0-a",
    "1.0.0-alpha",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.0+b",
    "1.2.0",
    "1.2.3-rc.1",
    "1.2.3",
    "1.2.4",
    "1.3.0-beta",
    "1.3.0",
    "1.10.0",
    "2.0.0-0",
    "2.0.0",
    "2.1.0",
    "3.1.4",
    "11.0.0",
];

/// Texts that the library takes for versions are looked up as refs, before anything else.
fn is_one_version(text: &str) -> bool {
    text.trim_start_matches('v').chars().next().is_some_and(|first| first.is_ascii_digit())
        && !is_version_range(text)
}

#[test]
fn ranges_hold_what_the_library_says() {
    let mut ranges = 0;
    let mut wrong = Vec::new();
    for line in GOLDEN.lines() {
        let (text, expected) = line.split_once('\t').expect("a range and its versions");
        if is_one_version(text) {
            continue;
        }
        assert_eq!(is_version_range(text), expected != "-", "{text:?}");
        if expected == "-" {
            continue;
        }
        ranges += 1;
        let held: Vec<&str> = VERSIONS
            .iter()
            .filter(|version| {
                let tag = format!("refs/tags/{version}");
                let refs = RefAdvertisement { head: None, refs: [(tag, "c".into())].into() };
                resolve(&text.into(), &refs, "").is_ok()
            })
            .copied()
            .collect();
        if held.join(" ") != expected {
            wrong.push(format!("{text:?}: {} instead of {expected}", held.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ranges > 300, "{ranges} ranges");
}
