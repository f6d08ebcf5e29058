//! What is told to the user: errors and warnings, each with the attribute that it is about.
//!
//! Any error turns into [`Diagnostics`] by `?`: its message is the summary, its sources the detail.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::path::Path;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The user ought to know; the work goes on.
    Warning,
    /// The work has failed.
    Error,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// What happened and what to do about it; may be empty, may have many lines.
    pub detail: String,
    /// The attribute that it is about; the root: the whole block.
    pub path: Path,
}

impl Diagnostic {
    /// An error.
    pub fn error(summary: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            summary: summary.into(),
            detail: String::new(),
            path: Path::root(),
        }
    }

    /// A warning.
    pub fn warning(summary: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(summary) }
    }

    /// What happened and what to do about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Diagnostic {
        self.detail = detail.into();
        self
    }

    /// The attribute that it is about: a [`Path`], or names divided by dots.
    #[must_use]
    pub fn at(mut self, path: impl Into<Path>) -> Diagnostic {
        self.path = path.into();
        self
    }

    /// A cause: its message and those of its sources become the detail, after what is there.
    #[must_use]
    pub fn because(mut self, cause: &(dyn Error + 'static)) -> Diagnostic {
        if !self.detail.is_empty() {
            self.detail.push_str("\n\n");
        }
        self.detail.push_str(&chain(cause));
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.is_error() { "error" } else { "warning" };
        write!(formatter, "{severity}: {}", self.summary)?;
        if !self.path.is_root() {
            write!(formatter, " (at {})", self.path)?;
        }
        if !self.detail.is_empty() {
            write!(formatter, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// The messages of an error and its sources, each once, divided by `: `.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let message = source.to_string();
        // Some libraries repeat their source in their own message.
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        next = source.source();
    }
    text
}

/// Messages in the order in which they arose.
///
/// It isn't an [`Error`] itself, so that every error converts into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds an error.
    pub fn error(&mut self, path: impl Into<Path>, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic::error(summary).detail(detail).at(path));
    }

    /// Adds a warning.
    pub fn warning(&mut self, path: impl Into<Path>, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic::warning(summary).detail(detail).at(path));
    }

    /// Adds all of another.
    pub fn extend(&mut self, others: impl Into<Diagnostics>) {
        self.0.extend(others.into().0);
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// One after the other, to change them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Diagnostic> {
        self.0.iter_mut()
    }

    /// `Err` if one of them is an error.
    pub fn into_result(self) -> Result<(), Diagnostics> {
        if self.has_errors() { Err(self) } else { Ok(()) }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(formatter, "{newline}{diagnostic}")?;
        }
        Ok(())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Diagnostics {
    type Item = &'a mut Diagnostic;
    type IntoIter = std::slice::IterMut<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Diagnostics {
        Diagnostics(iter.into_iter().collect())
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

/// The error's message is the summary, with a capital; its sources are the detail.
impl<E: Error + 'static> From<E> for Diagnostics {
    fn from(error: E) -> Diagnostics {
        // An error about a value says where it is.
        let path = (&error as &dyn Any)
            .downcast_ref::<crate::codec::ValueError>()
            .map_or_else(Path::root, |error| error.path.clone());
        let mut diagnostic = Diagnostic::error(capitalised(&error.to_string())).at(path);
        if let Some(source) = error.source() {
            diagnostic = diagnostic.detail(chain(source));
        }
        diagnostic.into()
    }
}

/// The text with its first letter as a capital, as Terraform shows summaries.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to read `x`")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn an_error_becomes_a_summary_and_its_source_the_detail() {
        let diagnostics = Diagnostics::from(Outer(std::io::Error::other("disk full")));
        let only = diagnostics.iter().next().unwrap();
        assert_eq!((only.summary.as_str(), only.detail.as_str()), ("Failed to read `x`", "disk full"));
        assert!(diagnostics.has_errors());
    }
}
