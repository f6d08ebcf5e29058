//! Which kinds a server serves, in which versions, under which paths.
//!
//! ```text
//! GET /api, /apis (aggregated) ──parse──► Discovery ──► resource_for, preferred, is_namespaced
//!        └ older servers, or groups that are stale: one request per group version
//! ```
//! A group whose own API server is down is reported as a problem and kept as it was last seen: a kind
//! that is merely unknown for a while must not look like one that is gone.

mod document;
mod fetch;
mod resource;
mod watcher;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bridgehead_api::{GroupKind, GroupVersionKind};
pub use fetch::discover;
pub use resource::{Resource, Verb, Verbs, encode_segment};
pub use watcher::Discoverer;

/// A group version that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupProblem {
    /// API group.
    pub group: Arc<str>,
    /// Its version; empty if not even that is known.
    pub version: Arc<str>,
    /// What happened.
    pub message: String,
}

/// `GET /version`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerVersion {
    /// As in `1`.
    pub major: String,
    /// As in `36` or `36+`.
    pub minor: String,
    /// As in `v1.36.3`.
    pub git_version: String,
}

impl ServerVersion {
    /// `1.36`, as Argo CD and Helm want it: without what vendors append.
    pub fn short(&self) -> String {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        format!("{}.{}", digits(&self.major), digits(&self.minor))
    }
}

/// What a server serves, as a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    resources: HashMap<GroupVersionKind, Resource>,
    /// The server's order: the first version is the one to use where any will do.
    versions: HashMap<GroupKind, Vec<Arc<str>>>,
    group_versions: BTreeSet<String>,
    problems: Vec<GroupProblem>,
    server_version: ServerVersion,
}

impl Discovery {
    /// Builds the value. Of a kind with several resources, the first stays. Versions in the server's
    /// order of preference.
    pub fn new(
        server_version: ServerVersion,
        resources: impl IntoIterator<Item = Resource>,
        problems: Vec<GroupProblem>,
    ) -> Self {
        let mut discovery = Self { problems, server_version, ..Self::default() };
        for resource in resources {
            let gvk = resource.gvk.clone();
            discovery.group_versions.insert(gvk.api_version());
            let versions = discovery.versions.entry(gvk.group_kind.clone()).or_default();
            if !versions.contains(&gvk.version) {
                versions.push(Arc::clone(&gvk.version));
            }
            discovery.resources.entry(gvk).or_insert(resource);
        }
        discovery
    }

    /// The resource of a kind in this very version.
    pub fn resource_for(&self, gvk: &GroupVersionKind) -> Option<&Resource> {
        self.resources.get(gvk)
    }

    /// The resource of a kind in the version that the server prefers.
    pub fn preferred(&self, kind: &GroupKind) -> Option<&Resource> {
        let version = self.versions.get(kind)?.first()?;
        self.resources.get(&GroupVersionKind { group_kind: kind.clone(), version: Arc::clone(version) })
    }

    /// Versions of a kind, the preferred one first.
    pub fn versions(&self, kind: &GroupKind) -> &[Arc<str>] {
        self.versions.get(kind).map_or(&[], Vec::as_slice)
    }

    /// `None` for a kind that is not served.
    pub fn is_namespaced(&self, kind: &GroupKind) -> Option<bool> {
        self.preferred(kind).map(|resource| resource.namespaced)
    }

    /// One resource per kind, in its preferred version, ordered by group and kind.
    pub fn kinds(&self) -> impl Iterator<Item = &Resource> {
        let sorted: BTreeMap<&GroupKind, &Resource> =
            self.versions.keys().filter_map(|kind| Some((kind, self.preferred(kind)?))).collect();
        sorted.into_values()
    }

    /// Kinds that can be listed and watched.
    pub fn watchable(&self) -> impl Iterator<Item = &Resource> {
        self.kinds().filter(|resource| resource.verbs.has(Verb::List) && resource.verbs.has(Verb::Watch))
    }

    /// `v1`, `apps/v1` … and `apps/v1/Deployment` …: what Helm calls API versions.
    pub fn api_versions(&self) -> Vec<String> {
        let mut all: BTreeSet<String> = self.group_versions.clone();
        all.extend(self.resources.keys().map(|gvk| format!("{}/{}", gvk.api_version(), gvk.group_kind.kind)));
        all.into_iter().collect()
    }

    /// The server's version.
    pub fn server_version(&self) -> &ServerVersion {
        &self.server_version
    }

    /// Group versions that could not be looked at this time.
    pub fn problems(&self) -> &[GroupProblem] {
        &self.problems
    }

    /// True if this group could not be looked at: that a kind of it is unknown means nothing then.
    pub fn is_uncertain(&self, group: &str) -> bool {
        self.problems.iter().any(|problem| &*problem.group == group)
    }

    /// This discovery, with what `earlier` knew of the groups that could not be looked at now.
    #[must_use]
    pub fn keeping(self, earlier: &Self) -> Self {
        if self.problems.is_empty() {
            return self;
        }
        let kept: Vec<Resource> = earlier
            .versions
            .iter()
            .filter(|(kind, _)| self.is_uncertain(&kind.group) && !self.versions.contains_key(kind))
            .flat_map(|(kind, versions)| {
                versions.iter().map(|version| GroupVersionKind {
                    group_kind: kind.clone(),
                    version: Arc::clone(version),
                })
            })
            .filter_map(|gvk| earlier.resources.get(&gvk).cloned())
            .collect();
        let mut merged = self;
        for resource in kept {
            let gvk = resource.gvk.clone();
            merged.group_versions.insert(gvk.api_version());
            merged.versions.entry(gvk.group_kind.clone()).or_default().push(Arc::clone(&gvk.version));
            merged.resources.insert(gvk, resource);
        }
        merged
    }
}
