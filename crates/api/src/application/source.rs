//! Where manifests come from, and how the tool that renders them is told to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{IntOrString, Object};

/// One place that manifests come from: a folder of a Git repository, a chart of a Helm repository, or an OCI
/// artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["repoURL"]))]
pub struct ApplicationSource {
    /// URL of the Git repository, Helm repository or OCI artifact.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Folder inside the Git repository or OCI artifact. Not used with `chart`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Branch, tag, commit, or semver range of tags or chart versions. Empty means the default branch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
    /// What Helm is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<ApplicationSourceHelm>,
    /// What Kustomize is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<ApplicationSourceKustomize>,
    /// How plain files and Jsonnet are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<ApplicationSourceDirectory>,
    /// Which config management plugin renders, and with what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<ApplicationSourcePlugin>,
    /// Name of the chart in a Helm repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chart: String,
    /// Name under which value files of other sources refer to this one, as `$name/path`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#ref: String,
    /// Name shown for this source where there are several.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Only tags with this prefix count, and it is cut off before versions are compared.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag_prefix: String,
}

/// Options of a source that Helm renders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceHelm {
    /// Value files, relative to the source's path, or `$ref/path` in another source. Globs are allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub value_files: Vec<String>,
    /// Values set one by one, as `helm --set` does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<HelmParameter>,
    /// Release name; the application's name where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_name: String,
    /// Values as a block of YAML text. `valuesObject` wins over it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub values: String,
    /// Values whose text is a file's content, as `helm --set-file` does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_parameters: Vec<HelmFileParameter>,
    /// Helm's major version; kept for old manifests.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Hand the repository's credentials to every host that the chart refers to.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub pass_credentials: bool,
    /// Leave out value files that do not exist.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub ignore_missing_value_files: bool,
    /// Leave out the chart's `crds` folder.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub skip_crds: bool,
    /// Values as an object. Wins over `values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_object: Option<Object>,
    /// Namespace that templates see; the destination's where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Kubernetes version that templates see; the destination's where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// API versions that templates see; the destination's where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_versions: Vec<String>,
    /// Leave out the chart's test hooks.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub skip_tests: bool,
    /// Do not check values against the chart's schema.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub skip_schema_validation: bool,
}

/// One value, set by its path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HelmParameter {
    /// Path of the value, as in `image.tag`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Keep the text a string even where it looks like a number or a boolean.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub force_string: bool,
}

/// One value that is a file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HelmFileParameter {
    /// Path of the value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Path of the file, relative to the source's path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// Options of a source that Kustomize renders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceKustomize {
    /// Put before every name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name_prefix: String,
    /// Put after every name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name_suffix: String,
    /// Image overrides, as `old=new:tag`, `name:tag` or `name@digest`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Labels added to every object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub common_labels: BTreeMap<String, String>,
    /// Kustomize version to use, of those that are configured.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Annotations added to every object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub common_annotations: BTreeMap<String, String>,
    /// Overwrite labels that are there already.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub force_common_labels: bool,
    /// Overwrite annotations that are there already.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub force_common_annotations: bool,
    /// Namespace set on every object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Replace `$ARGOCD_APP_…` in annotation values.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub common_annotations_envsubst: bool,
    /// Replica counts by workload name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<KustomizeReplica>,
    /// Patches on top of the kustomization's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<KustomizePatch>,
    /// Components added to the kustomization.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Leave out components whose folder does not exist.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub ignore_missing_components: bool,
    /// Add common labels without touching selectors.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub label_without_selector: bool,
    /// Kubernetes version for inflated charts; the destination's where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// API versions for inflated charts; the destination's where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_versions: Vec<String>,
    /// With `labelWithoutSelector`, label pod templates too.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub label_include_templates: bool,
}

/// Replica count of the workloads with one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name", "count"]))]
pub struct KustomizeReplica {
    /// Name of the Deployment, StatefulSet or other workload.
    pub name: String,
    /// How many.
    pub count: IntOrString,
}

/// One patch: inline or from a file, on the objects that the selector names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct KustomizePatch {
    /// File that holds the patch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The patch itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub patch: String,
    /// Objects to patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<KustomizeSelector>,
    /// Kustomize's own switches, such as `allowNameChange`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, bool>,
}

/// Chooses objects; every field given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct KustomizeSelector {
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// API version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Name, a regular expression.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace, a regular expression.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Selector over annotations.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub annotation_selector: String,
    /// Selector over labels.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label_selector: String,
}

/// How plain YAML, JSON and Jsonnet files are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceDirectory {
    /// Read subfolders too.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub recurse: bool,
    /// Options for Jsonnet files.
    #[serde(skip_serializing_if = "ApplicationSourceJsonnet::is_default")]
    pub jsonnet: ApplicationSourceJsonnet,
    /// Glob of paths to leave out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exclude: String,
    /// Glob of the only paths to read.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub include: String,
    /// Read every included file, whatever its extension.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub disable_extension_filter: bool,
}

/// Options for Jsonnet files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceJsonnet {
    /// External variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ext_vars: Vec<JsonnetVar>,
    /// Top-level arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tlas: Vec<JsonnetVar>,
    /// Library folders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libs: Vec<String>,
}

/// One Jsonnet variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name", "value"]))]
pub struct JsonnetVar {
    /// Name.
    pub name: String,
    /// Text, or Jsonnet where `code` is set.
    pub value: String,
    /// The value is Jsonnet code.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub code: bool,
}

/// A config management plugin and what it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourcePlugin {
    /// Name of the plugin; found by its own discovery where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Environment entries; the plugin sees them as `ARGOCD_ENV_…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvEntry>,
    /// Parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ApplicationSourcePluginParameter>,
}

/// One environment entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["name", "value"]))]
pub struct EnvEntry {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// One parameter of a plugin: a text, a list or a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourcePluginParameter {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Value of a text parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// Value of a map parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, String>>,
    /// Value of a list parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<Vec<String>>,
}

/// Renders one source into a branch that is then synced from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["drySource", "syncSource"]))]
pub struct SourceHydrator {
    /// Where the unrendered manifests are.
    pub dry_source: DrySource,
    /// Where the rendered manifests go, and are synced from.
    pub sync_source: SyncSource,
    /// A staging branch for the rendered manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hydrate_to: Option<HydrateTo>,
}

/// The unrendered source of a hydrator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["repoURL", "targetRevision", "path"]))]
pub struct DrySource {
    /// URL of the Git repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Branch, tag or commit.
    pub target_revision: String,
    /// Folder inside the repository.
    pub path: String,
    /// What Helm is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<ApplicationSourceHelm>,
    /// What Kustomize is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<ApplicationSourceKustomize>,
    /// How plain files and Jsonnet are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<ApplicationSourceDirectory>,
    /// Which config management plugin renders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<ApplicationSourcePlugin>,
}

/// The rendered side of a hydrator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["targetBranch", "path"]))]
pub struct SyncSource {
    /// Branch to sync from.
    pub target_branch: String,
    /// Folder inside the repository; not its root.
    #[schemars(length(min = 1))]
    #[schemars(regex(pattern = r"^.{2,}|[^./]$"))]
    pub path: String,
    /// URL of the Git repository; the dry source's where empty.
    #[serde(rename = "repoURL", skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
}

/// Where a hydrator stages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["targetBranch"]))]
pub struct HydrateTo {
    /// Branch that the rendered manifests are pushed to.
    pub target_branch: String,
}

impl ApplicationSourceJsonnet {
    /// True where no option is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl ApplicationSource {
    /// True for a chart of a Helm repository.
    pub fn is_helm_chart(&self) -> bool {
        !self.chart.is_empty()
    }

    /// True for an OCI artifact, by the URL's scheme.
    pub fn is_oci(&self) -> bool {
        self.repo_url.starts_with("oci://")
    }

    /// True for a source that only lends its files to the value files of others.
    pub fn is_ref_only(&self) -> bool {
        !self.r#ref.is_empty() && self.path.is_empty() && self.chart.is_empty()
    }
}
