//! Cluster Secrets: how a cluster is reached.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Secret, SecretObject, SecretProblem};
use crate::annotations::{LAST_APPLIED, SECRET_TYPE, SECRET_TYPE_CLUSTER};
use crate::metadata::ObjectMeta;

/// URL that stands for the cluster that the agent runs in.
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// Name of the cluster that the agent runs in.
pub const IN_CLUSTER_NAME: &str = "in-cluster";

const MANAGED_BY: &str = "managed-by";

/// One registered cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// URL of its API server, without a slash at the end. It identifies the cluster.
    pub server: String,
    /// Name that destinations may use.
    pub name: String,
    /// How to log in.
    pub config: ClusterConfig,
    /// The only namespaces that are watched; empty for all.
    pub namespaces: Vec<String>,
    /// With `namespaces`: whether cluster-scoped objects are managed too.
    pub cluster_resources: bool,
    /// The only project that may use it; empty for all.
    pub project: String,
    /// Replica that is to manage it, where that is pinned.
    pub shard: Option<i64>,
    /// Labels, by which generators select it, without Argo CD's own.
    pub labels: BTreeMap<String, String>,
    /// Annotations, without Argo CD's own.
    pub annotations: BTreeMap<String, String>,
}

/// How to log in to a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterConfig {
    /// User name for basic authentication.
    pub username: String,
    /// Password for basic authentication.
    pub password: Option<Secret>,
    /// Bearer token.
    pub bearer_token: Option<Secret>,
    /// Certificates.
    pub tls: TlsClientConfig,
    /// Tokens made from AWS IAM credentials.
    pub aws_auth: Option<AwsAuthConfig>,
    /// Credentials that a command prints.
    pub exec: Option<ExecProviderConfig>,
    /// Ask for answers that are not compressed.
    pub disable_compression: bool,
    /// Proxy on the way to the API server.
    pub proxy_url: String,
}

/// Certificates for the connection to a cluster, as PEM text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsClientConfig {
    /// Do not check the server's certificate.
    pub insecure: bool,
    /// Name in the server's certificate, where it is not the URL's host.
    pub server_name: String,
    /// Certificates of the authorities that are trusted.
    pub ca_data: String,
    /// Client certificate.
    pub cert_data: String,
    /// Key of the client certificate.
    pub key_data: Option<Secret>,
}

/// Tokens made from AWS IAM credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AwsAuthConfig {
    /// Name of the EKS cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// Role to assume first; empty for none.
    #[serde(rename = "roleARN", alias = "roleArn", skip_serializing_if = "String::is_empty")]
    pub role_arn: String,
    /// Profile of the AWS configuration; empty for the default chain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
}

/// Credentials that a command prints, as kubectl's credential plugins do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecProviderConfig {
    /// Command.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, on top of the agent's.
    pub env: BTreeMap<String, Secret>,
    /// Version of the protocol.
    pub api_version: String,
    /// What to tell people when the command is not there.
    pub install_hint: String,
    /// Tell the command about the cluster.
    pub provide_cluster_info: bool,
    /// What the command is told beside that.
    pub config: Option<serde_json::Value>,
}

impl Cluster {
    /// Reads a cluster Secret. What can be done without is given back as problems beside the cluster.
    pub fn from_secret(secret: &SecretObject) -> Result<(Self, Vec<SecretProblem>), SecretProblem> {
        let data = &secret.data;
        let server = data.text("server")?.trim_end_matches('/').to_owned();
        if server.is_empty() {
            return Err(SecretProblem::Missing { key: "server" });
        }
        let (config, mut problems) = read_config(data.get("config").unwrap_or_default())?;
        let shard = match data.text("shard")? {
            "" => None,
            text => text
                .parse()
                .map_err(|_| problems.push(SecretProblem::NotNumber { key: "shard", value: text.to_owned() }))
                .ok(),
        };
        let namespaces = data.text("namespaces")?;
        let mut labels = secret.metadata.labels.clone();
        labels.remove(SECRET_TYPE);
        let mut annotations = secret.metadata.annotations.clone();
        annotations.remove(LAST_APPLIED);
        annotations.remove(MANAGED_BY);
        let cluster = Self {
            server,
            name: data.owned_text("name")?,
            config,
            namespaces: namespaces
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            cluster_resources: data.text("clusterResources")? == "true",
            project: data.owned_text("project")?,
            shard,
            labels,
            annotations,
        };
        Ok((cluster, problems))
    }

    /// The Secret that registers this cluster, with the given namespace and name.
    pub fn to_secret(&self, namespace: &str, name: &str) -> SecretObject {
        let mut secret =
            SecretObject { metadata: ObjectMeta::named(namespace, name), ..SecretObject::default() };
        secret.metadata.labels = self.labels.clone();
        secret.metadata.labels.insert(SECRET_TYPE.to_owned(), SECRET_TYPE_CLUSTER.to_owned());
        secret.metadata.annotations = self.annotations.clone();
        let data = &mut secret.data;
        let server = self.server.trim_end_matches('/');
        data.insert("server", server);
        data.insert("name", if self.name.is_empty() { server } else { &self.name });
        data.put_text("namespaces", &self.namespaces.join(","));
        data.insert("config", self.config.to_json().as_slice());
        if let Some(shard) = self.shard {
            data.insert("shard", shard.to_string());
        }
        data.put_flag("clusterResources", self.cluster_resources);
        data.put_text("project", &self.project);
        secret
    }
}

/// `config` as it is written: JSON whose texts are overwritten with zeros when dropped.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "wire_is_empty", with = "wire_text")]
    password: Zeroizing<String>,
    #[serde(skip_serializing_if = "wire_is_empty", with = "wire_text")]
    bearer_token: Zeroizing<String>,
    tls_client_config: WireTls,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_auth_config: Option<AwsAuthConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exec_provider_config: Option<WireExec>,
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    disable_compression: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    proxy_url: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireTls {
    insecure: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    server_name: String,
    #[serde(skip_serializing_if = "wire_is_empty", with = "wire_text")]
    cert_data: Zeroizing<String>,
    #[serde(skip_serializing_if = "wire_is_empty", with = "wire_text")]
    key_data: Zeroizing<String>,
    #[serde(skip_serializing_if = "wire_is_empty", with = "wire_text")]
    ca_data: Zeroizing<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireExec {
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    install_hint: String,
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    provide_cluster_info: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<serde_json::Value>,
}

mod wire_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        text: &Zeroizing<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    // Go writes empty bytes as null.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        Ok(Zeroizing::new(Option::<String>::deserialize(deserializer)?.unwrap_or_default()))
    }
}

fn wire_is_empty(text: &Zeroizing<String>) -> bool {
    text.is_empty()
}

const CONFIG_FIELDS: &[&str] = &[
    "username",
    "password",
    "bearerToken",
    "tlsClientConfig",
    "awsAuthConfig",
    "execProviderConfig",
    "disableCompression",
    "proxyUrl",
];

fn read_config(json: &[u8]) -> Result<(ClusterConfig, Vec<SecretProblem>), SecretProblem> {
    if json.is_empty() {
        return Ok((ClusterConfig::default(), Vec::new()));
    }
    let shape =
        |error: &serde_json::Error| SecretProblem::Config { line: error.line(), column: error.column() };
    #[expect(clippy::zero_sized_map_values, reason = "JSON has objects, and the values are to be skipped")]
    let names: BTreeMap<String, IgnoredAny> = serde_json::from_slice(json).map_err(|error| shape(&error))?;
    let problems = names
        .into_keys()
        .filter(|name| !CONFIG_FIELDS.contains(&name.as_str()))
        .map(|field| SecretProblem::UnknownConfigField { field })
        .collect();
    let wire: WireConfig = serde_json::from_slice(json).map_err(|error| shape(&error))?;
    let config = ClusterConfig {
        username: wire.username,
        password: some_secret(&wire.password),
        bearer_token: some_secret(&wire.bearer_token),
        tls: TlsClientConfig {
            insecure: wire.tls_client_config.insecure,
            server_name: wire.tls_client_config.server_name,
            ca_data: pem("caData", &wire.tls_client_config.ca_data)?,
            cert_data: pem("certData", &wire.tls_client_config.cert_data)?,
            key_data: match pem("keyData", &wire.tls_client_config.key_data)? {
                key if key.is_empty() => None,
                key => Some(Secret::new(key)),
            },
        },
        aws_auth: wire.aws_auth_config,
        exec: wire.exec_provider_config.map(|exec| ExecProviderConfig {
            command: exec.command,
            args: exec.args,
            env: exec.env.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            api_version: exec.api_version,
            install_hint: exec.install_hint,
            provide_cluster_info: exec.provide_cluster_info,
            config: exec.config,
        }),
        disable_compression: wire.disable_compression,
        proxy_url: wire.proxy_url,
    };
    Ok((config, problems))
}

impl ClusterConfig {
    /// The configuration as the Secret's `config` entry. It holds credentials in the open.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let wire = WireConfig {
            username: self.username.clone(),
            password: exposed(self.password.as_ref()),
            bearer_token: exposed(self.bearer_token.as_ref()),
            tls_client_config: WireTls {
                insecure: self.tls.insecure,
                server_name: self.tls.server_name.clone(),
                cert_data: Zeroizing::new(STANDARD.encode(&self.tls.cert_data)),
                key_data: Zeroizing::new(STANDARD.encode(exposed(self.tls.key_data.as_ref()).as_bytes())),
                ca_data: Zeroizing::new(STANDARD.encode(&self.tls.ca_data)),
            },
            aws_auth_config: self.aws_auth.clone(),
            exec_provider_config: self.exec.as_ref().map(|exec| WireExec {
                command: exec.command.clone(),
                args: exec.args.clone(),
                env: exec.env.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
                api_version: exec.api_version.clone(),
                install_hint: exec.install_hint.clone(),
                provide_cluster_info: exec.provide_cluster_info,
                config: exec.config.clone(),
            }),
            disable_compression: self.disable_compression,
            proxy_url: self.proxy_url.clone(),
        };
        Zeroizing::new(
            serde_json::to_vec(&wire).expect("texts, booleans and maps with text keys are always JSON"),
        )
    }
}

fn some_secret(text: &Zeroizing<String>) -> Option<Secret> {
    (!text.is_empty()).then(|| Secret::new(text.as_str()))
}

fn exposed(secret: Option<&Secret>) -> Zeroizing<String> {
    Zeroizing::new(secret.map_or_else(String::new, |secret| secret.expose().to_owned()))
}

fn pem(field: &'static str, encoded: &Zeroizing<String>) -> Result<String, SecretProblem> {
    // Go's decoder ignores line breaks in base64.
    let compact = Zeroizing::new(encoded.chars().filter(|c| !matches!(c, '\r' | '\n')).collect::<String>());
    let bytes = STANDARD.decode(compact.as_bytes()).map_err(|_| SecretProblem::ConfigNotBase64 { field })?;
    String::from_utf8(bytes).map_err(|_| SecretProblem::ConfigNotBase64 { field })
}
