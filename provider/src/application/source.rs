//! Where manifests come from, and how the tool that renders them is told to.

use std::collections::BTreeMap;

use tfplug::prelude::*;

/// One place that manifests come from: a folder of a Git repository, a chart of a Helm repository, or an OCI
/// artifact.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Source {
    /// URL of the Git repository, Helm repository or OCI artifact.
    #[attr(check = tfplug::check::not_empty)]
    pub repo_url: String,
    /// Folder inside the repository or artifact.
    pub path: Option<String>,
    /// Branch, tag, commit, or semver range of tags or chart versions.
    pub target_revision: Option<String>,
    /// Name of the chart in a Helm repository.
    pub chart: Option<String>,
    /// Name under which value files of other sources refer to this one, as `$name/path`.
    pub r#ref: Option<String>,
    /// Name shown for this source where there are several.
    pub name: Option<String>,
    /// Only tags with this prefix count, and it is cut off before versions are compared.
    pub tag_prefix: Option<String>,
    /// What Helm is told.
    pub helm: Option<Helm>,
    /// What Kustomize is told.
    pub kustomize: Option<Kustomize>,
    /// How plain files and Jsonnet are read.
    pub directory: Option<Directory>,
    /// Which config management plugin renders, and with what.
    pub plugin: Option<Plugin>,
}

/// Options of a source that Helm renders.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Helm {
    /// Value files, relative to the source's path, or `$ref/path` in another source.
    pub value_files: Option<Vec<String>>,
    /// Values set one by one, as `helm --set` does.
    pub parameters: Option<Vec<HelmParameter>>,
    /// Values that are a file's content, as `helm --set-file` does.
    pub file_parameters: Option<Vec<HelmFileParameter>>,
    /// Release name; the application's name if absent.
    pub release_name: Option<String>,
    /// Values as YAML text, for example by `yamlencode`. `values_object` wins over it.
    pub values: Option<String>,
    /// Values as JSON text of an object, by `jsonencode`. Kept as an object in the application.
    pub values_object: Option<Json>,
    /// Helm's major version; for old manifests.
    pub version: Option<String>,
    /// Hand the repository's credentials to every host that the chart refers to.
    pub pass_credentials: Option<bool>,
    /// Leave out value files that do not exist.
    pub ignore_missing_value_files: Option<bool>,
    /// Leave out the chart's `crds` folder.
    pub skip_crds: Option<bool>,
    /// Leave out the chart's test hooks.
    pub skip_tests: Option<bool>,
    /// Do not check values against the chart's schema.
    pub skip_schema_validation: Option<bool>,
    /// Namespace that templates see; the destination's if absent.
    pub namespace: Option<String>,
    /// Kubernetes version that templates see; the destination's if absent.
    pub kube_version: Option<String>,
    /// API versions that templates see; the destination's if absent.
    pub api_versions: Option<Vec<String>>,
}

/// One value, set by its path.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct HelmParameter {
    /// Path of the value, as in `image.tag`.
    pub name: String,
    /// Its text.
    pub value: Option<String>,
    /// Keep the text a string even where it looks like a number or a boolean.
    pub force_string: Option<bool>,
}

/// One value that is a file's content.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct HelmFileParameter {
    /// Path of the value.
    pub name: String,
    /// Path of the file, relative to the source's path.
    pub path: String,
}

/// Options of a source that Kustomize renders.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Kustomize {
    /// Put before every name.
    pub name_prefix: Option<String>,
    /// Put after every name.
    pub name_suffix: Option<String>,
    /// Image overrides, as `old=new:tag`, `name:tag` or `name@digest`.
    pub images: Option<Vec<String>>,
    /// Replica counts by workload name.
    pub replicas: Option<Vec<KustomizeReplica>>,
    /// Patches on top of the kustomization's own.
    pub patches: Option<Vec<KustomizePatch>>,
    /// Components added to the kustomization.
    pub components: Option<Vec<String>>,
    /// Leave out components whose folder does not exist.
    pub ignore_missing_components: Option<bool>,
    /// Labels added to every object.
    pub common_labels: Option<BTreeMap<String, String>>,
    /// Annotations added to every object.
    pub common_annotations: Option<BTreeMap<String, String>>,
    /// Overwrite labels that are there already.
    pub force_common_labels: Option<bool>,
    /// Overwrite annotations that are there already.
    pub force_common_annotations: Option<bool>,
    /// Replace `$ARGOCD_APP_…` in annotation values.
    pub common_annotations_envsubst: Option<bool>,
    /// Add common labels without touching selectors.
    pub label_without_selector: Option<bool>,
    /// With `label_without_selector`, label pod templates too.
    pub label_include_templates: Option<bool>,
    /// Namespace set on every object.
    pub namespace: Option<String>,
    /// Kustomize version to use, of those that are configured.
    pub version: Option<String>,
    /// Kubernetes version for inflated charts; the destination's if absent.
    pub kube_version: Option<String>,
    /// API versions for inflated charts; the destination's if absent.
    pub api_versions: Option<Vec<String>>,
}

/// Replica count of the workloads with one name.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct KustomizeReplica {
    /// Name of the Deployment, StatefulSet or other workload.
    pub name: String,
    /// How many; a number, or text.
    pub count: String,
}

/// One patch: inline or from a file, on the objects that the target names.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct KustomizePatch {
    /// File that holds the patch.
    pub path: Option<String>,
    /// The patch itself.
    pub patch: Option<String>,
    /// Objects to patch.
    pub target: Option<KustomizeSelector>,
    /// Kustomize's own switches, such as `allowNameChange`.
    pub options: Option<BTreeMap<String, bool>>,
}

/// Chooses objects; every field given must match.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct KustomizeSelector {
    /// API group.
    pub group: Option<String>,
    /// API version.
    pub version: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Selector over annotations.
    pub annotation_selector: Option<String>,
    /// Selector over labels.
    pub label_selector: Option<String>,
}

/// How plain YAML, JSON and Jsonnet files are read.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Directory {
    /// Read subfolders too.
    pub recurse: Option<bool>,
    /// Glob of paths to leave out.
    pub exclude: Option<String>,
    /// Glob of the only paths to read.
    pub include: Option<String>,
    /// Options for Jsonnet files.
    pub jsonnet: Option<Jsonnet>,
}

/// Options for Jsonnet files.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Jsonnet {
    /// External variables.
    pub ext_vars: Option<Vec<JsonnetVariable>>,
    /// Top-level arguments.
    pub tlas: Option<Vec<JsonnetVariable>>,
    /// Library folders.
    pub libs: Option<Vec<String>>,
}

/// One Jsonnet variable.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct JsonnetVariable {
    /// Name.
    pub name: String,
    /// Text, or Jsonnet where `code` is set.
    pub value: String,
    /// The value is Jsonnet code.
    pub code: Option<bool>,
}

/// A config management plugin and what it is given.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Plugin {
    /// Name of the plugin; found by its own discovery if absent.
    pub name: Option<String>,
    /// Environment entries; the plugin sees them as `ARGOCD_ENV_…`.
    pub env: Option<Vec<EnvironmentEntry>>,
    /// Parameters.
    pub parameters: Option<Vec<PluginParameter>>,
}

/// One environment entry.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct EnvironmentEntry {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// One parameter of a plugin: a text, a list or a map.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct PluginParameter {
    /// Name.
    pub name: String,
    /// Value of a text parameter.
    pub string: Option<String>,
    /// Value of a list parameter.
    pub array: Option<Vec<String>>,
    /// Value of a map parameter.
    pub map: Option<BTreeMap<String, String>>,
}

/// Renders one source into a branch that is then synced from.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct SourceHydrator {
    /// Where the unrendered manifests are.
    pub dry_source: DrySource,
    /// Where the rendered manifests go, and are synced from.
    pub sync_source: SyncSource,
    /// A staging branch for the rendered manifests.
    pub hydrate_to: Option<HydrateTo>,
}

/// The unrendered source of a hydrator.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct DrySource {
    /// URL of the Git repository.
    pub repo_url: String,
    /// Branch, tag or commit.
    pub target_revision: String,
    /// Folder inside the repository.
    pub path: String,
    /// What Helm is told.
    pub helm: Option<Helm>,
    /// What Kustomize is told.
    pub kustomize: Option<Kustomize>,
    /// How plain files and Jsonnet are read.
    pub directory: Option<Directory>,
    /// Which config management plugin renders.
    pub plugin: Option<Plugin>,
}

/// The rendered side of a hydrator.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct SyncSource {
    /// Branch to sync from.
    pub target_branch: String,
    /// Folder inside the repository; not its root.
    pub path: String,
    /// URL of the Git repository; the dry source's if absent.
    pub repo_url: Option<String>,
}

/// Where a hydrator stages.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct HydrateTo {
    /// Branch that the rendered manifests are pushed to.
    pub target_branch: String,
}
