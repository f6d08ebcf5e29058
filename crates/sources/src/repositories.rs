//! All repositories of the agent.
//!
//! ```text
//! advertise ─► remote ─► refs
//! render ─► known at this commit? ─► fetched? else fetch ─► inputs hold as before? ─► read and parse
//!                                        └─ one small pack: the commit without history, less what is held
//! ```
//! Network work is async and ends when its future is dropped; work on files runs on blocking threads.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bridgehead_api::{CommitSha, Time};
use bridgehead_engine::source::RefAdvertisement;
use git2::Repository;
use tokio::sync::{Semaphore, mpsc};

use crate::access::{Location, RepoAccess};
use crate::error::{RenderProblem, RepositoryProblem, SourceError};
use crate::git::{FetchRequest, Held, PackPiece, Remote};
use crate::render::cache::{Cache, RequestKey};
use crate::render::{self, Failure, RenderRequest, Rendered, Snapshot};
use crate::settings::{Limits, Settings};
use crate::store::{self, Bare, Entry, Received, Store, Writing};

/// Fetches under way at once. Most wait for a server, so there are more than workers.
const FETCHES: usize = 32;
/// Pieces of a pack between network and disk: at 64 KiB each, one MiB.
const PIECES: usize = 16;
/// On a full disk, repositories make room that were not used for as long. Others would be back at once.
const IDLE: Duration = Duration::from_mins(10);
/// Servers that are remembered.
const REMOTES: usize = 2000;

/// Reads repositories. Cloning is cheap, and all clones share one cache.
#[derive(Clone)]
pub struct Repositories {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    limits: Limits,
    remotes: Mutex<HashMap<[u8; 32], Arc<Remote>>>,
    renders: Cache,
    workers: Semaphore,
    fetches: Semaphore,
}

/// What Argo CD's clients show of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitMetadata {
    /// `Name <address>`.
    pub author: String,
    /// When it was made, by its author's clock.
    pub date: Time,
    /// Its message.
    pub message: String,
    /// Tags that point to it, by their short names.
    pub tags: Vec<String>,
}

impl Repositories {
    /// Opens the cache. Nothing is fetched yet.
    pub fn new(settings: Settings) -> Result<Self, SourceError> {
        let Settings { cache_dir, limits } = settings;
        let store = Store::open(&cache_dir, limits.cache_bytes)
            .map_err(|problem| SourceError::cache(&cache_dir, problem))?;
        let inner = Inner {
            store,
            remotes: Mutex::default(),
            renders: Cache::new(limits.render_cache_bytes),
            workers: Semaphore::new(limits.workers.max(1)),
            fetches: Semaphore::new(FETCHES),
            limits,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Asks a repository for its refs: one request, once the server is known.
    pub async fn advertise(&self, access: &RepoAccess) -> Result<Arc<RefAdvertisement>, SourceError> {
        self.inner
            .advertise(access)
            .await
            .map(Arc::new)
            .map_err(|problem| SourceError::Advertise { url: access.shown_url(), problem })
    }

    /// Makes sure that a commit is in the cache. `via_ref` is the ref that led to it, if one did.
    pub async fn fetch(
        &self,
        access: &RepoAccess,
        commit: &CommitSha,
        via_ref: Option<&str>,
    ) -> Result<(), SourceError> {
        self.inner.fetch(access, commit, via_ref).await.map_err(|problem| SourceError::Fetch {
            url: access.shown_url(),
            commit: commit.clone(),
            problem,
        })
    }

    /// Author, date and message of a commit, and the tags of the advertisement that point to it.
    pub async fn commit_metadata(
        &self,
        access: &RepoAccess,
        commit: &CommitSha,
        refs: Option<&RefAdvertisement>,
    ) -> Result<CommitMetadata, SourceError> {
        self.fetch(access, commit, None).await?;
        let tags = refs.map_or_else(Vec::new, |refs| tags_of(refs, commit));
        let wanted = commit.clone();
        let read = move |repository: &Repository| metadata(repository, &wanted, tags);
        self.inner.read(access, read).await.and_then(|outcome| outcome).map_err(|problem| {
            SourceError::Fetch { url: access.shown_url(), commit: commit.clone(), problem }
        })
    }

    /// Renders a path at a commit; fetches the commit first if it is not there.
    pub async fn render(&self, request: &RenderRequest) -> Result<Arc<Rendered>, SourceError> {
        self.inner.render(request).await.map_err(|problem| SourceError::Render {
            url: request.repository.shown_url(),
            path: request.source.path.clone(),
            commit: request.commit.clone(),
            problem,
        })
    }
}

impl Inner {
    async fn advertise(self: &Arc<Self>, access: &RepoAccess) -> Result<RefAdvertisement, RepositoryProblem> {
        if let Some(remote) = self.remote(access)? {
            remote.list_refs(&access.additional_refs).await
        } else {
            let additional = access.additional_refs.clone();
            self.read(access, move |repository| local_refs(repository, &additional)).await?
        }
    }

    async fn fetch(
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
        let _one_at_a_time = entry.fetching.lock().await;
        if self.held(&entry, commit).await? {
            return Ok(());
        }
        let _permit = self.fetches.acquire().await.map_err(|_| closing())?;
        remote.meet().await?;
        let shallow = remote.leaves_out_history();
        let advertised = via_ref.is_some();
        let wanted = if remote.gives_any_commit() || advertised {
            let request = FetchRequest { wants: vec![commit.clone()], shallow, held: Vec::new() };
            self.receive(&remote, &entry, request, commit).await
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
                let request = FetchRequest { wants: tips, shallow: false, held: Vec::new() };
                self.receive(&remote, &entry, request, commit).await?;
            }
            other => other?,
        }
        self.tidy(&entry, access).await
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
        let first = self.receive_once(remote, entry, &request, commit).await;
        let again = match &first {
            Err(Writing::Problem(RepositoryProblem::DiskFull { .. })) => {
                let (inner, entry) = (self.clone(), entry.clone());
                self.blocking(move || inner.store.make_room(&entry, u64::MAX, IDLE)).await?
            }
            // What we offered is not here, or not whole.
            Err(Writing::Pack(_)) if !request.held.is_empty() => {
                self.wipe(entry).await?;
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
        let (wanted, entry) = (commit.clone(), entry.clone());
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
            entry.remember(&new).map_err(Writing::Problem)?;
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
                        let _ = entry_.remember(&kept);
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

    async fn render(self: &Arc<Self>, request: &RenderRequest) -> Result<Arc<Rendered>, RenderProblem> {
        let access = &request.repository;
        let key = RequestKey::new(&access.cache_name(), &request.source);
        if let Some(rendered) = self.renders.at_commit(key, &request.commit) {
            return Ok(rendered);
        }
        let via_ref = request.via_ref.as_deref();
        let mut mended = false;
        loop {
            // What was fetched once is taken to be there; if it is not, that shows while it is read.
            let local = matches!(access.location(), Ok(Location::Local(_)));
            let entry = self.store.entry(&access.cache_name(), &access.shown_url());
            if local || !entry.remembers(&request.commit) {
                self.fetch(access, &request.commit, via_ref).await.map_err(RenderProblem::Repository)?;
            }
            let (inner, source, commit) = (self.clone(), request.source.clone(), request.commit.clone());
            let read = move |repository: &Repository| inner.render_in(repository, key, &source, &commit);
            let outcome = self.read(access, read).await.map_err(RenderProblem::Repository)?;
            match outcome {
                Ok(rendered) => return Ok(rendered),
                Err(Failure::Problem(problem)) => return Err(problem),
                Err(Failure::Damaged(reason)) => {
                    if mended || local {
                        return Err(RenderProblem::Repository(RepositoryProblem::Storage { reason }));
                    }
                    mended = true;
                    tracing::warn!(
                        url = access.shown_url(),
                        reason,
                        "repository cache is damaged and is fetched anew"
                    );
                    self.wipe(&entry).await.map_err(RenderProblem::Repository)?;
                }
            }
        }
    }

    fn render_in(
        &self,
        repository: &Repository,
        key: RequestKey,
        source: &bridgehead_api::application::ApplicationSource,
        commit: &CommitSha,
    ) -> Result<Arc<Rendered>, Failure> {
        let snapshot = Snapshot::new(repository, commit.as_str())?;
        if let Some(rendered) = self.renders.at_inputs(key, commit, &snapshot)? {
            return Ok(rendered);
        }
        let rendered = render::render(&snapshot, source, &self.limits)?;
        self.renders.keep(key, commit, &rendered);
        Ok(rendered)
    }

    /// Reads in the repository's files: the cache's, or the local repository's own.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        access: &RepoAccess,
        work: impl FnOnce(&Repository) -> T + Send + 'static,
    ) -> Result<T, RepositoryProblem> {
        if let Location::Local(path) = access.location()? {
            return self.blocking(move || open_local(&path).map(|repository| work(&repository))).await?;
        }
        let entry = self.store.entry(&access.cache_name(), &access.shown_url());
        let files = entry.files.clone().read_owned().await;
        self.blocking(move || {
            let _files = files;
            let bare = entry.open()?;
            Ok(work(bare.repository()))
        })
        .await?
    }

    async fn wipe(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), RepositoryProblem> {
        let files = entry.files.clone().write_owned().await;
        let entry = entry.clone();
        self.blocking(move || {
            let _files = files;
            entry.wipe();
        })
        .await
    }

    /// The far end of a repository; `None` for a local one.
    fn remote(&self, access: &RepoAccess) -> Result<Option<Arc<Remote>>, RepositoryProblem> {
        let fingerprint = access.fingerprint();
        let mut remotes = self.remotes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = remotes.get(&fingerprint) {
            return Ok(Some(remote.clone()));
        }
        let Some(remote) = Remote::new(access, &self.limits)?.map(Arc::new) else { return Ok(None) };
        if remotes.len() >= REMOTES {
            // Nothing is lost but a request per repository.
            remotes.clear();
        }
        remotes.insert(fingerprint, remote.clone());
        Ok(Some(remote))
    }

    /// Runs work on files, a bounded number at once.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RepositoryProblem> {
        let _permit = self.workers.acquire().await.map_err(|_| closing())?;
        tokio::task::spawn_blocking(work).await.map_err(|error| panicked(&error))
    }
}

fn closing() -> RepositoryProblem {
    RepositoryProblem::Storage { reason: "the agent is ending".to_owned() }
}

fn panicked(error: &tokio::task::JoinError) -> RepositoryProblem {
    RepositoryProblem::Storage { reason: format!("a worker failed: {error}") }
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

fn tags_of(refs: &RefAdvertisement, commit: &CommitSha) -> Vec<String> {
    let pointing = refs.refs.iter().filter(|(_, target)| *target == commit);
    pointing.filter_map(|(name, _)| name.strip_prefix("refs/tags/").map(str::to_owned)).collect()
}

fn open_local(path: &Path) -> Result<Repository, RepositoryProblem> {
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

fn local_refs(repository: &Repository, additional: &[String]) -> Result<RefAdvertisement, RepositoryProblem> {
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

fn metadata(
    repository: &Repository,
    commit: &CommitSha,
    tags: Vec<String>,
) -> Result<CommitMetadata, RepositoryProblem> {
    let failed = |error: git2::Error| store::of_git("read a commit", &error);
    let id = git2::Oid::from_str(commit.as_str()).map_err(failed)?;
    let found = repository.find_commit(id).map_err(failed)?;
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
