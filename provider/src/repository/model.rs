//! The model.

use std::collections::BTreeMap;

use tfplug::prelude::*;

use crate::connection::{OwnKubernetes, is_another_cluster};
use crate::object::check::object_name;

/// A repository and what to log in with: Git, Helm or OCI. It is a Secret in the agent's namespace.
///
/// Passwords and keys are written to the cluster only: neither plan nor state has them. Raise the version
/// beside one to write it again. One that somebody else has changed is written again as well, if it has a
/// version: without one a plan can't show the change, and nothing is done about it until something else of
/// the repository changes.
#[derive(Clone, Debug, tfplug::Model)]
#[allow(clippy::struct_field_names, reason = "attributes have the names that users know")]
#[resource("bridgehead_repository", version = 0, identity(namespace, name))]
pub struct Repository<S: Stage> {
    /// Name of the Secret.
    #[attr(replace = "Kubernetes has no way to rename an object.", check = object_name)]
    pub name: S::Input<String>,
    /// Namespace of the agent.
    #[attr(default = "argocd", replace = "Kubernetes has no way to move an object.", check = tfplug::check::dns_label)]
    pub namespace: S::Input<String>,
    /// Labels. Those that others add are left alone.
    pub labels: S::Input<Option<BTreeMap<String, String>>>,
    /// Annotations. Those that others add are left alone.
    pub annotations: S::Input<Option<BTreeMap<String, String>>>,
    /// URL, as applications name it.
    #[attr(check = tfplug::check::not_empty)]
    pub url: S::Input<String>,
    /// `git`, `helm` or `oci`.
    #[attr(name = "type", default = "git", check = tfplug::check::one_of(&["git", "helm", "oci"]))]
    pub kind: S::Input<String>,
    /// Name of a Helm repository, which charts refer to.
    pub repository_name: S::Input<Option<String>>,
    /// The only project that may use it; all if absent.
    pub project: S::Input<Option<String>>,
    /// User name.
    pub username: S::Input<Option<String>>,
    /// Password, or a token that stands for one.
    #[attr(version = password_wo_version)]
    pub password_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to write `password_wo` again.
    pub password_wo_version: S::Input<Option<i64>>,
    /// Private key for SSH, in PEM.
    #[attr(version = ssh_private_key_wo_version)]
    pub ssh_private_key_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to write `ssh_private_key_wo` again.
    pub ssh_private_key_wo_version: S::Input<Option<i64>>,
    /// Bearer token.
    #[attr(version = bearer_token_wo_version)]
    pub bearer_token_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to write `bearer_token_wo` again.
    pub bearer_token_wo_version: S::Input<Option<i64>>,
    /// Client certificate, in PEM.
    pub tls_client_cert_data: S::Input<Option<String>>,
    /// Key of the client certificate, in PEM.
    #[attr(version = tls_client_cert_key_wo_version)]
    pub tls_client_cert_key_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to write `tls_client_cert_key_wo` again.
    pub tls_client_cert_key_wo_version: S::Input<Option<i64>>,
    /// Id of a GitHub App.
    pub github_app_id: S::Input<Option<i64>>,
    /// Id of the app's installation.
    pub github_app_installation_id: S::Input<Option<i64>>,
    /// URL of the API of a GitHub Enterprise server.
    pub github_app_enterprise_base_url: S::Input<Option<String>>,
    /// Private key of the app, in PEM.
    #[attr(version = github_app_private_key_wo_version)]
    pub github_app_private_key_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to write `github_app_private_key_wo` again.
    pub github_app_private_key_wo_version: S::Input<Option<i64>>,
    /// Check neither the server's certificate nor its host key.
    pub insecure: S::Input<Option<bool>>,
    /// Fetch files of Git LFS.
    pub enable_lfs: S::Input<Option<bool>>,
    /// A Helm repository in an OCI registry.
    pub enable_oci: S::Input<Option<bool>>,
    /// Send basic authentication with the first request.
    pub force_http_basic_auth: S::Input<Option<bool>>,
    /// Proxy on the way to the server.
    pub proxy: S::Input<Option<String>>,
    /// Hosts that are reached without the proxy.
    pub no_proxy: S::Input<Option<String>>,
    /// Another cluster than the provider's.
    #[attr(replace = "The object of the other cluster is another one.", another = is_another_cluster)]
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// How long operations may take.
    pub timeouts: S::Input<Option<Timeouts>>,
    /// UID of the object.
    #[attr(computed, keep)]
    pub uid: S::Output<String>,
}
