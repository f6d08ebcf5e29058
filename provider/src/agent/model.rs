//! The model.

use std::collections::BTreeMap;

use tfplug::prelude::*;

use crate::connection::{OwnKubernetes, is_another_cluster};

/// The agent in a cluster, with the custom resource definitions, rights and policies that it needs.
///
/// It doesn't wait for the agent to be up: `bridgehead_application_wait` does, and a wait that fails there
/// recreates nothing. What was in the cluster before stays there when this is destroyed.
#[derive(Clone, Debug, tfplug::Model)]
#[allow(clippy::struct_field_names, reason = "attributes have the names that users know")]
#[resource("bridgehead_agent", version = 0, identity(namespace))]
pub struct Agent<S: Stage> {
    /// Namespace of the agent and of the applications that it manages. It is created unless it exists.
    #[attr(
        default = "argocd",
        replace = "The agent of another namespace is another agent, with other applications.",
        check = tfplug::check::dns_label
    )]
    pub namespace: S::Input<String>,
    /// The agent's image; by default the one of the provider's own version.
    #[attr(check = tfplug::check::not_empty)]
    pub image: S::Either<String>,
    /// When the image is pulled.
    #[attr(check = tfplug::check::one_of(&["Always", "IfNotPresent", "Never"]))]
    pub image_pull_policy: S::Input<Option<String>>,
    /// Names of Secrets in the namespace to pull the image with.
    pub image_pull_secrets: S::Input<Option<Vec<String>>>,
    /// Pods of the agent. One works at a time, the others wait for its Lease.
    #[attr(default = 1, check = tfplug::check::range(0..=10))]
    pub replicas: S::Input<i64>,
    /// Requests and limits of the agent's container.
    pub resources: S::Input<Option<Resources>>,
    /// Size of the volume for repositories and renders.
    #[attr(default = "2Gi", check = quantity)]
    pub cache_size: S::Input<String>,
    /// Labels that a node must have.
    pub node_selector: S::Input<Option<BTreeMap<String, String>>>,
    /// Taints that the pods tolerate.
    pub tolerations: S::Input<Option<Vec<Toleration>>>,
    /// Affinity of the pods, as JSON text of Kubernetes' `Affinity`, by `jsonencode`.
    pub affinity: S::Input<Option<Json>>,
    /// How the pods are spread. Over hosts, as far as possible, if absent.
    pub topology_spread: S::Input<Option<Vec<TopologySpread>>>,
    /// A PriorityClass.
    pub priority_class_name: S::Input<Option<String>>,
    /// Labels of every object and of the pods.
    pub labels: S::Input<Option<BTreeMap<String, String>>>,
    /// Annotations of every object and of the pods.
    pub annotations: S::Input<Option<BTreeMap<String, String>>>,
    /// Annotations of the service account, such as `eks.amazonaws.com/role-arn`.
    pub service_account_annotations: S::Input<Option<BTreeMap<String, String>>>,
    /// Labels of the pods alone.
    pub pod_labels: S::Input<Option<BTreeMap<String, String>>>,
    /// Annotations of the pods alone.
    pub pod_annotations: S::Input<Option<BTreeMap<String, String>>>,
    /// Environment of the agent: `HTTPS_PROXY` and the like. No secrets: it is kept in the state.
    pub environment: S::Input<Option<BTreeMap<String, String>>>,
    /// Whether a NetworkPolicy is installed, which lets nobody in but probes and metrics.
    #[attr(default = true)]
    pub network_policy: S::Input<bool>,
    /// Level of the Pod Security Standards for a namespace that is created here.
    #[attr(default = "restricted", check = tfplug::check::one_of(&["privileged", "baseline", "restricted"]))]
    pub pod_security: S::Input<String>,
    /// Compare and report only; write nothing to applications or their objects.
    #[attr(default = false)]
    pub observe: S::Input<bool>,
    /// `argocd`: if Argo CD's application-controller runs in the namespace, scale it to zero, wait until it is
    /// gone and only then start the agent. A destroy restores it. Without it, a running controller stops the
    /// installation: two engines must not work on one application.
    #[attr(check = tfplug::check::one_of(&["argocd"]))]
    pub takeover: S::Input<Option<String>>,
    /// How much is logged.
    #[attr(default = "info", check = tfplug::check::one_of(&["error", "warn", "info", "debug", "trace"]))]
    pub log_level: S::Input<String>,
    /// Time between two looks at a repository. What `argocd-cm` says if absent.
    pub poll_interval: S::Input<Option<Span>>,
    /// Applications that are worked on at the same time.
    #[attr(check = tfplug::check::range(1..=1000))]
    pub concurrency: S::Input<Option<i64>>,
    /// More arguments of the agent.
    pub extra_arguments: S::Input<Option<Vec<String>>>,
    /// Another cluster than the provider's.
    #[attr(replace = "The agent of the other cluster is another one.", another = is_another_cluster)]
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// How long operations may take.
    pub timeouts: S::Input<Option<Timeouts>>,
    /// Objects that are not as they were installed. The next apply puts them right.
    #[attr(computed)]
    pub drifted: S::Output<Vec<String>>,
}

/// Requests and limits by resource name.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Resources {
    /// What is set aside.
    pub requests: Option<BTreeMap<String, String>>,
    /// What is not exceeded.
    pub limits: Option<BTreeMap<String, String>>,
}

/// A taint that is tolerated.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[allow(clippy::struct_field_names, reason = "Kubernetes names it so")]
#[nested]
pub struct Toleration {
    /// Key of the taint; all if absent.
    pub key: Option<String>,
    /// `Exists` or `Equal`.
    #[attr(check = tfplug::check::one_of(&["Exists", "Equal"]))]
    pub operator: Option<String>,
    /// Value of the taint.
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; all if absent.
    #[attr(check = tfplug::check::one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"]))]
    pub effect: Option<String>,
    /// How long a `NoExecute` taint is tolerated.
    pub toleration_seconds: Option<i64>,
}

/// How pods are spread over one topology.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct TopologySpread {
    /// By how many pods places may differ.
    #[attr(default = 1, check = tfplug::check::range(1..=100))]
    pub max_skew: i64,
    /// Label of nodes that tells places apart, such as `topology.kubernetes.io/zone`.
    pub topology_key: String,
    /// `DoNotSchedule` or `ScheduleAnyway`.
    #[attr(default = "ScheduleAnyway", check = tfplug::check::one_of(&["DoNotSchedule", "ScheduleAnyway"]))]
    pub when_unsatisfiable: String,
}

fn quantity(text: &str) -> Result<(), String> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let suffixes = ["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if digits.parse::<f64>().is_ok_and(|number| number > 0.0) && suffixes.contains(&&text[digits.len()..]) {
        return Ok(());
    }
    Err(format!("`{text}` is not a quantity such as `500Mi` or `2Gi`."))
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn a_quantity_is_a_number_with_a_suffix() {
        assert!(quantity("2Gi").is_ok() && quantity("1.5G").is_ok() && quantity("1000").is_ok());
        for wrong in ["", "Gi", "2 Gi", "2GB", "-1Gi"] {
            assert!(quantity(wrong).is_err(), "{wrong}");
        }
    }
}
