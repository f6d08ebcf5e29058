//! Renders that are kept in memory.
//!
//! Two steps: what was asked for at this commit before; else what was asked for at another commit, if all of
//! its inputs hold here. Bounded in bytes; what was used longest ago goes first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bridgehead_api::CommitSha;
use bridgehead_api::application::ApplicationSource;
use sha2::{Digest, Sha256};

use super::{Rendered, Snapshot, TreeProblem};

/// Renders of one request at different inputs that are kept: branches of one path, for example.
const VARIANTS: usize = 8;
/// Commits for which the result is remembered by name, as a multiple of renders.
const COMMITS: usize = 50_000;

/// What is asked for, whatever the commit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RequestKey([u8; 32]);

impl RequestKey {
    /// The repository's cache name, and everything of the source that a renderer reads.
    pub(crate) fn new(repository: &str, source: &ApplicationSource) -> Self {
        let mut source = source.clone();
        // Not read by renderers.
        source.repo_url.clear();
        source.target_revision.clear();
        source.name.clear();
        source.tag_prefix.clear();
        let mut hash = Sha256::new();
        hash.update(repository);
        hash.update([0]);
        // A source is plain data with text for keys: it always has a form in JSON.
        hash.update(serde_json::to_vec(&source).expect("a source has a form in JSON"));
        Self(hash.finalize().into())
    }
}

/// The cache.
pub(crate) struct Cache {
    bound: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    renders: HashMap<RequestKey, Vec<Kept>>,
    commits: HashMap<(RequestKey, CommitSha), Arc<Rendered>>,
    bytes: u64,
    clock: u64,
}

struct Kept {
    rendered: Arc<Rendered>,
    used: u64,
}

impl Cache {
    pub(crate) fn new(bound: u64) -> Self {
        Self { bound, state: Mutex::default() }
    }

    /// What this request gave at this commit.
    pub(crate) fn at_commit(&self, key: RequestKey, commit: &CommitSha) -> Option<Arc<Rendered>> {
        let mut state = self.lock();
        let rendered = state.commits.get(&(key, commit.clone())).cloned()?;
        state.touch(key, &rendered);
        Some(rendered)
    }

    /// What this request gave at a commit with the same inputs.
    pub(crate) fn at_inputs(
        &self,
        key: RequestKey,
        commit: &CommitSha,
        snapshot: &Snapshot<'_>,
    ) -> Result<Option<Arc<Rendered>>, TreeProblem> {
        let candidates: Vec<Arc<Rendered>> = {
            let state = self.lock();
            state.renders.get(&key).map(|kept| kept.iter().map(|kept| kept.rendered.clone()).collect())
        }
        .unwrap_or_default();
        for rendered in candidates.into_iter().rev() {
            let mut holds = true;
            for (path, input) in rendered.inputs.iter() {
                if !snapshot.holds(path, input)? {
                    holds = false;
                    break;
                }
            }
            if holds {
                self.keep(key, commit, &rendered);
                return Ok(Some(rendered));
            }
        }
        Ok(None)
    }

    /// Keeps a result.
    pub(crate) fn keep(&self, key: RequestKey, commit: &CommitSha, rendered: &Arc<Rendered>) {
        let mut state = self.lock();
        if state.commits.len() >= COMMITS {
            state.commits.clear();
        }
        state.commits.insert((key, commit.clone()), rendered.clone());
        if state.touch(key, rendered) {
            return;
        }
        state.clock += 1;
        let used = state.clock;
        let kept = state.renders.entry(key).or_default();
        kept.push(Kept { rendered: rendered.clone(), used });
        state.bytes += rendered.bytes;
        let surplus = state.renders.get(&key).is_some_and(|kept| kept.len() > VARIANTS);
        if surplus {
            state.drop_oldest_of(key);
        }
        while state.bytes > self.bound && state.drop_oldest() {}
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes that a result was used; false if it is not kept.
    fn touch(&mut self, key: RequestKey, rendered: &Arc<Rendered>) -> bool {
        self.clock += 1;
        let clock = self.clock;
        let kept = self.renders.get_mut(&key).into_iter().flatten();
        match kept.into_iter().find(|kept| Arc::ptr_eq(&kept.rendered, rendered)) {
            Some(kept) => {
                kept.used = clock;
                true
            }
            None => false,
        }
    }

    fn drop_oldest_of(&mut self, key: RequestKey) -> bool {
        let Some(kept) = self.renders.get_mut(&key) else { return false };
        let Some(index) = (0..kept.len()).min_by_key(|index| kept[*index].used) else { return false };
        let gone = kept.remove(index);
        if kept.is_empty() {
            self.renders.remove(&key);
        }
        self.bytes = self.bytes.saturating_sub(gone.rendered.bytes);
        self.commits.retain(|_, rendered| !Arc::ptr_eq(rendered, &gone.rendered));
        true
    }

    fn drop_oldest(&mut self) -> bool {
        let oldest = self
            .renders
            .iter()
            .flat_map(|(key, kept)| kept.iter().map(move |kept| (kept.used, *key)))
            .min_by_key(|(used, _)| *used);
        oldest.is_some_and(|(_, key)| self.drop_oldest_of(key))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bridgehead_api::CommitSha;
    use bridgehead_api::application::ApplicationSource;

    use super::{Cache, RequestKey};
    use crate::render::{InputSet, Rendered};

    fn rendered(bytes: u64) -> Arc<Rendered> {
        Arc::new(Rendered {
            manifests: Vec::new(),
            inputs: InputSet::default(),
            warnings: Vec::new(),
            source_type: "Directory",
            bytes,
        })
    }

    fn key(path: &str) -> RequestKey {
        RequestKey::new("r", &ApplicationSource { path: path.into(), ..ApplicationSource::default() })
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let cache = Cache::new(100);
        let commit = CommitSha::from("c");
        for path in ["a", "b"] {
            cache.keep(key(path), &commit, &rendered(40));
        }
        assert!(cache.at_commit(key("a"), &commit).is_some());
        cache.keep(key("c"), &commit, &rendered(40));
        assert!(cache.at_commit(key("a"), &commit).is_some());
        assert!(cache.at_commit(key("b"), &commit).is_none());
        assert!(cache.at_commit(key("c"), &commit).is_some());
    }

    #[test]
    fn the_target_revision_is_no_part_of_the_request() {
        let source = |revision: &str, path: &str| ApplicationSource {
            target_revision: revision.into(),
            path: path.into(),
            ..ApplicationSource::default()
        };
        assert_eq!(RequestKey::new("r", &source("main", "a")), RequestKey::new("r", &source("v1", "a")));
        assert_ne!(RequestKey::new("r", &source("main", "a")), RequestKey::new("r", &source("main", "b")));
        assert_ne!(RequestKey::new("r", &source("main", "a")), RequestKey::new("s", &source("main", "a")));
    }
}
