//! How much the agent asks for: nothing at rest, never in a hot loop.

use std::collections::BTreeMap;
use std::rc::Rc;

use bridgehead_api::ObjectKey;
use jiff::{SignedDuration, Timestamp};

use crate::api_server::audit::Actor;
use crate::world::Shared;

/// Requests about one object within one minute that nobody needs. A hook takes four writes of its Application,
/// and each of them a read where the answer was lost; five short ones and a retry fit into a minute. What goes
/// round and round without a pause comes to many hundreds.
const MOST_PER_MINUTE: usize = 120;
/// Least time between two requests to a Git server, by the default poll interval.
const POLL: SignedDuration = SignedDuration::from_secs(120);

/// Checks that the agent asks for nothing from `since` on, and that it never was in a hot loop.
pub fn check_rest(shared: &Rc<Shared>, since: Timestamp) -> Vec<String> {
    let mut problems = Vec::new();
    let mut minutes: BTreeMap<(&'static str, ObjectKey, i64), usize> = BTreeMap::new();
    for (cluster, entry) in shared.audit() {
        if !matches!(entry.actor, Actor::Agent(_)) {
            continue;
        }
        if entry.at >= since {
            problems.push(format!("a request at rest: {entry}"));
        }
        let minute = entry.at.as_second() / 60;
        *minutes.entry((cluster, entry.key.clone(), minute)).or_default() += 1;
    }
    for ((cluster, key, minute), count) in minutes.iter().filter(|(_, count)| **count > MOST_PER_MINUTE) {
        let at = Timestamp::from_second(minute * 60).unwrap_or_default();
        problems.push(format!("{count} requests about {key} in {cluster} in the minute of {at}"));
    }
    let advertisements = shared.advertisements.borrow();
    let resting: Vec<&Timestamp> = advertisements.iter().filter(|at| **at >= since).collect();
    for pair in resting.windows(2) {
        if pair[1].duration_since(*pair[0]) < POLL {
            problems.push(format!("the Git server was asked at {} and again at {}", pair[0], pair[1]));
        }
    }
    problems
}
