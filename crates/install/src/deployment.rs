//! The Deployment that runs the agent.

use serde_json::{Value, json};

use crate::{CACHE_PATH, InstallOptions, METRICS_PORT, NAME, metadata};

/// Lifetime of the agent's token in seconds; the kubelet renews it after four fifths.
const TOKEN_SECONDS: u32 = 3600;
/// Neither root nor a user that a node is likely to have.
const USER: u32 = 65532;
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(crate) fn deployment(options: &InstallOptions) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata::in_namespace(options, &options.namespace),
        "spec": {
            "replicas": options.replicas,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": metadata::selector()},
            // The next Pod reads the cluster while the last one works, and takes over its Lease.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": metadata::pod(options), "spec": pod(options)},
        },
    })
}

fn pod(options: &InstallOptions) -> Value {
    let mut node_selector = options.node_selector.clone();
    node_selector.entry("kubernetes.io/os".to_owned()).or_insert_with(|| "linux".to_owned());
    let mut pod = json!({
        "serviceAccountName": NAME,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 30,
        "nodeSelector": node_selector,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container(options)],
        "volumes": [
            {"name": "cache", "emptyDir": {"sizeLimit": options.cache_size}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
            token_volume(),
        ],
    });
    let mut set = |field: &str, value: Value| pod[field] = value;
    if !options.image_pull_secrets.is_empty() {
        let secrets: Vec<Value> =
            options.image_pull_secrets.iter().map(|name| json!({"name": name})).collect();
        set("imagePullSecrets", secrets.into());
    }
    if !options.tolerations.is_empty() {
        set("tolerations", options.tolerations.clone().into());
    }
    if let Some(affinity) = &options.affinity {
        set("affinity", affinity.clone());
    }
    if let Some(class) = &options.priority_class_name {
        set("priorityClassName", class.as_str().into());
    }
    let spread = spread(options);
    if !spread.is_empty() {
        set("topologySpreadConstraints", spread.into());
    }
    pod
}

fn spread(options: &InstallOptions) -> Vec<Value> {
    if !options.topology_spread_constraints.is_empty() || options.replicas < 2 {
        return options.topology_spread_constraints.clone();
    }
    vec![json!({
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": metadata::selector()},
    })]
}

fn container(options: &InstallOptions) -> Value {
    let mut container = json!({
        "name": "agent",
        "image": options.image,
        "args": arguments(options),
        "env": environment(options),
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}],
        "livenessProbe": probe("/healthz", 10, 6),
        "readinessProbe": probe("/readyz", 5, 3),
        "resources": resources(options),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "cache", "mountPath": CACHE_PATH},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "token", "mountPath": TOKEN_PATH, "readOnly": true},
        ],
    });
    if let Some(policy) = &options.image_pull_policy {
        container["imagePullPolicy"] = policy.as_str().into();
    }
    container
}

fn probe(path: &str, period: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

fn resources(options: &InstallOptions) -> Value {
    let mut resources = json!({});
    for (field, quantities) in
        [("requests", &options.resources.requests), ("limits", &options.resources.limits)]
    {
        if !quantities.is_empty() {
            resources[field] = json!(quantities);
        }
    }
    resources
}

fn arguments(options: &InstallOptions) -> Vec<String> {
    let agent = &options.agent;
    let mut arguments = vec![
        "agent".to_owned(),
        format!("--namespace={}", options.namespace),
        format!("--metrics-address=0.0.0.0:{METRICS_PORT}"),
        format!("--cache-dir={CACHE_PATH}"),
        "--leader-elect=true".to_owned(),
        format!("--log-format={}", agent.log_format.as_str()),
        format!("--log-level={}", agent.log_level.as_str()),
    ];
    if agent.observe {
        arguments.push("--observe".to_owned());
    }
    arguments.extend(agent.takeover.map(|engine| format!("--takeover={}", engine.as_str())));
    arguments.extend(agent.poll_interval.as_ref().map(|interval| format!("--poll-interval={interval}")));
    arguments.extend(agent.concurrency.map(|count| format!("--concurrency={count}")));
    arguments.extend(agent.extra.iter().cloned());
    arguments
}

fn environment(options: &InstallOptions) -> Vec<Value> {
    // Names the holder of the Lease and the source of events.
    let mut environment =
        vec![json!({"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})];
    let more = options.environment.iter().filter(|(name, _)| *name != "POD_NAME");
    environment.extend(more.map(|(name, value)| json!({"name": name, "value": value})));
    environment
}

/// What a mounted ServiceAccount token usually comes with, with a lifetime of our choice.
fn token_volume() -> Value {
    json!({"name": "token", "projected": {"defaultMode": 0o440, "sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]}})
}
