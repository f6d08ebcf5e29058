//! A Git server over HTTP and HTTPS, real but for the faults it is told to show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::request::Parts;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::sync::watch;

use super::backend;
use super::repository::Repository;
use crate::http_server::{Body, HttpServer};
use crate::scratch::Scratch;

/// What a server is to be like.
#[derive(Clone, Debug, Default)]
pub struct GitServerOptions {
    /// HTTPS with a certificate authority of its own, see [`GitServer::authority`].
    pub tls: bool,
    /// User name and password that every request must show.
    pub credentials: Option<(String, String)>,
}

/// A step of the conversation between a Git client and a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The client asks which refs there are (in protocol 2: what the server can do).
    Advertisement,
    /// The client of protocol 2 lists refs.
    ListRefs,
    /// The client asks for objects.
    Fetch,
    /// The client asks which refs there are, to push.
    PushAdvertisement,
    /// The client sends objects.
    Push,
    /// Anything else, such as a file of the old protocol.
    Other,
}

/// What goes wrong instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
    /// No answer comes until the fault is changed or the server ends.
    Hang,
    /// The answer's body stops after this many bytes, and the connection stays open.
    HangAfter(usize),
    /// The connection breaks after this many bytes of the answer's body.
    CutAfter(usize),
}

/// One request that the server has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The repository's name, without `.git`.
    pub repository: String,
    /// What it was about.
    pub step: Step,
    /// The answer's status; `None` where a fault left none.
    pub status: Option<u16>,
}

/// The server. Dropping it closes its port and breaks its connections.
#[derive(Debug)]
pub struct GitServer {
    folder: Scratch,
    server: HttpServer,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    root: PathBuf,
    credentials: Mutex<Option<(String, String)>>,
    faults: watch::Sender<BTreeMap<Step, Fault>>,
    exchanges: Mutex<Vec<Exchange>>,
}

impl GitServer {
    /// A server over HTTP that lets everybody in.
    pub fn start() -> Result<Self> {
        Self::start_with(GitServerOptions::default())
    }

    /// Starts a server on a port of loopback, in a thread of its own.
    pub fn start_with(options: GitServerOptions) -> Result<Self> {
        crate::tools::require("git")?;
        let folder = Scratch::new()?;
        let root = folder.path().join("repositories");
        std::fs::create_dir(&root).context("failed to make a folder for repositories")?;
        let state = Arc::new(State {
            root,
            credentials: Mutex::new(options.credentials),
            faults: watch::Sender::default(),
            exchanges: Mutex::default(),
        });
        let shared = state.clone();
        let server = HttpServer::start("git-server", options.tls, move |request| {
            let state = shared.clone();
            async move { answer(request, &state).await }
        })?;
        Ok(Self { folder, server, state })
    }

    /// Makes a repository.
    pub fn create(&self, name: &str) -> Result<Repository> {
        Repository::create(&self.state.root, &self.folder.path().join("trees"), name, self.url(name))
    }

    /// The address of the repository `name`, whether there is one or not.
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.server.base)
    }

    /// The folder of the bare repositories.
    pub fn root(&self) -> &Path {
        &self.state.root
    }

    /// The certificate to verify the server with, in PEM, if it speaks TLS.
    pub fn authority(&self) -> Option<&str> {
        self.server.authority.as_deref()
    }

    /// What every request must show from now on.
    pub fn set_credentials(&self, credentials: Option<(&str, &str)>) {
        let owned = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
        *lock(&self.state.credentials) = owned;
    }

    /// What goes wrong at a step from now on. A step that hangs goes on when its fault is taken away.
    pub fn set_fault(&self, step: Step, fault: Option<Fault>) {
        self.state.faults.send_modify(|faults| {
            match fault {
                Some(fault) => faults.insert(step, fault),
                None => faults.remove(&step),
            };
        });
    }

    /// The requests so far, in the order of their arrival.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.state.exchanges).clone()
    }

    /// How many requests there were for a step.
    pub fn count(&self, step: Step) -> usize {
        lock(&self.state.exchanges).iter().filter(|exchange| exchange.step == step).count()
    }
}

/// An error closes the connection.
async fn answer(request: http::Request<Incoming>, state: &State) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.context("failed to read a request")?.to_bytes();
    let step = step(&parts, &body);
    let place = {
        let mut exchanges = lock(&state.exchanges);
        exchanges.push(Exchange { repository: repository(&parts), step, status: None });
        exchanges.len() - 1
    };
    let response = respond(&parts, body, step, state).await?;
    lock(&state.exchanges)[place].status = Some(response.status().as_u16());
    Ok(response)
}

async fn respond(parts: &Parts, body: Bytes, step: Step, state: &State) -> Result<Response<Body>> {
    let fault = loop {
        let mut faults = state.faults.subscribe();
        let fault = faults.borrow_and_update().get(&step).copied();
        match fault {
            Some(Fault::Hang) => faults.changed().await.context("the server ends")?,
            other => break other,
        }
    };
    match fault {
        Some(Fault::Close) => anyhow::bail!("told to close the connection"),
        Some(Fault::Status(code)) => return plain(StatusCode::from_u16(code)?, "told to fail"),
        _ => {}
    }
    if !allowed(parts, state) {
        let mut response = plain(StatusCode::UNAUTHORIZED, "who are you?")?;
        let challenge = header::HeaderValue::from_static("Basic realm=\"git\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return Ok(response);
    }
    let answer = backend::run(&state.root, parts, body).await?;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = StreamBody::new(faulty(answer.body(), fault).map(|piece| piece.map(Frame::data)));
    response.body(body.boxed_unsync()).context("failed to write a response")
}

/// The body as far as the fault lets it through.
fn faulty(
    body: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    fault: Option<Fault>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    let left = match fault {
        Some(Fault::HangAfter(bytes) | Fault::CutAfter(bytes)) => bytes,
        _ => usize::MAX,
    };
    futures::stream::unfold((Box::pin(body), left), move |(mut body, left)| async move {
        if left == 0 {
            if let Some(Fault::HangAfter(_)) = fault {
                return std::future::pending().await;
            }
            // What was let through is on its way before the connection breaks: hyper writes it out once
            // the body has nothing more at hand.
            tokio::task::yield_now().await;
            return Some((Err(std::io::Error::other("told to break the connection")), (body, 0)));
        }
        let mut piece = match body.next().await? {
            Ok(piece) => piece,
            Err(error) => return Some((Err(error), (body, left))),
        };
        piece.truncate(left);
        let left = left - piece.len();
        Some((Ok(piece), (body, left)))
    })
}

fn plain(status: StatusCode, text: &'static str) -> Result<Response<Body>> {
    let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).body(body).context("failed to write a response")
}

fn allowed(parts: &Parts, state: &State) -> bool {
    let Some((user, password)) = lock(&state.credentials).clone() else { return true };
    let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    parts.headers.get(header::AUTHORIZATION).is_some_and(|shown| shown.as_bytes() == expected.as_bytes())
}

fn step(parts: &Parts, body: &Bytes) -> Step {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    if path.ends_with("/info/refs") {
        return match query {
            "service=git-upload-pack" => Step::Advertisement,
            "service=git-receive-pack" => Step::PushAdvertisement,
            _ => Step::Other,
        };
    }
    match path.rsplit('/').next() {
        // Each request of protocol 2 begins with a line that names its command.
        Some("git-upload-pack") if body.get(4..19) == Some(b"command=ls-refs") => Step::ListRefs,
        Some("git-upload-pack") => Step::Fetch,
        Some("git-receive-pack") => Step::Push,
        _ => Step::Other,
    }
}

fn repository(parts: &Parts) -> String {
    let path = parts.uri.path().trim_start_matches('/');
    let end = path.find(".git").unwrap_or(path.len());
    path[..end].to_owned()
}

/// Nothing panics while it holds one of these.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
