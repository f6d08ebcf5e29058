//! Health, readiness and metrics over HTTP.
//!
//! The controller lives on the main thread and is not shared; a question goes to it through a channel and
//! is answered between two of its steps. So `/healthz` also tells that the controller still turns.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::{AgentError, metrics};
use crate::controller::Controller;
use crate::controller::world::World;

/// How long the controller may take to answer before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked.
#[derive(Clone, Copy, Debug)]
enum Question {
    Alive,
    Ready,
    Metrics,
}

type Asked = (Question, oneshot::Sender<(StatusCode, String)>);

/// The controller's end of the channel.
pub(super) struct Queries(mpsc::Receiver<Asked>);

/// The server's handle.
pub(super) struct Server {
    leads: Arc<AtomicBool>,
}

impl Server {
    /// From now on questions are for the controller.
    pub(super) fn leads(&self) {
        self.leads.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Shared {
    leads: Arc<AtomicBool>,
    ask: mpsc::Sender<Asked>,
}

/// Starts the server.
pub(super) async fn start(address: SocketAddr) -> Result<(Server, Queries), AgentError> {
    let system = |source| AgentError::System { what: format!("listen on {address}"), source };
    let listener = TcpListener::bind(address).await.map_err(system)?;
    let (ask, asked) = mpsc::channel(16);
    let leads = Arc::new(AtomicBool::new(false));
    let shared = Shared { leads: leads.clone(), ask };
    let router = Router::new()
        .route("/healthz", get(|State(shared): State<Shared>| answer_to(shared, Question::Alive)))
        .route("/readyz", get(|State(shared): State<Shared>| answer_to(shared, Question::Ready)))
        .route("/metrics", get(|State(shared): State<Shared>| answer_to(shared, Question::Metrics)))
        .with_state(shared);
    tracing::info!(address = %listener.local_addr().map_err(system)?, "serving health, readiness and metrics");
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the HTTP server ended");
        }
    });
    Ok((Server { leads }, Queries(asked)))
}

async fn answer_to(shared: Shared, question: Question) -> (StatusCode, String) {
    if !shared.leads.load(Ordering::Relaxed) {
        return match question {
            // A replica in waiting does what it is there for.
            Question::Alive | Question::Ready => (StatusCode::OK, "waiting for the lease\n".into()),
            Question::Metrics => (StatusCode::OK, String::new()),
        };
    }
    let (send, answer) = oneshot::channel();
    let asked = async {
        shared.ask.send((question, send)).await.ok()?;
        answer.await.ok()
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Some(answer)) => answer,
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the controller does not answer\n".into()),
    }
}

/// Answers questions for as long as the server runs.
pub(super) async fn answer<W: World>(controller: &Controller<W>, mut queries: Queries) {
    while let Some((question, reply)) = queries.0.recv().await {
        let answer = match question {
            Question::Alive => (StatusCode::OK, "ok\n".into()),
            Question::Ready => readiness(controller),
            Question::Metrics => (StatusCode::OK, metrics::render(controller)),
        };
        let _ = reply.send(answer);
    }
    std::future::pending::<()>().await;
}

fn readiness<W: World>(controller: &Controller<W>) -> (StatusCode, String) {
    if let Some(reason) = controller.held() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("nothing is written: {reason}\n"));
    }
    if !controller.is_synced() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the control namespace is not read yet\n".into());
    }
    (StatusCode::OK, "ok\n".into())
}
