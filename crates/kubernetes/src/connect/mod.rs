//! From settings to a connection to one API server.
//!
//! ```text
//! in-cluster files, kubeconfig, host + CA + token … → ConnectionSettings ─connect→ Connection
//!                       Credentials ─Authenticator→ authorization header, minted when needed
//! ```
//! Connecting does no I/O: the first request does. Tokens that expire are minted shortly before they
//! do, and once more when the server answers 401.

mod authenticator;
mod connection;
mod credentials;
mod exec;
mod fence;
mod in_cluster;
mod kubeconfig;
mod limiter;
mod settings;
mod streams;
mod tls;
mod transport;

use bytes::Bytes;
pub use connection::{Answer, Connection, Deadline, RequestBuilder};
pub use credentials::{Credentials, ExecCommand, ExecEnvironment, MintError, MintedToken, TokenSource};
pub use fence::Fence;
pub use limiter::{Limiter, LimiterState, Permit};
pub use settings::{ConnectionSettings, Impersonation};
pub use streams::ByteStream;
use thiserror::Error;

/// Why settings don't make a connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// A file could not be read.
    #[error("failed to read {what} `{path}`")]
    File {
        /// What the file is for.
        what: &'static str,
        /// Its path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A kubeconfig is not one.
    #[error("failed to read kubeconfig `{path}`")]
    Kubeconfig {
        /// Its path, or `inline`.
        path: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A kubeconfig lacks what a context refers to.
    #[error("kubeconfig has no {what} named `{name}`")]
    Missing {
        /// context, cluster or user.
        what: &'static str,
        /// The name that was looked for.
        name: String,
    },
    /// Something in the settings can't be used.
    #[error("{what} is not usable: {why}")]
    Unusable {
        /// Which setting.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Not running inside of a cluster.
    #[error("not running in a cluster: {0} is not set")]
    NotInCluster(&'static str),
    /// TLS cannot be set up.
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
}

impl ConnectError {
    pub(crate) fn unusable(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Unusable { what, why: why.to_string() }
    }
}

/// Makes a connection. Nothing is sent yet.
///
/// The connection belongs to the tokio runtime in which its first request is made.
pub fn connect(settings: &ConnectionSettings) -> Result<Connection, ConnectError> {
    let authenticator = authenticator::Authenticator::new(settings)?;
    let transport = transport::Transport::new(settings, &authenticator)?;
    Connection::new(settings, transport, authenticator)
}

/// A request body as the transport takes it.
pub(crate) type RequestBody = http_body_util::Full<Bytes>;
