//! Creates that wait for what an agent brings, each in one of the few slots that Terraform has.
//!
//! Terraform does so many things at once (`-parallelism`), in any order where nothing refers to anything. A
//! provider can't give a slot back: where creates that wait hold all of them, what they wait for is never begun.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connection::{OwnKubernetes, cluster_named_by};

/// Terraform's, unless the user says otherwise. A provider isn't told, and takes these for all that there are:
/// with more, creates make room that need not; with fewer, none does.
const SLOTS: usize = 10;
/// What Terraform has a slot for, it begins at once.
const QUIET: Duration = Duration::from_secs(3);

/// What of this provider holds a slot in this process, and waits.
pub(crate) struct Slots {
    known: Mutex<Known>,
    news: Notify,
    quiet: Duration,
}

#[derive(Default)]
struct Known {
    waiting: usize,
    /// Clusters whose agent is being made, or was.
    agents: BTreeSet<String>,
    /// All slots were held by creates that wait.
    crowded: bool,
    /// When something began last, or made room.
    last: Option<Instant>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { known: Mutex::default(), news: Notify::new(), quiet: QUIET }
    }
}

impl Slots {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change leaves it whole, whatever panics elsewhere.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An agent is being made: what it brings will come.
    pub(crate) fn agent_begins(&self, own: Option<&OwnKubernetes>) {
        self.known().agents.insert(cluster_named_by(own));
        self.news.notify_waiters();
    }

    /// Counts one that waits for an agent, as long as the answer lives.
    pub(super) fn hold(&self) -> Held<'_> {
        let mut known = self.known();
        known.waiting += 1;
        known.last = Some(Instant::now());
        drop(known);
        self.news.notify_waiters();
        Held(self)
    }

    /// Ends when one that waits has to make room: there is no agent in sight, and no slot to begin one in.
    /// One makes room at a time. Once that has happened, slots that stay free say that no agent will come.
    pub(super) async fn crowded_out(&self, cluster: &str) {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // Before the look, so that no news in between is lost.
            news.as_mut().enable();
            let until = {
                let mut known = self.known();
                let full = known.waiting >= SLOTS;
                if known.agents.contains(cluster) || !(full || known.crowded) {
                    None
                } else {
                    let now = Instant::now();
                    let until = *known.last.get_or_insert(now) + self.quiet;
                    if now >= until {
                        if full {
                            known.crowded = true;
                            known.last = Some(now);
                        }
                        return;
                    }
                    Some(until)
                }
            };
            match until {
                Some(until) => tokio::select! {
                    () = news => {}
                    () = tokio::time::sleep_until(until) => {}
                },
                None => news.await,
            }
        }
    }
}

/// One that waits.
pub(super) struct Held<'s>(&'s Slots);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.known().waiting -= 1;
        self.0.news.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn impatient() -> Slots {
        Slots { quiet: Duration::ZERO, ..Slots::default() }
    }

    #[tokio::test]
    async fn few_wait_for_whoever_brings_what_they_need() {
        let (slots, provider) = (impatient(), cluster_named_by(None));
        let held: Vec<_> = (1..SLOTS).map(|_| slots.hold()).collect();
        assert!(slots.crowded_out(&provider).now_or_never().is_none());
        drop(held);
        assert!(slots.crowded_out(&provider).now_or_never().is_none());
    }

    #[tokio::test]
    async fn where_all_slots_are_held_one_makes_room_and_an_agent_lets_the_others_wait() {
        let (slots, provider) = (impatient(), cluster_named_by(None));
        let mut held: Vec<_> = (0..SLOTS).map(|_| slots.hold()).collect();
        assert!(slots.crowded_out(&provider).now_or_never().is_some());
        held.pop();
        assert!(slots.crowded_out(&provider).now_or_never().is_some(), "the room was for nobody");
        slots.agent_begins(None);
        assert!(slots.crowded_out(&provider).now_or_never().is_none());
        assert!(slots.crowded_out("another").now_or_never().is_some());
    }
}
