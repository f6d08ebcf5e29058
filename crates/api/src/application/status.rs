//! `status` of an Application.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::enums::{
    ConditionType, HealthStatusCode, HydrateOperationPhase, ResourceHealthLocation, SourceType,
    SyncStatusCode,
};
use super::operation::{OperationInitiator, OperationState};
use super::source::{ApplicationSource, SourceHydrator};
use super::spec::{ApplicationDestination, ResourceIgnoreDifferences};
use crate::time::Time;

/// What is known of an application, as of its last comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// Every managed object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
    /// Whether the cluster is as Git says.
    pub sync: SyncStatus,
    /// Whether the application works.
    pub health: AppHealthStatus,
    /// Past deployments, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RevisionHistory>,
    /// Errors and warnings that hold now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ApplicationCondition>,
    /// When the application was last compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<Time>,
    /// The last operation, or the running one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    /// No longer written; kept for old objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Time>,
    /// Which tool renders the source.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub source_type: Option<SourceType>,
    /// Images and URLs of all objects.
    pub summary: ApplicationSummary,
    /// Where each object's health is kept: absent for `resources`, `appTree` for elsewhere.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub resource_health_source: Option<ResourceHealthLocation>,
    /// Which tool renders each of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "super::enums::types_or_directory")]
    pub source_types: Vec<SourceType>,
    /// Namespace of the agent that manages the application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller_namespace: String,
    /// What the hydrator has done.
    pub source_hydrator: SourceHydratorStatus,
}

/// One managed object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceStatus {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// API version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it is as Git says. Absent for hooks.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub status: Option<SyncStatusCode>,
    /// Whether it works, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    /// It is a hook.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub hook: bool,
    /// It is in the cluster and no longer in Git.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub requires_pruning: bool,
    /// Its wave.
    #[serde(skip_serializing_if = "crate::omit::is_zero")]
    pub sync_wave: i64,
    /// It is deleted only once a person has approved.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub requires_deletion_confirmation: bool,
}

/// Whether the cluster is as Git says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["status"]))]
pub struct SyncStatus {
    /// The verdict; empty before the first comparison.
    #[serde(
        serialize_with = "super::enums::known_or_empty",
        deserialize_with = "super::enums::known_or_none"
    )]
    pub status: Option<SyncStatusCode>,
    /// What was compared.
    pub compared_to: ComparedTo,
    /// Revision that was compared, for one source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Revisions that were compared, one for each source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

/// The part of the specification that a comparison used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["destination"]))]
pub struct ComparedTo {
    /// The source.
    pub source: ApplicationSource,
    /// The destination.
    pub destination: ApplicationDestination,
    /// The sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// The rules for fields that may differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_differences: Vec<ResourceIgnoreDifferences>,
}

/// Whether the whole application works: as well as its worst object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppHealthStatus {
    /// The verdict; absent before the first comparison.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub status: Option<HealthStatusCode>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the verdict last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// Whether one object works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthStatus {
    /// The verdict.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::enums::known_or_none")]
    pub status: Option<HealthStatusCode>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the verdict last changed; no longer written for objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// One past deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["deployedAt", "id"]))]
pub struct RevisionHistory {
    /// Revision, for one source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// When it was done.
    pub deployed_at: Time,
    /// Number of the deployment, counting up from 0.
    pub id: i64,
    /// The source.
    pub source: ApplicationSource,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_started_at: Option<Time>,
    /// The sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Revisions, one for each source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Who asked for it.
    pub initiated_by: OperationInitiator,
}

/// An error or a warning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["type", "message"]))]
pub struct ApplicationCondition {
    /// What kind.
    pub r#type: ConditionType,
    /// For people.
    pub message: String,
    /// When it appeared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// What the objects of an application say of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSummary {
    /// URLs that lead to it.
    #[serde(rename = "externalURLs", skip_serializing_if = "Vec::is_empty")]
    pub external_urls: Vec<String>,
    /// Images that run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// It manages other applications.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub is_app_of_apps: bool,
}

/// What a hydrator has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceHydratorStatus {
    /// The last one that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_successful_operation: Option<SuccessfulHydrateOperation>,
    /// The running one, or the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_operation: Option<HydrateOperation>,
    /// Revision of the dry source that was looked at last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_compared_dry_revision: String,
}

/// One run of a hydrator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["phase", "message"]))]
pub struct HydrateOperation {
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How far it is.
    pub phase: HydrateOperationPhase,
    /// For people.
    pub message: String,
    /// Commit that was rendered.
    #[serde(rename = "drySHA", skip_serializing_if = "String::is_empty")]
    pub dry_sha: String,
    /// Commit that holds the result.
    #[serde(rename = "hydratedSHA", skip_serializing_if = "String::is_empty")]
    pub hydrated_sha: String,
    /// The specification that was used.
    pub source_hydrator: SourceHydrator,
}

/// A run of a hydrator that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SuccessfulHydrateOperation {
    /// Commit that was rendered.
    #[serde(rename = "drySHA", skip_serializing_if = "String::is_empty")]
    pub dry_sha: String,
    /// Commit that holds the result.
    #[serde(rename = "hydratedSHA", skip_serializing_if = "String::is_empty")]
    pub hydrated_sha: String,
    /// The specification that was used.
    pub source_hydrator: SourceHydrator,
}

impl ApplicationStatus {
    /// The condition of this type, if it holds.
    pub fn condition(&self, condition_type: &ConditionType) -> Option<&ApplicationCondition> {
        self.conditions.iter().find(|condition| condition.r#type == *condition_type)
    }
}

impl ResourceStatus {
    /// `group/Kind/namespace/name`, by which the list is sorted.
    pub fn sort_key(&self) -> String {
        format!("{}/{}/{}/{}", self.group, self.kind, self.namespace, self.name)
    }
}

impl HealthStatus {
    /// A verdict with its message.
    pub fn new(status: HealthStatusCode, message: impl Into<String>) -> Self {
        Self { status: Some(status), message: message.into(), last_transition_time: None }
    }
}

impl SyncStatus {
    /// Revisions that were compared, one for each source, whichever field holds them.
    pub fn compared_revisions(&self) -> &[String] {
        if self.revisions.is_empty() && !self.revision.is_empty() {
            std::slice::from_ref(&self.revision)
        } else {
            &self.revisions
        }
    }
}
