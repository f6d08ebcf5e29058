//! What the API server serves: the kinds of Kubernetes that scenarios use, Argo CD's, and those that
//! CustomResourceDefinitions add.

use std::collections::BTreeMap;

use bridgehead_api::{GroupKind, GroupVersionKind};
use serde_json::Value;

/// A kind that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Group, version and kind.
    pub gvk: GroupVersionKind,
    /// Its name in URLs.
    pub plural: String,
    /// True if its objects live in namespaces.
    pub is_namespaced: bool,
    /// True if `status` is written through a subresource of its own.
    pub has_status_subresource: bool,
    /// True if changes are counted in `metadata.generation`.
    pub has_generation: bool,
    /// True for kinds that the API server is compiled with: they know strategic merge patches.
    pub is_built_in: bool,
}

/// `apiVersion`, kind, plural, namespaced, status subresource, generation.
type Row = (&'static str, &'static str, &'static str, bool, bool, bool);

const BUILT_IN: &[Row] = &[
    ("v1", "Namespace", "namespaces", false, true, false),
    ("v1", "ConfigMap", "configmaps", true, false, false),
    ("v1", "Secret", "secrets", true, false, false),
    ("v1", "Service", "services", true, true, false),
    ("v1", "ServiceAccount", "serviceaccounts", true, false, false),
    ("v1", "Pod", "pods", true, true, false),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, true, false),
    ("apps/v1", "Deployment", "deployments", true, true, true),
    ("apps/v1", "StatefulSet", "statefulsets", true, true, true),
    ("apps/v1", "DaemonSet", "daemonsets", true, true, true),
    ("apps/v1", "ReplicaSet", "replicasets", true, true, true),
    ("batch/v1", "Job", "jobs", true, true, true),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true, false, false),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false, false, false),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false, true, true),
];

/// Custom kinds that are there from the start. Without a status subresource every change but one of the
/// metadata is counted.
const ARGO_CD: &[Row] = &[
    ("argoproj.io/v1alpha1", "Application", "applications", true, false, true),
    ("argoproj.io/v1alpha1", "AppProject", "appprojects", true, false, true),
    ("argoproj.io/v1alpha1", "ApplicationSet", "applicationsets", true, true, true),
];

/// The kinds at the start.
pub fn initial() -> BTreeMap<GroupKind, Kind> {
    let rows = BUILT_IN.iter().map(|row| (row, true)).chain(ARGO_CD.iter().map(|row| (row, false)));
    rows.map(|((api_version, kind, plural, is_namespaced, status, generation), is_built_in)| {
        let gvk = GroupVersionKind::parse(api_version, kind);
        let kind = Kind {
            gvk: gvk.clone(),
            plural: (*plural).to_owned(),
            is_namespaced: *is_namespaced,
            has_status_subresource: *status,
            has_generation: *generation,
            is_built_in,
        };
        (gvk.group_kind, kind)
    })
    .collect()
}

/// The kind that a CustomResourceDefinition adds.
pub fn defined_by(definition: &Value) -> Option<Kind> {
    let spec = definition.get("spec")?;
    let names = spec.get("names")?;
    let version = spec.get("versions")?.as_array()?.first()?;
    Some(Kind {
        gvk: GroupVersionKind {
            group_kind: GroupKind::new(spec.get("group")?.as_str()?, names.get("kind")?.as_str()?),
            version: version.get("name")?.as_str()?.into(),
        },
        plural: names.get("plural")?.as_str()?.to_owned(),
        is_namespaced: spec.get("scope")?.as_str()? == "Namespaced",
        has_status_subresource: version.pointer("/subresources/status").is_some(),
        has_generation: true,
        is_built_in: false,
    })
}
