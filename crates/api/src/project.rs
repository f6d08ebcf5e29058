//! AppProject: the rules that a group of applications must keep.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::application::ApplicationDestination;
use crate::metadata::ObjectMeta;

/// Name of the project that applications belong to when they name none.
pub const DEFAULT_PROJECT: &str = "default";

/// Where applications may come from and go to, who may use them, and when they are synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["metadata", "spec"]))]
pub struct AppProject {
    /// `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// `AppProject`.
    pub kind: String,
    /// Name, labels, annotations and the like.
    #[schemars(with = "crate::metadata::AnyMetadata")]
    pub metadata: ObjectMeta,
    /// The rules.
    pub spec: AppProjectSpec,
    /// What the server keeps.
    #[serde(skip_serializing_if = "AppProjectStatus::is_default")]
    pub status: AppProjectStatus,
}

/// The rules of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppProjectSpec {
    /// Globs of repository URLs that applications may use; `!` before one denies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_repos: Vec<String>,
    /// Clusters and namespaces that applications may deploy to, as globs; `!` before one denies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<ApplicationDestination>,
    /// For people.
    #[schemars(length(max = 255))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Roles that people and programs may have in the project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<ProjectRole>,
    /// Cluster-scoped kinds that may be deployed. Empty means none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_resource_whitelist: Vec<ClusterResourceRestrictionItem>,
    /// Namespaced kinds that may not be deployed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespace_resource_blacklist: Vec<GroupKindPattern>,
    /// Watch for objects in destination namespaces that no application manages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphaned_resources: Option<OrphanedResourcesMonitorSettings>,
    /// When syncs are allowed or denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_windows: Vec<SyncWindow>,
    /// Namespaced kinds that may be deployed. Absent means all; an empty list means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_resource_whitelist: Option<Vec<GroupKindPattern>>,
    /// GnuPG keys, one of which must have signed a commit. `sourceIntegrity` replaces it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature_keys: Vec<SignatureKey>,
    /// Cluster-scoped kinds that may not be deployed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_resource_blacklist: Vec<ClusterResourceRestrictionItem>,
    /// Namespaces, as globs, whose Applications may belong to the project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_namespaces: Vec<String>,
    /// Only clusters that are registered for this project may be deployed to.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub permit_only_project_scoped_clusters: bool,
    /// ServiceAccounts that syncs impersonate, the first that matches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_service_accounts: Vec<ApplicationDestinationServiceAccount>,
    /// What must be proven of a source before it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_integrity: Option<SourceIntegrity>,
}

/// Group and kind; both may be globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, PartialOrd, Ord, Hash)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["group", "kind"]))]
pub struct GroupKindPattern {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

/// Group and kind, and optionally a name; all may be globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, PartialOrd, Ord, Hash)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["group", "kind"]))]
pub struct ClusterResourceRestrictionItem {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// How objects that no application manages are reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OrphanedResourcesMonitorSettings {
    /// Warn with a condition. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn: Option<bool>,
    /// Objects that are not reported.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<OrphanedResourceKey>,
}

/// Objects that are not reported as orphaned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OrphanedResourceKey {
    /// API group, a glob.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind, a glob.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Name, a glob.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A span of time in which syncs are allowed or denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncWindow {
    /// `allow` or `deny`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// When it opens, in cron's five fields.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schedule: String,
    /// How long it stays open, such as `1h30m`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// Applications it holds for, as globs of names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<String>,
    /// Destination namespaces it holds for, as globs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Destination clusters it holds for, as globs of names or URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Syncs that people start are allowed all the same.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub manual_sync: bool,
    /// Time zone of the schedule, such as `Europe/Berlin`. Default UTC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// Applications, namespaces and clusters must all match, instead of one of them.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub and_operator: bool,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A sync that began while it was allowed may end after that.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub sync_overrun: bool,
}

/// A role in a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name"]))]
pub struct ProjectRole {
    /// Name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Casbin policy lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Tokens that were issued for the role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jwt_tokens: Vec<JwtToken>,
    /// Groups of the identity provider that have the role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// A token that was issued.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["iat"]))]
pub struct JwtToken {
    /// When, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970; 0 for never.
    #[serde(skip_serializing_if = "crate::omit::is_zero")]
    pub exp: i64,
    /// Its id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// A key that commits may be signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["keyID"]))]
pub struct SignatureKey {
    /// Id of the GnuPG key.
    #[serde(rename = "keyID")]
    pub key_id: String,
}

/// The ServiceAccount that syncs to some destinations impersonate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["server", "defaultServiceAccount"]))]
pub struct ApplicationDestinationServiceAccount {
    /// Cluster URL, a glob.
    pub server: String,
    /// Namespace, a glob.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// ServiceAccount, as `name` or `namespace:name`.
    pub default_service_account: String,
}

/// What must be proven of a source before it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["git"]))]
pub struct SourceIntegrity {
    /// For Git repositories.
    pub git: Option<SourceIntegrityGit>,
}

/// Policies for Git repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["policies"]))]
pub struct SourceIntegrityGit {
    /// Policies; every one that matches the repository must hold.
    pub policies: Vec<SourceIntegrityGitPolicy>,
}

/// A policy for some repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["repos", "gpg"]))]
pub struct SourceIntegrityGitPolicy {
    /// Repositories that it holds for.
    pub repos: Vec<SourceIntegrityGitPolicyRepo>,
    /// Signatures that it asks for.
    pub gpg: Option<SourceIntegrityGitPolicyGpg>,
}

/// Repositories that a policy holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["url"]))]
pub struct SourceIntegrityGitPolicyRepo {
    /// Glob of repository URLs; `!` before it excludes.
    pub url: String,
}

/// Signatures that a policy asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["mode", "keys"]))]
pub struct SourceIntegrityGitPolicyGpg {
    /// `none`, `head` (the commit that is synced) or `strict` (its whole history).
    pub mode: String,
    /// Ids of the keys that may sign.
    pub keys: Vec<String>,
}

/// What the server keeps about a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppProjectStatus {
    /// Tokens that were issued, by role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jwt_tokens_by_role: BTreeMap<String, JwtTokens>,
}

/// Tokens that were issued for one role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct JwtTokens {
    /// The tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<JwtToken>,
}

impl AppProjectStatus {
    /// True where nothing is kept.
    pub fn is_default(&self) -> bool {
        self.jwt_tokens_by_role.is_empty()
    }
}

impl AppProject {
    /// A project with this name and these rules.
    pub fn new(namespace: &str, name: &str, spec: AppProjectSpec) -> Self {
        Self {
            api_version: crate::API_VERSION.to_owned(),
            kind: "AppProject".to_owned(),
            metadata: ObjectMeta::named(namespace, name),
            spec,
            status: AppProjectStatus::default(),
        }
    }

    /// Reads a live object, leniently: unknown fields are ignored, nulls count as absent.
    pub fn from_value(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(crate::lenient::without_nulls(value))
    }
}
