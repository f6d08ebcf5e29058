//! Kubeconfig files, read as kubectl reads them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, ExecConfig, Kubeconfig};
use secrecy::{ExposeSecret, SecretString};

use super::credentials::{Credentials, ExecCommand, ExecEnvironment, IdentitySource, Part};
use super::settings::Impersonation;
use super::{ConnectError, ConnectionSettings};

pub(super) fn from_files(
    path: Option<&Path>,
    context: Option<&str>,
) -> Result<ConnectionSettings, ConnectError> {
    let paths: Vec<PathBuf> = match path {
        Some(path) => vec![path.to_owned()],
        None => default_paths(),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in &paths {
        // Of several files in KUBECONFIG, those that don't exist are passed over, as kubectl does.
        if paths.len() > 1 && !path.exists() {
            continue;
        }
        let error = |source: Box<dyn std::error::Error + Send + Sync>| ConnectError::Kubeconfig {
            path: path.display().to_string(),
            source,
        };
        let next = Kubeconfig::read_from(path).map_err(|source| error(Box::new(source)))?;
        merged = Some(match merged {
            None => next,
            Some(earlier) => earlier.merge(next).map_err(|source| error(Box::new(source)))?,
        });
    }
    let config = merged.ok_or_else(|| {
        ConnectError::unusable("kubeconfig", "none of the files that KUBECONFIG lists exists")
    })?;
    select(config, context)
}

pub(super) fn from_text(text: &str, context: Option<&str>) -> Result<ConnectionSettings, ConnectError> {
    let config = Kubeconfig::from_yaml(text)
        .map_err(|source| ConnectError::Kubeconfig { path: "inline".to_owned(), source: Box::new(source) })?;
    select(config, context)
}

fn default_paths() -> Vec<PathBuf> {
    if let Some(list) = std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        let paths: Vec<PathBuf> =
            std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect();
        if !paths.is_empty() {
            return paths;
        }
    }
    vec![std::env::home_dir().unwrap_or_default().join(".kube").join("config")]
}

fn select(config: Kubeconfig, context: Option<&str>) -> Result<ConnectionSettings, ConnectError> {
    let name = match context {
        Some(name) => name.to_owned(),
        None => config.current_context.clone().filter(|name| !name.is_empty()).ok_or_else(|| {
            ConnectError::unusable("kubeconfig", "it has no current-context and none was asked for")
        })?,
    };
    let missing = |what, name: &str| ConnectError::Missing { what, name: name.to_owned() };
    let context = config
        .contexts
        .into_iter()
        .find(|entry| entry.name == name)
        .and_then(|entry| entry.context)
        .ok_or_else(|| missing("context", &name))?;
    let cluster = config
        .clusters
        .into_iter()
        .find(|entry| entry.name == context.cluster)
        .and_then(|entry| entry.cluster)
        .ok_or_else(|| missing("cluster", &context.cluster))?;
    let user = match context.user.filter(|user| !user.is_empty()) {
        None => AuthInfo::default(),
        Some(user) => config
            .auth_infos
            .into_iter()
            .find(|entry| entry.name == user)
            .map(|entry| entry.auth_info.unwrap_or_default())
            .ok_or_else(|| missing("user", &user))?,
    };
    let mut settings = of_cluster(cluster)?;
    if let Some(namespace) = context.namespace.filter(|namespace| !namespace.is_empty()) {
        settings.default_namespace = namespace;
    }
    settings.impersonation =
        user.impersonate.as_ref().filter(|user| !user.is_empty()).map(|name| Impersonation {
            user: name.clone(),
            groups: user.impersonate_groups.clone().unwrap_or_default(),
            uid: user.impersonate_uid.clone(),
        });
    settings.credentials = credentials(&user)?;
    Ok(settings)
}

fn of_cluster(cluster: Cluster) -> Result<ConnectionSettings, ConnectError> {
    let server =
        cluster.server.ok_or_else(|| ConnectError::unusable("kubeconfig", "the cluster has no server"))?;
    let mut settings = ConnectionSettings::server(server);
    settings.insecure = cluster.insecure_skip_tls_verify.unwrap_or(false);
    settings.server_name = cluster.tls_server_name.filter(|name| !name.is_empty());
    settings.proxy = cluster.proxy_url.filter(|url| !url.is_empty());
    // Data goes before the file, as in kubectl.
    if let Some(data) = cluster.certificate_authority_data.filter(|data| !data.is_empty()) {
        settings.certificate_authority = Some(decode("certificate-authority-data", &data)?);
    } else if let Some(path) = cluster.certificate_authority.filter(|path| !path.is_empty()) {
        settings.certificate_authority_file = Some(PathBuf::from(path));
    }
    Ok(settings)
}

fn credentials(user: &AuthInfo) -> Result<Credentials, ConnectError> {
    let text = |value: &Option<secrecy::SecretString>| {
        value.as_ref().map(|secret| secret.expose_secret().to_owned()).filter(|text| !text.is_empty())
    };
    let filled = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());

    let proof = if let Some(token) = text(&user.token) {
        Credentials::token(token)
    } else if let Some(path) = filled(&user.token_file) {
        Credentials::token_file(path)
    } else if let (Some(name), Some(password)) = (filled(&user.username), text(&user.password)) {
        Credentials::basic(name, password)
    } else if let Some(exec) = &user.exec {
        Credentials::exec(exec_command(exec)?)
    } else if let Some(provider) = &user.auth_provider {
        return Err(ConnectError::unusable(
            "kubeconfig",
            format!("auth provider `{}` was removed from Kubernetes; use its exec plugin", provider.name),
        ));
    } else {
        Credentials::none()
    };

    let certificate = match (filled(&user.client_certificate_data), filled(&user.client_certificate)) {
        (Some(data), _) => Some(Part::Given(decode("client-certificate-data", &data)?)),
        (None, Some(path)) => Some(Part::File(path.into())),
        (None, None) => None,
    };
    let key = match (text(&user.client_key_data), filled(&user.client_key)) {
        (Some(data), _) => {
            let key = String::from_utf8(decode("client-key-data", &data)?)
                .map_err(|_| ConnectError::unusable("client key", "it is not PEM"))?;
            Some(Part::Given(SecretString::from(key)))
        }
        (None, Some(path)) => Some(Part::File(path.into())),
        (None, None) => None,
    };
    match (certificate, key) {
        (None, None) => Ok(proof),
        (Some(certificate), Some(key)) => Ok(proof.with_identity(IdentitySource { certificate, key })),
        (Some(_), None) => Err(ConnectError::unusable("kubeconfig", "a client certificate without its key")),
        (None, Some(_)) => Err(ConnectError::unusable("kubeconfig", "a client key without its certificate")),
    }
}

fn exec_command(exec: &ExecConfig) -> Result<ExecCommand, ConnectError> {
    let command = exec
        .command
        .clone()
        .filter(|command| !command.is_empty())
        .ok_or_else(|| ConnectError::unusable("kubeconfig", "exec without a command"))?;
    let env = exec
        .env
        .iter()
        .flatten()
        .filter_map(|entry| {
            Some(ExecEnvironment { name: entry.get("name")?.clone(), value: entry.get("value")?.clone() })
        })
        .collect();
    Ok(ExecCommand {
        api_version: exec.api_version.clone().unwrap_or_else(|| "client.authentication.k8s.io/v1".to_owned()),
        command,
        args: exec.args.clone().unwrap_or_default(),
        env,
        install_hint: exec.install_hint.clone(),
        provide_cluster_info: exec.provide_cluster_info,
    })
}

fn decode(what: &'static str, text: &str) -> Result<Vec<u8>, ConnectError> {
    STANDARD.decode(text.trim()).map_err(|error| ConnectError::unusable(what, error))
}
