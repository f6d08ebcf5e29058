//! Who reaches the agent, and how many of its Pods may go at once.

use serde_json::{Value, json};

use crate::{InstallOptions, METRICS_PORT, metadata};

pub(crate) fn objects(options: &InstallOptions) -> Vec<Value> {
    let metadata = metadata::in_namespace(options, &options.namespace);
    let selector = metadata::selector();
    let mut objects = Vec::new();
    if options.network_policy {
        objects.push(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": {
                "podSelector": {"matchLabels": selector},
                "policyTypes": ["Ingress", "Egress"],
                // Metrics and probes, from anywhere: a scraper's namespace isn't known here.
                "ingress": [{"ports": [{"port": METRICS_PORT, "protocol": "TCP"}]}],
                // Git servers and API servers can be anywhere.
                "egress": [{}],
            },
        }));
    }
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "selector": selector,
            "ports": [{"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"}],
        },
    }));
    // Of a single replica, at most one gone at once: a node can be drained, and the next Pod takes over.
    objects.push(json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }));
    objects
}
