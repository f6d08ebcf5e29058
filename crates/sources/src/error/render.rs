//! Problems with what is in a repository.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::RepositoryProblem;

/// What stood in the way of rendering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderProblem {
    /// The repository could not be read.
    #[error(transparent)]
    Repository(RepositoryProblem),
    /// No such path at this commit.
    #[error("path `{path}` does not exist{}", nearest_folder(.nearest.as_deref()))]
    PathMissing {
        /// The path.
        path: String,
        /// The nearest folder above it that does exist; `None` if only the root does.
        nearest: Option<String>,
    },
    /// The path is a file.
    #[error("path `{path}` is not a directory")]
    NotDirectory {
        /// The path.
        path: String,
    },
    /// The path leaves the repository.
    #[error("path `{path}` leaves the repository")]
    PathEscapes {
        /// The path.
        path: String,
    },
    /// A symbolic link leaves the repository.
    #[error("symbolic link `{file}` leaves the repository (it points to `{target}`)")]
    LinkEscapes {
        /// The link.
        file: String,
        /// Where it points.
        target: String,
    },
    /// Another tool is needed.
    #[error("this release renders plain manifests only: {reason}")]
    UnsupportedType {
        /// Which tool, and what says so.
        reason: String,
    },
    /// The source contradicts itself.
    #[error("{reason}")]
    Source {
        /// How.
        reason: String,
    },
    /// A glob cannot be read.
    #[error("the glob in `directory.{field}` cannot be read: {reason}")]
    Glob {
        /// `include` or `exclude`.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// Files cannot be read as manifests.
    #[error("{}", manifests(.0))]
    Manifests(Vec<ManifestProblem>),
    /// It took too long.
    #[error("reading the manifests took longer than the bound of {} s", .limit.as_secs_f64())]
    TooSlow {
        /// The bound.
        limit: Duration,
    },
    /// A bound was hit.
    #[error("{what} is over the bound of {limit}")]
    TooLarge {
        /// What.
        what: String,
        /// The bound, with its unit.
        limit: String,
    },
}

/// One place in a file that cannot be read as a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestProblem {
    /// Path in the repository.
    pub file: String,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.file, self.message),
            line => write!(formatter, "{}:{line}: {}", self.file, self.message),
        }
    }
}

impl RenderProblem {
    /// What to do, where that can be said.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Repository(problem) => return problem.hint(),
            Self::PathMissing { .. } => {
                "check spec.source.path; it is relative to the repository's root".into()
            }
            Self::NotDirectory { .. } => "name the directory, and the file in directory.include".into(),
            Self::UnsupportedType { .. } => {
                "render it in CI and commit the result, or wait for the release with this tool".into()
            }
            Self::LinkEscapes { .. } => {
                "replace the link by the file, or exclude it with directory.exclude".into()
            }
            Self::TooSlow { .. } | Self::TooLarge { .. } => {
                "name a path that holds less, leave files out with directory.exclude, or make several applications of it".into()
            }
            _ => return None,
        })
    }
}

fn nearest_folder(folder: Option<&str>) -> String {
    match folder {
        Some(folder) => format!("; the nearest directory that does is `{folder}`"),
        None => String::new(),
    }
}

/// At most this many problems are spelled out in a message; conditions must not outgrow the object.
const SHOWN: usize = 5;

fn manifests(problems: &[ManifestProblem]) -> String {
    let mut text = problems.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if problems.len() > SHOWN {
        let _ = write!(text, "; and {} more", problems.len() - SHOWN);
    }
    text
}
