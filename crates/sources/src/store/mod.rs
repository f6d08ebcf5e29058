//! Bare repositories on disk.
//!
//! ```text
//! cache folder/
//!   0/                    one part per process, held by a lock for as long as the process lives
//!     lock
//!     <name>/             one per repository URL and account
//!       url               for people who look
//!       commits           what is held, oldest first
//!       packs             the packs, and the size from which on files were left out
//!       git/              the bare repository: packs only
//! ```
//! Everything here can be fetched again, so whatever looks broken is thrown away.

mod bare;

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bridgehead_api::CommitSha;
use tokio::sync::RwLock;

use crate::error::RepositoryProblem;
use crate::git::Held;

pub(crate) use bare::{Bare, Received, Writing, find_commit, has, of_git, pack_anew, problem};

/// Processes that may share a cache folder.
const PARTS: usize = 16;
/// Commits that are remembered per repository.
const REMEMBERED: usize = 64;
/// Commits that are offered to a server, so that it sends the difference only.
pub(crate) const OFFERED: usize = 16;

/// This process' part of the cache.
pub(crate) struct Store {
    folder: PathBuf,
    bound: u64,
    /// Unlocked when the process ends, however it ends.
    _lock: File,
    entries: Mutex<HashMap<String, Arc<Entry>>>,
}

/// One repository.
pub(crate) struct Entry {
    pub(crate) folder: PathBuf,
    /// Readers share it; who moves or removes files holds it alone.
    pub(crate) files: Arc<RwLock<()>>,
    /// One fetch at a time; who waits for it finds what it brought.
    pub(crate) fetching: tokio::sync::Mutex<()>,
    /// When the server did not answer last, and what it looked like.
    trouble: Mutex<Option<(Instant, RepositoryProblem)>>,
    /// One at a time makes the repository, and the first tidies up: true once that is done.
    opening: Mutex<bool>,
    shown_url: String,
    state: Mutex<EntryState>,
}

struct EntryState {
    held: Vec<Held>,
    used: Instant,
}

impl Store {
    /// Takes a part of the folder.
    pub(crate) fn open(folder: &Path, bound: u64) -> Result<Self, RepositoryProblem> {
        for part in 0..PARTS {
            let folder = folder.join(part.to_string());
            std::fs::create_dir_all(&folder).map_err(|error| storage("create its folder", &error))?;
            let lock = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(folder.join("lock"))
                .map_err(|error| storage("open its lock", &error))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { folder, bound, _lock: lock, entries: Mutex::default() }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(storage("lock it", &error)),
            }
        }
        Err(RepositoryProblem::Storage { reason: format!("{PARTS} processes use the folder already") })
    }

    /// A repository by its cache name.
    pub(crate) fn entry(&self, name: &str, shown_url: &str) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(name) {
            return entry.clone();
        }
        let folder = self.folder.join(name);
        let held = bare::read_commits(&folder);
        let entry = Arc::new(Entry {
            folder,
            files: Arc::default(),
            fetching: tokio::sync::Mutex::default(),
            trouble: Mutex::default(),
            opening: Mutex::default(),
            shown_url: shown_url.to_owned(),
            state: Mutex::new(EntryState { held, used: Instant::now() }),
        });
        tracing::debug!(url = shown_url, folder = %entry.folder.display(), "opened repository cache");
        entries.insert(name.to_owned(), entry.clone());
        entry
    }

    /// Makes room: removes the repositories that were used longest ago, but not `keep` and none that was used
    /// within `idle`, until all take no more than the bound less `needed`. Blocking; returns true if something
    /// was removed.
    pub(crate) fn make_room(&self, keep: &Entry, needed: u64, idle: Duration) -> bool {
        let mut known: Vec<(Option<Instant>, PathBuf, Option<Arc<Entry>>)> = Vec::new();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Ok(listing) = std::fs::read_dir(&self.folder) else { return false };
        for item in listing.flatten().filter(|item| item.path().is_dir()) {
            let entry = item.file_name().to_str().and_then(|name| entries.get(name).cloned());
            // Folders that nobody has asked for since the start go first.
            known.push((entry.as_ref().map(|entry| entry.used()), item.path(), entry));
        }
        known.sort_by_key(|left| left.0);
        let mut total: u64 = known.iter().map(|(_, folder, _)| bare::size(folder)).sum();
        let bound = self.bound.saturating_sub(needed);
        let mut removed = false;
        for (used, folder, entry) in known {
            if total <= bound {
                break;
            }
            let busy = used.is_some_and(|used| used.elapsed() < idle);
            if folder == keep.folder || busy {
                continue;
            }
            // Whoever reads there now keeps it; next time then.
            let guard = match &entry {
                Some(entry) => match entry.files.try_write() {
                    Ok(guard) => Some(guard),
                    Err(_) => continue,
                },
                None => None,
            };
            let size = bare::size(&folder);
            if std::fs::remove_dir_all(&folder).is_ok() {
                tracing::info!(folder = %folder.display(), bytes = size, "removed a repository from the cache");
                total = total.saturating_sub(size);
                removed = true;
                if let Some(entry) = &entry {
                    entry.forget();
                }
            }
            drop(guard);
        }
        removed
    }
}

impl Entry {
    /// Opens the repository, and makes it if there is none. Blocking.
    pub(crate) fn open(&self) -> Result<Bare, RepositoryProblem> {
        let mut tidied = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let bare = Bare::open_or_create(&self.folder, &self.shown_url)?;
        if !*tidied {
            bare.remove_leftovers();
            *tidied = true;
        }
        Ok(bare)
    }

    /// What kept the server from answering a fetch that ended after this.
    pub(crate) fn trouble_since(&self, began: Instant) -> Option<RepositoryProblem> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().filter(|(at, _)| *at >= began).map(|(_, problem)| problem.clone())
    }

    /// Notes how a fetch ended.
    pub(crate) fn note_trouble(&self, problem: Option<&RepositoryProblem>) {
        let unanswered = problem.filter(|problem| {
            matches!(
                problem,
                RepositoryProblem::TimedOut { .. }
                    | RepositoryProblem::BrokenOff { .. }
                    | RepositoryProblem::Connect { .. }
                    | RepositoryProblem::NameUnknown { .. }
            )
        });
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            unanswered.map(|problem| (Instant::now(), problem.clone()));
    }

    /// What may be offered to the server, newest first.
    pub(crate) fn offers(&self) -> Vec<Held> {
        self.state().held.iter().rev().take(OFFERED).cloned().collect()
    }

    /// True if the commit was fetched, as far as is remembered.
    pub(crate) fn remembers(&self, commit: &CommitSha) -> bool {
        let mut state = self.state();
        state.used = Instant::now();
        match state.held.iter().position(|held| held.commit == *commit) {
            Some(index) => {
                // The order is that of use: what is used stays when the repository is packed anew.
                let held = state.held.remove(index);
                state.held.push(held);
                true
            }
            None => false,
        }
    }

    /// Notes commits that were fetched, and whether files of more than so many bytes were left out; writes that
    /// down. Blocking.
    pub(crate) fn remember(&self, commits: &[Held], largest: Option<u64>) -> Result<(), RepositoryProblem> {
        let held = {
            let mut state = self.state();
            state.held.retain(|held| commits.iter().all(|new| new.commit != held.commit));
            state.held.extend_from_slice(commits);
            let surplus = state.held.len().saturating_sub(REMEMBERED);
            state.held.drain(..surplus);
            state.used = Instant::now();
            state.held.clone()
        };
        bare::write_packs(&self.folder, largest)?;
        bare::write_commits(&self.folder, &held)
    }

    /// True if a file that is missing is larger than `largest`: the server was asked to leave such files out, and
    /// no pack has gone since. Blocking.
    pub(crate) fn left_out(&self, largest: u64) -> bool {
        bare::read_packs(&self.folder)
            .is_some_and(|packs| packs.are_there && packs.largest.is_some_and(|known| known >= largest))
    }

    /// Everything that is remembered, oldest first.
    pub(crate) fn held(&self) -> Vec<Held> {
        self.state().held.clone()
    }

    /// Forgets everything, after the files are gone.
    pub(crate) fn forget(&self) {
        self.state().held.clear();
    }

    /// Removes all files. The caller holds `files` alone. Blocking.
    pub(crate) fn wipe(&self) {
        self.forget();
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(folder = %self.folder.display(), %error, "failed to remove a repository cache");
            }
            _ => {}
        }
    }

    fn used(&self) -> Instant {
        self.state().used
    }

    fn state(&self) -> std::sync::MutexGuard<'_, EntryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error of the file system. A full disk is a kind of its own.
pub(crate) fn storage(what: &str, error: &std::io::Error) -> RepositoryProblem {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let reason = format!("failed to {what}: {error}");
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => RepositoryProblem::DiskFull { reason },
        _ => RepositoryProblem::Storage { reason },
    }
}
