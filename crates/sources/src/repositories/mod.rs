//! All repositories of the agent.
//!
//! ```text
//! advertise ─► remote ─► refs
//! render ─► known at this commit? ─► fetched? else fetch ─► inputs hold as before? ─► read and parse
//!                                        └─ one small pack: the commit without history, less what is held
//! ```
//! Network work is async and ends when its future is dropped; work on files runs on blocking threads.

mod attempts;
mod fetch;
mod local;
mod turns;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bridgehead_api::{CommitSha, Time};
use bridgehead_engine::source::RefAdvertisement;
use git2::Repository;
use tokio::sync::Semaphore;

use attempts::Attempts;
use local::{local_refs, metadata, open_local};
use turns::Turns;

use crate::access::{Location, ProxyEnvironment, RepoAccess};
use crate::error::{RenderProblem, RepositoryProblem, SourceError};
use crate::git::Remote;
use crate::render::cache::{Cache, RequestKey};
use crate::render::{self, Allowance, Failure, Interest, RenderRequest, Rendered, Snapshot};
use crate::settings::{Limits, Settings};
use crate::store::{Entry, Store};

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
    proxies: ProxyEnvironment,
    remotes: Mutex<HashMap<[u8; 32], Arc<Remote>>>,
    renders: Cache,
    workers: Arc<Semaphore>,
    /// Renders that need much memory go one after the other.
    large: Mutex<()>,
    attempts: Attempts,
    fetches: Turns,
    advertisements: Turns,
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
        let Settings { cache_dir, limits, proxies } = settings;
        let store = Store::open(&cache_dir, limits.cache_bytes)
            .map_err(|problem| SourceError::cache(&cache_dir, problem))?;
        let inner = Inner {
            store,
            remotes: Mutex::default(),
            renders: Cache::new(limits.render_cache_bytes),
            workers: Arc::new(Semaphore::new(limits.workers.max(1))),
            large: Mutex::default(),
            attempts: Attempts::default(),
            fetches: Turns::new(),
            advertisements: Turns::new(),
            limits,
            proxies,
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
        self.inner.fetch(access, commit, via_ref, None).await.map_err(|problem| SourceError::Fetch {
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
            let _turn = self.advertisements.take(access).await?;
            remote.list_refs(&access.additional_refs).await
        } else {
            let additional = access.additional_refs.clone();
            self.read(access, move |repository| local_refs(repository, &additional)).await?
        }
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
                self.fetch(access, &request.commit, via_ref, request.since)
                    .await
                    .map_err(RenderProblem::Repository)?;
            }
            let (inner, source, commit) = (self.clone(), request.source.clone(), request.commit.clone());
            // Dropped with this future: the thread that renders for it then ends by itself.
            let interest = Interest::default();
            let given_up = interest.given_up();
            let read = move |repository: &Repository| {
                let allowance = Allowance::new(&inner.limits, &inner.large, given_up);
                inner.render_in(repository, key, &source, &commit, &allowance)
            };
            let outcome = self.read(access, read).await.map_err(RenderProblem::Repository)?;
            match outcome {
                Ok(rendered) => return Ok(rendered),
                Err(Failure::Problem(problem)) => return Err(problem),
                Err(Failure::GivenUp) => return Err(RenderProblem::Repository(closing())),
                Err(failure @ (Failure::Damaged(_) | Failure::Absent { .. })) => {
                    let reason = match failure {
                        Failure::Absent { file } if self.left_out(&entry).await => {
                            let what = format!("file `{file}`, which the server left out for its size,");
                            let limit = format!("{} bytes", self.limits.file_bytes);
                            return Err(RenderProblem::TooLarge { what, limit });
                        }
                        Failure::Absent { file } => format!("file `{file}` is missing"),
                        Failure::Damaged(reason) => reason,
                        Failure::Problem(_) | Failure::GivenUp => String::new(),
                    };
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
        allowance: &Allowance<'_>,
    ) -> Result<Arc<Rendered>, Failure> {
        let snapshot = Snapshot::new(repository, commit.as_str(), allowance)?;
        if let Some(rendered) = self.renders.at_inputs(key, commit, &snapshot)? {
            return Ok(rendered);
        }
        let rendered = render::render(&snapshot, source, &self.limits)?;
        self.renders.keep(key, commit, &rendered);
        Ok(rendered)
    }

    /// True if files that are missing in the cache are larger than may be rendered.
    async fn left_out(self: &Arc<Self>, entry: &Arc<Entry>) -> bool {
        let (entry, largest) = (entry.clone(), self.limits.file_bytes);
        self.blocking(move || entry.left_out(largest)).await.unwrap_or(false)
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
        let Some(remote) = Remote::new(access, &self.proxies, &self.limits)?.map(Arc::new) else {
            return Ok(None);
        };
        if remotes.len() >= REMOTES {
            // Nothing is lost but a request per repository.
            remotes.clear();
        }
        remotes.insert(fingerprint, remote.clone());
        Ok(Some(remote))
    }

    /// Runs work on files, a bounded number at once. The permit goes with the thread: if this future is dropped,
    /// the work goes on for a while and still counts.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RepositoryProblem> {
        let permit = self.workers.clone().acquire_owned().await.map_err(|_| closing())?;
        let counted = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(counted).await.map_err(|error| panicked(&error))
    }
}

fn closing() -> RepositoryProblem {
    RepositoryProblem::Storage { reason: "the agent is ending".to_owned() }
}

fn panicked(error: &tokio::task::JoinError) -> RepositoryProblem {
    RepositoryProblem::Storage { reason: format!("a worker failed: {error}") }
}

fn tags_of(refs: &RefAdvertisement, commit: &CommitSha) -> Vec<String> {
    let pointing = refs.refs.iter().filter(|(_, target)| *target == commit);
    pointing.filter_map(|(name, _)| name.strip_prefix("refs/tags/").map(str::to_owned)).collect()
}
