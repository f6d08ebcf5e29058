//! SSH: one connection and one command per exchange.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bridgehead_api::config_map::KnownHosts;
use bytes::{Bytes, BytesMut};
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve, HashAlg};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::incoming::{Budget, refused};
use super::known_hosts::{self, Verdict};
use super::leash::Leashed;
use crate::access::RepoAccess;
use crate::error::{RepositoryProblem, Step};

/// Bytes of the command's error output that are kept for messages.
const SAID: usize = 2000;

/// A repository behind SSH.
pub(super) struct Ssh {
    user: String,
    host: String,
    port: u16,
    command: String,
    key: Option<Arc<PrivateKey>>,
    password: Option<bridgehead_api::secret::Secret>,
    known_hosts: Arc<KnownHosts>,
    insecure: bool,
}

impl Ssh {
    pub(super) fn new(
        user: &str,
        host: &str,
        port: u16,
        path: &str,
        access: &RepoAccess,
    ) -> Result<Self, RepositoryProblem> {
        let key = match &access.credentials.ssh_private_key {
            Some(text) => {
                let key = russh::keys::decode_secret_key(text.expose(), None).map_err(|error| {
                    let reason = match error {
                        russh::keys::Error::KeyIsEncrypted => {
                            "it is protected by a passphrase, which nobody is there to type".to_owned()
                        }
                        // The parser's own words do not quote the key.
                        other => other.to_string(),
                    };
                    RepositoryProblem::Credential { what: "the SSH private key cannot be read", reason }
                })?;
                Some(Arc::new(key))
            }
            None => None,
        };
        Ok(Self {
            user: user.to_owned(),
            host: host.to_owned(),
            port,
            command: format!("git-upload-pack {}", quoted(path)),
            key,
            password: access.credentials.password.clone(),
            known_hosts: access.known_hosts.clone(),
            insecure: access.insecure,
        })
    }

    /// Connects, logs in and starts the command.
    pub(super) async fn open(
        &self,
        budget: &Budget,
        connect: Duration,
    ) -> Result<(Output, Input), RepositoryProblem> {
        let stream = budget.within(Step::Connect, 0, connect, self.connect()).await?;
        let (leash, stream) = Leashed::new(stream);
        budget.within(Step::Login, 0, connect, self.log_in(stream, leash, budget)).await
    }

    async fn connect(&self) -> Result<TcpStream, RepositoryProblem> {
        let addresses = tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(|error| {
            RepositoryProblem::NameUnknown { host: self.host.clone(), reason: error.to_string() }
        })?;
        let mut reason = "its name has no address".to_owned();
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(RepositoryProblem::Connect { host: format!("{}:{}", self.host, self.port), reason })
    }

    async fn log_in(
        &self,
        stream: Leashed,
        leash: oneshot::Sender<()>,
        budget: &Budget,
    ) -> Result<(Output, Input), RepositoryProblem> {
        let name = known_hosts::listed_name(&self.host, self.port);
        let refusal = Arc::new(Mutex::new(None));
        let config = client::Config {
            preferred: russh::Preferred { key: self.host_key_algorithms(&name), ..russh::Preferred::DEFAULT },
            inactivity_timeout: Some(budget.total),
            nodelay: true,
            ..client::Config::default()
        };
        let guard = HostKeys {
            known: self.known_hosts.clone(),
            name,
            insecure: self.insecure,
            refusal: refusal.clone(),
        };
        let connected = client::connect_stream(Arc::new(config), stream, guard).await;
        let mut handle = match connected {
            Ok(handle) => handle,
            Err(error) => {
                let refused = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(refused.unwrap_or_else(|| self.handshake(&error)));
            }
        };
        self.authenticate(&mut handle).await?;
        let lost = |error: russh::Error| broken(Step::Login, 0, &error);
        let channel = handle.channel_open_session().await.map_err(lost)?;
        // Servers that do not take the variable answer with version 0, which is read as well.
        channel.set_env(false, "GIT_PROTOCOL", "version=2").await.map_err(lost)?;
        channel.exec(true, self.command.as_str()).await.map_err(lost)?;
        let (read, write) = channel.split();
        Ok((
            Output { read, said: BytesMut::new(), ended: false },
            Input { write, _handle: handle, _leash: leash },
        ))
    }

    async fn authenticate(&self, handle: &mut Handle<HostKeys>) -> Result<(), RepositoryProblem> {
        let lost = |error: russh::Error| broken(Step::Login, 0, &error);
        let user = self.user.as_str();
        let (outcome, with) = if let Some(key) = &self.key {
            // RSA keys sign with SHA-2; SHA-1 only where a server knows nothing else.
            let hash = match key.algorithm() {
                Algorithm::Rsa { .. } => {
                    handle.best_supported_rsa_hash().await.map_err(lost)?.unwrap_or(Some(HashAlg::Sha512))
                }
                _ => None,
            };
            let fingerprint = key.public_key().fingerprint(HashAlg::Sha256);
            let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
            let outcome = handle.authenticate_publickey(user, key).await.map_err(lost)?;
            (outcome, format!("user `{user}` with SSH key {fingerprint}"))
        } else if let Some(password) = &self.password {
            let outcome = handle.authenticate_password(user, password.expose()).await.map_err(lost)?;
            (outcome, format!("user `{user}` with its password"))
        } else {
            let outcome = handle.authenticate_none(user).await.map_err(lost)?;
            match outcome {
                AuthResult::Success => return Ok(()),
                AuthResult::Failure { .. } => return Err(RepositoryProblem::AuthenticationRequired),
            }
        };
        match outcome {
            AuthResult::Success => Ok(()),
            AuthResult::Failure { .. } => Err(RepositoryProblem::AuthenticationFailed { with }),
        }
    }

    /// Types of host keys to ask for. Where keys are known, only theirs: a server with several keys would
    /// else show one that we do not know.
    fn host_key_algorithms(&self, name: &str) -> Cow<'static, [Algorithm]> {
        let all = [
            Algorithm::Ed25519,
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
            Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
            Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
        ];
        let known = known_hosts::key_types(&self.known_hosts, name);
        if self.insecure || known.is_empty() {
            return Cow::Owned(all.to_vec());
        }
        let mut chosen: Vec<Algorithm> = Vec::new();
        let mut others: Vec<Algorithm> = Vec::new();
        for algorithm in all {
            let name = match &algorithm {
                Algorithm::Rsa { .. } => "ssh-rsa".to_owned(),
                other => other.as_str().to_owned(),
            };
            if known.contains(&name.as_str()) { chosen.push(algorithm) } else { others.push(algorithm) }
        }
        // The others stay at the end, so that a server whose key type changed is told apart from a server
        // that cannot be talked to.
        chosen.append(&mut others);
        Cow::Owned(chosen)
    }

    fn handshake(&self, error: &russh::Error) -> RepositoryProblem {
        match error {
            russh::Error::Version => RepositoryProblem::NotGit { reason: "it is not SSH's".to_owned() },
            russh::Error::NoCommonAlgo { kind, theirs, .. } => RepositoryProblem::Connect {
                host: format!("{}:{}", self.host, self.port),
                reason: format!("no {kind:?} algorithm in common; the server offers {}", theirs.join(", ")),
            },
            other => broken(Step::Login, 0, other),
        }
    }
}

/// Judges the server's key.
struct HostKeys {
    known: Arc<KnownHosts>,
    name: String,
    insecure: bool,
    refusal: Arc<Mutex<Option<RepositoryProblem>>>,
}

impl client::Handler for HostKeys {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        if self.insecure {
            return Ok(true);
        }
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            // Certificates are not asked for.
            return Ok(false);
        };
        let verdict = match key.to_bytes() {
            Ok(wire) => known_hosts::judge(&self.known, &self.name, &wire),
            Err(_) => Verdict::Unknown,
        };
        let (host, shown) = (self.name.clone(), described(key));
        let problem = match verdict {
            Verdict::Known => return Ok(true),
            Verdict::Unknown => RepositoryProblem::HostKeyUnknown { host, shown },
            Verdict::Changed => RepositoryProblem::HostKeyChanged { host, shown },
            Verdict::Revoked => {
                RepositoryProblem::HostKeyChanged { host, shown: format!("{shown}, which is revoked") }
            }
        };
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
        Ok(false)
    }
}

fn described(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm().as_str(), key.fingerprint(HashAlg::Sha256))
}

/// The command's output.
pub(super) struct Output {
    read: ChannelReadHalf,
    said: BytesMut,
    ended: bool,
}

impl Output {
    /// The next bytes; `None` at the end.
    pub(super) async fn chunk(
        &mut self,
        step: Step,
        received: u64,
    ) -> Result<Option<Bytes>, RepositoryProblem> {
        while !self.ended {
            match self.read.wait().await {
                Some(ChannelMsg::Data { data }) => return Ok(Some(data)),
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    let room = SAID.saturating_sub(self.said.len());
                    self.said.extend_from_slice(&data[..data.len().min(room)]);
                }
                Some(ChannelMsg::Failure) => {
                    return Err(RepositoryProblem::Refused {
                        message: "it does not run git-upload-pack".into(),
                    });
                }
                // Not the status of the command: OpenSSH sends that before the rest of the output.
                Some(ChannelMsg::Close) => self.ended = true,
                None => {
                    self.ended = true;
                    if self.said.is_empty() && received > 0 {
                        let reason = "the connection was lost".to_owned();
                        return Err(RepositoryProblem::BrokenOff { step, bytes: received, reason });
                    }
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    /// What the command wrote to its error output.
    pub(super) fn said(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.said).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

/// The command's input. Dropping it ends the connection.
pub(super) struct Input {
    write: ChannelWriteHalf<Msg>,
    _handle: Handle<HostKeys>,
    _leash: oneshot::Sender<()>,
}

impl Input {
    pub(super) async fn send(&self, message: Bytes, step: Step) -> Result<(), RepositoryProblem> {
        self.write.data_bytes(message).await.map_err(|error| broken(step, 0, &error))
    }
}

/// What the server's command says when it gives up.
pub(super) fn refusal(said: &str) -> RepositoryProblem {
    let lower = said.to_lowercase();
    let answer = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let missing = [
        "not found",
        "does not exist",
        "does not appear to be a git repository",
        "no such",
        "not a git repository",
    ];
    if missing.iter().any(|words| lower.contains(words)) {
        return RepositoryProblem::NotFound { answer: answer.chars().take(300).collect() };
    }
    if lower.contains("permission denied")
        || lower.contains("access denied")
        || lower.contains("unauthorized")
    {
        let with = "the SSH key".to_owned();
        return RepositoryProblem::Forbidden { with, answer: answer.chars().take(300).collect() };
    }
    refused(answer.as_bytes())
}

fn broken(step: Step, received: u64, error: &russh::Error) -> RepositoryProblem {
    RepositoryProblem::BrokenOff { step, bytes: received, reason: error.to_string() }
}

/// The path as a shell's single-quoted word, which is how servers read it.
fn quoted(path: &str) -> String {
    let escaped = path.replace('\'', r"'\''").replace('!', r"'\!'");
    format!("'{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_cannot_leave_its_quotes() {
        assert_eq!(quoted("/a b.git"), "'/a b.git'");
        assert_eq!(quoted("a'; rm -rf /'"), r"'a'\''; rm -rf /'\'''");
    }
}
