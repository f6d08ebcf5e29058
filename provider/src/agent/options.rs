//! The model as options of an installation.

use std::collections::BTreeMap;

use bridgehead_install::{
    AgentArguments, DEFAULT_IMAGE, InstallOptions, Installation, LogLevel, NAME, PodSecurity, Resources,
    Takeover, install,
};
use serde_json::{Value, json};
use tfplug::prelude::*;

use super::Agent;

fn map(map: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    map.cloned().unwrap_or_default()
}

/// What an agent consists of. The state that is left of one suffices.
pub(super) fn installation(agent: &Agent<Partial>) -> Result<Installation, Diagnostics> {
    Ok(install(&options(agent))?)
}

fn options(agent: &Agent<Partial>) -> InstallOptions {
    let resources = agent.resources.as_ref().map_or_else(Resources::default, |given| {
        let usual = Resources::default();
        Resources {
            requests: given.requests.clone().unwrap_or(usual.requests),
            limits: given.limits.clone().unwrap_or(usual.limits),
        }
    });
    InstallOptions {
        namespace: agent.namespace.clone(),
        create_namespace: true,
        pod_security: Some(match agent.pod_security.as_str() {
            "privileged" => PodSecurity::Privileged,
            "baseline" => PodSecurity::Baseline,
            _ => PodSecurity::Restricted,
        }),
        image: agent.image.clone().unwrap_or_else(|| DEFAULT_IMAGE.to_owned()),
        image_pull_policy: agent.image_pull_policy.clone(),
        image_pull_secrets: agent.image_pull_secrets.clone().unwrap_or_default(),
        replicas: u32::try_from(agent.replicas).unwrap_or(1),
        resources,
        cache_size: agent.cache_size.clone(),
        node_selector: map(agent.node_selector.as_ref()),
        tolerations: agent.tolerations.iter().flatten().map(toleration).collect(),
        affinity: agent.affinity.as_ref().map(|affinity| affinity.data().clone()),
        topology_spread_constraints: agent.topology_spread.iter().flatten().map(spread).collect(),
        priority_class_name: agent.priority_class_name.clone(),
        labels: map(agent.labels.as_ref()),
        annotations: map(agent.annotations.as_ref()),
        service_account_annotations: map(agent.service_account_annotations.as_ref()),
        pod_labels: map(agent.pod_labels.as_ref()),
        pod_annotations: map(agent.pod_annotations.as_ref()),
        environment: map(agent.environment.as_ref()),
        network_policy: agent.network_policy,
        agent: AgentArguments {
            observe: agent.observe,
            takeover: agent.takeover.as_ref().map(|_| Takeover::ArgoCd),
            log_level: match agent.log_level.as_str() {
                "error" => LogLevel::Error,
                "warn" => LogLevel::Warn,
                "debug" => LogLevel::Debug,
                "trace" => LogLevel::Trace,
                _ => LogLevel::Info,
            },
            poll_interval: agent.poll_interval.as_ref().map(|span| format!("{}s", span.duration().as_secs())),
            concurrency: agent.concurrency.and_then(|number| u32::try_from(number).ok()),
            extra: agent.extra_arguments.clone().unwrap_or_default(),
            ..AgentArguments::default()
        },
    }
}

fn toleration(toleration: &super::model::Toleration) -> Value {
    let mut object = json!({});
    let texts = [
        ("key", &toleration.key),
        ("operator", &toleration.operator),
        ("value", &toleration.value),
        ("effect", &toleration.effect),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            object[field] = json!(text);
        }
    }
    if let Some(seconds) = toleration.toleration_seconds {
        object["tolerationSeconds"] = json!(seconds);
    }
    object
}

fn spread(spread: &super::model::TopologySpread) -> Value {
    json!({
        "maxSkew": spread.max_skew,
        "topologyKey": spread.topology_key,
        "whenUnsatisfiable": spread.when_unsatisfiable,
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
    })
}
