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
        let settings = Settings { limits, ..Settings::new(folder.path()) };
        Self { repositories: Repositories::new(settings).expect("a cache"), folder }
    }
}

/// Short deadlines: these servers are on loopback, and those that hang hang for ever.
pub(crate) fn limits() -> Limits {
    Limits {
        idle: Duration::from_secs(20),
        connect: Duration::from_secs(20),
        // Most tests are about what every single attempt comes to.
        retry: Duration::ZERO,
        ..Limits::default()
    }
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
        since: None,
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

/// The whole chain and the hint.
pub(crate) fn report<T: std::fmt::Debug>(outcome: Result<T, SourceError>) -> String {
    let error = outcome.expect_err("it fails");
    match error.hint() {
        Some(hint) => format!("{} ({hint})", error.report()),
        None => error.report(),
    }
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

/// A server that answers every connection with the same bytes, and then closes it or stays silent.
pub(crate) struct Canned {
    pub(crate) port: u16,
}

impl Canned {
    pub(crate) fn answer(bytes: &'static [u8]) -> Self {
        Self::start(bytes, false)
    }

    /// Takes connections and says nothing more than these bytes.
    pub(crate) fn silent(bytes: &'static [u8]) -> Self {
        Self::start(bytes, true)
    }

    fn start(bytes: &'static [u8], silent: bool) -> Self {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("a port").port();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                if silent {
                    let _ = stream.write_all(bytes);
                    open.push(stream);
                    continue;
                }
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(bytes);
            }
        });
        Self { port }
    }
}

/// Stands between client and server and takes the header away that asks for version 2 of the protocol, as old
/// servers do. Returns the address to use in place of the server's.
pub(crate) fn without_version_2(url: &str) -> String {
    use std::io::{Read, Write};
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    let (authority, path) = rest.split_once('/').expect("a path");
    let target = authority.to_owned();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = std::net::TcpStream::connect(&target) else { continue };
            let copy = |mut from: std::net::TcpStream, mut to: std::net::TcpStream, change: bool| {
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 64 << 10];
                    while let Ok(count @ 1..) = from.read(&mut buffer) {
                        let mut piece = buffer[..count].to_vec();
                        let name = b"git-protocol:";
                        let found = piece.windows(name.len()).position(|window| window == name);
                        if let (true, Some(at)) = (change, found) {
                            piece[at..at + name.len()].copy_from_slice(b"old-protocol:");
                        }
                        if to.write_all(&piece).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            };
            let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { continue };
            copy(from, to, true);
            copy(server, client, false);
        }
    });
    format!("http://127.0.0.1:{port}/{path}")
}

/// The bare repositories in a cache folder.
pub(crate) fn bare_repositories(cache: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for part in std::fs::read_dir(cache).expect("a cache").flatten() {
        for entry in std::fs::read_dir(part.path()).expect("a part").flatten() {
            let git = entry.path().join("git");
            if git.is_dir() {
                found.push(git);
            }
        }
    }
    found.sort();
    found
}

/// The packs of a bare repository, smallest first, with their sizes.
pub(crate) fn packs(bare: &std::path::Path) -> Vec<u64> {
    let mut sizes: Vec<u64> = std::fs::read_dir(bare.join("objects/pack"))
        .expect("packs")
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack"))
        .map(|entry| entry.metadata().expect("a size").len())
        .collect();
    sizes.sort_unstable();
    sizes
}

/// Text that does not get smaller when it is compressed, not by much.
pub(crate) fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap_or(0))
        })
        .collect()
}
