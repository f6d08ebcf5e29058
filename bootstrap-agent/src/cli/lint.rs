//! `lint`: Applications, AppProjects and ApplicationSets in files.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bridgehead_api::lint::{Finding, Severity, lint};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::error::{CliError, Exit};
use super::output::structured::{self, Structured};

/// More than a manifest ever is; a file beyond it is not read.
const LARGEST: u64 = 32 << 20;

#[derive(Debug, Args)]
pub(crate) struct LintOptions {
    /// Files, or folders that are searched for .yaml, .yml and .json; `-` is standard input
    #[arg(value_name = "FILE|FOLDER", required = true)]
    paths: Vec<PathBuf>,
    /// Warnings make the command fail too
    #[arg(long)]
    strict: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each finding
    #[default]
    Text,
    /// JSON
    Json,
}

pub(super) fn run(options: &LintOptions, out: &mut dyn Write) -> Result<Exit, CliError> {
    let mut files = Vec::new();
    for path in &options.paths {
        if path.as_os_str() != "-" && path.is_dir() {
            search(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    let mut findings = Vec::new();
    for file in &files {
        let text = read(file)?;
        findings.extend(lint(&text).into_iter().map(|finding| (file, finding)));
    }
    let count = |severity| findings.iter().filter(|(_, finding)| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match options.output {
        Format::Text => {
            for (file, finding) in &findings {
                writeln!(out, "{}", line(file, finding))?;
            }
            writeln!(out, "{}", summary(files.len(), errors, warnings))?;
        }
        Format::Json => {
            let values = findings.iter().map(|(file, finding)| value(file, finding)).collect();
            structured::write(out, Structured::Json, &Value::Array(values))?;
        }
    }
    let failed = errors > 0 || options.strict && warnings > 0;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// Files of manifests below a folder, by name. Hidden folders and templates of charts hold none.
fn search(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let failed = |error| CliError::io(format!("read folder `{}`", folder.display()), error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        entries.push((entry.path(), entry.file_type().map_err(failed)?));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    let is_chart = folder.join("Chart.yaml").is_file();
    for (path, kind) in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if kind.is_dir() && !name.starts_with('.') && !(is_chart && name == "templates") {
            search(&path, files)?;
        } else if kind.is_file()
            && path.extension().is_some_and(|it| it == "yaml" || it == "yml" || it == "json")
        {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, CliError> {
    let failed = |error| CliError::io(format!("read `{}`", path.display()), error);
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

/// As compilers print it, so that editors find the place.
fn line(file: &Path, finding: &Finding) -> String {
    let place = format!("{}:{}:{}", file.display(), finding.line, finding.column);
    if finding.path.is_empty() {
        format!("{place}: {}: {finding}", finding.severity)
    } else {
        format!("{place}: {}: {}: {finding}", finding.severity, finding.path)
    }
}

fn summary(files: usize, errors: usize, warnings: usize) -> String {
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    format!("{}, {} in {}", counted(errors, "error"), counted(warnings, "warning"), counted(files, "file"))
}

fn value(file: &Path, finding: &Finding) -> Value {
    json!({
        "file": file.display().to_string(),
        "line": finding.line,
        "column": finding.column,
        "severity": finding.severity.to_string(),
        "path": finding.path,
        "message": finding.says,
        "hint": finding.hint,
    })
}
