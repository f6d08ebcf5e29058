//! Application: what is deployed, from where, to where, and how it goes.
//!
//! ```text
//! metadata (annotations ask for refreshes) ─┐
//! spec (source, destination, policy) ───────┼─► the agent ─► status
//! operation (a request for a sync) ─────────┘
//! ```
//! There is no status subresource: all four lie in one object with one `resourceVersion`.

mod enums;
mod normalise;
mod operation;
mod retry;
mod source;
mod spec;
mod status;
mod sync_options;
mod sync_policy;
#[cfg(test)]
mod tests;
mod value;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::ApplicationKey;
use crate::metadata::ObjectMeta;

pub use enums::{
    ConditionType, HealthStatusCode, HookDeletePolicy, HookPhase, HookType, HydrateOperationPhase,
    OperationPhase, ResourceHealthLocation, ResultCode, SourceType, SyncPhase, SyncStatusCode, UnknownWord,
};
pub use normalise::normalise_spec;
pub use operation::{
    Operation, OperationInitiator, OperationState, ResourceResult, SyncOperation, SyncOperationResource,
    SyncOperationResult,
};
pub use retry::{RetryProblem, next_retry_at};
pub use source::{
    ApplicationSource, ApplicationSourceDirectory, ApplicationSourceHelm, ApplicationSourceJsonnet,
    ApplicationSourceKustomize, ApplicationSourcePlugin, ApplicationSourcePluginParameter, DrySource,
    EnvEntry, HelmFileParameter, HelmParameter, HydrateTo, JsonnetVar, KustomizePatch, KustomizeReplica,
    KustomizeSelector, SourceHydrator, SyncSource,
};
pub use spec::{ApplicationDestination, ApplicationSpec, Info, ResourceIgnoreDifferences};
pub use status::{
    AppHealthStatus, ApplicationCondition, ApplicationStatus, ApplicationSummary, ComparedTo, HealthStatus,
    HydrateOperation, ResourceStatus, RevisionHistory, SourceHydratorStatus, SuccessfulHydrateOperation,
    SyncStatus,
};
pub use sync_options::{
    APPLICATION_OPTIONS, Confirmable, PropagationPolicy, RESOURCE_OPTIONS, ResourceSyncOptions, SyncOptions,
};
pub use sync_policy::{
    Backoff, ManagedNamespaceMetadata, RetryStrategy, SyncPolicy, SyncPolicyAutomated, SyncStrategy,
    SyncStrategyApply, SyncStrategyHook,
};
pub use value::{Any, IntOrString, Object};

/// What to deploy, where to, and how it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["metadata", "spec"]))]
pub struct Application {
    /// `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// `Application`.
    pub kind: String,
    /// Name, labels, annotations and the like.
    #[schemars(with = "crate::metadata::AnyMetadata")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ApplicationSpec,
    /// What is.
    #[serde(skip_serializing_if = "ApplicationStatus::is_default")]
    pub status: ApplicationStatus,
    /// A request to do something now; gone once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Application {
    /// An application that nothing is known of yet.
    pub fn new(namespace: &str, name: &str, spec: ApplicationSpec) -> Self {
        Self {
            api_version: crate::API_VERSION.to_owned(),
            kind: "Application".to_owned(),
            metadata: ObjectMeta::named(namespace, name),
            spec,
            ..Self::default()
        }
    }

    /// Reads a live object, leniently: unknown fields are ignored, nulls count as absent.
    pub fn from_value(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(crate::lenient::without_nulls(value))
    }

    /// Namespace and name.
    pub fn key(&self) -> ApplicationKey {
        ApplicationKey::new(self.metadata.namespace.clone(), self.metadata.name.as_str())
    }
}

impl ApplicationStatus {
    /// True where nothing has been found out.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
