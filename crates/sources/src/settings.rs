//! What the agent decides once: where the cache is, and every bound.

use std::path::PathBuf;
use std::time::Duration;

use crate::access::ProxyEnvironment;

/// Settings of [`crate::Repositories`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder for bare repositories. Several processes may share it; each takes a part of its own.
    pub cache_dir: PathBuf,
    /// Bounds.
    pub limits: Limits,
    /// Proxies for repositories that have none of their own.
    pub proxies: ProxyEnvironment,
}

impl Settings {
    /// Settings with the usual bounds, and no proxies.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self { cache_dir: cache_dir.into(), limits: Limits::default(), proxies: ProxyEnvironment::default() }
    }
}

/// Bounds on time, memory and disk. A bound that is hit is an error that names it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time to reach a server: name, connection, TLS or SSH handshake, login.
    pub connect: Duration,
    /// Longest silence of a server in the middle of an exchange. Git servers send a sign of life every five
    /// seconds while they prepare a pack.
    pub idle: Duration,
    /// Time for listing refs, from first to last byte.
    pub advertise: Duration,
    /// Time for fetching a commit, from first to last byte.
    pub fetch: Duration,
    /// How long a server that could not give a commit is not asked for it again; doubled with every failure.
    pub retry: Duration,
    /// The longest that grows to.
    pub retry_longest: Duration,
    /// Bytes of a ref advertisement.
    pub advertisement_bytes: u64,
    /// Bytes of one pack.
    pub pack_bytes: u64,
    /// Bytes of the cache on disk. The repositories that were used longest ago make room.
    pub cache_bytes: u64,
    /// Packs of one repository, before they are made one.
    pub packs: usize,
    /// Bytes of one manifest file.
    pub file_bytes: u64,
    /// Bytes of all manifest files of one application. Argo CD's bound is the same.
    pub render_bytes: u64,
    /// Bytes of memory that the manifests of one application take, about, YAML's aliases written out.
    pub manifest_bytes: usize,
    /// Manifest files of one application.
    pub files: usize,
    /// Folders that are looked into for one application. Git stores equal folders once, so a small repository
    /// can have very many.
    pub folders: usize,
    /// Names in those folders, all together.
    pub entries: usize,
    /// Nesting of folders, and of lists and maps inside a manifest.
    pub depth: usize,
    /// Time for reading the manifests of one application, once its commit is there.
    pub render: Duration,
    /// Bytes of rendered manifests that are kept in memory.
    pub render_cache_bytes: u64,
    /// Packs and renders that are worked on at once.
    pub workers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(30),
            advertise: Duration::from_secs(90),
            fetch: Duration::from_mins(10),
            retry: Duration::from_secs(2),
            retry_longest: Duration::from_mins(1),
            advertisement_bytes: 64 << 20,
            pack_bytes: 2 << 30,
            cache_bytes: 8 << 30,
            packs: 40,
            file_bytes: 5 << 20,
            render_bytes: 10 << 20,
            // Maps of a few short fields take eight times their text.
            manifest_bytes: 80 << 20,
            files: 20_000,
            // Linux has 6,000 folders and 90,000 names.
            folders: 50_000,
            entries: 500_000,
            depth: 100,
            render: Duration::from_mins(1),
            render_cache_bytes: 96 << 20,
            workers: std::thread::available_parallelism().map_or(2, usize::from).min(8),
        }
    }
}
