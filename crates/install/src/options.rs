//! What can be chosen about an installation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::{DEFAULT_IMAGE, DEFAULT_NAMESPACE};

/// What is to be installed. Start from [`InstallOptions::default`]: one agent in namespace `argocd` that
/// manages the whole cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallOptions {
    /// Namespace of the agent, and of the Applications that it reads. A DNS label.
    pub namespace: String,
    /// Whether the namespace belongs to the installation.
    pub create_namespace: bool,
    /// Pod security level of the namespace, if it belongs to the installation.
    pub pod_security: Option<PodSecurity>,
    /// The agent's image.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`; the cluster decides where it is absent.
    pub image_pull_policy: Option<String>,
    /// Names of Secrets in the agent's namespace to pull the image with.
    pub image_pull_secrets: Vec<String>,
    /// Pods of the agent. One works at a time, the others wait for its Lease.
    pub replicas: u32,
    /// Requests and limits of the agent's container.
    pub resources: Resources,
    /// Size of the cache's volume, a quantity. The Pod is evicted if it grows beyond.
    pub cache_size: String,
    /// Labels that a node must have, beside `kubernetes.io/os: linux`.
    pub node_selector: BTreeMap<String, String>,
    /// `core/v1.Toleration` objects.
    pub tolerations: Vec<Value>,
    /// A `core/v1.Affinity` object.
    pub affinity: Option<Value>,
    /// `core/v1.TopologySpreadConstraint` objects. Where there are none and several replicas, they are
    /// spread over hosts as far as that is possible.
    pub topology_spread_constraints: Vec<Value>,
    /// A PriorityClass.
    pub priority_class_name: Option<String>,
    /// Labels of every object and of the Pods. They cannot replace ours.
    pub labels: BTreeMap<String, String>,
    /// Annotations of every object and of the Pods.
    pub annotations: BTreeMap<String, String>,
    /// Annotations of the ServiceAccount alone, such as `eks.amazonaws.com/role-arn`.
    pub service_account_annotations: BTreeMap<String, String>,
    /// Labels of the Pods alone.
    pub pod_labels: BTreeMap<String, String>,
    /// Annotations of the Pods alone.
    pub pod_annotations: BTreeMap<String, String>,
    /// Environment of the agent: `HTTPS_PROXY` and the like.
    pub environment: BTreeMap<String, String>,
    /// Whether a NetworkPolicy belongs to the installation.
    pub network_policy: bool,
    /// What the agent is told.
    pub agent: AgentArguments,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self {
            namespace: DEFAULT_NAMESPACE.to_owned(),
            create_namespace: true,
            pod_security: Some(PodSecurity::Restricted),
            image: DEFAULT_IMAGE.to_owned(),
            image_pull_policy: None,
            image_pull_secrets: Vec::new(),
            replicas: 1,
            resources: Resources::default(),
            cache_size: "2Gi".to_owned(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            affinity: None,
            topology_spread_constraints: Vec::new(),
            priority_class_name: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            service_account_annotations: BTreeMap::new(),
            pod_labels: BTreeMap::new(),
            pod_annotations: BTreeMap::new(),
            environment: BTreeMap::new(),
            network_policy: true,
            agent: AgentArguments::default(),
        }
    }
}

/// Requests and limits by resource name; quantities as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// What is set aside.
    pub requests: BTreeMap<String, String>,
    /// What is not exceeded. No CPU limit by default: it would slow every burst of work and save nothing.
    pub limits: BTreeMap<String, String>,
}

impl Default for Resources {
    fn default() -> Self {
        let quantities = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, quantity)| ((*name).to_owned(), (*quantity).to_owned())).collect()
        };
        Self {
            requests: quantities(&[("cpu", "50m"), ("memory", "64Mi")]),
            limits: quantities(&[("memory", "256Mi")]),
        }
    }
}

/// Level of the Pod Security Standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PodSecurity {
    /// Everything is allowed.
    Privileged,
    /// Known ways to more rights are closed.
    Baseline,
    /// Hardened. The agent meets it.
    Restricted,
}

impl PodSecurity {
    /// The level as the label says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// The engine that is taken over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Takeover {
    /// Argo CD's application-controller.
    ArgoCd,
}

impl Takeover {
    /// The value of `--takeover`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ArgoCd => "argocd",
        }
    }
}

/// What the agent is told on its command line. What is absent keeps the agent's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentArguments {
    /// Compare and report; write nothing to applications or their objects.
    pub observe: bool,
    /// Take over from another engine.
    pub takeover: Option<Takeover>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// In which form.
    pub log_format: LogFormat,
    /// Time between two looks at a repository, such as `120s`. The agent's default is what `argocd-cm` says.
    pub poll_interval: Option<String>,
    /// Applications that are worked on at the same time.
    pub concurrency: Option<u32>,
    /// More arguments, after ours.
    pub extra: Vec<String>,
}

/// How much the agent logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures that need somebody.
    Error,
    /// The above, and what may become one.
    Warn,
    /// The above, and what was done.
    #[default]
    Info,
    /// The above, and why.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The value of `--log-level`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// In which form the agent logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    /// The value of `--log-format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// Options that cannot make an installation. The API server checks the rest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InstallError {
    /// A namespace's name is not a DNS label.
    #[error("namespace `{0}` is not a DNS label: lower-case letters, digits and `-`, 63 at most")]
    Namespace(String),
    /// No image is named.
    #[error("the image is empty")]
    Image,
}

impl InstallOptions {
    pub(crate) fn check(&self) -> Result<(), InstallError> {
        if !is_dns_label(&self.namespace) {
            return Err(InstallError::Namespace(self.namespace.clone()));
        }
        if self.image.trim().is_empty() {
            return Err(InstallError::Image);
        }
        Ok(())
    }
}

fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().copied().all(inner)
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}
