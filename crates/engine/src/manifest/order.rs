//! The order in which kinds are applied.

use std::cmp::Ordering;

use bridgehead_api::GroupKind;
use serde_json::Value;

use super::object::Manifest;

/// Kinds in the order in which they are applied; a kind that is not here comes last. What others refer to
/// comes first. Groups do not matter, as in Argo CD.
const ORDER: &[&str] = &[
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// Place of the kind in the order; the greatest for kinds that are not listed.
pub fn kind_order(group_kind: &GroupKind) -> usize {
    ORDER.iter().position(|kind| *kind == &*group_kind.kind).unwrap_or(ORDER.len())
}

/// Orders two kinds; by their names where neither is listed.
pub fn compare_kinds(left: &GroupKind, right: &GroupKind) -> Ordering {
    kind_order(left).cmp(&kind_order(right)).then_with(|| left.kind.cmp(&right.kind))
}

/// The kind that a CustomResourceDefinition defines.
pub fn defined_kind(manifest: &Manifest) -> Option<GroupKind> {
    if !manifest.is_crd() {
        return None;
    }
    let spec = manifest.value().get("spec")?;
    let kind = spec.pointer("/names/kind").and_then(Value::as_str)?;
    Some(GroupKind::new(spec.get("group").and_then(Value::as_str)?, kind))
}

/// Whether the kind that a CustomResourceDefinition defines lives in namespaces.
pub fn defined_scope_is_namespaced(manifest: &Manifest) -> Option<bool> {
    defined_kind(manifest)?;
    Some(manifest.value().pointer("/spec/scope").and_then(Value::as_str)? == "Namespaced")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first_and_unknown_kinds_last() {
        let mut kinds: Vec<GroupKind> =
            ["Zebra", "Ingress", "Deployment", "Apple", "ConfigMap", "Namespace", "CustomResourceDefinition"]
                .map(|kind| GroupKind::new("", kind))
                .into();
        kinds.sort_by(compare_kinds);
        let names: Vec<&str> = kinds.iter().map(|kind| &*kind.kind).collect();
        assert_eq!(
            names,
            ["Namespace", "ConfigMap", "CustomResourceDefinition", "Deployment", "Ingress", "Apple", "Zebra"]
        );
    }
}
