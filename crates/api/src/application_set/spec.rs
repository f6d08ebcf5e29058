//! `spec` of an ApplicationSet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::generator::ApplicationSetGenerator;
use super::policy::ApplicationsSyncPolicy;
use crate::application::{ApplicationSpec, IntOrString};

/// Which applications there are, and what they look like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["generators", "template"]))]
pub struct ApplicationSetSpec {
    /// Templates are Go's, instead of `{{name}}` alone.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub go_template: bool,
    /// What makes the parameters. Each set of parameters gives one application.
    pub generators: Vec<ApplicationSetGenerator>,
    /// What every application looks like.
    pub template: ApplicationSetTemplate,
    /// What may be done to applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<ApplicationSetSyncPolicy>,
    /// In which order changes reach applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ApplicationSetStrategy>,
    /// Annotations and labels that others may add to applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserved_fields: Option<ApplicationPreservedFields>,
    /// Options of Go's templates, such as `missingkey=error`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub go_template_options: Vec<String>,
    /// No longer read; selectors of nested generators always count.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub apply_nested_selectors: bool,
    /// Fields of applications that others may change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_application_differences: Vec<ApplicationSetResourceIgnoreDifferences>,
    /// A strategic merge patch, made by the same templates, on top of `template`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_patch: Option<String>,
}

/// What an application looks like; texts may hold templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["metadata", "spec"]))]
pub struct ApplicationSetTemplate {
    /// Name, labels, annotations and finalizers.
    pub metadata: ApplicationSetTemplateMeta,
    /// Specification.
    pub spec: ApplicationSpec,
}

/// Metadata of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetTemplateMeta {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace; the ApplicationSet's where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Finalizers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
}

/// What others may add to applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationPreservedFields {
    /// Names of annotations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<String>,
    /// Names of labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// In which order changes reach applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetStrategy {
    /// `AllAtOnce` or `RollingSync`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// Steps of a rolling sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_sync: Option<ApplicationSetRolloutStrategy>,
    /// `AllAtOnce` or `Reverse`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deletion_order: String,
}

/// Steps of a rolling sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetRolloutStrategy {
    /// Steps, one after another. Applications that no step selects are not synced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ApplicationSetRolloutStep>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetRolloutStep {
    /// Applications of this step, by label; every expression must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<ApplicationMatchExpression>,
    /// How many of them may change at once, or which share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_update: Option<IntOrString>,
}

/// One condition on labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationMatchExpression {
    /// Name of the label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// `In` or `NotIn`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operator: String,
    /// Values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What may be done to applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetSyncPolicy {
    /// Objects of an application stay when it is deleted.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub preserve_resources_on_deletion: bool,
    /// Whether applications may be changed and deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applications_sync: Option<ApplicationsSyncPolicy>,
}

/// Fields of applications that others may change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetResourceIgnoreDifferences {
    /// Name of the application; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Fields by JSON pointer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// Fields by jq path expression.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
}
