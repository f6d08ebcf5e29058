//! Why a server could not be reached, in words that say what to look at.

use std::error::Error as StdError;

use rustls::CertificateError;

use super::{ApiError, ApiErrorKind};

/// An error of the transport. `server`: the address that was tried.
pub(crate) fn unreachable(
    operation: impl Into<String>,
    server: &str,
    error: impl Into<Box<dyn StdError + Send + Sync>>,
) -> ApiError {
    let error = error.into();
    let why = reason(error.as_ref());
    ApiError::new(ApiErrorKind::Unreachable, operation, format!("cannot reach `{server}`: {why}"))
        .caused(error)
}

fn reason(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error.to_string();
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(text) = rustls_reason(current) {
            return text;
        }
        next = current.source();
        if let Some(error) = current.downcast_ref::<std::io::Error>() {
            match error.kind() {
                std::io::ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
                std::io::ErrorKind::TimedOut => {
                    return "no answer to the connection attempt in time".to_owned();
                }
                _ => {}
            }
            // Its `source` would skip the very error that it wraps.
            next = error.get_ref().map(|inner| {
                let inner: &(dyn StdError + 'static) = inner;
                inner
            });
        }
        innermost = current.to_string();
    }
    innermost
}

fn rustls_reason(error: &(dyn StdError + 'static)) -> Option<String> {
    let error = error.downcast_ref::<rustls::Error>()?;
    let text = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is not signed by the configured CA".to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
            format!(
                "its certificate is not valid for this host name, but for {}; a server name can be set",
                presented.join(", ")
            )
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired".to_owned(),
        rustls::Error::InvalidCertificate(CertificateError::BadSignature) => {
            "its certificate is not signed by the configured CA (another CA has the same name)".to_owned()
        }
        rustls::Error::InvalidCertificate(problem) => {
            format!("its certificate is not acceptable: {problem:?}")
        }
        rustls::Error::AlertReceived(alert) => format!("it refused our TLS handshake ({alert:?})"),
        rustls::Error::InvalidMessage(_) => "it does not speak TLS on this port".to_owned(),
        other => format!("TLS failed: {other}"),
    };
    Some(text)
}
