//! What a connection needs to know.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::credentials::Credentials;
use super::{ConnectError, in_cluster, kubeconfig};

/// Acting as somebody else (`Impersonate-*` headers).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// User name, as in `system:serviceaccount:team:deployer`.
    pub user: String,
    /// Groups; the server adds those of service accounts by itself only where none are given.
    pub groups: Vec<String>,
    /// UID of the user.
    pub uid: Option<String>,
}

/// Where an API server is, how it is known and who asks.
#[derive(Clone)]
pub struct ConnectionSettings {
    /// `https://host:port`, a path prefix may follow.
    pub server: String,
    /// PEM bundle that signs the server's certificate; the system's roots if absent.
    pub certificate_authority: Option<Vec<u8>>,
    /// The same as a file that is read again when it changes. Goes before `certificate_authority`.
    pub certificate_authority_file: Option<PathBuf>,
    /// The server's certificate is not looked at.
    pub insecure: bool,
    /// Name that the server's certificate must carry, if it is not the host's.
    pub server_name: Option<String>,
    /// `http://`, `https://` or `socks5://` proxy. `None`: what the environment says
    /// (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    pub proxy: Option<String>,
    /// Who asks.
    pub credentials: Credentials,
    /// On whose behalf.
    pub impersonation: Option<Impersonation>,
    /// Namespace of the context or of the service account.
    pub default_namespace: String,
    /// `User-Agent` header.
    pub user_agent: String,
    /// Bound on TCP and TLS.
    pub connect_timeout: Duration,
    /// Bound on a whole request that is no watch, its waiting for a free place included.
    pub request_timeout: Duration,
    /// Requests at once at the start; adapts from there.
    pub concurrency: usize,
}

impl ConnectionSettings {
    /// A server by its address; credentials, CA and the rest are set on the result.
    pub fn server(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            certificate_authority: None,
            certificate_authority_file: None,
            insecure: false,
            server_name: None,
            proxy: None,
            credentials: Credentials::none(),
            impersonation: None,
            default_namespace: "default".to_owned(),
            user_agent: format!("bridgehead/{}", env!("CARGO_PKG_VERSION")),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            concurrency: 16,
        }
    }

    /// The service account of the Pod that this runs in.
    pub fn in_cluster() -> Result<Self, ConnectError> {
        in_cluster::settings(&in_cluster::Files::default(), |name| std::env::var(name).ok())
    }

    /// The same with its files in another folder: `token`, `ca.crt`, `namespace`.
    pub fn in_cluster_at(folder: &Path, host: &str, port: &str) -> Result<Self, ConnectError> {
        in_cluster::settings(&in_cluster::Files::at(folder), |name| match name {
            in_cluster::HOST => Some(host.to_owned()),
            in_cluster::PORT => Some(port.to_owned()),
            _ => None,
        })
    }

    /// A kubeconfig file. `path` absent: what `KUBECONFIG` lists, else `~/.kube/config`.
    /// `context` absent: the current one.
    pub fn kubeconfig(path: Option<&Path>, context: Option<&str>) -> Result<Self, ConnectError> {
        kubeconfig::from_files(path, context)
    }

    /// A kubeconfig's text; its relative paths are relative to the working directory.
    pub fn kubeconfig_text(text: &str, context: Option<&str>) -> Result<Self, ConnectError> {
        kubeconfig::from_text(text, context)
    }

    /// The same with these credentials.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// The same with this CA bundle (PEM).
    #[must_use]
    pub fn with_certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificate_authority = Some(pem.into());
        self
    }
}

impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectionSettings")
            .field("server", &self.server)
            .field("insecure", &self.insecure)
            .field("server_name", &self.server_name)
            .field("credentials", &self.credentials)
            .field("impersonation", &self.impersonation)
            .finish_non_exhaustive()
    }
}
