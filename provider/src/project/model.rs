//! The model.

use std::collections::BTreeMap;

use tfplug::prelude::*;

use crate::connection::{OwnKubernetes, is_another_cluster};
use crate::object::check::object_name;

/// Rules for a group of applications: where they may come from and go to, and when they are synced.
///
/// It may be created in the same apply as the agent: it waits for the kind to be served.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("bridgehead_project", version = 0, identity(namespace, name))]
pub struct Project<S: Stage> {
    /// Name of the project.
    #[attr(replace = "Kubernetes has no way to rename an object.", check = object_name)]
    pub name: S::Input<String>,
    /// Namespace of the agent.
    #[attr(default = "argocd", replace = "Kubernetes has no way to move an object.", check = tfplug::check::dns_label)]
    pub namespace: S::Input<String>,
    /// Labels. Those that others add are left alone.
    pub labels: S::Input<Option<BTreeMap<String, String>>>,
    /// Annotations. Those that others add are left alone.
    pub annotations: S::Input<Option<BTreeMap<String, String>>>,
    /// For people.
    #[attr(check = tfplug::check::length(0..=255))]
    pub description: S::Input<Option<String>>,
    /// Globs of repository URLs that applications may use; `!` before one denies.
    pub source_repos: S::Input<Option<Vec<String>>>,
    /// Clusters and namespaces that applications may deploy to.
    pub destinations: S::Input<Option<Vec<ProjectDestination>>>,
    /// Cluster-scoped kinds that may be deployed. None by default.
    pub cluster_resource_whitelist: S::Input<Option<Vec<ClusterKind>>>,
    /// Cluster-scoped kinds that may not be deployed.
    pub cluster_resource_blacklist: S::Input<Option<Vec<ClusterKind>>>,
    /// Namespaced kinds that may be deployed. All by default; an empty list means none.
    pub namespace_resource_whitelist: S::Input<Option<Vec<GroupKind>>>,
    /// Namespaced kinds that may not be deployed.
    pub namespace_resource_blacklist: S::Input<Option<Vec<GroupKind>>>,
    /// Report objects in the destination namespaces that no application manages.
    pub orphaned_resources: S::Input<Option<OrphanedResources>>,
    /// When syncs are allowed or denied.
    pub sync_windows: S::Input<Option<Vec<SyncWindow>>>,
    /// Roles that people and programs may have in the project.
    pub roles: S::Input<Option<Vec<Role>>>,
    /// GnuPG keys, one of which must have signed a commit.
    pub signature_keys: S::Input<Option<Vec<SignatureKey>>>,
    /// Namespaces, as globs, whose applications may belong to the project.
    pub source_namespaces: S::Input<Option<Vec<String>>>,
    /// Only clusters that are registered for this project may be deployed to.
    pub permit_only_project_scoped_clusters: S::Input<Option<bool>>,
    /// Service accounts that syncs impersonate, the first that matches.
    pub destination_service_accounts: S::Input<Option<Vec<DestinationServiceAccount>>>,
    /// Another cluster than the provider's.
    #[attr(replace = "The object of the other cluster is another one.", another = is_another_cluster)]
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// How long operations may take.
    pub timeouts: S::Input<Option<Timeouts>>,
    /// UID of the object.
    #[attr(computed, keep)]
    pub uid: S::Output<String>,
}

/// A cluster, by URL or by name, and namespaces in it; all may be globs.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct ProjectDestination {
    /// URL of the cluster's API server, as a glob; `!` before it denies.
    pub server: Option<String>,
    /// Name of the cluster, as a glob; `!` before it denies.
    pub name: Option<String>,
    /// Namespace, as a glob; `!` before it denies.
    pub namespace: Option<String>,
}

/// Group and kind; both may be globs.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct GroupKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

/// Group and kind, and perhaps a name; all may be globs.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct ClusterKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name; all if absent.
    pub name: Option<String>,
}

/// How objects that no application manages are reported.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct OrphanedResources {
    /// Warn with a condition. True if absent.
    pub warn: Option<bool>,
    /// Objects that are not reported.
    pub ignore: Option<Vec<OrphanedResource>>,
}

/// Objects that are not reported; all may be globs.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct OrphanedResource {
    /// API group.
    pub group: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Name.
    pub name: Option<String>,
}

/// A span of time in which syncs are allowed or denied.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct SyncWindow {
    /// `allow` or `deny`.
    #[attr(check = tfplug::check::one_of(&["allow", "deny"]))]
    pub kind: String,
    /// When it opens, in cron's five fields.
    pub schedule: String,
    /// How long it stays open, such as `1h30m`.
    pub duration: String,
    /// Applications it holds for, as globs of names.
    pub applications: Option<Vec<String>>,
    /// Destination namespaces it holds for, as globs.
    pub namespaces: Option<Vec<String>>,
    /// Destination clusters it holds for, as globs of names or URLs.
    pub clusters: Option<Vec<String>>,
    /// Syncs that people start are allowed all the same.
    pub manual_sync: Option<bool>,
    /// Time zone of the schedule, such as `Europe/Berlin`. UTC if absent.
    pub time_zone: Option<String>,
    /// Applications, namespaces and clusters must all match, instead of one of them.
    pub and_operator: Option<bool>,
    /// For people.
    pub description: Option<String>,
    /// A sync that began while it was allowed may end after that.
    pub sync_overrun: Option<bool>,
}

/// A role in the project.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Role {
    /// Name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Casbin policy lines.
    pub policies: Option<Vec<String>>,
    /// Groups of the identity provider that have the role.
    pub groups: Option<Vec<String>>,
}

/// A key that commits may be signed with.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct SignatureKey {
    /// Id of the GnuPG key.
    pub key_id: String,
}

/// The service account that syncs to some destinations impersonate.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct DestinationServiceAccount {
    /// Cluster URL, a glob.
    pub server: String,
    /// Namespace, a glob.
    pub namespace: Option<String>,
    /// Service account, as `name` or `namespace:name`.
    pub default_service_account: String,
}
