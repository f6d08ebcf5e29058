//! Getting a commit into the cache.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bridgehead_api::CommitSha;
use bridgehead_engine::source::RefAdvertisement;
use tokio::sync::mpsc;

use super::{Inner, panicked};
use crate::access::RepoAccess;
use crate::error::RepositoryProblem;
use crate::git::{FetchRequest, Held, PackPiece, Remote};
use crate::store::{self, Bare, Entry, Received, Writing};

/// Pieces of a pack between network and disk: at 64 KiB each, one MiB.
const PIECES: usize = 16;
/// On a full disk, repositories make room that were not used for as long. Others would be back at once.
const IDLE: Duration = Duration::from_mins(10);

impl Inner {
    pub(super) async fn fetch_once(
        self: &Arc<Self>,
        access: &RepoAccess,
        commit: &CommitSha,
        via_ref: Option<&str>,
    ) -> Result<(), RepositoryProblem> {
        let Some(remote) = self.remote(access)? else {
            let wanted = commit.clone();
            return if self.read(access, move |repository| store::has(repository, &wanted)).await? {
                Ok(())
            } else {
                Err(RepositoryProblem::CommitGone { commit: commit.clone() })
            };
        };
        let entry = self.store.entry(&access.cache_name(), &access.shown_url());
        if self.held(&entry, commit).await? {
            return Ok(());
        }
        let began = Instant::now();
        let _one_at_a_time = entry.fetching.lock().await;
        if self.held(&entry, commit).await? {
            return Ok(());
        }
        // Who was before us found that the server does not answer: asking once more would take as long again.
        if let Some(problem) = entry.trouble_since(began) {
            return Err(problem);
        }
        let outcome = self.fetch_from(&remote, &entry, access, commit, via_ref).await;
        entry.note_trouble(outcome.as_ref().err());
        outcome
    }

    async fn fetch_from(
        self: &Arc<Self>,
        remote: &Remote,
        entry: &Arc<Entry>,
        access: &RepoAccess,
        commit: &CommitSha,
        via_ref: Option<&str>,
    ) -> Result<(), RepositoryProblem> {
        let _turn = self.fetches.take(access).await?;
        remote.meet().await?;
        let shallow = remote.leaves_out_history();
        let largest = remote.leaves_out_large_files().then_some(self.limits.file_bytes);
        let advertised = via_ref.is_some();
        let wanted = if remote.gives_any_commit() || advertised {
            let request = FetchRequest { wants: vec![commit.clone()], shallow, held: Vec::new(), largest };
            self.receive(remote, entry, request, commit).await
        } else {
            Err(RepositoryProblem::Refused { message: "it gives out the tips of refs only".to_owned() })
        };
        match wanted {
            // Some servers give out only what a ref names. The commit may be in the history of one.
            Err(RepositoryProblem::Refused { .. }) => {
                let refs = remote.list_refs(&access.additional_refs).await?;
                let tips = tips(&refs, via_ref);
                if tips.is_empty() {
                    return Err(RepositoryProblem::CommitGone { commit: commit.clone() });
                }
                let request = FetchRequest { wants: tips, shallow: false, held: Vec::new(), largest };
                self.receive(remote, entry, request, commit).await?;
            }
            other => other?,
        }
        self.tidy(entry, access).await
    }

    /// Fetches once; where the cache or the disk was in the way, puts that right and fetches once more.
    async fn receive(
        self: &Arc<Self>,
        remote: &Remote,
        entry: &Arc<Entry>,
        mut request: FetchRequest,
        commit: &CommitSha,
    ) -> Result<(), RepositoryProblem> {
        request.held = entry.offers();
        if !request.shallow {
            // A commit whose history we lack would let the server leave that history out once more.
            request.held.retain(|held| !held.shallow);
        }
        let first = self.receive_once(remote, entry, &request, commit).await;
        let again = match &first {
            Err(Writing::Problem(RepositoryProblem::DiskFull { .. })) => {
                let (inner, entry) = (self.clone(), entry.clone());
                self.blocking(move || inner.store.make_room(&entry, u64::MAX, IDLE)).await?
            }
            // What we offered is not here, or not whole.
            Err(Writing::Pack(_)) if !request.held.is_empty() => {
                // A server that leaves out files may take one of them for known, and send what differs from it.
                if request.largest.is_none() {
                    self.wipe(entry).await?;
                }
                request.held.clear();
                true
            }
            _ => false,
        };
        let outcome = if again { self.receive_once(remote, entry, &request, commit).await } else { first };
        outcome.map_err(store::problem)
    }

    async fn receive_once(
        self: &Arc<Self>,
        remote: &Remote,
        entry: &Arc<Entry>,
        request: &FetchRequest,
        commit: &CommitSha,
    ) -> Result<(), Writing> {
        let (sender, mut receiver) = mpsc::channel::<PackPiece>(PIECES);
        let files = entry.files.clone().read_owned().await;
        let (wanted, entry, largest) = (commit.clone(), entry.clone(), request.largest);
        let new: Vec<Held> = request
            .wants
            .iter()
            .map(|want| Held { commit: want.clone(), shallow: request.shallow })
            .collect();
        // If this future is dropped, the sender is too; the writer then takes back what it wrote.
        let writer = tokio::task::spawn_blocking(move || {
            let _files = files;
            let bare = entry.open().map_err(Writing::Problem)?;
            match bare.receive(&mut receiver)? {
                Received::CutOff => return Ok(false),
                Received::Whole => {}
            }
            // The pack must be seen by a fresh look at the folder.
            let bare = entry.open().map_err(Writing::Problem)?;
            let mut new = new;
            if !bare.has(&wanted) {
                let whole = new.iter().any(|held| !held.shallow);
                return if whole {
                    Err(Writing::Problem(RepositoryProblem::CommitGone { commit: wanted }))
                } else {
                    Err(Writing::Pack(format!("the pack does not hold commit {wanted}")))
                };
            }
            if new.iter().all(|held| held.commit != wanted) {
                new.push(Held { commit: wanted, shallow: false });
            }
            entry.remember(&new, largest).map_err(Writing::Problem)?;
            Ok(true)
        });
        let fetched = remote.fetch(request, sender).await;
        let written = writer.await.map_err(|error| Writing::Problem(panicked(&error)))?;
        // A writer that failed says why the rest was not wanted; a fetch that failed says why it was cut off.
        match (fetched, written) {
            (_, Err(failure)) => Err(failure),
            (Err(problem), Ok(_)) => Err(Writing::Problem(problem)),
            (Ok(()), Ok(true)) => Ok(()),
            (Ok(()), Ok(false)) => Err(Writing::Pack("the answer ended without a pack".to_owned())),
        }
    }

    /// Packs anew where there are many packs, and keeps the cache within its bound.
    async fn tidy(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        access: &RepoAccess,
    ) -> Result<(), RepositoryProblem> {
        let (inner, entry_, url) = (self.clone(), entry.clone(), access.shown_url());
        self.blocking(move || {
            let many = Bare::open(&entry_.folder).is_some_and(|bare| bare.pack_count() > inner.limits.packs);
            // Readers go first; there will be another fetch.
            if many && let Ok(_alone) = entry_.files.try_write() {
                let held = entry_.held();
                let newest = &held[held.len().saturating_sub(store::OFFERED)..];
                match store::pack_anew(&entry_.folder, &url, newest) {
                    Ok(kept) => {
                        entry_.forget();
                        let _ = entry_.remember(&kept, None);
                    }
                    Err(problem) => tracing::warn!(url, %problem, "failed to pack a repository anew"),
                }
            }
            inner.store.make_room(&entry_, 0, Duration::ZERO);
        })
        .await
    }

    /// True if the commit is here.
    async fn held(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        commit: &CommitSha,
    ) -> Result<bool, RepositoryProblem> {
        if !entry.remembers(commit) {
            return Ok(false);
        }
        let files = entry.files.clone().read_owned().await;
        let (folder, commit) = (entry.folder.clone(), commit.clone());
        self.blocking(move || {
            let _files = files;
            Bare::open(&folder).is_some_and(|bare| bare.has(&commit))
        })
        .await
    }
}

/// The ref that led to the commit, else all there are.
fn tips(refs: &RefAdvertisement, via_ref: Option<&str>) -> Vec<CommitSha> {
    if let Some(commit) = via_ref.and_then(|name| refs.refs.get(name)) {
        return vec![commit.clone()];
    }
    let mut tips: Vec<CommitSha> = refs.refs.values().chain(&refs.head).cloned().collect();
    tips.sort();
    tips.dedup();
    tips
}
