//! How a client proves who it is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::ConnectError;

/// Why a token could not be minted.
#[derive(Debug, Error)]
#[error("failed to get a token from {from}")]
pub struct MintError {
    /// Who was asked.
    pub from: String,
    /// What happened there.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl MintError {
    /// Builds the error.
    pub fn new(from: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { from: from.into(), source: source.into() }
    }
}

/// A bearer token and how long it may be used.
#[derive(Clone)]
pub struct MintedToken {
    pub(crate) token: SecretString,
    pub(crate) expires_at: Option<Timestamp>,
}

impl MintedToken {
    /// `expires_at`: when the server stops accepting it; `None` if unknown or never.
    pub fn new(token: impl Into<String>, expires_at: Option<Timestamp>) -> Self {
        Self { token: SecretString::from(token.into()), expires_at }
    }

    /// The token's text. Whoever calls this keeps it secret.
    pub fn expose(&self) -> &str {
        self.token.expose_secret()
    }

    /// When the server stops accepting it.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl fmt::Debug for MintedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MintedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Mints tokens for one cluster, as EKS and other clouds do.
///
/// The connection asks when it has no token, shortly before the last one expires, and once after
/// the server has answered 401; it keeps the token in between.
pub trait TokenSource: Send + Sync {
    /// Mints a new token, every time.
    fn mint(&self) -> BoxFuture<'_, Result<MintedToken, MintError>>;
}

/// A program that prints an `ExecCredential`.
#[derive(Clone)]
pub struct ExecCommand {
    /// `client.authentication.k8s.io/v1` or `v1beta1`.
    pub api_version: String,
    /// Program, looked up in `PATH` unless it has a slash.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment that is added.
    pub env: Vec<ExecEnvironment>,
    /// What to tell the user if the program is missing.
    pub install_hint: Option<String>,
    /// The cluster is described to the program in `KUBERNETES_EXEC_INFO`.
    pub provide_cluster_info: bool,
}

/// A variable for an exec program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecEnvironment {
    /// Variable's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for ExecCommand {
    // Arguments and environment may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ExecCommand").field("command", &self.command).finish_non_exhaustive()
    }
}

/// How a client proves who it is. Cannot be printed.
#[derive(Clone, Default)]
pub struct Credentials {
    pub(crate) proof: Proof,
    pub(crate) identity: Option<IdentitySource>,
}

#[derive(Clone, Default)]
pub(crate) enum Proof {
    #[default]
    None,
    Basic(String, SecretString),
    Token(SecretString),
    TokenFile(PathBuf),
    Exec(ExecCommand),
    Source(Arc<dyn TokenSource>),
}

/// A client certificate with its key, both PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: SecretString,
}

/// Where a client certificate and its key come from.
#[derive(Clone)]
pub(crate) struct IdentitySource {
    pub(crate) certificate: Part<Vec<u8>>,
    pub(crate) key: Part<SecretString>,
}

/// Half of an identity: PEM, or the file that has it.
#[derive(Clone)]
pub(crate) enum Part<T> {
    Given(T),
    File(PathBuf),
}

impl IdentitySource {
    /// True if something else may put another identity in its place.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self.certificate, Part::File(_)) || matches!(self.key, Part::File(_))
    }

    pub(crate) fn read(&self) -> Result<Identity, ConnectError> {
        let file = |what, path: &PathBuf| {
            std::fs::read(path).map_err(|source| ConnectError::File {
                what,
                path: path.display().to_string(),
                source,
            })
        };
        let certificate = match &self.certificate {
            Part::Given(certificate) => certificate.clone(),
            Part::File(path) => file("the client certificate", path)?,
        };
        let key = match &self.key {
            Part::Given(key) => key.clone(),
            Part::File(path) => {
                let key = String::from_utf8(file("the client key", path)?);
                SecretString::from(key.map_err(|_| ConnectError::unusable("client key", "it is not PEM"))?)
            }
        };
        Ok(Identity { certificate, key })
    }
}

impl Credentials {
    /// Anonymous.
    pub fn none() -> Self {
        Self::default()
    }

    /// A bearer token that doesn't change.
    pub fn token(token: impl Into<String>) -> Self {
        Self::of(Proof::Token(SecretString::from(token.into())))
    }

    /// A bearer token in a file that something else keeps fresh. Read again at least once a minute.
    pub fn token_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Proof::TokenFile(path.into()))
    }

    /// User name and password.
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::of(Proof::Basic(user.into(), SecretString::from(password.into())))
    }

    /// Tokens or client certificates from a program.
    pub fn exec(command: ExecCommand) -> Self {
        Self::of(Proof::Exec(command))
    }

    /// Tokens minted inside of this process.
    pub fn source(source: Arc<dyn TokenSource>) -> Self {
        Self::of(Proof::Source(source))
    }

    /// The same, from a function.
    pub fn minted_by<F, R>(mint: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<MintedToken, MintError>> + Send + 'static,
    {
        struct Function<F>(F);
        impl<F, R> TokenSource for Function<F>
        where
            F: Fn() -> R + Send + Sync,
            R: Future<Output = Result<MintedToken, MintError>> + Send + 'static,
        {
            fn mint(&self) -> BoxFuture<'_, Result<MintedToken, MintError>> {
                Box::pin((self.0)())
            }
        }
        Self::source(Arc::new(Function(mint)))
    }

    /// A client certificate alone. Both PEM; the certificate may be followed by its intermediates.
    pub fn client_certificate(certificate_pem: impl Into<Vec<u8>>, key_pem: impl Into<String>) -> Self {
        Self::none().with_client_certificate(certificate_pem, key_pem)
    }

    /// The same credentials and a client certificate.
    #[must_use]
    pub fn with_client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<String>,
    ) -> Self {
        self.identity = Some(IdentitySource {
            certificate: Part::Given(certificate_pem.into()),
            key: Part::Given(SecretString::from(key_pem.into())),
        });
        self
    }

    /// The same credentials and a client certificate in files that something else keeps fresh. Read again at least
    /// once a minute.
    #[must_use]
    pub fn with_client_certificate_files(
        self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.with_identity(IdentitySource {
            certificate: Part::File(certificate.into()),
            key: Part::File(key.into()),
        })
    }

    pub(crate) fn with_identity(mut self, identity: IdentitySource) -> Self {
        self.identity = Some(identity);
        self
    }

    fn of(proof: Proof) -> Self {
        Self { proof, identity: None }
    }
}

/// Says the kind of proof, never the proof.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proof = match &self.proof {
            Proof::None => "none",
            Proof::Basic(..) => "basic",
            Proof::Token(_) => "token",
            Proof::TokenFile(_) => "token file",
            Proof::Exec(_) => "exec",
            Proof::Source(_) => "token source",
        };
        formatter
            .debug_struct("Credentials")
            .field("proof", &proof)
            .field("client_certificate", &self.identity.is_some())
            .finish()
    }
}
