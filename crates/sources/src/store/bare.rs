//! One bare repository: packs in, objects out. Everything here blocks.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bridgehead_api::CommitSha;
use git2::{
    Commit, Indexer, ObjectType, Odb, OdbLookupFlags, Oid, PackBuilder, Repository, RepositoryInitOptions,
};
use tokio::sync::mpsc::Receiver;

use super::storage;
use crate::error::{RepositoryProblem, Step};
use crate::git::{Held, PackPiece};

/// Bytes of a commit.
const COMMIT: usize = 4 << 20;

/// The repository in `folder/git`.
pub(crate) struct Bare {
    repository: Repository,
}

/// How writing a pack ended.
#[derive(Debug)]
pub(crate) enum Received {
    /// It is there, all of it.
    Whole,
    /// The stream ended before the pack did. Nothing is left behind.
    CutOff,
}

/// What went wrong with writing.
#[derive(Debug)]
pub(crate) enum Writing {
    /// The file system.
    Problem(RepositoryProblem),
    /// The pack does not fit to what is here, or is broken.
    Pack(String),
}

impl Bare {
    /// Opens the repository, and makes it if there is none. What cannot be opened is made anew.
    pub(super) fn open_or_create(folder: &Path, shown_url: &str) -> Result<Self, RepositoryProblem> {
        if let Some(bare) = Self::open(folder) {
            return Ok(bare);
        }
        let git = folder.join("git");
        match std::fs::remove_dir_all(&git) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(storage("remove a broken repository", &error));
            }
            _ => {}
        }
        std::fs::create_dir_all(folder).map_err(|error| storage("create a folder", &error))?;
        std::fs::write(folder.join("url"), format!("{shown_url}\n"))
            .map_err(|error| storage("write a file", &error))?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).initial_head("main");
        let repository =
            Repository::init_opts(&git, &options).map_err(|error| of_git("create a repository", &error))?;
        Ok(Self { repository })
    }

    /// Opens the repository if it is there and whole.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        let git = folder.join("git");
        // `objects/pack` alone is missing where somebody tidied up by hand.
        if !git.join("objects/pack").is_dir() {
            return None;
        }
        Repository::open_bare(&git).ok().map(|repository| Self { repository })
    }

    /// The repository as libgit2 has it.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// True if the commit and its root folder are here.
    pub(crate) fn has(&self, commit: &CommitSha) -> bool {
        has(&self.repository, commit)
    }

    /// Writes the pack that comes over the channel. It counts only once all of it is there and its checksums
    /// hold.
    pub(crate) fn receive(&self, pieces: &mut Receiver<PackPiece>) -> Result<Received, Writing> {
        let odb = self.repository.odb().map_err(writing)?;
        let packs = self.packs();
        let mut indexer: Option<Indexer<'_>> = None;
        loop {
            match pieces.blocking_recv() {
                Some(PackPiece::Data(data)) => {
                    let indexer = match &mut indexer {
                        Some(indexer) => indexer,
                        None => {
                            indexer.insert(Indexer::new(Some(&odb), &packs, 0o444, false).map_err(writing)?)
                        }
                    };
                    indexer.write_all(&data).map_err(|error| written(&error))?;
                }
                Some(PackPiece::End) => break,
                None => return Ok(Received::CutOff),
            }
        }
        if let Some(indexer) = indexer {
            indexer.commit().map_err(writing)?;
        }
        Ok(Received::Whole)
    }

    /// How many packs there are.
    pub(crate) fn pack_count(&self) -> usize {
        let Ok(listing) = std::fs::read_dir(self.packs()) else { return 0 };
        listing
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|found| found == "pack"))
            .count()
    }

    /// Removes what a process that was killed has left of a pack. Nobody may be writing one.
    pub(super) fn remove_leftovers(&self) {
        let Ok(listing) = std::fs::read_dir(self.packs()) else { return };
        for entry in listing.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !name.ends_with(".pack") && !name.ends_with(".idx") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn packs(&self) -> PathBuf {
        self.repository.path().join("objects/pack")
    }
}

/// True if the commit and its root folder are in the repository.
pub(crate) fn has(repository: &Repository, commit: &CommitSha) -> bool {
    Oid::from_str(commit.as_str())
        .and_then(|id| find_commit(repository, id))
        .is_ok_and(|commit| repository.odb().is_ok_and(|odb| odb.exists(commit.tree_id())))
}

/// Reads a commit, unless its message is larger than any that a person writes.
pub(crate) fn find_commit(repository: &Repository, id: Oid) -> Result<Commit<'_>, git2::Error> {
    let (size, _) = repository.odb()?.read_header(id)?;
    if size > COMMIT {
        let reason = format!("commit {id} has {size} bytes");
        return Err(git2::Error::new(git2::ErrorCode::Invalid, git2::ErrorClass::Object, reason));
    }
    repository.find_commit(id)
}

/// Writes the newest of the commits into one pack, in place of all packs. The caller holds the files alone.
pub(crate) fn pack_anew(
    folder: &Path,
    shown_url: &str,
    keep: &[Held],
) -> Result<Vec<Held>, RepositoryProblem> {
    let Some(old) = Bare::open(folder) else { return Ok(Vec::new()) };
    let kept: Vec<Held> = keep.iter().filter(|held| old.has(&held.commit)).cloned().collect();
    let beside = folder.join("new");
    let _ = std::fs::remove_dir_all(&beside);
    let new = Bare::open_or_create(&beside, shown_url)?;
    {
        let mut builder =
            old.repository.packbuilder().map_err(|error| of_git("pack a repository", &error))?;
        builder.set_threads(1);
        let mut seen = HashSet::new();
        for held in &kept {
            insert(&old.repository, &mut builder, held, &mut seen)
                .map_err(|error| of_git("pack a repository", &error))?;
        }
        let mut indexer = Indexer::new(None::<&Odb<'_>>, &new.packs(), 0o444, false)
            .map_err(|error| of_git("pack a repository", &error))?;
        let mut failed = None;
        let outcome = builder.foreach(|piece| match indexer.write_all(piece) {
            Ok(()) => true,
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        if let Some(error) = failed {
            return Err(problem(written(&error)));
        }
        outcome.map_err(|error| of_git("pack a repository", &error))?;
        indexer.commit().map_err(|error| of_git("pack a repository", &error))?;
    }
    drop((old, new));
    std::fs::remove_dir_all(folder.join("git")).map_err(|error| storage("remove old packs", &error))?;
    std::fs::rename(beside.join("git"), folder.join("git")).map_err(|error| storage("move packs", &error))?;
    let _ = std::fs::remove_dir_all(&beside);
    // Their history was left out, whatever it was before.
    let kept: Vec<Held> = kept.into_iter().map(|held| Held { shallow: true, ..held }).collect();
    Ok(kept)
}

/// Puts a commit with all its folders into a pack, and those of its files that are here.
fn insert(
    repository: &Repository,
    builder: &mut PackBuilder<'_>,
    held: &Held,
    seen: &mut HashSet<Oid>,
) -> Result<(), git2::Error> {
    let odb = repository.odb()?;
    let id = Oid::from_str(held.commit.as_str())?;
    builder.insert_object(id, None)?;
    let mut folders = vec![find_commit(repository, id)?.tree_id()];
    while let Some(folder) = folders.pop() {
        if !seen.insert(folder) {
            continue;
        }
        builder.insert_object(folder, None)?;
        for entry in &repository.find_tree(folder)? {
            match entry.kind() {
                Some(ObjectType::Tree) => folders.push(entry.id()),
                Some(ObjectType::Blob) if odb.exists_ext(entry.id(), OdbLookupFlags::NO_REFRESH) => {
                    builder.insert_object(entry.id(), entry.name().ok())?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What is written down of the packs.
pub(crate) struct Packs {
    /// None of them has gone.
    pub(crate) are_there: bool,
    /// Files of more bytes were left out.
    pub(crate) largest: Option<u64>,
}

/// Reads what is written down of the packs.
pub(crate) fn read_packs(folder: &Path) -> Option<Packs> {
    let text = std::fs::read_to_string(folder.join("packs")).ok()?;
    let mut packs = Packs { are_there: true, largest: None };
    for line in text.lines() {
        match line.strip_prefix("largest ") {
            Some(bytes) => packs.largest = bytes.parse().ok(),
            None => packs.are_there &= folder.join("git/objects/pack").join(line).is_file(),
        }
    }
    Some(packs)
}

/// Writes down which packs there are. What was left out once stays left out.
pub(crate) fn write_packs(folder: &Path, largest: Option<u64>) -> Result<(), RepositoryProblem> {
    let before = read_packs(folder).and_then(|packs| packs.largest);
    let mut text = String::new();
    if let Some(largest) = before.into_iter().chain(largest).min() {
        let _ = writeln!(text, "largest {largest}");
    }
    let listing = std::fs::read_dir(folder.join("git/objects/pack"));
    for path in listing.into_iter().flatten().flatten().map(|entry| entry.path()) {
        let is_pack = path.extension().is_some_and(|extension| extension == "pack");
        if let (true, Some(name)) = (is_pack, path.file_name().and_then(|name| name.to_str())) {
            let _ = writeln!(text, "{name}");
        }
    }
    let beside = folder.join("packs.new");
    std::fs::write(&beside, text).map_err(|error| storage("write the list of packs", &error))?;
    std::fs::rename(&beside, folder.join("packs")).map_err(|error| storage("write the list of packs", &error))
}

/// Bytes below a folder.
pub(crate) fn size(folder: &Path) -> u64 {
    let Ok(listing) = std::fs::read_dir(folder) else { return 0 };
    listing
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Reads the list of commits; nothing where it is missing or broken.
pub(crate) fn read_commits(folder: &Path) -> Vec<Held> {
    let Ok(text) = std::fs::read_to_string(folder.join("commits")) else { return Vec::new() };
    text.lines()
        .filter_map(|line| {
            let (commit, kind) = line.split_once(' ')?;
            let right = commit.len() == 40 && commit.bytes().all(|digit| digit.is_ascii_hexdigit());
            right.then(|| Held { commit: CommitSha::from(commit), shallow: kind != "whole" })
        })
        .collect()
}

/// Writes the list of commits, all or nothing.
pub(crate) fn write_commits(folder: &Path, held: &[Held]) -> Result<(), RepositoryProblem> {
    let mut text = String::new();
    for held in held {
        let _ = writeln!(text, "{} {}", held.commit, if held.shallow { "shallow" } else { "whole" });
    }
    let beside = folder.join("commits.new");
    std::fs::write(&beside, text).map_err(|error| storage("write the list of commits", &error))?;
    std::fs::rename(&beside, folder.join("commits"))
        .map_err(|error| storage("write the list of commits", &error))
}

/// An error of libgit2 about files.
pub(crate) fn of_git(what: &str, error: &git2::Error) -> RepositoryProblem {
    let reason = format!("failed to {what}: {}", error.message());
    // libgit2 keeps the system's words, not its number.
    let full =
        ["No space left", "Disk quota", "File too large"].iter().any(|words| error.message().contains(words));
    if full { RepositoryProblem::DiskFull { reason } } else { RepositoryProblem::Storage { reason } }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn writing(error: git2::Error) -> Writing {
    match of_git("write a pack", &error) {
        full @ RepositoryProblem::DiskFull { .. } => Writing::Problem(full),
        other if error.class() == git2::ErrorClass::Os => Writing::Problem(other),
        _ => Writing::Pack(error.message().to_owned()),
    }
}

fn written(error: &std::io::Error) -> Writing {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<git2::Error>()) {
        Some(inner) => writing(git2::Error::new(inner.code(), inner.class(), inner.message())),
        None => Writing::Problem(storage("write a pack", error)),
    }
}

/// The problem behind a failed write.
pub(crate) fn problem(failure: Writing) -> RepositoryProblem {
    match failure {
        Writing::Problem(problem) => problem,
        Writing::Pack(reason) => RepositoryProblem::Protocol { step: Step::Pack, reason },
    }
}
