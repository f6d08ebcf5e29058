//! Kinds and the groups that they are in.

/// Kinds of `argoproj.io/v1alpha1` that belong to Argo's other projects.
pub(super) const OTHER_ARGO_KINDS: &[&str] = &[
    "Workflow",
    "WorkflowTemplate",
    "ClusterWorkflowTemplate",
    "CronWorkflow",
    "WorkflowEventBinding",
    "WorkflowTaskSet",
    "WorkflowTaskResult",
    "WorkflowArtifactGCTask",
    "Rollout",
    "AnalysisTemplate",
    "ClusterAnalysisTemplate",
    "AnalysisRun",
    "Experiment",
    "EventSource",
    "EventBus",
    "Sensor",
    "ArgoCD",
    "ArgoCDExport",
    "NotificationsConfiguration",
    "ImageUpdater",
];

const GROUPS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("apps", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("batch", &["CronJob", "Job"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("networking.k8s.io", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("policy", &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("storage.k8s.io", &["CSIDriver", "StorageClass", "VolumeAttachment"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("admissionregistration.k8s.io", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
];

/// For a kind of Kubernetes' own with a group that it is not in: the group that it is in. Globs are left alone.
pub(super) fn right_group(group: &str, kind: &str) -> Option<&'static str> {
    let right = GROUPS.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(right, _)| *right)?;
    // Knative has a Service too, Cilium and others reuse names: only the empty group and known groups are wrong.
    let is_known = GROUPS.iter().any(|(known, _)| *known == group) || group == "extensions";
    (right != group && is_known && !group.contains(['*', '?', '[', '{'])).then_some(right)
}
