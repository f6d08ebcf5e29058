//! `operation`: the request for a sync, and its progress.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::enums::{HookPhase, HookType, OperationPhase, ResultCode, SyncPhase};
use super::source::ApplicationSource;
use super::spec::Info;
use super::sync_policy::{ManagedNamespaceMetadata, RetryStrategy, SyncStrategy};
use crate::time::Time;

/// What is to be done, who asked, and how it is retried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Operation {
    /// A sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncOperation>,
    /// Who asked.
    pub initiated_by: OperationInitiator,
    /// Notes, such as the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<Info>,
    /// How a failed sync is tried again.
    pub retry: RetryStrategy,
}

/// Who started an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OperationInitiator {
    /// A person, or another program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Automated sync.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub automated: bool,
}

/// One sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncOperation {
    /// Revision to sync to, for an application with one source. Empty means the specification's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Delete objects that Git no longer has.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub prune: bool,
    /// Change nothing, only check.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub dry_run: bool,
    /// How manifests are applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_strategy: Option<SyncStrategy>,
    /// The only objects to sync. Such a sync runs no hooks and leaves no history.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<SyncOperationResource>,
    /// Source to use instead of the specification's, as a rollback does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Manifests to use instead of the source's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<String>,
    /// Options of this sync, as `Name=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// Sources to use instead of the specification's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Revisions to sync to, one for each source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// How many self-heals have come before this one, one after another.
    #[serde(skip_serializing_if = "crate::omit::is_zero")]
    pub auto_heal_attempts_count: i64,
}

/// One object to sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, PartialOrd, Ord, Hash)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct SyncOperationResource {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; empty for any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// An operation that runs or has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["operation", "phase", "startedAt"]))]
pub struct OperationState {
    /// What was asked.
    pub operation: Operation,
    /// How far it is.
    #[serde(deserialize_with = "super::enums::phase_or_error")]
    pub phase: OperationPhase,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What a sync has done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_result: Option<SyncOperationResult>,
    /// When it began.
    pub started_at: Time,
    /// When it ended. Set while `Running` means that the last try has failed and another will follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How many tries have failed and been followed by another.
    #[serde(skip_serializing_if = "crate::omit::is_zero")]
    pub retry_count: i64,
}

/// What a sync has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["revision"]))]
pub struct SyncOperationResult {
    /// Object by object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceResult>,
    /// Revision that was synced to. Empty with several sources.
    pub revision: String,
    /// Source that was synced from.
    pub source: ApplicationSource,
    /// Sources that were synced from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Revisions that were synced to, one for each source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Labels and annotations that the namespace was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// What a sync has done to one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["group", "version", "kind", "namespace", "name"]))]
pub struct ResourceResult {
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The result; absent while there is none, and for hooks.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub status: Option<ResultCode>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// For a hook, its type.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub hook_type: Option<HookType>,
    /// For a hook, how far it is; for another object, how far its apply is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub hook_phase: Option<HookPhase>,
    /// Phase of the sync in which this was done.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub sync_phase: Option<SyncPhase>,
    /// Images that the object runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

impl Operation {
    /// True for a sync of chosen objects only.
    pub fn is_selective(&self) -> bool {
        self.sync.as_ref().is_some_and(|sync| !sync.resources.is_empty())
    }
}

impl SyncOperation {
    /// Revisions asked for, one for each source; empty where the specification's are meant.
    pub fn requested_revisions(&self) -> &[String] {
        if self.revisions.is_empty() && !self.revision.is_empty() {
            std::slice::from_ref(&self.revision)
        } else {
            &self.revisions
        }
    }
}

impl SyncOperationResource {
    /// True where this names the given object. An empty namespace here stands for any.
    pub fn selects(&self, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        self.group == group
            && self.kind == kind
            && self.name == name
            && (self.namespace.is_empty() || self.namespace == namespace)
    }
}

impl OperationState {
    /// True where a try has failed and another will follow.
    pub fn awaits_retry(&self) -> bool {
        self.phase == OperationPhase::Running && self.finished_at.is_some()
    }
}
