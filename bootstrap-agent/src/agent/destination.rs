//! From a cluster Secret to a connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bridgehead_api::secret::Cluster;
use bridgehead_kubernetes::{ConnectionSettings, Credentials};

/// Connection settings for a registered cluster; the error says which field cannot be used.
pub(crate) fn settings(cluster: &Cluster) -> Result<ConnectionSettings, String> {
    let config = &cluster.config;
    let mut settings = ConnectionSettings::server(cluster.server.as_str());
    settings.insecure = config.tls.insecure;
    if !config.tls.server_name.is_empty() {
        settings.server_name = Some(config.tls.server_name.clone());
    }
    if !config.tls.ca_data.is_empty() {
        settings.certificate_authority = Some(decoded("tlsClientConfig.caData", &config.tls.ca_data)?);
    }
    if !config.proxy_url.is_empty() {
        settings.proxy = Some(config.proxy_url.clone());
    }
    if config.aws_auth.is_some() {
        return Err("`awsAuthConfig` is not supported by this release: register the cluster with a bearer token or a \
                    client certificate"
            .into());
    }
    if let Some(exec) = &config.exec {
        return Err(format!(
            "`execProviderConfig` ({}) is not supported by this release: register the cluster with a bearer token or \
             a client certificate",
            exec.command
        ));
    }
    let mut credentials = if let Some(token) = &config.bearer_token {
        Credentials::token(token.expose())
    } else if !config.username.is_empty() {
        let password = config.password.as_ref().map_or("", bridgehead_api::secret::Secret::expose);
        Credentials::basic(config.username.as_str(), password)
    } else {
        Credentials::none()
    };
    if let Some(key) = &config.tls.key_data {
        let certificate = decoded("tlsClientConfig.certData", &config.tls.cert_data)?;
        let key = String::from_utf8(decoded("tlsClientConfig.keyData", key.expose())?)
            .map_err(|_| "`tlsClientConfig.keyData` is not PEM text".to_owned())?;
        credentials = credentials.with_client_certificate(certificate, key);
    }
    Ok(settings.with_credentials(credentials))
}

fn decoded(field: &str, data: &str) -> Result<Vec<u8>, String> {
    // PEM is taken as it is, as Argo CD does; else base64 of it.
    if data.trim_start().starts_with("-----BEGIN") {
        return Ok(data.as_bytes().to_vec());
    }
    STANDARD.decode(data.trim()).map_err(|error| format!("`{field}` is not base64: {error}"))
}
