//! The kinds that the provider writes.

use bridgehead_api::ObjectKey;
use bridgehead_kubernetes::Resource;
use serde_json::Value;

/// A kind of object that a resource declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Application.
    Application,
    /// AppProject.
    Project,
    /// Secret.
    Secret,
}

impl Kind {
    /// The kind as a manifest has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Project => "AppProject",
            Self::Secret => "Secret",
        }
    }

    /// Where its objects are.
    pub(crate) fn resource(self) -> Resource {
        match self {
            Self::Application => {
                Resource::known(bridgehead_api::API_VERSION, "Application", "applications", true)
            }
            Self::Project => Resource::known(bridgehead_api::API_VERSION, "AppProject", "appprojects", true),
            Self::Secret => Resource::known("v1", "Secret", "secrets", true),
        }
    }

    /// The CRD that serves it, if one does.
    pub(crate) fn definition(self) -> Option<&'static str> {
        match self {
            Self::Application => Some("applications.argoproj.io"),
            Self::Project => Some("appprojects.argoproj.io"),
            Self::Secret => None,
        }
    }

    /// One object.
    pub(crate) fn key(self, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(self.resource().gvk.group_kind, namespace, name)
    }
}

/// API version, kind, plural and whether it is namespaced, of what an installation consists of.
const INSTALLED: &[(&str, &str, &str, bool)] = &[
    ("v1", "Namespace", "namespaces", false),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("v1", "Service", "services", true),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Pod", "pods", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("argoproj.io/v1alpha1", "Application", "applications", true),
    ("argoproj.io/v1alpha1", "AppProject", "appprojects", true),
    ("argoproj.io/v1alpha1", "ApplicationSet", "applicationsets", true),
];

/// The resource of an object of an installation.
pub(crate) fn resource_of(object: &Value) -> Option<Resource> {
    let (version, kind) = (object.get("apiVersion")?.as_str()?, object.get("kind")?.as_str()?);
    INSTALLED
        .iter()
        .find(|known| known.0 == version && known.1 == kind)
        .map(|(version, kind, plural, namespaced)| Resource::known(version, kind, plural, *namespaced))
}

#[cfg(test)]
mod tests {
    use bridgehead_install::{InstallOptions, install};

    use super::*;

    #[test]
    fn every_object_of_an_installation_has_its_resource() {
        let options = InstallOptions { replicas: 2, ..InstallOptions::default() };
        for object in install(&options).unwrap().into_objects() {
            assert!(resource_of(&object).is_some(), "{} {}", object["apiVersion"], object["kind"]);
        }
    }
}
