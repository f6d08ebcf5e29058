//! Repository Secrets, and Secrets with credentials for many repositories.

use std::fmt;

use super::{Credentials, SecretObject, SecretProblem};
use crate::annotations::{SECRET_TYPE, SECRET_TYPE_REPO_CREDS, SECRET_TYPE_REPOSITORY};
use crate::metadata::ObjectMeta;

/// What a repository is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RepositoryType {
    /// A Git repository.
    #[default]
    Git,
    /// A Helm repository.
    Helm,
    /// A registry of OCI artifacts.
    Oci,
}

impl RepositoryType {
    /// The word in the Secret.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Helm => "helm",
            Self::Oci => "oci",
        }
    }

    fn read(word: &str) -> Result<Option<Self>, SecretProblem> {
        match word {
            "" => Ok(None),
            "git" => Ok(Some(Self::Git)),
            "helm" => Ok(Some(Self::Helm)),
            "oci" => Ok(Some(Self::Oci)),
            other => Err(SecretProblem::UnknownType { value: other.to_owned() }),
        }
    }
}

impl fmt::Display for RepositoryType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One registered repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// URL.
    pub url: String,
    /// What it is; `None` is a Git repository, unless a template says otherwise.
    pub repository_type: Option<RepositoryType>,
    /// Name, which Helm repositories need.
    pub name: String,
    /// The only project that may use it; empty for all.
    pub project: String,
    /// What to log in with.
    pub credentials: Credentials,
    /// Check neither the server's certificate nor its host key.
    pub insecure: bool,
    /// The older switch for the same.
    pub insecure_ignore_host_key: bool,
    /// Fetch files of Git LFS.
    pub enable_lfs: bool,
    /// A Helm repository in an OCI registry.
    pub enable_oci: bool,
    /// Speak plain HTTP to an OCI registry.
    pub insecure_oci_force_http: bool,
    /// Proxy on the way to the server.
    pub proxy: String,
    /// Hosts that are reached without the proxy.
    pub no_proxy: String,
    /// How many commits to fetch; 0 for all.
    pub depth: i64,
    /// Do not render ahead when a webhook announces a commit.
    pub webhook_manifest_cache_warm_disabled: bool,
}

/// Credentials for every repository whose URL begins with this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepoCreds {
    /// Start of the URLs.
    pub url: String,
    /// What the repositories are.
    pub repository_type: Option<RepositoryType>,
    /// What to log in with.
    pub credentials: Credentials,
    /// Helm repositories in an OCI registry.
    pub enable_oci: bool,
    /// Speak plain HTTP to an OCI registry.
    pub insecure_oci_force_http: bool,
    /// Proxy on the way to the server.
    pub proxy: String,
    /// Hosts that are reached without the proxy.
    pub no_proxy: String,
}

impl Repository {
    /// A repository that needs no credentials, as one that nobody registered.
    pub fn anonymous(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// True where the server's identity is not checked.
    pub fn is_insecure(&self) -> bool {
        self.insecure || self.insecure_ignore_host_key
    }

    /// Reads a repository Secret.
    pub fn from_secret(secret: &SecretObject) -> Result<Self, SecretProblem> {
        let data = &secret.data;
        let url = data.owned_text("url")?;
        if url.is_empty() {
            return Err(SecretProblem::Missing { key: "url" });
        }
        Ok(Self {
            url,
            repository_type: RepositoryType::read(data.text("type")?)?,
            name: data.owned_text("name")?,
            project: data.owned_text("project")?,
            credentials: Credentials::read(data)?,
            insecure: data.boolean("insecure")?,
            insecure_ignore_host_key: data.boolean("insecureIgnoreHostKey")?,
            enable_lfs: data.boolean("enableLfs")?,
            enable_oci: data.boolean("enableOCI")?,
            insecure_oci_force_http: data.boolean("insecureOCIForceHttp")?,
            proxy: data.owned_text("proxy")?,
            no_proxy: data.owned_text("noProxy")?,
            depth: data.number("depth")?,
            webhook_manifest_cache_warm_disabled: data.boolean("webhookManifestCacheWarmDisabled")?,
        })
    }

    /// The Secret that registers this repository, with the given namespace and name.
    pub fn to_secret(&self, namespace: &str, name: &str) -> SecretObject {
        let mut secret = labelled(namespace, name, SECRET_TYPE_REPOSITORY);
        let data = &mut secret.data;
        data.insert("url", self.url.as_str());
        data.put_text("type", self.repository_type.map_or("", RepositoryType::as_str));
        data.put_text("name", &self.name);
        data.put_text("project", &self.project);
        self.credentials.write(data);
        data.put_flag("insecure", self.insecure);
        data.put_flag("insecureIgnoreHostKey", self.insecure_ignore_host_key);
        data.put_flag("enableLfs", self.enable_lfs);
        data.put_flag("enableOCI", self.enable_oci);
        data.put_flag("insecureOCIForceHttp", self.insecure_oci_force_http);
        data.put_text("proxy", &self.proxy);
        data.put_text("noProxy", &self.no_proxy);
        data.put_number("depth", self.depth);
        data.put_flag("webhookManifestCacheWarmDisabled", self.webhook_manifest_cache_warm_disabled);
        secret
    }
}

impl RepoCreds {
    /// Reads a Secret with credentials.
    pub fn from_secret(secret: &SecretObject) -> Result<Self, SecretProblem> {
        let data = &secret.data;
        let url = data.owned_text("url")?;
        if url.is_empty() {
            return Err(SecretProblem::Missing { key: "url" });
        }
        Ok(Self {
            url,
            repository_type: RepositoryType::read(data.text("type")?)?,
            credentials: Credentials::read(data)?,
            enable_oci: data.boolean("enableOCI")?,
            insecure_oci_force_http: data.boolean("insecureOCIForceHttp")?,
            proxy: data.owned_text("proxy")?,
            no_proxy: data.owned_text("noProxy")?,
        })
    }

    /// The Secret that holds these credentials, with the given namespace and name.
    pub fn to_secret(&self, namespace: &str, name: &str) -> SecretObject {
        let mut secret = labelled(namespace, name, SECRET_TYPE_REPO_CREDS);
        let data = &mut secret.data;
        data.insert("url", self.url.as_str());
        data.put_text("type", self.repository_type.map_or("", RepositoryType::as_str));
        self.credentials.write(data);
        data.put_flag("enableOCI", self.enable_oci);
        data.put_flag("insecureOCIForceHttp", self.insecure_oci_force_http);
        data.put_text("proxy", &self.proxy);
        data.put_text("noProxy", &self.no_proxy);
        secret
    }
}

fn labelled(namespace: &str, name: &str, secret_type: &str) -> SecretObject {
    let mut secret = SecretObject { metadata: ObjectMeta::named(namespace, name), ..SecretObject::default() };
    secret.metadata.labels.insert(SECRET_TYPE.to_owned(), secret_type.to_owned());
    secret
}

/// The name that Argo CD gives the Secret of a repository: the prefix (`repo` or `creds`) and the 32-bit FNV-1a
/// hash of URL and project.
pub fn repository_secret_name(prefix: &str, url: &str, project: &str) -> String {
    let hash = url
        .bytes()
        .chain(project.bytes())
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{prefix}-{hash}")
}
