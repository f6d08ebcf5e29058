//! Checks manifests before a cluster sees them: of Applications, ApplicationSets and AppProjects everything, of
//! other objects what Argo CD reads in their annotations.
//!
//! ```text
//! text ── tree ──► documents with places ─┬─ schema ──────► unknown, missing, wrong type
//!                                         ├─ annotations ─► hooks, waves, options
//!                                         └─ application, project, set ─► what the schema cannot say
//! ```

mod annotations;
mod application;
mod cron;
mod kinds;
mod metadata;
mod mistakes;
mod placeholder;
mod policy;
mod project;
mod schema;
mod set;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;

use crate::crd::Kind;
use crate::nearest::nearest;
use tree::{Node, documents};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works, but hardly as meant.
    Warning,
    /// Refused by the API server or by the engine, or without the effect that it names.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Place in the document, as `spec.sources[0].path`; empty where the text is not YAML.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub says: String,
    /// What to do.
    pub hint: Option<String>,
}

/// `says; hint`.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.says)?;
        match &self.hint {
            Some(hint) => write!(formatter, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Checks a text with one or several YAML documents. Findings come in the order of their lines.
pub fn lint(text: &str) -> Vec<Finding> {
    let mut report = Report::default();
    let (documents, broken) = documents(text);
    for document in &documents {
        check(document, &mut report);
    }
    if let Some(broken) = broken
        && !is_template(text)
    {
        report.findings.push(Finding {
            path: String::new(),
            line: broken.line,
            column: broken.column,
            severity: Severity::Error,
            says: format!("line {}, column {}: not YAML: {}", broken.line, broken.column, broken.says),
            hint: yaml_hint(text, broken.line),
        });
    }
    report.findings.sort_by_key(|finding| (finding.line, finding.column));
    report.findings.dedup();
    report.findings
}

/// Templates of Helm charts lie beside manifests, and are not YAML before they are rendered.
fn is_template(text: &str) -> bool {
    text.contains("{{") && !text.contains(crate::GROUP)
}

fn yaml_hint(text: &str, line: usize) -> Option<String> {
    let line = text.lines().nth(line.checked_sub(1)?)?;
    if line.starts_with('\t') || line.trim_start_matches(' ').starts_with('\t') {
        return Some("indent with spaces, not tabs".to_owned());
    }
    line.contains('"')
        .then(|| "a backslash is an escape in double quotes; use single quotes".to_owned())
        .filter(|_| line.contains('\\'))
}

/// Findings of one text.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn error(
        &mut self,
        path: impl Into<String>,
        place: &impl Place,
        says: impl Into<String>,
        hint: Option<String>,
    ) {
        self.add(Severity::Error, path.into(), place, says.into(), hint);
    }

    fn warning(
        &mut self,
        path: impl Into<String>,
        place: &impl Place,
        says: impl Into<String>,
        hint: Option<String>,
    ) {
        self.add(Severity::Warning, path.into(), place, says.into(), hint);
    }

    fn add(
        &mut self,
        severity: Severity,
        path: String,
        place: &impl Place,
        says: String,
        hint: Option<String>,
    ) {
        let (line, column) = place.place();
        self.findings.push(Finding { path, line, column, severity, says, hint });
    }
}

/// Something with a line and a column.
trait Place {
    fn place(&self) -> (usize, usize);
}

impl Place for Node {
    fn place(&self) -> (usize, usize) {
        (self.line, self.column)
    }
}

impl Place for tree::Entry {
    fn place(&self) -> (usize, usize) {
        (self.line, self.column)
    }
}

fn check(document: &Node, report: &mut Report) {
    // A `List` holds documents of its own.
    if document.text_of("kind") == "List" {
        for item in document.get("items").map(Node::items).unwrap_or_default() {
            check(item, report);
        }
        return;
    }
    annotations::check(document, report);
    let Some(kind) = kind_of(document, report) else { return };
    metadata::check(document, report);
    schema::check(kind, document, report);
    match kind {
        Kind::Application => application::check_application(document, report),
        Kind::AppProject => project::check(document, report),
        Kind::ApplicationSet => set::check(document, report),
    }
}

/// Which of the three kinds this is, and whether it says so rightly.
fn kind_of(document: &Node, report: &mut Report) -> Option<Kind> {
    let api_version = document.text_of("apiVersion");
    let kind_text = document.text_of("kind");
    let group = api_version.split('/').next().unwrap_or_default();
    let names = Kind::ALL.iter().map(|kind| kind.as_str());
    if api_version == crate::API_VERSION {
        return Kind::from_name(kind_text).or_else(|| {
            let meant = match kind_text {
                "Project" => Some("AppProject"),
                "App" => Some("Application"),
                "AppSet" => Some("ApplicationSet"),
                _ if kinds::OTHER_ARGO_KINDS.contains(&kind_text) => None,
                _ => nearest(kind_text, names),
            }?;
            let place = document.get("kind").unwrap_or(document);
            let says = format!("unknown kind `{kind_text}` in `{api_version}`");
            report.error("kind", place, says, Some(format!("did you mean `{meant}`?")));
            None
        });
    }
    let kind = Kind::from_name(kind_text)?;
    let place = document.get("apiVersion").unwrap_or(document);
    let hint = Some(format!("did you mean `{}`?", crate::API_VERSION));
    if api_version.is_empty() {
        let says = "required field `apiVersion` is missing";
        report.error("apiVersion", place, says, Some(format!("write `apiVersion: {}`", crate::API_VERSION)));
    } else if group == crate::GROUP {
        let version = api_version.strip_prefix(group).unwrap_or_default().trim_start_matches('/');
        report.error("apiVersion", place, format!("unknown version `{version}`"), hint);
    } else if group.contains("argo") || nearest(group, [crate::GROUP]).is_some() || kind != Kind::Application
    {
        report.error("apiVersion", place, "unknown API group", hint);
    } else {
        // Another project's Application, such as `app.k8s.io`.
        return None;
    }
    Some(kind)
}
