//! Clusters, repositories and credentials, which Argo CD keeps in Secrets of its own namespace, told apart by
//! the label `argocd.argoproj.io/secret-type`.
//!
//! ```text
//! SecretObject ── Cluster::from_secret ──► Cluster ── to_secret ──► SecretObject
//!              ── Repository::from_secret ► Repository ┐
//!              ── RepoCreds::from_secret ─► RepoCreds ─┴─ credentials_for(url) ► what to log in with
//! ```

mod cluster;
mod credentials;
mod matching;
mod object;
mod repository;
mod sensitive;
#[cfg(test)]
mod tests;
mod url;

pub use cluster::{
    AwsAuthConfig, Cluster, ClusterConfig, ExecProviderConfig, IN_CLUSTER_NAME, IN_CLUSTER_SERVER,
    TlsClientConfig,
};
pub use credentials::{AzureServicePrincipal, Credentials, GithubApp};
pub use matching::{find_repo_creds, find_repository, resolve_repository};
pub use object::{SecretData, SecretObject};
pub use repository::{RepoCreds, Repository, RepositoryType, repository_secret_name};
pub use sensitive::Secret;
pub use url::{normalise_git_url, same_git_url, without_user_info};

/// Why a Secret cannot be read. No message shows an entry's value, except where the entry is a number, a
/// boolean or a type.
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// It has no `data` of the right shape.
    #[error("the Secret is not an object with `data`")]
    NotObject,
    /// An entry is not base64.
    #[error("entry `{key}` is not base64")]
    NotBase64 {
        /// Its name.
        key: String,
    },
    /// An entry is not UTF-8.
    #[error("entry `{key}` is not text")]
    NotText {
        /// Its name.
        key: &'static str,
    },
    /// An entry should be true or false.
    #[error("entry `{key}` is `{value}`, not `true` or `false`")]
    NotBoolean {
        /// Its name.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// An entry should be a number.
    #[error("entry `{key}` is `{value}`, not a whole number")]
    NotNumber {
        /// Its name.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// An entry that must be there is not.
    #[error("entry `{key}` is missing or empty")]
    Missing {
        /// Its name.
        key: &'static str,
    },
    /// A repository's type is not known.
    #[error("entry `type` is `{value}`, not `git`, `helm` or `oci`")]
    UnknownType {
        /// Its value.
        value: String,
    },
    /// A cluster's configuration is not JSON of the right shape. The parser's own words are left out, since
    /// they may quote a credential.
    #[error("entry `config` is not a cluster configuration in JSON (line {line}, column {column})")]
    Config {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
    },
    /// A cluster's configuration has a field that nobody reads.
    #[error("entry `config` has the unknown field `{field}`")]
    UnknownConfigField {
        /// Its name.
        field: String,
    },
    /// Certificates or keys in a cluster's configuration are not base64.
    #[error("`tlsClientConfig.{field}` in entry `config` is not base64 of PEM text")]
    ConfigNotBase64 {
        /// `caData`, `certData` or `keyData`.
        field: &'static str,
    },
}
