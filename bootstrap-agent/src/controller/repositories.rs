//! When each repository was asked for its refs last, and when it is asked again.
//!
//! One advertisement answers every application, branch and tag of a URL. An application that needs a newer
//! one than there is waits for the repository's own turn in the queue; so a hundred refresh annotations at
//! once are one request.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bridgehead_engine::source::RefAdvertisement;
use bridgehead_sources::SourceError;
use jiff::{SignedDuration, Timestamp};

/// The longest wait that a server is granted.
const LONGEST_WISH: SignedDuration = SignedDuration::from_hours(1);

/// A repository under one set of credentials: URL and project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RepositoryKey {
    /// URL, as applications write it.
    pub url: Arc<str>,
    /// Project whose credentials are used, where the repository belongs to one; else empty.
    pub project: Arc<str>,
}

/// Repositories by key.
#[derive(Debug, Default)]
pub(super) struct Polls {
    polls: HashMap<RepositoryKey, Poll>,
}

/// What a repository said, or why it said nothing.
type Answer = Result<Arc<RefAdvertisement>, Arc<SourceError>>;

#[derive(Debug, Default)]
struct Poll {
    /// When the last answer was asked for, and what it was.
    last: Option<(Timestamp, Answer)>,
    /// Refs beside branches and tags that it was asked for last.
    named: BTreeSet<String>,
    /// Failures in a row.
    failures: u32,
    /// The last advertisement that did arrive.
    good: Option<Arc<RefAdvertisement>>,
}

/// What is known of a repository's refs.
#[derive(Clone, Debug)]
pub(super) enum Refs {
    /// An advertisement that is new enough.
    Known(Arc<RefAdvertisement>),
    /// The repository could not be asked.
    Failed(Arc<SourceError>),
    /// Not asked since then: wait for the repository's turn.
    NotYet,
}

impl Polls {
    /// The refs as of `since` or later.
    pub(super) fn refs(&self, key: &RepositoryKey, since: Option<Timestamp>) -> Refs {
        let Some((asked, answer)) = self.polls.get(key).and_then(|poll| poll.last.as_ref()) else {
            return Refs::NotYet;
        };
        if since.is_some_and(|since| *asked < since) {
            return Refs::NotYet;
        }
        match answer {
            Ok(refs) => Refs::Known(refs.clone()),
            Err(error) => Refs::Failed(error.clone()),
        }
    }

    /// True if the last answer would tell of this ref, which is no branch and no tag.
    pub(super) fn asked_for(&self, key: &RepositoryKey, name: &str) -> bool {
        self.polls.get(key).is_some_and(|poll| poll.named.contains(name))
    }

    /// Notes an answer, and which refs it tells of beside branches and tags. True if it differs from the one before
    /// or tells of more refs: then applications have to look.
    pub(super) fn answered(
        &mut self,
        key: &RepositoryKey,
        asked: Timestamp,
        named: &[String],
        answer: Result<Arc<RefAdvertisement>, SourceError>,
    ) -> bool {
        let poll = self.polls.entry(key.clone()).or_default();
        let before = poll.last.take();
        let changed = match (&before, &answer) {
            (Some((_, Ok(before))), Ok(now)) => before != now,
            // With its reason: other credentials may be refused for another one.
            (Some((_, Err(before))), Err(now)) => before.report() != now.report(),
            _ => true,
        };
        let tells_of_more = named.iter().any(|name| !poll.named.contains(name));
        poll.named = named.iter().cloned().collect();
        poll.failures = if answer.is_ok() { 0 } else { poll.failures.saturating_add(1) };
        if let Ok(refs) = &answer {
            poll.good = Some(refs.clone());
        }
        poll.last = Some((asked, answer.map_err(Arc::new)));
        changed || tells_of_more
    }

    /// When the repository is to be asked again: after the interval and its jitter. After a failure sooner,
    /// further apart each time, and not before the server wants to be asked again.
    pub(super) fn next(
        &self,
        key: &RepositoryKey,
        interval: SignedDuration,
        jitter: SignedDuration,
        random: u64,
    ) -> Timestamp {
        let Some((asked, answer)) = self.polls.get(key).and_then(|poll| poll.last.as_ref()) else {
            return Timestamp::UNIX_EPOCH;
        };
        let wished = answer.as_ref().err().and_then(|error| error.retry_after());
        let wished = wished.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or_default();
        let failures = self.polls.get(key).map_or(0, |poll| poll.failures);
        let spread = i64::try_from(random % 1000).unwrap_or(0);
        let wait = match failures {
            0 => interval.saturating_add(jitter.saturating_mul_or_zero(spread)),
            failures => {
                let seconds = 2_i64.saturating_pow(failures.min(10)).min(interval.as_secs().max(1));
                SignedDuration::from_millis(seconds.saturating_mul(1000).saturating_add(spread))
            }
        };
        asked.checked_add(wait.max(wished.min(LONGEST_WISH))).unwrap_or(Timestamp::MAX)
    }

    /// Forgets repositories that no application uses.
    pub(super) fn retain(&mut self, used: impl Fn(&RepositoryKey) -> bool) {
        self.polls.retain(|key, _| used(key));
    }
}

/// Thousandths of a span.
trait Thousandths {
    fn saturating_mul_or_zero(self, thousandths: i64) -> SignedDuration;
}

impl Thousandths for SignedDuration {
    fn saturating_mul_or_zero(self, thousandths: i64) -> SignedDuration {
        let millis = self.as_millis().saturating_mul(i128::from(thousandths)) / 1000;
        SignedDuration::from_millis(i64::try_from(millis).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bridgehead_sources::{RepositoryProblem, Step};

    use super::*;

    fn refused(retry_after: Option<u64>) -> SourceError {
        let problem = RepositoryProblem::Status {
            step: Step::Refs,
            status: 429,
            answer: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        };
        SourceError::Advertise { url: "https://git.example/fleet".into(), problem }
    }

    fn wait_after(error: SourceError) -> i64 {
        let key = RepositoryKey { url: "https://git.example/fleet".into(), project: "".into() };
        let asked = Timestamp::from_second(1000).expect("a time");
        let mut polls = Polls::default();
        polls.answered(&key, asked, &[], Err(error));
        let next = polls.next(&key, SignedDuration::from_secs(120), SignedDuration::from_secs(60), 0);
        next.duration_since(asked).as_secs()
    }

    #[test]
    fn a_server_that_names_a_time_is_left_alone_until_then() {
        assert_eq!(wait_after(refused(None)), 2);
        assert_eq!(wait_after(refused(Some(90))), 90);
        assert_eq!(wait_after(refused(Some(1))), 2);
        assert_eq!(wait_after(refused(Some(86_400 * 365))), 3600, "for an hour at most");
    }
}
