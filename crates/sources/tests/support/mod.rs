//! What the tests of this crate share.
#![allow(dead_code, reason = "every test binary uses a part")]

use std::time::Duration;

use bridgehead_api::CommitSha;
use bridgehead_api::application::{ApplicationSource, ApplicationSourceDirectory};
use bridgehead_sources::{Limits, RenderRequest, Rendered, RepoAccess, Repositories, Settings, SourceError};
use bridgehead_test_harness::git::{GitServer, GitServerOptions};

/// A cache folder and what reads through it.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) repositories: Repositories,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(limits())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { cache_dir: folder.path().to_owned(), limits };
        Self { repositories: Repositories::new(settings).expect("a cache"), folder }
    }
}

/// Short deadlines: these servers are on loopback, and those that hang hang for ever.
pub(crate) fn limits() -> Limits {
    Limits { idle: Duration::from_secs(20), connect: Duration::from_secs(20), ..Limits::default() }
}

pub(crate) fn source(path: &str) -> ApplicationSource {
    ApplicationSource { path: path.into(), ..ApplicationSource::default() }
}

pub(crate) fn directory(
    path: &str,
    change: impl FnOnce(&mut ApplicationSourceDirectory),
) -> ApplicationSource {
    let mut directory = ApplicationSourceDirectory::default();
    change(&mut directory);
    ApplicationSource { directory: Some(directory), ..source(path) }
}

pub(crate) fn request(repository: &RepoAccess, commit: &str, source: ApplicationSource) -> RenderRequest {
    RenderRequest {
        repository: repository.clone(),
        commit: CommitSha::from(commit),
        via_ref: Some("refs/heads/main".into()),
        source,
    }
}

/// Name, file and line of every manifest.
pub(crate) fn listed(rendered: &Rendered) -> Vec<String> {
    rendered
        .manifests
        .iter()
        .map(|(manifest, origin)| format!("{} {}:{}", manifest.name(), origin.file, origin.line))
        .collect()
}

pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

/// The whole chain.
pub(crate) fn report<T: std::fmt::Debug>(outcome: Result<T, SourceError>) -> String {
    outcome.expect_err("it fails").report()
}

/// Starts a server from inside of a runtime.
pub(crate) fn serve(options: GitServerOptions) -> GitServer {
    // The server blocks on a runtime of its own for a moment, which only a thread without one may do.
    std::thread::scope(|scope| scope.spawn(|| GitServer::start_with(options)).join())
        .expect("no panic")
        .expect("a server")
}

/// A server that lets everybody in.
pub(crate) fn open_server() -> GitServer {
    serve(GitServerOptions::default())
}
