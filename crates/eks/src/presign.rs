//! A token for EKS: a presigned `GetCallerIdentity` that EKS itself sends to STS.
//!
//! The cluster's name is a signed header, so that a token for one cluster is of no use with another.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use url::Url;

/// EKS takes a token for 15 minutes from its date, whatever this says; it refuses more than 15 minutes,
/// and awscli says 60 seconds.
const EXPIRES: Duration = Duration::from_mins(1);
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
const PREFIX: &str = "k8s-aws-v1.";

/// Why a URL could not be signed.
#[derive(Debug, Error)]
pub enum PresignError {
    /// The endpoint is no URL.
    #[error("`{0}` is no address of an STS endpoint")]
    Endpoint(String),
    /// The cluster's name cannot be a header.
    #[error("the request cannot be signed")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The presigned URL. `endpoint`: the region's STS, as in `https://sts.eu-west-1.amazonaws.com`.
pub fn presign(
    credentials: &Credentials,
    region: &str,
    endpoint: &str,
    cluster: &str,
    at: SystemTime,
) -> Result<String, PresignError> {
    let mut url = Url::parse(endpoint).map_err(|_| PresignError::Endpoint(endpoint.to_owned()))?;
    url.query_pairs_mut().append_pair("Action", "GetCallerIdentity").append_pair("Version", "2011-06-15");

    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.clone().into();
    let signing = |error: Box<dyn std::error::Error + Send + Sync>| PresignError::Signing(error);
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(at)
        .settings(settings)
        .build()
        .map_err(|error| signing(error.into()))?
        .into();
    let headers = [(CLUSTER_HEADER, cluster)];
    let request = SignableRequest::new("GET", url.as_str(), headers.into_iter(), SignableBody::Bytes(&[]))
        .map_err(|error| signing(error.into()))?;
    let (instructions, _signature) =
        sign(request, &parameters).map_err(|error| signing(error.into()))?.into_parts();
    let mut signed =
        http::Request::builder().uri(url.as_str()).body(()).map_err(|error| signing(error.into()))?;
    instructions.apply_to_request_http1x(&mut signed);
    Ok(signed.uri().to_string())
}

/// A presigned URL as Kubernetes' bearer token.
pub fn token_of(url: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url))
}
