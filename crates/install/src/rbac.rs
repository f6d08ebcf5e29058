//! What the agent may do.
//!
//! In its own namespace it has what its own work needs, by a Role. Beyond that it has the whole cluster, by a
//! ClusterRole: Kubernetes lets nobody grant what they don't hold, so an agent that applies other people's
//! Roles holds everything itself.

use serde_json::{Value, json};

use crate::{InstallOptions, NAME, Takeover, metadata};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

pub(crate) fn rules(options: &InstallOptions) -> Vec<Value> {
    let mut objects = role_and_binding(options, &options.namespace, &own_rules(options));
    objects.extend(cluster_wide(options));
    objects
}

fn role_and_binding(options: &InstallOptions, namespace: &str, rules: &Value) -> Vec<Value> {
    let metadata = metadata::in_namespace(options, namespace);
    vec![
        json!({"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": rules}),
        json!({
            "apiVersion": RBAC,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
            "subjects": [subject(options)],
        }),
    ]
}

/// Objects outside of namespaces carry the namespace in their names: two agents can share a cluster.
fn cluster_wide(options: &InstallOptions) -> [Value; 2] {
    let name = format!("{NAME}-{}", options.namespace);
    let metadata = metadata::cluster_scoped(options, &name);
    let mut rules = everything();
    if let Some(rules) = rules.as_array_mut() {
        // Roles in Git may grant these as well.
        rules.push(json!({"nonResourceURLs": ["*"], "verbs": ["*"]}));
    }
    [
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": metadata, "rules": rules}),
        json!({
            "apiVersion": RBAC,
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [subject(options)],
        }),
    ]
}

fn subject(options: &InstallOptions) -> Value {
    json!({"kind": "ServiceAccount", "name": NAME, "namespace": options.namespace})
}

fn everything() -> Value {
    json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
}

fn own_rules(options: &InstallOptions) -> Value {
    let read = ["get", "list", "watch"];
    let mut rules = vec![
        // Status, operations and finalizers are fields of the object itself; only ApplicationSets have
        // a status of their own.
        json!({
            "apiGroups": ["argoproj.io"],
            "resources": [
                "applications", "applications/finalizers",
                "applicationsets", "applicationsets/finalizers", "applicationsets/status",
                "appprojects",
            ],
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        }),
        // Clusters, repositories and settings; `argocd-cm` and `argocd-secret` are created if absent.
        json!({
            "apiGroups": [""],
            "resources": ["configmaps", "secrets"],
            "verbs": ["create", "get", "list", "patch", "watch"],
        }),
        json!({"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}),
        json!({
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        }),
        // Is another engine alive?
        json!({"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": read}),
        json!({"apiGroups": [""], "resources": ["pods"], "verbs": read}),
    ];
    if options.agent.takeover == Some(Takeover::ArgoCd) {
        rules.push(json!({
            "apiGroups": ["apps"],
            "resources": ["deployments/scale", "statefulsets/scale"],
            "verbs": ["get", "patch", "update"],
        }));
    }
    json!(rules)
}
