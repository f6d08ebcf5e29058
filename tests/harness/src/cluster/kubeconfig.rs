//! Kubeconfig files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a client shows who it is.
pub(crate) enum Credentials<'a> {
    /// A client certificate and its key, in PEM.
    Certificate { certificate: &'a str, key: &'a str },
    /// A bearer token.
    Token(&'a str),
}

/// A kubeconfig with one cluster, one user and one context, all credentials inside.
pub(crate) fn kubeconfig(
    cluster: &str,
    server: &str,
    authority: &str,
    user: &str,
    credentials: &Credentials<'_>,
) -> String {
    let authority = STANDARD.encode(authority);
    let credentials = match credentials {
        Credentials::Certificate { certificate, key } => format!(
            "    client-certificate-data: {}\n    client-key-data: {}\n",
            STANDARD.encode(certificate),
            STANDARD.encode(key)
        ),
        Credentials::Token(token) => format!("    token: {token}\n"),
    };
    format!(
        "apiVersion: v1
kind: Config
current-context: {cluster}
clusters:
- name: {cluster}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
{credentials}contexts:
- name: {cluster}
  context:
    cluster: {cluster}
    user: {user}
"
    )
}
