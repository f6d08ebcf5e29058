//! Ending work: Terraform's wish that running work ends, and the end of the server.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Request;

/// The token that is cancelled when Terraform asks for the end of the work that `request`
/// started: its user pressed Ctrl-C, or the server is about to end.
///
/// The work then stops what it can stop, and answers with the state that it reached and an
/// error. The server goes on serving: a request that comes later gets a token of its own.
/// A request that didn't come through [`crate::serve()`] gets a token that is never cancelled.
pub fn stop_token<T>(request: &Request<T>) -> CancellationToken {
    request.extensions().get::<StopToken>().map(|token| token.0.clone()).unwrap_or_default()
}

/// How the token travels: in the extensions of the request.
#[derive(Debug, Clone)]
pub(super) struct StopToken(pub(super) CancellationToken);

/// Hands out tokens and cancels them.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<Mutex<CancellationToken>>);

impl Stop {
    /// The token of work that begins now.
    pub(super) fn token(&self) -> StopToken {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        StopToken(current.clone())
    }

    /// Cancels the work that runs, and only that.
    pub(super) fn stop(&self) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *current).cancel();
    }
}

/// How long an answer may take from the end of its work to the socket. A host that doesn't read,
/// or an idle connection that is never closed, delays the end no longer than this.
const FLUSH: Duration = Duration::from_millis(200);

/// The end of the server, and how long running work may delay it.
#[derive(Debug, Clone, Default)]
pub(super) struct Shutdown {
    token: CancellationToken,
    grace: Arc<OnceLock<Duration>>,
    work: TaskTracker,
}

impl Shutdown {
    /// Begins the end. Only the first call's grace counts.
    pub(super) fn begin(&self, grace: Duration) {
        let _ = self.grace.set(grace);
        self.token.cancel();
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Marks a request as work under way until the mark is dropped.
    pub(super) fn work(&self) -> TaskTrackerToken {
        self.work.token()
    }

    /// Resolves when the end has begun and all work has ended and been answered, or the grace
    /// is over. Says which: true for the former.
    pub(super) async fn work_ended(&self) -> bool {
        self.token.cancelled().await;
        self.work.close();
        let grace = self.grace.get().copied().unwrap_or_default();
        let ended = timeout(grace, self.work.wait()).await.is_ok();
        sleep(FLUSH).await;
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_ends_work_that_runs_and_no_work_that_comes_later() {
        let stop = Stop::default();
        let before = stop.token().0;
        assert!(!before.is_cancelled());
        stop.stop();
        assert!(before.is_cancelled());
        assert!(!stop.token().0.is_cancelled());
    }

    #[test]
    fn a_request_from_elsewhere_is_never_stopped() {
        assert!(!stop_token(&Request::new(())).is_cancelled());
    }
}
