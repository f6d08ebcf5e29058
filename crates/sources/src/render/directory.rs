//! Plain YAML and JSON files.
//!
//! ```text
//! folder ─ walk ─► names that count (extension, exclude, include, links) ─ sizes ─► read ─► documents ─► manifests
//! ```

use std::sync::Arc;

use bridgehead_api::application::{ApplicationSource, ApplicationSourceDirectory};
use bridgehead_engine::manifest::{Manifest, Origin};
use git2::Oid;
use serde_json::Value;

use super::glob::Glob;
use super::tree::{Entry, Folder, Kind, Snapshot, listing_digest};
use super::{Failure, Input, InputSet, Rendered};
use crate::error::{ManifestProblem, RenderProblem};
use crate::settings::Limits;
use crate::yaml::{self, Document, Spending};

/// A file with this text in it is left out.
const SKIP: &[u8] = b"+argocd:skip-file-rendering";
/// A file that holds all of these is meant as a manifest: if it cannot be read, that is an error.
const MARKS: [&[u8]; 3] = [b"apiVersion:", b"kind:", b"metadata:"];

/// Memory of a manifest beside its values, and of an input beside its path.
const MANIFEST: usize = 100;
const INPUT: usize = 150;

/// A file that counts.
struct Found {
    /// Path from the repository's root, as the source's path leads to it.
    path: String,
    id: Oid,
}

struct Walk<'w> {
    snapshot: &'w Snapshot<'w>,
    options: &'w ApplicationSourceDirectory,
    limits: &'w Limits,
    include: Option<Glob>,
    exclude: Option<Glob>,
    folder: &'w Folder,
    inputs: InputSet,
    found: Vec<Found>,
    bytes: u64,
}

/// Renders a folder.
pub(super) fn render(
    snapshot: &Snapshot<'_>,
    folder: &Folder,
    source: &ApplicationSource,
    limits: &Limits,
    inputs: InputSet,
) -> Result<Rendered, Failure> {
    let options = source.directory.clone().unwrap_or_default();
    let mut walk = Walk {
        snapshot,
        options: &options,
        limits,
        include: glob("include", &options.include)?,
        exclude: glob("exclude", &options.exclude)?,
        folder,
        inputs,
        found: Vec::new(),
        bytes: 0,
    };
    if options.recurse {
        walk.inputs.note(folder.real.clone(), Input::Tree(folder.id.to_string()));
    }
    walk.folder(folder.id, "", 0)?;
    let Walk { inputs, found, .. } = walk;

    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let goes_on = || snapshot.go_on().is_ok();
    let mut spending = Spending::new(limits.manifest_bytes, &goes_on, snapshot.turn());
    for file in &found {
        let before = spending.spent();
        let blob = snapshot.read(file.id)?;
        let mut read = manifests_of(&file.path, blob.content(), limits.depth, &mut spending);
        snapshot.go_on()?;
        if spending.is_over() {
            let what =
                format!("the memory of the manifests up to `{}`, YAML's aliases written out,", file.path);
            return Err(too_large(&what, limits.manifest_bytes, "bytes"));
        }
        if read.manifests.is_empty() {
            spending.give_back_to(before);
        }
        manifests.append(&mut read.manifests);
        problems.append(&mut read.problems);
        warnings.append(&mut read.warnings);
    }
    if !problems.is_empty() {
        return Err(RenderProblem::Manifests(problems).into());
    }
    let bytes = spending.spent()
        + manifests.len() * MANIFEST
        + inputs.iter().map(|(path, _)| path.len() + INPUT).sum::<usize>();
    Ok(Rendered { manifests, inputs, warnings, source_type: "Directory", bytes: bytes as u64 })
}

fn glob(field: &'static str, pattern: &str) -> Result<Option<Glob>, RenderProblem> {
    if pattern.is_empty() {
        return Ok(None);
    }
    Glob::new(pattern).map(Some).map_err(|reason| RenderProblem::Glob { field, reason })
}

impl Walk<'_> {
    fn folder(&mut self, id: Oid, prefix: &str, depth: usize) -> Result<(), Failure> {
        if depth > self.limits.depth {
            return Err(too_large(
                &format!("the nesting of folders at `{prefix}`"),
                self.limits.depth,
                "folders",
            ));
        }
        let entries = self.snapshot.list(id)?;
        if !self.options.recurse {
            self.inputs.note(self.folder.real.clone(), Input::Listing(listing_digest(&entries)));
        }
        for entry in &entries {
            let relative =
                if prefix.is_empty() { entry.name.clone() } else { format!("{prefix}/{}", entry.name) };
            match entry.kind {
                Kind::Folder if self.options.recurse => self.folder(entry.id, &relative, depth + 1)?,
                Kind::Folder | Kind::Submodule => {}
                Kind::File | Kind::Link => self.file(entry, &relative)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, relative: &str) -> Result<(), Failure> {
        let extension = entry.name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let known = matches!(extension, "yaml" | "yml" | "json" | "jsonnet");
        if !known && !self.options.disable_extension_filter {
            return Ok(());
        }
        if self.exclude.as_ref().is_some_and(|glob| glob.matches(relative))
            || self.include.as_ref().is_some_and(|glob| !glob.matches(relative))
        {
            return Ok(());
        }
        let path = joined(&self.folder.path, relative);
        let real = joined(&self.folder.real, relative);
        let id = if entry.kind == Kind::Link {
            let (target, found) = self.snapshot.follow(&real, &mut self.inputs)?;
            match found {
                Some((Kind::File, id)) => {
                    self.inputs.note(target, Input::Blob(id.to_string()));
                    id
                }
                // As Argo CD: a link to nothing or to a folder is left out.
                Some((Kind::Folder, id)) => {
                    self.inputs.note(target, Input::Tree(id.to_string()));
                    return Ok(());
                }
                Some(_) => return Ok(()),
                None => {
                    self.inputs.note(target, Input::Absent);
                    return Ok(());
                }
            }
        } else {
            if !self.options.recurse {
                self.inputs.note(real, Input::Blob(entry.id.to_string()));
            }
            entry.id
        };
        if extension == "jsonnet" {
            return Err(RenderProblem::UnsupportedType { reason: format!("{path} is Jsonnet") }.into());
        }
        self.take(path, id)
    }

    fn take(&mut self, path: String, id: Oid) -> Result<(), Failure> {
        let limits = self.limits;
        let size = self.snapshot.size(id, &path)?;
        if size > limits.file_bytes {
            return Err(too_large(&format!("file `{path}` ({size} bytes)"), limits.file_bytes, "bytes"));
        }
        self.bytes += size;
        if self.bytes > limits.render_bytes {
            return Err(too_large(
                "the size of all manifest files of the source",
                limits.render_bytes,
                "bytes",
            ));
        }
        if self.found.len() >= limits.files {
            return Err(too_large("the number of manifest files of the source", limits.files, "files"));
        }
        self.found.push(Found { path, id });
        Ok(())
    }
}

fn too_large(what: &str, limit: impl std::fmt::Display, unit: &str) -> Failure {
    RenderProblem::TooLarge { what: what.to_owned(), limit: format!("{limit} {unit}") }.into()
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// What a file gave.
#[derive(Default)]
struct Read {
    manifests: Vec<(Manifest, Origin)>,
    problems: Vec<ManifestProblem>,
    warnings: Vec<ManifestProblem>,
}

fn manifests_of(path: &str, content: &[u8], depth: usize, spending: &mut Spending<'_>) -> Read {
    let mut read = Read::default();
    if contains(content, SKIP) {
        return read;
    }
    let file: Arc<str> = Arc::from(path);
    let is_json = std::path::Path::new(path).extension().is_some_and(|extension| extension == "json");
    let documents = if is_json {
        vec![yaml::json(content, spending)]
    } else {
        yaml::documents_within(content, depth, spending)
    };
    // Argo CD stops at the first failure; it counts as an error if objects came before it.
    let mut before_failure = 0;
    for document in documents {
        let problem = match document {
            Ok(document) if document.value.is_null() && !is_json => continue,
            Ok(document) => match objects(document, &file, &mut read) {
                Ok(()) => {
                    before_failure += usize::from(read.problems.is_empty());
                    continue;
                }
                Err(problem) => problem,
            },
            Err(problem) => problem,
        };
        let ManifestProblemParts { line, message } = problem.into();
        read.problems.push(ManifestProblem { file: path.to_owned(), line, message });
    }
    let meant = is_json || before_failure > 0 || MARKS.iter().all(|mark| contains(content, mark));
    if !read.problems.is_empty() && !meant {
        // Some other YAML that happens to lie here, such as values for a tool.
        return Read::default();
    }
    read
}

struct ManifestProblemParts {
    line: u32,
    message: String,
}

impl From<yaml::Problem> for ManifestProblemParts {
    fn from(problem: yaml::Problem) -> Self {
        Self { line: problem.line, message: problem.message }
    }
}

/// The objects of a document: itself, or the items of a list.
fn objects(document: Document, file: &Arc<str>, read: &mut Read) -> Result<(), yaml::Problem> {
    let Document { mut value, line, item_lines, warnings } = document;
    let wrong = |line, message: &str| Err(yaml::Problem { line, message: message.to_owned() });
    let Some(fields) = value.as_object_mut() else { return wrong(line, "it is not an object") };
    if fields.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) {
        return wrong(line, "the object has no `kind`");
    }
    let warned = warnings.into_iter().map(|problem| ManifestProblem {
        file: file.to_string(),
        line: problem.line,
        message: problem.message,
    });
    read.warnings.extend(warned);
    if let Some(Value::Array(items)) = fields.get_mut("items") {
        for (index, item) in std::mem::take(items).into_iter().enumerate() {
            let line = item_lines.get(index).copied().unwrap_or(line);
            if !item.is_object() {
                return wrong(line, "an item of the list is not an object");
            }
            read.manifests.push((Manifest::new(item), Origin { file: file.clone(), line }));
        }
        return Ok(());
    }
    let empty_list = fields.get("items").is_some_and(Value::is_null)
        && !fields.contains_key("spec")
        && !fields.contains_key("status");
    if !empty_list {
        read.manifests.push((Manifest::new(value), Origin { file: file.clone(), line }));
    }
    Ok(())
}

fn contains(content: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(content, wanted).is_some()
}
