//! Why manifests could not be had, in words for the person who can change it.
//!
//! [`SourceError`] says operation and object; its source says the reason; [`SourceError::hint`] says what to
//! do. No message shows a credential's value, and URLs are shown without user name and password.

mod render;
mod repository;

use std::fmt;
use std::time::Duration;

use bridgehead_api::CommitSha;

pub use render::{ManifestProblem, RenderProblem};
pub use repository::RepositoryProblem;

/// What failed, on which repository.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The refs could not be listed.
    #[error("failed to list the refs of `{url}`")]
    Advertise {
        /// The repository.
        url: String,
        /// The reason.
        #[source]
        problem: RepositoryProblem,
    },
    /// A commit could not be fetched.
    #[error("failed to fetch commit {commit} from `{url}`")]
    Fetch {
        /// The repository.
        url: String,
        /// The commit.
        commit: CommitSha,
        /// The reason.
        #[source]
        problem: RepositoryProblem,
    },
    /// A path could not be rendered.
    #[error("failed to render path `{path}` of `{url}` at commit {commit}")]
    Render {
        /// The repository.
        url: String,
        /// The path inside it.
        path: String,
        /// The commit.
        commit: CommitSha,
        /// The reason.
        #[source]
        problem: RenderProblem,
    },
    /// The cache cannot be used at all.
    #[error("failed to open the repository cache in `{folder}`")]
    Cache {
        /// Its folder.
        folder: String,
        /// The reason.
        #[source]
        problem: RepositoryProblem,
    },
}

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What is in the repository, or which part of it was asked for.
    User,
    /// The repository's registration: URL, credentials, certificates, host keys.
    Config,
    /// A server or the network; trying again may help.
    Upstream,
    /// This process or its machine.
    Internal,
}

/// Where in the conversation with a server something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reaching the server.
    Connect,
    /// SSH: keys and login.
    Login,
    /// Waiting for an answer to the first request.
    Greeting,
    /// Reading refs.
    Refs,
    /// Asking for objects.
    Request,
    /// Reading the pack.
    Pack,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connecting",
            Self::Login => "the SSH login",
            Self::Greeting => "waiting for the first answer",
            Self::Refs => "reading the refs",
            Self::Request => "asking for the commit",
            Self::Pack => "reading the pack",
        })
    }
}

impl SourceError {
    pub(crate) fn cache(folder: &std::path::Path, problem: RepositoryProblem) -> Self {
        Self::Cache { folder: folder.display().to_string(), problem }
    }

    /// The problem with the repository, if that is what it was.
    pub fn repository_problem(&self) -> Option<&RepositoryProblem> {
        match self {
            Self::Advertise { problem, .. } | Self::Fetch { problem, .. } | Self::Cache { problem, .. } => {
                Some(problem)
            }
            Self::Render { problem: RenderProblem::Repository(problem), .. } => Some(problem),
            Self::Render { .. } => None,
        }
    }

    /// Who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match (self.repository_problem(), self) {
            (Some(problem), _) => problem.kind(),
            // A machine with more time may well be through.
            (None, Self::Render { problem: RenderProblem::TooSlow { .. }, .. }) => ErrorKind::Internal,
            (None, _) => ErrorKind::User,
        }
    }

    /// How long the server asked us to wait, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.repository_problem()? {
            RepositoryProblem::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What to do, where that can be said.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Render { problem, .. } => problem.hint(),
            _ => self.repository_problem().and_then(RepositoryProblem::hint),
        }
    }

    /// The whole chain in one line, without the hint.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}
