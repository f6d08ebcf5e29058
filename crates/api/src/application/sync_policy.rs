//! When and how an application is synced.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a sync starts by itself, and how every sync is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncPolicy {
    /// Sync by itself when Git and the cluster differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated: Option<SyncPolicyAutomated>,
    /// Options of every sync, as `Name=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// How often and how soon a failed sync is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryStrategy>,
    /// Labels and annotations of the destination's namespace, with `CreateNamespace=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// Automated sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncPolicyAutomated {
    /// Delete objects that Git no longer has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// Sync also when only the cluster has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_heal: Option<bool>,
    /// Allow a sync that would delete everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_empty: Option<bool>,
    /// `false` turns automated sync off without losing the rest. Absent means on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// How a failed sync is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RetryStrategy {
    /// How many times; negative for ever, 0 never.
    #[serde(skip_serializing_if = "crate::omit::is_zero")]
    pub limit: i64,
    /// How long to wait between tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// Use the newest revision in the next try, instead of the first one's.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub refresh: bool,
}

/// Growing pauses between tries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Backoff {
    /// First pause: seconds, or a duration such as `2m`. Default 5 seconds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// The pause grows by this factor with every try. Default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<i64>,
    /// Longest pause: seconds, or a duration such as `1h`. Default 3 minutes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_duration: String,
}

/// What a namespace that the sync creates carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedNamespaceMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// How manifests are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStrategy {
    /// Apply only; hooks are not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<SyncStrategyApply>,
    /// Apply, and run hooks. The default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<SyncStrategyHook>,
}

impl SyncStrategy {
    /// Whether what cannot be changed in place is deleted and created again.
    pub fn is_forced(&self) -> bool {
        self.apply.as_ref().is_some_and(|apply| apply.force)
            || self.hook.as_ref().is_some_and(|hook| hook.force)
    }
}

/// Options of an apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStrategyApply {
    /// Delete and create again what cannot be changed in place.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub force: bool,
}

/// Options of a sync with hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStrategyHook {
    /// Delete and create again what cannot be changed in place.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub force: bool,
}

impl SyncPolicy {
    /// True where nothing is set; such a policy is the same as none.
    pub fn is_empty(&self) -> bool {
        self.automated.is_none()
            && self.sync_options.is_empty()
            && self.retry.is_none()
            && self.managed_namespace_metadata.is_none()
    }
}

impl SyncPolicyAutomated {
    /// False only where `enabled: false` is written.
    pub fn is_enabled(&self) -> bool {
        self.enabled != Some(false)
    }

    /// True where `prune: true` is written.
    pub fn prunes(&self) -> bool {
        self.prune == Some(true)
    }

    /// True where `selfHeal: true` is written.
    pub fn heals(&self) -> bool {
        self.self_heal == Some(true)
    }

    /// True where `allowEmpty: true` is written.
    pub fn allows_empty(&self) -> bool {
        self.allow_empty == Some(true)
    }
}

impl SyncStrategy {
    /// True where the strategy asks for force, whichever kind it is.
    pub fn force(&self) -> bool {
        self.apply.as_ref().is_some_and(|apply| apply.force)
            || self.hook.as_ref().is_some_and(|hook| hook.force)
    }

    /// True where only manifests are applied and hooks are left out.
    pub fn is_apply_only(&self) -> bool {
        self.apply.is_some()
    }
}
