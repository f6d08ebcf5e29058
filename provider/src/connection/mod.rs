//! How a cluster is reached: the attribute that says so, and the connections made of it.
//!
//! ```text
//! provider block ─┐
//!                 ├→ Kubernetes ─settings→ ConnectionSettings ─→ Connection, kept while the process runs
//! resource ───────┘
//! ```

mod clients;
mod eks;
mod identity;

use std::collections::BTreeMap;

use tfplug::prelude::*;

pub(crate) use clients::{Clients, connection};
pub(crate) use identity::{cluster_named_by, is_another_cluster};

/// A cluster and who asks it.
#[derive(Clone, Debug, Default, PartialEq, tfplug::Model)]
#[nested]
pub struct Kubernetes {
    /// Path of a kubeconfig file; `~` is the home folder.
    pub config_path: Option<String>,
    /// Context of the kubeconfig; the current one if absent.
    pub config_context: Option<String>,
    /// URL of the API server, as in `https://10.0.0.1:6443`. Instead of a kubeconfig.
    pub host: Option<String>,
    /// Certificates that sign the API server's, in PEM. The system's if absent.
    pub cluster_ca_certificate: Option<String>,
    /// Name in the API server's certificate, where it is not the host's.
    pub tls_server_name: Option<String>,
    /// Do not check the API server's certificate.
    pub insecure: Option<bool>,
    /// Proxy on the way: `http://`, `https://` or `socks5://`.
    pub proxy_url: Option<String>,
    /// A bearer token.
    pub token: Option<Secret>,
    /// A client certificate, in PEM.
    pub client_certificate: Option<String>,
    /// Key of the client certificate, in PEM.
    pub client_key: Option<Secret>,
    /// A program that prints credentials.
    pub exec: Option<Exec>,
    /// An EKS cluster: endpoint and certificates are looked up, tokens are made in this process whenever one
    /// is needed. Nothing has to be installed, and no token expires during a long apply.
    pub eks: Option<Eks>,
}

/// A cluster for one resource. Which one it is say `host`, `config_path` and `config_context`, and name and
/// region of `eks`; the rest is the way there, and may change at any time. It has no place for static
/// secrets, because what a resource says is kept in the state; those belong in a `provider` block.
#[derive(Clone, Debug, Default, PartialEq, tfplug::Model)]
#[nested]
pub struct OwnKubernetes {
    /// Path of a kubeconfig file; `~` is the home folder.
    pub config_path: Option<String>,
    /// Context of the kubeconfig; the current one if absent.
    pub config_context: Option<String>,
    /// URL of the API server. Instead of a kubeconfig.
    pub host: Option<String>,
    /// Certificates that sign the API server's, in PEM.
    pub cluster_ca_certificate: Option<String>,
    /// Name in the API server's certificate, where it is not the host's.
    pub tls_server_name: Option<String>,
    /// Do not check the API server's certificate.
    pub insecure: Option<bool>,
    /// Proxy on the way.
    pub proxy_url: Option<String>,
    /// A program that prints credentials.
    pub exec: Option<Exec>,
    /// An EKS cluster, with tokens made in this process.
    pub eks: Option<Eks>,
}

/// A program that prints an `ExecCredential`.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Exec {
    /// Version of the protocol.
    #[attr(default = "client.authentication.k8s.io/v1", check = tfplug::check::one_of(EXEC_VERSIONS))]
    pub api_version: String,
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// Environment that is added.
    pub env: Option<BTreeMap<String, String>>,
}

const EXEC_VERSIONS: &[&str] = &["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// An EKS cluster.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Eks {
    /// Its name. Take it from the resource that makes the cluster: its name is known when planning, and the
    /// cluster is then there before this is needed, and after.
    #[attr(check = tfplug::check::not_empty)]
    pub cluster_name: String,
    /// Its region; what the environment says if absent.
    pub region: Option<String>,
    /// A profile of the AWS configuration.
    pub profile: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for besides.
    pub external_id: Option<String>,
}

impl From<OwnKubernetes> for Kubernetes {
    fn from(own: OwnKubernetes) -> Self {
        let OwnKubernetes {
            config_path,
            config_context,
            host,
            cluster_ca_certificate,
            tls_server_name,
            insecure,
            proxy_url,
            exec,
            eks,
        } = own;
        Self {
            config_path,
            config_context,
            host,
            cluster_ca_certificate,
            tls_server_name,
            insecure,
            proxy_url,
            exec,
            eks,
            ..Self::default()
        }
    }
}

impl Kubernetes {
    /// What excludes what.
    pub(crate) fn check(&self, problems: &mut Diagnostics) {
        let at = Path::of("kubernetes");
        let ways = [
            ("config_path", self.config_path.is_some()),
            ("host", self.host.is_some()),
            ("eks", self.eks.is_some()),
        ];
        let mut given = ways.iter().filter(|(_, given)| *given);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            problems.error(
                at.attribute(*second),
                format!("`{first}` and `{second}` exclude each other"),
                "Each of `config_path`, `host` and `eks` names the cluster: set one of them.",
            );
        }
        let proofs = [
            ("token", self.token.is_some()),
            ("exec", self.exec.is_some()),
            ("client_certificate", self.client_certificate.is_some()),
        ];
        let mut given = proofs.iter().filter(|(_, given)| *given);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            problems.error(
                at.attribute(*second),
                format!("`{first}` and `{second}` exclude each other"),
                "Each of `token`, `client_certificate` and `exec` says who asks: set one of them.",
            );
        }
        if self.host.is_none()
            && let Some((name, _)) = proofs.iter().find(|(_, given)| *given)
        {
            problems.error(
                at.attribute(*name),
                format!("`{name}` needs `host`"),
                "A kubeconfig and an EKS cluster bring their own credentials.",
            );
        }
        if self.client_certificate.is_some() != self.client_key.is_some() {
            problems.error(
                at.attribute("client_certificate"),
                "`client_certificate` and `client_key` belong together",
                "Set both, or none.",
            );
        }
        if let Some(host) = &self.host
            && !host.starts_with("https://")
            && !host.starts_with("http://")
        {
            problems.error(
                at.attribute("host"),
                "The host is not a URL",
                format!("`{host}` does not begin with `https://`."),
            );
        }
    }
}

/// The check of a resource's own cluster, for its `validate`.
pub(crate) fn check_own(own: &Maybe<Option<OwnKubernetes>>, problems: &mut Diagnostics) {
    if let Some(Some(own)) = own.known() {
        Kubernetes::from(own.clone()).check(problems);
    }
}
