//! When and how an application is synced, and what may differ.

use std::collections::BTreeMap;

/// When a sync starts by itself, and how every sync is done.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct SyncPolicy {
    /// Sync by itself when Git and the cluster differ.
    pub automated: Option<Automated>,
    /// Options of every sync, as `Name=value`.
    pub sync_options: Option<Vec<String>>,
    /// How often and how soon a failed sync is tried again.
    pub retry: Option<Retry>,
    /// Labels and annotations of the destination's namespace, with `CreateNamespace=true`.
    pub managed_namespace_metadata: Option<NamespaceMetadata>,
}

/// Automated sync.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Automated {
    /// Delete objects that Git no longer has.
    pub prune: Option<bool>,
    /// Sync also when only the cluster has changed.
    pub self_heal: Option<bool>,
    /// Allow a sync that would delete everything.
    pub allow_empty: Option<bool>,
    /// `false` turns automated sync off without losing the rest.
    pub enabled: Option<bool>,
}

/// How a failed sync is tried again.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Retry {
    /// How many times; negative for ever, 0 never.
    pub limit: Option<i64>,
    /// How long to wait between tries.
    pub backoff: Option<Backoff>,
    /// Use the newest revision in the next try, instead of the first one's.
    pub refresh: Option<bool>,
}

/// Growing pauses between tries.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Backoff {
    /// First pause: seconds, or a duration such as `2m`.
    pub duration: Option<String>,
    /// The pause grows by this factor with every try.
    pub factor: Option<i64>,
    /// Longest pause: seconds, or a duration such as `1h`.
    pub max_duration: Option<String>,
}

/// What a namespace that the sync creates carries.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// Fields of some objects that may differ.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct IgnoreDifferences {
    /// API group; empty for the core group. A glob.
    pub group: Option<String>,
    /// Kind. A glob.
    pub kind: String,
    /// Name; all if absent.
    pub name: Option<String>,
    /// Namespace; all if absent.
    pub namespace: Option<String>,
    /// Fields by JSON pointer.
    pub json_pointers: Option<Vec<String>>,
    /// Fields by jq path expression.
    pub jq_path_expressions: Option<Vec<String>>,
    /// Field managers whose fields may differ.
    pub managed_fields_managers: Option<Vec<String>>,
}

/// One note.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Note {
    /// Name.
    pub name: String,
    /// Text or URL.
    pub value: String,
}
