//! The objects that install the agent in a cluster, as values.
//!
//! ```text
//! InstallOptions ─install→ Installation { namespace, custom_resource_definitions, objects }
//! ```
//! Nothing here talks to a cluster. The order is the order to apply in; the definitions have to be
//! Established before anything of their kinds is written. Whoever applies them uses
//! [`FIELD_MANAGER`], so that the command line, Terraform and a later version agree on who owns what.

mod deployment;
mod metadata;
mod network;
mod options;
mod rbac;

use serde_json::{Value, json};

pub use options::{
    AgentArguments, InstallError, InstallOptions, LogFormat, LogLevel, PodSecurity, Resources, Takeover,
};

/// Name of the agent's Deployment, ServiceAccount, Service and of everything else in its namespace.
pub const NAME: &str = "bridgehead-agent";
/// Field manager of every object that an installation writes.
pub const FIELD_MANAGER: &str = "bridgehead";
/// Port of metrics, health and readiness.
pub const METRICS_PORT: u16 = 8082;
/// The agent's image when none is named: the version that this crate is.
pub const DEFAULT_IMAGE: &str = concat!("bridgehead/bridgehead:v", env!("CARGO_PKG_VERSION"));
/// Namespace when none is named.
pub const DEFAULT_NAMESPACE: &str = "argocd";
/// Where the agent keeps repositories and renders, inside its container.
pub const CACHE_PATH: &str = "/var/cache/bridgehead";

/// Everything that an installation consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// The agent's namespace; absent where [`InstallOptions::create_namespace`] says so.
    pub namespace: Option<Value>,
    /// The definitions of Application, AppProject and ApplicationSet.
    pub custom_resource_definitions: Vec<Value>,
    /// What is left, in the order to apply in: the rights before the Deployment that uses them.
    pub objects: Vec<Value>,
}

impl Installation {
    /// All objects, in the order to apply in.
    pub fn into_objects(self) -> Vec<Value> {
        self.namespace.into_iter().chain(self.custom_resource_definitions).chain(self.objects).collect()
    }
}

/// The objects that `options` ask for. The same options always give the same objects.
pub fn install(options: &InstallOptions) -> Result<Installation, InstallError> {
    options.check()?;
    let mut objects = vec![metadata::service_account(options)];
    objects.extend(rbac::rules(options));
    objects.extend(network::objects(options));
    objects.push(deployment::deployment(options));
    Ok(Installation {
        namespace: options.create_namespace.then(|| namespace(options)),
        custom_resource_definitions: custom_resource_definitions(),
        objects,
    })
}

/// The definitions of Application, AppProject and ApplicationSet, as `apiextensions.k8s.io/v1` objects.
pub fn custom_resource_definitions() -> Vec<Value> {
    bridgehead_api::crd::all()
}

fn namespace(options: &InstallOptions) -> Value {
    let mut metadata = metadata::cluster_scoped(options, &options.namespace);
    if let Some(level) = options.pod_security {
        for mode in ["enforce", "audit", "warn"] {
            metadata["labels"][format!("pod-security.kubernetes.io/{mode}")] = level.as_str().into();
        }
    }
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}
