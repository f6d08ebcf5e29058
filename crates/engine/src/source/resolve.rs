//! From a target revision to a commit, by a repository's refs.

use bridgehead_api::{CommitSha, TargetRevision};

use super::RefAdvertisement;

/// A commit, and the ref by which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub sha: CommitSha,
    /// Full name of the ref; none where the revision itself is a commit.
    pub reference: Option<String>,
}

/// Why a revision means no commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The repository has no commit yet.
    #[error("the repository is empty")]
    Empty,
    /// No ref has this name.
    #[error("there is no branch, tag or commit of this name")]
    Unknown,
}

/// A full commit id, if the text is one.
pub fn full_sha(revision: &str) -> Option<CommitSha> {
    let is_sha = matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_sha.then(|| revision.to_ascii_lowercase().into())
}

/// The commit that a revision means.
pub fn resolve(revision: &TargetRevision, refs: &RefAdvertisement, tag_prefix: &str) -> Result<Resolved, ResolveError> {
    let _ = tag_prefix;
    let text = revision.as_str();
    if let Some(sha) = full_sha(text) {
        return Ok(Resolved { sha, reference: None });
    }
    if text.is_empty() || text == "HEAD" {
        let sha = refs.head.clone().ok_or(ResolveError::Empty)?;
        return Ok(Resolved { sha, reference: Some("HEAD".into()) });
    }
    let names = [format!("refs/heads/{text}"), format!("refs/tags/{text}"), text.to_owned()];
    let found = names.into_iter().find_map(|name| refs.refs.get(&name).map(|sha| (sha.clone(), name)));
    found.map(|(sha, name)| Resolved { sha, reference: Some(name) }).ok_or(ResolveError::Unknown)
}
