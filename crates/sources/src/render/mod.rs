//! From a commit to manifests.
//!
//! ```text
//! RenderRequest ─ detect ─► directory ─ tree ids ─► blobs ─ yaml ─► Rendered { manifests, inputs }
//! ```
//! Files are read from the bare repository by id: there is no checkout. A render is a pure function of its
//! inputs, which it notes while it reads; [`cache`] gives the same result for every commit at which they hold.

pub(crate) mod allowance;
pub(crate) mod cache;
mod detect;
mod directory;
mod glob;
mod inputs;
pub(crate) mod tree;

use std::sync::Arc;

use bridgehead_api::CommitSha;
use bridgehead_api::application::ApplicationSource;
use bridgehead_engine::manifest::{Manifest, Origin};

use crate::access::RepoAccess;
use crate::error::{ManifestProblem, RenderProblem};
use crate::settings::Limits;

use allowance::Spent;

pub(crate) use allowance::{Allowance, Interest};
pub use inputs::{Input, InputSet};
pub(crate) use tree::{Snapshot, TreeProblem};

/// What to render.
#[derive(Clone, Debug)]
pub struct RenderRequest {
    /// Where the repository is.
    pub repository: RepoAccess,
    /// The commit.
    pub commit: CommitSha,
    /// The ref that led to the commit, where one did: helps with servers that give out refs only.
    pub via_ref: Option<String>,
    /// Path and options, as the application has them. Its URL is not read.
    pub source: ApplicationSource,
    /// When somebody asked, if a person did: the server is asked again though it failed a moment before that.
    pub since: Option<jiff::Timestamp>,
}

/// Manifests, and what they depend on.
#[derive(Debug)]
pub struct Rendered {
    /// The manifests in the order of files and documents.
    pub manifests: Vec<(Manifest, Origin)>,
    /// What was read.
    pub inputs: InputSet,
    /// Things that were read, but perhaps not as meant.
    pub warnings: Vec<ManifestProblem>,
    /// Which tool rendered, in the words of `status.sourceType`.
    pub source_type: &'static str,
    /// Memory that the manifests take, about.
    pub bytes: u64,
}

/// Why a render failed: the repository's fault, or a hole in our copy of it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// To be told.
    Problem(RenderProblem),
    /// The cache misses an object or holds a broken one: throw it away and fetch again.
    Damaged(String),
    /// The cache misses a file: the server left it out for its size, or the cache is damaged.
    Absent { file: String },
    /// Nobody waits for it any more.
    GivenUp,
}

impl From<Spent> for Failure {
    fn from(spent: Spent) -> Self {
        match spent {
            Spent::GivenUp => Self::GivenUp,
            Spent::Bound(problem) => Self::Problem(problem),
        }
    }
}

impl From<RenderProblem> for Failure {
    fn from(problem: RenderProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<TreeProblem> for Failure {
    fn from(problem: TreeProblem) -> Self {
        match problem {
            TreeProblem::Damaged(reason) => Self::Damaged(reason),
            TreeProblem::Absent { file } => Self::Absent { file },
            TreeProblem::Spent(spent) => spent.into(),
            TreeProblem::LinkEscapes { file, target } => RenderProblem::LinkEscapes { file, target }.into(),
            TreeProblem::TooManyLinks { file } => {
                RenderProblem::Source { reason: format!("symbolic links at `{file}` lead in a circle") }
                    .into()
            }
        }
    }
}

/// Renders at a commit.
pub(crate) fn render(
    snapshot: &Snapshot<'_>,
    source: &ApplicationSource,
    limits: &Limits,
) -> Result<Arc<Rendered>, Failure> {
    detect::only_directories(source)?;
    let path =
        tree::clean(&source.path).ok_or_else(|| RenderProblem::PathEscapes { path: source.path.clone() })?;
    let mut inputs = InputSet::default();
    let folder = tree::folder(snapshot, &path, &mut inputs)?;
    detect::only_manifests(snapshot, source, &folder)?;
    let rendered = directory::render(snapshot, &folder, source, limits, inputs)?;
    Ok(Arc::new(rendered))
}
