//! How one repository is reached.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bridgehead_api::config_map::{KnownHosts, TlsCertificates};
use bridgehead_api::secret::{Credentials, Repository, Secret, without_user_info};
use url::Url;

use crate::error::RepositoryProblem;

/// A repository's URL with all that is needed to read it. Holds credentials; printing it shows none.
#[derive(Clone, Default)]
pub struct RepoAccess {
    /// URL as the application writes it.
    pub url: String,
    /// What to log in with.
    pub credentials: Credentials,
    /// Check neither certificate nor host key.
    pub insecure: bool,
    /// Proxy for HTTP; the environment's where absent.
    pub proxy: Option<Proxy>,
    /// PEM text of the only certificates to trust for this server; the system's where absent.
    pub certificates: Option<Arc<str>>,
    /// Host keys of SSH servers.
    pub known_hosts: Arc<KnownHosts>,
    /// Full ref names outside of `refs/heads/` and `refs/tags/` that applications ask for, such as
    /// `refs/pull/12/head`.
    pub additional_refs: Vec<String>,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its URL.
    pub url: String,
    /// Hosts that are reached without it, comma-separated.
    pub no_proxy: String,
}

/// Proxies that the process' environment names: for HTTP repositories that have none of their own, as in Argo CD.
/// Hosts on loopback are always reached without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyEnvironment {
    /// For `http` URLs; empty for none.
    pub(crate) http: String,
    /// For `https` URLs; empty for none.
    pub(crate) https: String,
    /// Hosts that are reached without, comma-separated.
    pub(crate) no_proxy: String,
}

impl ProxyEnvironment {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` for what neither names, and `NO_PROXY`; each in small letters
    /// where it is not there in capitals.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| {
            let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
            given(name).or_else(|| given(&name.to_ascii_lowercase())).map(|value| value.trim().to_owned())
        };
        let all = read("ALL_PROXY").unwrap_or_default();
        Self {
            http: read("HTTP_PROXY").unwrap_or_else(|| all.clone()),
            https: read("HTTPS_PROXY").unwrap_or(all),
            no_proxy: read("NO_PROXY").unwrap_or_default(),
        }
    }
}

impl RepoAccess {
    /// A repository that needs no credentials.
    pub fn anonymous(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// A registered repository, with the certificates and host keys that the settings hold.
    pub fn new(
        repository: &Repository,
        certificates: &TlsCertificates,
        known_hosts: Arc<KnownHosts>,
    ) -> Self {
        let host = Url::parse(&repository.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        Self {
            url: repository.url.clone(),
            credentials: repository.credentials.clone(),
            insecure: repository.is_insecure(),
            proxy: (!repository.proxy.is_empty())
                .then(|| Proxy { url: repository.proxy.clone(), no_proxy: repository.no_proxy.clone() }),
            certificates: host.and_then(|host| certificates.for_host(&host).map(Arc::from)),
            known_hosts,
            additional_refs: Vec::new(),
        }
    }

    /// The URL without user name and password.
    pub fn shown_url(&self) -> String {
        without_user_info(&self.url)
    }

    /// The same repository always has the same name here, and with other credentials another one: what one
    /// project may read is not given to another out of the cache.
    pub(crate) fn cache_name(&self) -> String {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        // The path's case matters on most servers, so only the parts that are safe to fold are folded.
        let url = without_user_info(self.url.trim());
        let url = url.trim_end_matches('/');
        hash.update(url.strip_suffix(".git").unwrap_or(url));
        hash.update([0]);
        hash.update(self.identity());
        hex::encode(&hash.finalize()[..16])
    }

    /// A digest of what is used to log in, good for noticing a change and for nothing else.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        let credentials = &self.credentials;
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        let secret = |secret: &Option<Secret>| secret.clone().unwrap_or_default();
        part(&self.url);
        part(&credentials.username);
        for value in [
            &credentials.password,
            &credentials.bearer_token,
            &credentials.ssh_private_key,
            &credentials.tls_client_cert_key,
        ] {
            part(secret(value).expose());
        }
        part(&credentials.tls_client_cert_data);
        part(if self.insecure { "insecure" } else { "" });
        part(self.certificates.as_deref().unwrap_or_default());
        part(&self.known_hosts.file);
        if let Some(proxy) = &self.proxy {
            part(&proxy.url);
            part(&proxy.no_proxy);
        }
        hash.finalize().into()
    }

    /// Who asks: the account, not its password, so that a renewed password keeps the cache.
    fn identity(&self) -> String {
        let credentials = &self.credentials;
        let kind = if credentials.ssh_private_key.is_some() {
            "ssh"
        } else if credentials.bearer_token.is_some() {
            "token"
        } else if credentials.password.is_some() {
            "password"
        } else {
            ""
        };
        format!("{kind}\0{}\0{}", credentials.username, credentials.tls_client_cert_data)
    }

    /// Takes the URL apart.
    pub(crate) fn location(&self) -> Result<Location, RepositoryProblem> {
        location(self.url.trim())
    }
}

impl fmt::Debug for RepoAccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RepoAccess").field("url", &self.shown_url()).finish_non_exhaustive()
    }
}

/// Where a repository is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// Behind HTTP or HTTPS.
    Http(Url),
    /// Behind SSH.
    Ssh { user: String, host: String, port: u16, path: String },
    /// In the file system.
    Local(PathBuf),
}

fn location(text: &str) -> Result<Location, RepositoryProblem> {
    let wrong =
        |reason: &str| RepositoryProblem::Url { url: without_user_info(text), reason: reason.to_owned() };
    if text.is_empty() {
        return Err(wrong("it is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("it holds a control character"));
    }
    if text.starts_with('/') {
        return Ok(Location::Local(PathBuf::from(text)));
    }
    if let Some(path) = text.strip_prefix("file://") {
        return match path.strip_prefix("localhost").unwrap_or(path) {
            path if path.starts_with('/') => Ok(Location::Local(PathBuf::from(path))),
            _ => Err(wrong("a file URL names an absolute path: file:///path")),
        };
    }
    if text.contains("://") {
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        return match url.scheme() {
            "http" | "https" if url.host().is_some() => Ok(Location::Http(url)),
            "ssh" | "git+ssh" | "ssh+git" => ssh_url(&url).ok_or_else(|| wrong("host or path is missing")),
            "oci" => Err(wrong("it is an OCI artifact")),
            other => Err(wrong(&format!("the scheme `{other}` is not supported"))),
        };
    }
    // user@host:path, and host:path; a colon after a slash belongs to a path.
    match text.split_once(':') {
        Some((authority, path)) if !authority.contains('/') && !path.is_empty() => {
            let (user, host) = authority.rsplit_once('@').unwrap_or(("git", authority));
            // Servers would take it for an option of their command.
            if path.starts_with('-') {
                return Err(wrong("the path begins with a dash"));
            }
            if host.is_empty() || user.is_empty() {
                return Err(wrong("host or user is missing"));
            }
            Ok(Location::Ssh { user: user.into(), host: host.into(), port: 22, path: path.into() })
        }
        _ => Err(wrong("it has no scheme")),
    }
}

fn ssh_url(url: &Url) -> Option<Location> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let user = if url.username().is_empty() { "git" } else { url.username() };
    let path = percent_decoded(url.path());
    // ssh://host/~user/path means the home folder of a user.
    let path = if path.starts_with("/~") { path[1..].to_owned() } else { path };
    (path.len() > 1).then(|| Location::Ssh {
        user: percent_decoded(user),
        host,
        port: url.port().unwrap_or(22),
        path,
    })
}

/// The text with `%41` as `A`; what is no UTF-8 then is left as it was.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let decoded = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = decoded {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Location, RepoAccess, location};

    fn ssh(text: &str) -> Option<(String, String, u16, String)> {
        match location(text).ok()? {
            Location::Ssh { user, host, port, path } => Some((user, host, port, path)),
            _ => None,
        }
    }

    #[test]
    fn every_way_to_write_an_ssh_url_is_read() {
        let of =
            |user: &str, host: &str, port, path: &str| Some((user.into(), host.into(), port, path.into()));
        assert_eq!(ssh("git@github.com:org/repo.git"), of("git", "github.com", 22, "org/repo.git"));
        assert_eq!(ssh("ssh://git@host:2222/a/b.git"), of("git", "host", 2222, "/a/b.git"));
        assert_eq!(ssh("ssh://host/a"), of("git", "host", 22, "/a"));
        assert_eq!(ssh("ssh://me@[::1]:22/a%20b"), of("me", "::1", 22, "/a b"));
        assert_eq!(ssh("ssh://host/~me/a"), of("git", "host", 22, "~me/a"));
    }

    #[test]
    fn what_is_no_repository_url_is_refused() {
        for text in ["", "ftp://host/a", "host", "./relative", "file://relative", "a\nb:c", "host:-option"] {
            assert!(location(text).is_err(), "{text}");
        }
    }

    #[test]
    fn printing_access_shows_no_credential() {
        let mut access = RepoAccess::anonymous("https://user:hunter2@host/a");
        access.credentials.password = Some("hunter2".into());
        assert!(!format!("{access:?}").contains("hunter2"));
    }
}
