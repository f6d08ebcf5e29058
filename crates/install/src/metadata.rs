//! Labels, annotations and names that the objects share.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{FIELD_MANAGER, InstallOptions, NAME};

/// The labels that choose the agent's Pods. They never change: a Deployment's selector is immutable.
pub(crate) fn selector() -> Value {
    json!({"app.kubernetes.io/name": NAME})
}

fn labels(extra: &[&BTreeMap<String, String>]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for more in extra {
        labels.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    for (name, value) in [
        ("app.kubernetes.io/name", NAME),
        ("app.kubernetes.io/component", "agent"),
        ("app.kubernetes.io/part-of", "argocd"),
        ("app.kubernetes.io/managed-by", FIELD_MANAGER),
    ] {
        labels.insert(name.to_owned(), value.to_owned());
    }
    labels
}

fn with_annotations(mut metadata: Value, annotations: &[&BTreeMap<String, String>]) -> Value {
    let all: BTreeMap<&String, &String> = annotations.iter().copied().flatten().collect();
    if !all.is_empty() {
        metadata["annotations"] = json!(all);
    }
    metadata
}

/// `metadata` of an object outside of namespaces.
pub(crate) fn cluster_scoped(options: &InstallOptions, name: &str) -> Value {
    let metadata = json!({"name": name, "labels": labels(&[&options.labels])});
    with_annotations(metadata, &[&options.annotations])
}

/// `metadata` of an object of the usual name in `namespace`.
pub(crate) fn in_namespace(options: &InstallOptions, namespace: &str) -> Value {
    let mut metadata = cluster_scoped(options, NAME);
    metadata["namespace"] = namespace.into();
    metadata
}

/// `metadata` of the agent's Pods.
pub(crate) fn pod(options: &InstallOptions) -> Value {
    let metadata = json!({"labels": labels(&[&options.labels, &options.pod_labels])});
    with_annotations(metadata, &[&options.annotations, &options.pod_annotations])
}

/// The agent's ServiceAccount. Its token is mounted by the Deployment, and by nothing else.
pub(crate) fn service_account(options: &InstallOptions) -> Value {
    let metadata = with_annotations(
        in_namespace(options, &options.namespace),
        &[&options.annotations, &options.service_account_annotations],
    );
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": false,
    })
}
