//! EKS clusters and their tokens through IAM.
//!
//! ```text
//! Identity (profile, role, region) → Session ─┬→ describe → endpoint, CA, …
//!                                             └→ mint     → a token for one cluster, good for 14 minutes
//! ```
//! Credentials come from where every AWS tool takes them: environment, profiles, web identity (IRSA), Pod
//! Identity, single sign-on, the instance. Nothing is stored; a token is minted where it is needed.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod describe;
mod presign;
mod session;

pub use describe::ClusterDescription;
pub use presign::{PresignError, presign, token_of};
pub use session::{Endpoints, Identity, Session, Token};
use thiserror::Error;

/// What can go wrong with AWS.
#[derive(Debug, Error)]
pub enum EksError {
    /// Nobody says in which region.
    #[error("no AWS region is set: neither in the configuration, nor by AWS_REGION, nor by the profile")]
    NoRegion,
    /// There are no credentials, or they can't be read.
    #[error("failed to get AWS credentials")]
    Credentials(#[source] aws_credential_types::provider::error::CredentialsError),
    /// There is no such cluster.
    #[error("EKS has no cluster `{cluster}` in {region}")]
    NotFound {
        /// Its name.
        cluster: String,
        /// Where it was looked for.
        region: String,
    },
    /// The caller may not look.
    #[error("AWS does not allow eks:DescribeCluster on `{cluster}`: {message}")]
    Denied {
        /// The cluster's name.
        cluster: String,
        /// In AWS's words.
        message: String,
    },
    /// The cluster cannot be connected to yet, or any more.
    #[error("EKS cluster `{cluster}` is {status} and has no endpoint")]
    NotReady {
        /// Its name.
        cluster: String,
        /// As in `CREATING`.
        status: String,
    },
    /// Anything else that AWS answers.
    #[error("failed to describe EKS cluster `{cluster}`: {message}")]
    Service {
        /// Its name.
        cluster: String,
        /// In AWS's words.
        message: String,
        /// What lies below.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A token could not be signed.
    #[error("failed to sign a token")]
    Presign(#[from] PresignError),
    /// Where the region's STS is, is not known.
    #[error("failed to find the STS endpoint of {region}")]
    Endpoint {
        /// The region.
        region: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
