//! The work queue: one entry per application, however many reasons there are to look at it.
//!
//! An entry has a due time and a priority. Adding it again moves it forward, never back. A key that is being
//! worked on is kept aside when it is added, and is due again once the worker is done: one worker per
//! application at a time, and no event is lost.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use jiff::Timestamp;

/// Why a key is due. Of keys that are due, the more urgent go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// A timer or the start of the agent.
    Background,
    /// Something live or in Git changed.
    Change,
    /// An operation is under way.
    Operation,
    /// Somebody asked.
    Request,
}

/// Keys by due time and priority.
#[derive(Debug)]
pub(super) struct Queue<K> {
    entries: HashMap<K, Entry>,
    /// Not due when last looked at, by due time.
    later: BTreeSet<(Timestamp, u64, K)>,
    /// Due, by urgency.
    ready: BTreeSet<(Reverse<Priority>, Timestamp, u64, K)>,
    busy: HashSet<K>,
    again: HashMap<K, (Timestamp, Priority)>,
    sequence: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Timestamp,
    priority: Priority,
    sequence: u64,
}

impl<K: Clone + Eq + Hash + Ord> Default for Queue<K> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            later: BTreeSet::new(),
            ready: BTreeSet::new(),
            busy: HashSet::new(),
            again: HashMap::new(),
            sequence: 0,
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> Queue<K> {
    /// Makes `key` due at `due`, or earlier if it was already; the higher priority counts.
    pub(super) fn add(&mut self, key: K, due: Timestamp, priority: Priority) {
        if self.busy.contains(&key) {
            let waiting = self.again.entry(key).or_insert((due, priority));
            *waiting = (waiting.0.min(due), waiting.1.max(priority));
            return;
        }
        let entry = if let Some(known) = self.unlink(&key) {
            Entry {
                due: known.due.min(due),
                priority: known.priority.max(priority),
                sequence: known.sequence,
            }
        } else {
            self.sequence += 1;
            Entry { due, priority, sequence: self.sequence }
        };
        self.later.insert((entry.due, entry.sequence, key.clone()));
        self.entries.insert(key, entry);
    }

    /// Takes the most urgent key that is due, and marks it as being worked on.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<K> {
        while let Some((due, sequence, key)) = self.later.first().filter(|first| first.0 <= now).cloned() {
            self.later.remove(&(due, sequence, key.clone()));
            let priority = self.entries.get(&key).map_or(Priority::Background, |entry| entry.priority);
            self.ready.insert((Reverse(priority), due, sequence, key));
        }
        let (.., key) = self.ready.pop_first()?;
        self.entries.remove(&key);
        self.busy.insert(key.clone());
        Some(key)
    }

    fn unlink(&mut self, key: &K) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        if !self.later.remove(&(entry.due, entry.sequence, key.clone())) {
            self.ready.remove(&(Reverse(entry.priority), entry.due, entry.sequence, key.clone()));
        }
        Some(entry)
    }

    /// Ends the work on `key`; what was added meanwhile counts now.
    pub(super) fn done(&mut self, key: &K) {
        self.busy.remove(key);
        if let Some((due, priority)) = self.again.remove(key) {
            self.add(key.clone(), due, priority);
        }
    }

    /// Forgets `key`, unless it is being worked on.
    pub(super) fn forget(&mut self, key: &K) {
        self.unlink(key);
    }

    /// When the next key is due; a time in the past if one is due already.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let ready = self.ready.first().map(|(_, due, ..)| *due);
        let later = self.later.first().map(|(due, ..)| *due);
        ready.into_iter().chain(later).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn adding_again_moves_forward_and_never_back() {
        let mut queue = Queue::default();
        queue.add("a", at(10), Priority::Background);
        queue.add("a", at(20), Priority::Background);
        assert_eq!(queue.next_due(), Some(at(10)));
        queue.add("a", at(5), Priority::Background);
        assert_eq!(queue.next_due(), Some(at(5)));
        assert_eq!(queue.take(at(5)), Some("a"));
        assert_eq!(queue.take(at(30)), None);
    }

    #[test]
    fn a_key_under_work_is_due_again_when_the_work_is_done() {
        let mut queue = Queue::default();
        queue.add("a", at(0), Priority::Change);
        assert_eq!(queue.take(at(0)), Some("a"));
        queue.add("a", at(1), Priority::Change);
        assert_eq!(queue.take(at(2)), None, "one worker per key");
        queue.done(&"a");
        assert_eq!(queue.take(at(2)), Some("a"));
    }

    #[test]
    fn requests_go_before_timers_that_were_due_earlier() {
        let mut queue = Queue::default();
        queue.add("timer", at(0), Priority::Background);
        queue.add("person", at(1), Priority::Request);
        assert_eq!(queue.take(at(2)), Some("person"));
        assert_eq!(queue.take(at(2)), Some("timer"));
    }

    #[test]
    fn keys_of_equal_urgency_come_in_the_order_in_which_they_were_added() {
        let mut queue = Queue::default();
        for key in ["c", "a", "b"] {
            queue.add(key, at(0), Priority::Change);
        }
        let taken: Vec<_> = std::iter::from_fn(|| queue.take(at(0))).collect();
        assert_eq!(taken, ["c", "a", "b"]);
    }
}
