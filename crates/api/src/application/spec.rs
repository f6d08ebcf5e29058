//! `spec` of an Application.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::{ApplicationSource, SourceHydrator};
use super::sync_policy::SyncPolicy;

/// What an application deploys, where to, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["destination", "project"]))]
pub struct ApplicationSpec {
    /// Where the manifests come from, if it is one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Cluster and namespace.
    pub destination: ApplicationDestination,
    /// Project that the application belongs to. Empty means `default`.
    pub project: String,
    /// When and how to sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<SyncPolicy>,
    /// Fields that may differ without the application being out of sync.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_differences: Vec<ResourceIgnoreDifferences>,
    /// Notes, such as URLs and addresses, shown to people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<Info>,
    /// How many past deployments are kept in the history. Default 10; 0 keeps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i64>,
    /// Where the manifests come from, if it is several places. Wins over `source`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Renders into a branch and syncs from there. Wins over `source` and `sources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_hydrator: Option<SourceHydrator>,
}

/// A cluster, by URL or by name, and a namespace in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, PartialOrd, Ord, Hash)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationDestination {
    /// URL of the cluster's API server. Not together with `name`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Namespace of objects that name none themselves.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name of the cluster. Not together with `server`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// Fields of some objects that may differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["kind"]))]
pub struct ResourceIgnoreDifferences {
    /// API group; empty for the core group. Globs are allowed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind. Globs are allowed.
    pub kind: String,
    /// Name; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Fields by JSON pointer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// Fields by jq path expression.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose fields may differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_fields_managers: Vec<String>,
}

/// One note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name", "value"]))]
pub struct Info {
    /// Name.
    pub name: String,
    /// Text or URL.
    pub value: String,
}

impl ApplicationSpec {
    /// The sources that are rendered and compared: the hydrator's branch, else `sources`, else `source`.
    /// Empty where the specification names none.
    pub fn effective_sources(&self) -> Cow<'_, [ApplicationSource]> {
        if let Some(hydrator) = &self.source_hydrator {
            let sync = &hydrator.sync_source;
            let repo_url =
                if sync.repo_url.is_empty() { &hydrator.dry_source.repo_url } else { &sync.repo_url };
            return Cow::Owned(vec![ApplicationSource {
                repo_url: repo_url.clone(),
                path: sync.path.clone(),
                target_revision: sync.target_branch.clone(),
                ..ApplicationSource::default()
            }]);
        }
        if self.sources.is_empty() {
            Cow::Borrowed(self.source.as_slice())
        } else {
            Cow::Borrowed(&self.sources)
        }
    }

    /// True where `sources` is in use, so that status carries `revisions` and `sources` in the plural.
    pub fn has_multiple_sources(&self) -> bool {
        self.source_hydrator.is_none() && !self.sources.is_empty()
    }

    /// How many entries of history are kept: 10 unless the specification says otherwise.
    pub fn history_limit(&self) -> usize {
        self.revision_history_limit.map_or(10, |limit| usize::try_from(limit).unwrap_or(0))
    }
}
