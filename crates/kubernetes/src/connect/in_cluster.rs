//! The connection of a Pod through its service account.

use std::path::{Path, PathBuf};

use super::{ConnectError, ConnectionSettings, Credentials};

pub(super) const HOST: &str = "KUBERNETES_SERVICE_HOST";
pub(super) const PORT: &str = "KUBERNETES_SERVICE_PORT";
const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where the service account's projected volume is mounted.
pub(super) struct Files {
    folder: PathBuf,
}

impl Default for Files {
    fn default() -> Self {
        Self::at(Path::new(FOLDER))
    }
}

impl Files {
    pub(super) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

pub(super) fn settings(
    files: &Files,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ConnectionSettings, ConnectError> {
    let host = variable(HOST).filter(|host| !host.is_empty()).ok_or(ConnectError::NotInCluster(HOST))?;
    let port = variable(PORT).filter(|port| !port.is_empty()).ok_or(ConnectError::NotInCluster(PORT))?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };

    let token = files.folder.join("token");
    // Read now only so that a Pod without a token says so at once.
    std::fs::metadata(&token).map_err(|source| ConnectError::File {
        what: "the service account's token",
        path: token.display().to_string(),
        source,
    })?;
    let namespace = std::fs::read_to_string(files.folder.join("namespace")).unwrap_or_default();

    let mut settings = ConnectionSettings::server(format!("https://{host}:{port}"))
        .with_credentials(Credentials::token_file(token));
    settings.certificate_authority_file = Some(files.folder.join("ca.crt"));
    // Traffic to the cluster's own API server never goes through a proxy.
    settings.proxy = Some(String::new());
    if !namespace.trim().is_empty() {
        namespace.trim().clone_into(&mut settings.default_namespace);
    }
    Ok(settings)
}
