//! The documents of discovery, old and aggregated, as far as they matter.

use std::sync::Arc;

use bridgehead_api::{GroupKind, GroupVersionKind};
use serde::Deserialize;

use super::resource::{Resource, Verbs};
use super::{GroupProblem, ServerVersion};

/// `apidiscovery.k8s.io/v2`, and its `v2beta1`, which is the same for us.
#[derive(Deserialize)]
pub(super) struct Aggregated {
    #[serde(default)]
    items: Vec<AggregatedGroup>,
}

#[derive(Deserialize)]
struct AggregatedGroup {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<AggregatedVersion>,
}

#[derive(Default, Deserialize)]
struct Name {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct AggregatedVersion {
    version: String,
    #[serde(default)]
    freshness: String,
    #[serde(default)]
    resources: Vec<AggregatedResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    resource: String,
    /// Absent for resources that only have subresources.
    response_kind: Option<Kind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    subresources: Vec<Subresource>,
}

#[derive(Deserialize)]
struct Subresource {
    #[serde(default)]
    subresource: String,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    group: String,
    #[serde(default)]
    version: String,
    #[serde(default, rename = "kind")]
    name: String,
}

impl Aggregated {
    pub(super) fn into_parts(self) -> (Vec<Resource>, Vec<GroupProblem>) {
        let (mut resources, mut problems) = (Vec::new(), Vec::new());
        for group in self.items {
            let name: Arc<str> = group.metadata.name.into();
            for version in group.versions {
                // The aggregator serves the last it knew of an API server that is down, as `Stale`.
                if version.freshness == "Stale" {
                    problems.push(GroupProblem {
                        group: Arc::clone(&name),
                        version: version.version.as_str().into(),
                        message: "its API server does not answer".to_owned(),
                    });
                }
                resources.extend(
                    version.resources.iter().filter_map(|resource| resource.read(&name, &version.version)),
                );
            }
        }
        (resources, problems)
    }
}

impl AggregatedResource {
    fn read(&self, group: &Arc<str>, version: &str) -> Option<Resource> {
        let kind = self.response_kind.as_ref()?;
        // Empty parts of responseKind mean those of the enclosing group version.
        let group = if kind.group.is_empty() { Arc::clone(group) } else { kind.group.as_str().into() };
        let version = if kind.version.is_empty() { version } else { &kind.version };
        Some(Resource {
            gvk: GroupVersionKind {
                group_kind: GroupKind::new(group, kind.name.as_str()),
                version: version.into(),
            },
            plural: self.resource.as_str().into(),
            namespaced: self.scope == "Namespaced",
            verbs: Verbs::parse(self.verbs.iter().map(String::as_str)),
            has_status: self.subresources.iter().any(|entry| entry.subresource == "status"),
        })
    }
}

/// `APIVersions`, the old answer of `/api`.
#[derive(Deserialize)]
pub(super) struct CoreVersions {
    #[serde(default)]
    pub(super) versions: Vec<String>,
}

/// `APIGroupList`, the old answer of `/apis`.
#[derive(Deserialize)]
pub(super) struct GroupList {
    #[serde(default)]
    pub(super) groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) name: String,
    #[serde(default)]
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

impl Group {
    /// The preferred one first, then the server's order.
    pub(super) fn versions(&self) -> Vec<&str> {
        let preferred = self.preferred_version.as_ref().map(|preferred| preferred.version.as_str());
        let others = self.versions.iter().map(|entry| entry.version.as_str());
        preferred.into_iter().chain(others.filter(|version| Some(*version) != preferred)).collect()
    }
}

/// `APIResourceList`.
#[derive(Deserialize)]
pub(super) struct ResourceList {
    #[serde(default)]
    resources: Vec<ListedResource>,
}

#[derive(Deserialize)]
struct ListedResource {
    name: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    verbs: Vec<String>,
}

impl ResourceList {
    pub(super) fn read(&self, group: &str, version: &str) -> Vec<Resource> {
        let has_status = |plural: &str| {
            self.resources.iter().any(|entry| entry.name.strip_suffix("/status") == Some(plural))
        };
        self.resources
            .iter()
            .filter(|entry| !entry.name.contains('/'))
            .map(|entry| {
                let group = if entry.group.is_empty() { group } else { &entry.group };
                let version = if entry.version.is_empty() { version } else { &entry.version };
                Resource {
                    gvk: GroupVersionKind {
                        group_kind: GroupKind::new(group, entry.kind.as_str()),
                        version: version.into(),
                    },
                    plural: entry.name.as_str().into(),
                    namespaced: entry.namespaced,
                    verbs: Verbs::parse(entry.verbs.iter().map(String::as_str)),
                    has_status: has_status(&entry.name),
                }
            })
            .collect()
    }
}

/// `version.Info`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionInfo {
    #[serde(default)]
    major: String,
    #[serde(default)]
    minor: String,
    #[serde(default)]
    git_version: String,
}

impl From<VersionInfo> for ServerVersion {
    fn from(info: VersionInfo) -> Self {
        Self { major: info.major, minor: info.minor, git_version: info.git_version }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Discovery;
    use super::*;

    fn aggregated(document: serde_json::Value) -> Discovery {
        let (resources, problems) = serde_json::from_value::<Aggregated>(document).unwrap().into_parts();
        Discovery::new(ServerVersion::default(), resources, problems)
    }

    fn group(freshness: &str, resources: &serde_json::Value) -> serde_json::Value {
        json!({"items": [{"metadata": {"name": "example.com"}, "versions": [
            {"version": "v2", "freshness": freshness, "resources": resources},
            {"version": "v1", "freshness": freshness, "resources": resources},
        ]}]})
    }

    #[test]
    fn the_first_version_of_a_kind_is_the_preferred_one() {
        let widgets = json!([{"resource": "widgets", "scope": "Namespaced", "verbs": ["get", "list", "watch"],
            "responseKind": {"group": "example.com", "version": "", "kind": "Widget"},
            "subresources": [{"subresource": "status"}]}]);
        let discovery = aggregated(group("Current", &widgets));
        let kind = GroupKind::new("example.com", "Widget");
        let preferred = discovery.preferred(&kind).unwrap();
        assert_eq!((&*preferred.gvk.version, preferred.has_status), ("v2", true));
        assert_eq!(discovery.is_namespaced(&kind), Some(true));
        assert!(discovery.resource_for(&GroupVersionKind::parse("example.com/v1", "Widget")).is_some());
        assert!(discovery.api_versions().contains(&"example.com/v1/Widget".to_owned()));
    }

    #[test]
    fn a_group_that_is_down_is_kept_as_it_was_and_said_to_be_uncertain() {
        let widgets = json!([{"resource": "widgets", "scope": "Cluster", "verbs": ["list"],
            "responseKind": {"group": "", "version": "", "kind": "Widget"}}]);
        let earlier = aggregated(group("Current", &widgets));
        let now = aggregated(group("Stale", &json!([]))).keeping(&earlier);
        let kind = GroupKind::new("example.com", "Widget");
        assert!(now.is_uncertain("example.com"));
        assert_eq!(now.is_namespaced(&kind), Some(false));
        assert_eq!(now.versions(&kind).len(), 2);
        let gone = aggregated(group("Current", &json!([]))).keeping(&earlier);
        assert_eq!(gone.is_namespaced(&kind), None);
    }
}
