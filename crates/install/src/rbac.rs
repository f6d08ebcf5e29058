//! What the agent may do.
//!
//! In its own namespace it always has what its own work needs. Beyond that it has what it is asked to
//! manage: the whole cluster, or some namespaces. Kubernetes lets nobody grant what they don't hold,
//! so an agent that applies other people's Roles holds everything itself.

use serde_json::{Value, json};

use crate::{InstallOptions, ManagedScope, NAME, Takeover, metadata};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

pub(crate) fn rules(options: &InstallOptions) -> Vec<Value> {
    let managed: &[String] = match &options.scope {
        ManagedScope::Cluster => &[],
        ManagedScope::Namespaces(namespaces) => namespaces,
    };
    let mut objects = Vec::new();
    // One Role of the usual name per namespace: the wide rules take in the narrow ones.
    if !managed.contains(&options.namespace) {
        objects.extend(role_and_binding(options, &options.namespace, &own_rules(options)));
    }
    for namespace in managed {
        objects.extend(role_and_binding(options, namespace, &everything()));
    }
    if managed.is_empty() {
        objects.extend(cluster_wide(options));
    } else {
        objects.push(in_cluster(options, managed));
    }
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

/// The cluster Secret that restricts the in-cluster destination to some namespaces, as Argo CD reads it.
fn in_cluster(options: &InstallOptions, managed: &[String]) -> Value {
    let mut metadata = metadata::in_namespace(options, &options.namespace);
    metadata["name"] = "bridgehead-in-cluster".into();
    metadata["labels"][bridgehead_api::annotations::SECRET_TYPE] =
        bridgehead_api::annotations::SECRET_TYPE_CLUSTER.into();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "stringData": {
            "name": "in-cluster",
            "server": "https://kubernetes.default.svc",
            "namespaces": managed.join(","),
            "clusterResources": "false",
            "config": "{}",
        },
    })
}
