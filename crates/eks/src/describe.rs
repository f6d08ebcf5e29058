//! What EKS says of a cluster.

use aws_sdk_eks::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_eks::operation::describe_cluster::DescribeClusterError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::EksError;

/// A cluster that can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its name.
    pub name: String,
    /// As in `arn:aws:eks:eu-west-1:111122223333:cluster/shop`.
    pub arn: String,
    /// The API server's address.
    pub endpoint: String,
    /// PEM of the CA that signs the API server's certificate.
    pub certificate_authority: Vec<u8>,
    /// Kubernetes' version, as in `1.34`.
    pub version: String,
    /// `ACTIVE`, `UPDATING` …
    pub status: String,
    /// Issuer of service account tokens, for IRSA.
    pub oidc_issuer: Option<String>,
    /// `API`, `API_AND_CONFIG_MAP`, `CONFIG_MAP`; absent where EKS doesn't say.
    pub authentication_mode: Option<String>,
}

pub(crate) async fn describe(
    client: &aws_sdk_eks::Client,
    name: &str,
    region: &str,
) -> Result<ClusterDescription, EksError> {
    let answer =
        client.describe_cluster().name(name).send().await.map_err(|error| explain(name, region, error))?;
    let cluster = answer.cluster.ok_or_else(|| not_found(name, region))?;
    let status = cluster.status.as_ref().map_or_else(String::new, |status| status.as_str().to_owned());
    let authority = cluster.certificate_authority.and_then(|authority| authority.data);
    let (Some(endpoint), Some(authority)) = (cluster.endpoint, authority) else {
        return Err(EksError::NotReady { cluster: name.to_owned(), status });
    };
    let certificate_authority = STANDARD.decode(&authority).map_err(|error| EksError::Service {
        cluster: name.to_owned(),
        message: "its CA certificate is not base64".to_owned(),
        source: error.into(),
    })?;
    Ok(ClusterDescription {
        name: name.to_owned(),
        arn: cluster.arn.unwrap_or_default(),
        endpoint,
        certificate_authority,
        version: cluster.version.unwrap_or_default(),
        status,
        oidc_issuer: cluster.identity.and_then(|identity| identity.oidc).and_then(|oidc| oidc.issuer),
        authentication_mode: cluster
            .access_config
            .and_then(|access| access.authentication_mode)
            .map(|mode| mode.as_str().to_owned()),
    })
}

fn not_found(name: &str, region: &str) -> EksError {
    EksError::NotFound { cluster: name.to_owned(), region: region.to_owned() }
}

fn explain(name: &str, region: &str, error: SdkError<DescribeClusterError>) -> EksError {
    let code = error.as_service_error().and_then(|error| error.code()).unwrap_or_default();
    let said = error.as_service_error().and_then(|error| error.message()).map(str::to_owned);
    match code {
        "ResourceNotFoundException" => not_found(name, region),
        "AccessDeniedException" | "UnrecognizedClientException" | "ExpiredTokenException" => {
            EksError::Denied { cluster: name.to_owned(), message: said.unwrap_or_else(|| code.to_owned()) }
        }
        _ => {
            let message = said.unwrap_or_else(|| DisplayErrorContext(&error).to_string());
            EksError::Service { cluster: name.to_owned(), message, source: error.into() }
        }
    }
}
