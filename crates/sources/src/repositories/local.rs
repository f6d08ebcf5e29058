//! Reading through libgit2: local repositories, and commits.

use std::path::Path;

use bridgehead_api::{CommitSha, Time};
use bridgehead_engine::source::RefAdvertisement;
use git2::Repository;

use super::CommitMetadata;
use crate::error::RepositoryProblem;
use crate::store;

pub(super) fn open_local(path: &Path) -> Result<Repository, RepositoryProblem> {
    Repository::open(path).map_err(|error| match error.code() {
        git2::ErrorCode::NotFound => {
            RepositoryProblem::NotFound { answer: format!("`{}` is not a Git repository", path.display()) }
        }
        git2::ErrorCode::Owner => RepositoryProblem::Forbidden {
            with: "this user".to_owned(),
            answer: format!("`{}` belongs to another user", path.display()),
        },
        _ => store::of_git("open a repository", &error),
    })
}

pub(super) fn local_refs(
    repository: &Repository,
    additional: &[String],
) -> Result<RefAdvertisement, RepositoryProblem> {
    let failed = |error: git2::Error| store::of_git("list refs", &error);
    let sha = |id: git2::Oid| CommitSha::from(id.to_string());
    let mut found = RefAdvertisement::default();
    for reference in repository.references().map_err(failed)? {
        let reference = reference.map_err(failed)?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        if !name.starts_with("refs/heads/") && !name.starts_with("refs/tags/") && !additional.contains(&name)
        {
            continue;
        }
        // A ref to nothing is no ref to us.
        let Ok(object) = reference.peel(git2::ObjectType::Any) else { continue };
        found.refs.insert(name, sha(object.id()));
    }
    found.head =
        repository.head().ok().and_then(|head| head.peel_to_commit().ok()).map(|commit| sha(commit.id()));
    Ok(found)
}

pub(super) fn metadata(
    repository: &Repository,
    commit: &CommitSha,
    tags: Vec<String>,
) -> Result<CommitMetadata, RepositoryProblem> {
    let failed = |error: git2::Error| store::of_git("read a commit", &error);
    let id = git2::Oid::from_str(commit.as_str()).map_err(failed)?;
    let found = store::find_commit(repository, id).map_err(failed)?;
    let author = found.author();
    let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
    let address = String::from_utf8_lossy(author.email_bytes()).into_owned();
    let second = jiff::Timestamp::from_second(author.when().seconds()).unwrap_or_default();
    Ok(CommitMetadata {
        author: format!("{name} <{address}>"),
        date: Time::new(second),
        message: String::from_utf8_lossy(found.message_bytes()).trim().to_owned(),
        tags,
    })
}
