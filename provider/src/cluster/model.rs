//! The model.

use std::collections::BTreeMap;

use tfplug::prelude::*;

use crate::connection::{OwnKubernetes, is_another_cluster};
use crate::object::check::object_name;

/// A cluster that applications can be deployed to. It is a Secret in the agent's namespace.
///
/// Tokens and keys are written to the cluster only: neither plan nor state has them. A token that expires
/// soon is of no use here, since nobody would renew it: let the agent make its own (`aws_auth`, `exec`).
#[derive(Clone, Debug, tfplug::Model)]
#[allow(clippy::struct_field_names, reason = "attributes have the names that users know")]
#[resource("bridgehead_cluster", version = 0, identity(namespace, name))]
pub struct Cluster<S: Stage> {
    /// Name of the cluster, for destinations, and of the Secret.
    #[attr(replace = "Kubernetes has no way to rename an object.", check = object_name)]
    pub name: S::Input<String>,
    /// Namespace of the agent.
    #[attr(default = "argocd", replace = "Kubernetes has no way to move an object.", check = tfplug::check::dns_label)]
    pub namespace: S::Input<String>,
    /// URL of the cluster's API server. It identifies the cluster.
    #[attr(check = https, replace = "Another server is another cluster, and applications name it.")]
    pub server: S::Input<String>,
    /// Labels, by which generators select the cluster.
    pub labels: S::Input<Option<BTreeMap<String, String>>>,
    /// Annotations, which generators can use.
    pub annotations: S::Input<Option<BTreeMap<String, String>>>,
    /// The only namespaces that the agent looks at; all if absent.
    pub namespaces: S::Input<Option<Vec<String>>>,
    /// With `namespaces`: whether cluster-scoped objects are managed too.
    pub cluster_resources: S::Input<Option<bool>>,
    /// The only project that may use it; all if absent.
    pub project: S::Input<Option<String>>,
    /// Replica that is to manage it, where that is to be pinned.
    pub shard: S::Input<Option<i64>>,
    /// Certificates that sign the API server's, in PEM.
    pub ca_certificate: S::Input<Option<String>>,
    /// Name in the API server's certificate, where it is not the host's.
    pub tls_server_name: S::Input<Option<String>>,
    /// Do not check the API server's certificate.
    pub insecure: S::Input<Option<bool>>,
    /// Bearer token.
    #[attr(version = token_wo_version)]
    pub token_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to write `token_wo` again.
    pub token_wo_version: S::Input<Option<i64>>,
    /// Client certificate, in PEM.
    pub client_certificate: S::Input<Option<String>>,
    /// Key of the client certificate, in PEM.
    #[attr(version = client_key_wo_version)]
    pub client_key_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to write `client_key_wo` again.
    pub client_key_wo_version: S::Input<Option<i64>>,
    /// Tokens that the agent makes from its AWS IAM credentials.
    pub aws_auth: S::Input<Option<AwsAuth>>,
    /// Credentials that a program in the agent's image prints.
    pub exec: S::Input<Option<ClusterExec>>,
    /// Proxy on the way to the API server.
    pub proxy_url: S::Input<Option<String>>,
    /// Ask for answers that are not compressed.
    pub disable_compression: S::Input<Option<bool>>,
    /// Another cluster than the provider's, for the Secret.
    #[attr(replace = "The object of the other cluster is another one.", another = is_another_cluster)]
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// How long operations may take.
    pub timeouts: S::Input<Option<Timeouts>>,
    /// UID of the object.
    #[attr(computed, keep)]
    pub uid: S::Output<String>,
}

/// Tokens made from AWS IAM credentials.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct AwsAuth {
    /// Name of the EKS cluster.
    pub cluster_name: String,
    /// Role to assume first.
    pub role_arn: Option<String>,
    /// Profile of the AWS configuration.
    pub profile: Option<String>,
}

/// Credentials that a program prints.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct ClusterExec {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// Its environment, on top of the agent's. No secrets: it is kept in the state.
    pub env: Option<BTreeMap<String, String>>,
    /// Version of the protocol.
    #[attr(default = "client.authentication.k8s.io/v1")]
    pub api_version: String,
    /// What to tell people when the program is not there.
    pub install_hint: Option<String>,
}

fn https(url: &str) -> Result<(), String> {
    if (url.starts_with("https://") || url.starts_with("http://")) && !url.ends_with('/') {
        return Ok(());
    }
    Err(format!("`{url}` is not a URL such as `https://10.0.0.1:6443`, without a slash at the end."))
}
