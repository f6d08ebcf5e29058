//! `docs/coverage.md` names tests and cases that exist, and forgets no case.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace").to_owned()
}

/// A row of a table, with the names of its columns.
struct Row {
    line: usize,
    columns: Vec<String>,
    cells: Vec<String>,
}

impl Row {
    fn cell(&self, column: &str) -> Option<&str> {
        let index = self.columns.iter().position(|name| name == column)?;
        self.cells.get(index).map(String::as_str)
    }

    /// What stands between backticks in a cell.
    fn names(&self, column: &str) -> Vec<String> {
        let cell = self.cell(column).unwrap_or_default();
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}

fn cells(line: &str) -> Vec<String> {
    let escaped = line.trim().trim_matches('|').replace("\\|", "\u{0}");
    escaped.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

fn rows() -> Vec<Row> {
    let text = read_to_string(workspace().join("docs/coverage.md")).expect("the page is there");
    let mut columns = Vec::new();
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if !line.starts_with('|') {
            columns = Vec::new();
        } else if columns.is_empty() {
            columns = cells(line);
        } else if !line.starts_with("|---") {
            rows.push(Row { line: index + 1, columns: columns.clone(), cells: cells(line) });
        }
    }
    rows
}

/// Names of all functions in Rust files, and of all folders of the corpora, as `health/job-complete`.
fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut folders = vec![workspace()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder can be listed").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = read_to_string(&path).expect("a source file is text");
                let functions = text.split("fn ").skip(1);
                known.extend(functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
            }
        }
    }
    for corpus in ["health", "project", "diff"] {
        known.extend(cases(corpus).into_iter().map(|case| format!("{corpus}/{case}")));
    }
    known
}

fn cases(corpus: &str) -> BTreeSet<String> {
    let listing =
        std::fs::read_dir(workspace().join("tests/corpus").join(corpus)).expect("a corpus is there");
    let folders = listing.flatten().filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn what_works_names_tests_that_exist() {
    let known = known();
    let mut problems = Vec::new();
    for row in rows() {
        if row.cell("Shown by").is_none() {
            continue;
        }
        let state = row.cell("State").unwrap_or_default();
        let names = row.names("Shown by");
        if state.starts_with("works") && names.is_empty() {
            problems.push(format!("line {}: nothing shows it", row.line));
        }
        for name in names.into_iter().filter(|name| !known.contains(name)) {
            problems.push(format!("line {}: there is no test `{name}`", row.line));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_row_has_a_state_that_the_legend_explains() {
    let rows = rows();
    let explains = |row: &&Row| row.columns == ["State", "means"];
    let states: Vec<&str> = rows.iter().filter(explains).filter_map(|row| row.cell("State")).collect();
    assert!(states.contains(&"works"), "there is no legend");
    for row in rows.iter().filter(|row| !explains(row)) {
        let Some(state) = row.cell("State") else { continue };
        let known = states.iter().any(|known| state.starts_with(known));
        assert!(known, "line {}: `{state}` is no state", row.line);
    }
}

#[test]
fn every_case_of_what_users_write_is_told_of() {
    let named: BTreeSet<String> = rows().iter().flat_map(|row| row.names("Case")).collect();
    assert_eq!(named, cases("seeds"));
}
