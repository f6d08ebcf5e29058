//! Generators: what makes the parameters of an ApplicationSet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pull_request::PullRequestGenerator;
use super::scm_provider::ScmProviderGenerator;
use super::selector::LabelSelector;
use super::spec::ApplicationSetTemplate;
use crate::application::Any;

/// One generator; exactly one kind is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetGenerator {
    /// A fixed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListGenerator>,
    /// Registered clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterGenerator>,
    /// Folders or files of a Git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitGenerator>,
    /// Repositories of an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scm_provider: Option<ScmProviderGenerator>,
    /// Clusters that another object's status lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_decision_resource: Option<DuckTypeGenerator>,
    /// Open pull requests of a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestGenerator>,
    /// Every combination of two generators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<MatrixGenerator>,
    /// Several generators, merged by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<MergeGenerator>,
    /// Only parameters that this selects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// An HTTP service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginGenerator>,
    /// Folders or files of an OCI artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciGenerator>,
}

/// A generator inside a matrix or a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetNestedGenerator {
    /// A fixed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListGenerator>,
    /// Registered clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterGenerator>,
    /// Folders or files of a Git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitGenerator>,
    /// Repositories of an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scm_provider: Option<ScmProviderGenerator>,
    /// Clusters that another object's status lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_decision_resource: Option<DuckTypeGenerator>,
    /// Open pull requests of a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestGenerator>,
    /// A matrix, of generators that are neither matrix nor merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Any>,
    /// A merge, of generators that are neither matrix nor merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<Any>,
    /// Only parameters that this selects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// An HTTP service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginGenerator>,
    /// Folders or files of an OCI artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciGenerator>,
}

/// A fixed list of parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ListGenerator {
    /// Sets of parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Any>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// More sets, as YAML text that may hold templates.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub elements_yaml: String,
}

/// Every combination of the parameters of two generators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["generators"]))]
pub struct MatrixGenerator {
    /// Two generators.
    pub generators: Vec<ApplicationSetNestedGenerator>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
}

/// A matrix inside a matrix or a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["generators"]))]
pub struct NestedMatrixGenerator {
    /// Two generators, neither matrix nor merge.
    pub generators: Vec<ApplicationSetNestedGenerator>,
}

/// Parameters of the first generator, completed from the others where the keys are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["generators", "mergeKeys"]))]
pub struct MergeGenerator {
    /// Generators; later ones win.
    pub generators: Vec<ApplicationSetNestedGenerator>,
    /// Parameters that must be equal.
    pub merge_keys: Vec<String>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
}

/// A merge inside a matrix or a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["generators", "mergeKeys"]))]
pub struct NestedMergeGenerator {
    /// Generators, neither matrix nor merge.
    pub generators: Vec<ApplicationSetNestedGenerator>,
    /// Parameters that must be equal.
    pub merge_keys: Vec<String>,
}

/// Registered clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterGenerator {
    /// Clusters by label. The cluster that the agent runs in counts only where nothing is selected.
    #[serde(skip_serializing_if = "LabelSelector::is_everything")]
    pub selector: LabelSelector,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// More parameters, as `values.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// One set of parameters with all clusters in it.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub flat_list: bool,
}

/// Clusters that another object's status lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["configMapRef"]))]
pub struct DuckTypeGenerator {
    /// ConfigMap that says which kind of object.
    pub config_map_ref: String,
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How often to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Objects by label.
    #[serde(skip_serializing_if = "LabelSelector::is_everything")]
    pub label_selector: LabelSelector,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// More parameters, as `values.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// Folders or files of a Git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["repoURL", "revision"]))]
pub struct GitGenerator {
    /// URL of the repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Folders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<GitDirectoryGeneratorItem>,
    /// YAML or JSON files, whose fields become parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<GitFileGeneratorItem>,
    /// Branch, tag or commit.
    pub revision: String,
    /// How often to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// Put before the names of the path's parameters, so that two generators can be combined.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_param_prefix: String,
    /// More parameters, as `values.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// Some folders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["path"]))]
pub struct GitDirectoryGeneratorItem {
    /// Glob of paths.
    pub path: String,
    /// Leave these out.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub exclude: bool,
}

/// Some files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["path"]))]
pub struct GitFileGeneratorItem {
    /// Glob of paths.
    pub path: String,
    /// Leave these out.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub exclude: bool,
}

/// Folders or files of an OCI artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["repoURL", "revision"]))]
pub struct OciGenerator {
    /// URL of the artifact.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Folders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<OciDirectoryGeneratorItem>,
    /// YAML or JSON files, whose fields become parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<OciFileGeneratorItem>,
    /// Tag, digest or semver range.
    pub revision: String,
    /// How often to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// Put before the names of the path's parameters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_param_prefix: String,
    /// More parameters, as `values.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// Some folders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["path"]))]
pub struct OciDirectoryGeneratorItem {
    /// Glob of paths.
    pub path: String,
    /// Leave these out.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub exclude: bool,
}

/// Some files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["path"]))]
pub struct OciFileGeneratorItem {
    /// Glob of paths.
    pub path: String,
    /// Leave these out.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub exclude: bool,
}

/// An HTTP service that gives parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["configMapRef"]))]
pub struct PluginGenerator {
    /// ConfigMap with the service's URL and token.
    pub config_map_ref: PluginConfigMapRef,
    /// What the service is given.
    #[serde(skip_serializing_if = "PluginInput::is_empty")]
    pub input: PluginInput,
    /// How often to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// More parameters, as `values.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// A ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name"]))]
pub struct PluginConfigMapRef {
    /// Its name.
    pub name: String,
}

/// What a plugin is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PluginInput {
    /// Parameters, of any shape.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Any>,
}

impl PluginInput {
    /// True where nothing is given.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }
}

impl ApplicationSetNestedGenerator {
    /// The matrix in here, typed; none where there is none.
    pub fn nested_matrix(&self) -> Result<Option<NestedMatrixGenerator>, serde_json::Error> {
        self.matrix.as_ref().map(|matrix| serde_json::from_value(matrix.0.clone())).transpose()
    }

    /// The merge in here, typed; none where there is none.
    pub fn nested_merge(&self) -> Result<Option<NestedMergeGenerator>, serde_json::Error> {
        self.merge.as_ref().map(|merge| serde_json::from_value(merge.0.clone())).transpose()
    }
}
