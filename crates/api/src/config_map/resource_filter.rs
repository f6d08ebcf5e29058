//! Which kinds are looked at: `resource.exclusions` and `resource.inclusions`.

use globset::GlobBuilder;
use serde::{Deserialize, Serialize};

/// Kinds in clusters. An empty list stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FilteredResource {
    /// Globs of API groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// Kinds; `*` stands for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Globs of cluster URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
}

impl FilteredResource {
    /// True where group, kind and cluster all match.
    pub fn matches(&self, group: &str, kind: &str, cluster: &str) -> bool {
        any_glob(&self.api_groups, group) && self.matches_kind(kind) && any_glob(&self.clusters, cluster)
    }

    fn matches_kind(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|listed| listed == "*" || listed == kind)
    }
}

/// Exclusions and inclusions together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// What is never looked at.
    pub exclusions: Vec<FilteredResource>,
    /// Where there are any for a cluster, nothing else there is looked at.
    pub inclusions: Vec<FilteredResource>,
}

impl ResourceFilter {
    /// True where objects of this kind in this cluster (by URL) are not looked at. Events and metrics never are.
    pub fn excludes(&self, group: &str, kind: &str, cluster: &str) -> bool {
        let is_event = kind == "Event" && (group.is_empty() || group == "events.k8s.io");
        if is_event || group == "events.k8s.io" || group == "metrics.k8s.io" {
            return true;
        }
        let any = |list: &[FilteredResource]| list.iter().any(|item| item.matches(group, kind, cluster));
        if any(&self.exclusions) {
            return true;
        }
        let restricted = self.inclusions.iter().any(|item| any_glob(&item.clusters, cluster));
        restricted && !any(&self.inclusions)
    }
}

fn any_glob(patterns: &[String], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| glob(pattern, text))
}

/// A pattern that is no glob matches itself only.
fn glob(pattern: &str, text: &str) -> bool {
    match GlobBuilder::new(pattern).literal_separator(false).build() {
        Ok(glob) => glob.compile_matcher().is_match(text),
        Err(_) => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::{FilteredResource, ResourceFilter};

    fn rule(groups: &[&str], kinds: &[&str], clusters: &[&str]) -> FilteredResource {
        let owned = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        FilteredResource { api_groups: owned(groups), kinds: owned(kinds), clusters: owned(clusters) }
    }

    #[test]
    fn exclusions_win_over_inclusions() {
        let filter = ResourceFilter {
            exclusions: vec![rule(&["apps"], &["ReplicaSet"], &[])],
            inclusions: vec![rule(&["apps"], &["*"], &[])],
        };
        assert!(filter.excludes("apps", "ReplicaSet", "https://a"));
        assert!(!filter.excludes("apps", "Deployment", "https://a"));
        assert!(filter.excludes("", "Pod", "https://a"));
    }

    #[test]
    fn inclusions_restrict_only_the_clusters_that_they_name() {
        let filter = ResourceFilter {
            exclusions: vec![],
            inclusions: vec![rule(&["apps"], &[], &["https://*.example.com"])],
        };
        assert!(filter.excludes("", "Pod", "https://a.example.com"));
        assert!(!filter.excludes("", "Pod", "https://b"));
    }

    #[test]
    fn events_and_metrics_are_never_looked_at() {
        let filter = ResourceFilter::default();
        assert!(filter.excludes("", "Event", "c"));
        assert!(filter.excludes("metrics.k8s.io", "PodMetrics", "c"));
        assert!(!filter.excludes("argoproj.io", "Event", "c"));
    }

    #[test]
    fn an_empty_group_matches_the_core_group_alone() {
        let filter = ResourceFilter {
            exclusions: vec![rule(&["", "discovery.k8s.io"], &["Endpoints"], &[])],
            inclusions: vec![],
        };
        assert!(filter.excludes("", "Endpoints", "c"));
        assert!(!filter.excludes("apps", "Endpoints", "c"));
    }
}
