//! One attempt for all who want the same commit.
//!
//! ```text
//! wanted ─► under way? join it ─► failed a moment ago? say that ─► fetch, and all who joined get what came of it
//! ```
//! An attempt belongs to those who wait for it: it ends when the last of them is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bridgehead_api::CommitSha;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use jiff::Timestamp;

use super::Inner;
use crate::access::RepoAccess;
use crate::error::{ErrorKind, RepositoryProblem};
use crate::settings::Limits;

/// The longest wait that a server is granted.
const LONGEST_WISH: Duration = Duration::from_hours(1);
/// Commits that are remembered as not to be had, before those whose time is over are looked for.
const MANY: usize = 1000;

type Outcome = Result<(), RepositoryProblem>;
type Fetching = BoxFuture<'static, Outcome>;

/// A commit, with all that decides whether it can be had.
type Key = ([u8; 32], CommitSha);

/// Attempts that are under way, and those that failed a moment ago.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<Key, Attempt>>);

#[derive(Default)]
struct Attempt {
    under_way: Option<WeakShared<Fetching>>,
    failed: Option<Failed>,
}

struct Failed {
    /// When the server was asked.
    asked: Timestamp,
    problem: RepositoryProblem,
    /// When it may be asked again.
    until: Instant,
    in_a_row: u32,
}

impl Inner {
    /// Gets a commit into the cache, with everybody else who wants it. A failure from before `since` does not
    /// count.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        access: &RepoAccess,
        commit: &CommitSha,
        via_ref: Option<&str>,
        since: Option<Timestamp>,
    ) -> Outcome {
        let key: Key = (access.fingerprint(), commit.clone());
        let joined = self.attempts.join(&key, since, || {
            let (inner, key) = (self.clone(), key.clone());
            let (access, commit, via_ref) = (access.clone(), commit.clone(), via_ref.map(str::to_owned));
            let fetching = async move {
                let asked = Timestamp::now();
                let outcome = inner.fetch_once(&access, &commit, via_ref.as_deref()).await;
                inner.attempts.ended(&key, asked, &outcome, &inner.limits);
                outcome
            };
            fetching.boxed().shared()
        })?;
        joined.await
    }
}

impl Attempts {
    fn join(
        &self,
        key: &Key,
        since: Option<Timestamp>,
        begin: impl FnOnce() -> Shared<Fetching>,
    ) -> Result<Shared<Fetching>, RepositoryProblem> {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if attempts.len() >= MANY {
            attempts.retain(|_, attempt| attempt.matters(now));
        }
        let attempt = attempts.entry(key.clone()).or_default();
        if let Some(under_way) = attempt.under_way.as_ref().and_then(WeakShared::upgrade) {
            return Ok(under_way);
        }
        let recent = attempt.failed.as_ref().filter(|failed| now < failed.until);
        if let Some(failed) = recent.filter(|failed| since.is_none_or(|since| failed.asked >= since)) {
            return Err(failed.problem.clone());
        }
        let begun = begin();
        attempt.under_way = begun.downgrade();
        Ok(begun)
    }

    fn ended(&self, key: &Key, asked: Timestamp, outcome: &Outcome, limits: &Limits) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = attempts.remove(key).and_then(|attempt| attempt.failed);
        // Everything else fails fast, or is for somebody to mend who wants to see at once that it is mended.
        let Some(problem) = outcome.as_ref().err().filter(|problem| problem.kind() == ErrorKind::Upstream)
        else {
            return;
        };
        let in_a_row = before.map_or(0, |failed| failed.in_a_row).saturating_add(1);
        let until = Instant::now() + pause(problem, in_a_row, limits);
        let failed = Some(Failed { asked, problem: problem.clone(), until, in_a_row });
        attempts.insert(key.clone(), Attempt { under_way: None, failed });
    }
}

impl Attempt {
    fn matters(&self, now: Instant) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.upgrade().is_some())
            || self.failed.as_ref().is_some_and(|failed| now < failed.until)
    }
}

/// How long the server is left alone after so many failures in a row.
fn pause(problem: &RepositoryProblem, in_a_row: u32, limits: &Limits) -> Duration {
    let doubled = limits.retry.saturating_mul(2_u32.saturating_pow(in_a_row.saturating_sub(1)));
    let wished = match problem {
        RepositoryProblem::Status { retry_after, .. } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    doubled.min(limits.retry_longest).max(wished.min(LONGEST_WISH))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pause;
    use crate::error::{RepositoryProblem, Step};
    use crate::settings::Limits;

    #[test]
    fn pauses_double_up_to_a_bound_and_a_servers_wish_counts() {
        let silent = RepositoryProblem::TimedOut { step: Step::Pack, after: Duration::ZERO, bytes: 0 };
        let limits = Limits::default();
        let seconds = [1, 2, 3, 6, 60].map(|failures| pause(&silent, failures, &limits).as_secs());
        assert_eq!(seconds, [2, 4, 8, 60, 60]);
        let busy = RepositoryProblem::Status {
            step: Step::Pack,
            status: 429,
            answer: String::new(),
            retry_after: Some(Duration::from_secs(90)),
        };
        assert_eq!(pause(&busy, 1, &limits).as_secs(), 90);
    }
}
