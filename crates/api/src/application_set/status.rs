//! `status` of an ApplicationSet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::application::{HealthStatus, ResourceStatus};
use crate::time::Time;

/// What is known of an ApplicationSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetStatus {
    /// What holds now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ApplicationSetCondition>,
    /// How far a rolling sync is with each application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub application_status: Vec<ApplicationSetApplicationStatus>,
    /// Every application, as far as there is room.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
    /// How many applications there are.
    #[serde(skip_serializing_if = "crate::omit::is_zero")]
    pub resources_count: i64,
    /// As well as the worst of its applications.
    #[serde(skip_serializing_if = "is_default")]
    pub health: HealthStatus,
}

/// Something that holds, or does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["type", "message", "status", "reason"]))]
pub struct ApplicationSetCondition {
    /// `ErrorOccurred`, `ParametersGenerated`, `ResourcesUpToDate`, `RolloutProgressing` or
    /// `InvalidRolloutConfig`.
    pub r#type: String,
    /// For people.
    pub message: String,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word that tells why.
    pub reason: String,
}

/// How far a rolling sync is with one application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["application", "message", "status", "step", "targetRevisions"]))]
pub struct ApplicationSetApplicationStatus {
    /// Name of the application.
    pub application: String,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// For people.
    pub message: String,
    /// `Waiting`, `Pending`, `Progressing` or `Healthy`.
    pub status: String,
    /// Number of its step, from 1; -1 where no step selects it.
    pub step: String,
    /// Revisions that it is to reach.
    pub target_revisions: Vec<String>,
}

fn is_default(health: &HealthStatus) -> bool {
    *health == HealthStatus::default()
}
