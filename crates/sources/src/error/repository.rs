//! Problems with a repository, its server, or the cache.

use std::time::Duration;

use bridgehead_api::CommitSha;

use super::{ErrorKind, Step};

/// What stood in the way of talking to a repository.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryProblem {
    /// The URL makes no sense.
    #[error("`{url}` is not the URL of a Git repository: {reason}")]
    Url {
        /// As it was typed, without user and password.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server answers, but has no such repository.
    #[error("there is no such repository, or the credentials may not see it: {answer}")]
    NotFound {
        /// What the server said.
        answer: String,
    },
    /// The server wants credentials, and none are configured.
    #[error("the server asks for credentials and none are configured")]
    AuthenticationRequired,
    /// The server refuses the credentials.
    #[error("the server refused {with}")]
    AuthenticationFailed {
        /// Which credentials, by name.
        with: String,
    },
    /// The credentials are right and not enough.
    #[error("the server forbids access with {with}: {answer}")]
    Forbidden {
        /// Which credentials, by name.
        with: String,
        /// What the server said.
        answer: String,
    },
    /// A configured credential cannot be used.
    #[error("{what}: {reason}")]
    Credential {
        /// Which one.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The server's certificate does not hold.
    #[error("the server's certificate was refused (checked against {trust}): {reason}")]
    Tls {
        /// What it was checked against.
        trust: String,
        /// Why.
        reason: String,
    },
    /// No host key is known for the server.
    #[error("no host key is known for `{host}`; it showed {shown}")]
    HostKeyUnknown {
        /// `host` or `[host]:port`.
        host: String,
        /// Type and fingerprint of the key that it showed, or that none was agreed on.
        shown: String,
    },
    /// The server shows another host key than the known one.
    #[error("the host key of `{host}` is not the known one; it showed {shown}")]
    HostKeyChanged {
        /// `host` or `[host]:port`.
        host: String,
        /// Type and fingerprint of the key that it showed.
        shown: String,
    },
    /// The server's name does not resolve.
    #[error("the name `{host}` cannot be resolved: {reason}")]
    NameUnknown {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// No connection.
    #[error("no connection to `{host}`: {reason}")]
    Connect {
        /// Host and port.
        host: String,
        /// Why.
        reason: String,
    },
    /// A deadline passed.
    #[error("timed out after {} while {step}{}", seconds(*.after), received(*.bytes))]
    TimedOut {
        /// Where.
        step: Step,
        /// The deadline that passed.
        after: Duration,
        /// Bytes that had come in this answer.
        bytes: u64,
    },
    /// The connection broke.
    #[error("the server broke off while {step}{}: {reason}", received(*.bytes))]
    BrokenOff {
        /// Where.
        step: Step,
        /// Bytes that had come in this answer.
        bytes: u64,
        /// Why, as far as known.
        reason: String,
    },
    /// HTTP said something else than success.
    #[error("the server answered HTTP {status} while {step}{answer}")]
    Status {
        /// Where.
        step: Step,
        /// The status code.
        status: u16,
        /// Begin of the answer, with a colon before it, or empty.
        answer: String,
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// Something answers, but it does not speak Git.
    #[error("the answer is not Git's: {reason}")]
    NotGit {
        /// What came instead.
        reason: String,
    },
    /// The server understood and said no.
    #[error("the server refused: {message}")]
    Refused {
        /// In its words.
        message: String,
    },
    /// The commit is not in the repository any more, or the server does not give it out.
    #[error("the server does not have commit {commit} any more")]
    CommitGone {
        /// The commit.
        commit: CommitSha,
    },
    /// A bound was hit.
    #[error("{what} is larger than the bound of {limit} bytes")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The disk has no room.
    #[error("the disk is full: {reason}")]
    DiskFull {
        /// What could not be written.
        reason: String,
    },
    /// The cache on disk cannot be read or written.
    #[error("the repository cache cannot be used: {reason}")]
    Storage {
        /// What happened.
        reason: String,
    },
    /// The server breaks the protocol.
    #[error("the server broke Git's protocol while {step}: {reason}")]
    Protocol {
        /// Where.
        step: Step,
        /// How.
        reason: String,
    },
    /// Known, but not in this release.
    #[error("this release cannot {what}")]
    Unsupported {
        /// What.
        what: &'static str,
    },
}

impl RepositoryProblem {
    /// Who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::CommitGone { .. } => ErrorKind::User,
            Self::Url { .. }
            | Self::NotFound { .. }
            | Self::AuthenticationRequired
            | Self::AuthenticationFailed { .. }
            | Self::Forbidden { .. }
            | Self::Credential { .. }
            | Self::Tls { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::NotGit { .. }
            | Self::Unsupported { .. } => ErrorKind::Config,
            Self::NameUnknown { .. }
            | Self::Connect { .. }
            | Self::TimedOut { .. }
            | Self::BrokenOff { .. }
            | Self::Status { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. }
            | Self::Protocol { .. } => ErrorKind::Upstream,
            Self::DiskFull { .. } | Self::Storage { .. } => ErrorKind::Internal,
        }
    }

    /// What to do, where that can be said.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Url { .. } => "write https://host/path, ssh://git@host/path, git@host:path or an absolute local path".into(),
            Self::NotFound { .. } => "check the URL; many servers answer so for a private repository without credentials".into(),
            Self::AuthenticationRequired => {
                "add a repository Secret (label argocd.argoproj.io/secret-type: repository) with username and password or sshPrivateKey".into()
            }
            Self::AuthenticationFailed { .. } => "renew the credentials in the repository Secret, and check that they may read this repository".into(),
            Self::Forbidden { .. } => "give the account read access to the repository".into(),
            Self::Tls { .. } => "put the server's CA into argocd-tls-certs-cm under its host name".into(),
            Self::HostKeyUnknown { host, .. } => format!("add the output of `ssh-keyscan {}` to argocd-ssh-known-hosts-cm after checking it", keyscan(host)),
            Self::HostKeyChanged { .. } => "if the server was given a new key, replace its lines in argocd-ssh-known-hosts-cm; if not, somebody may be in between".into(),
            Self::NameUnknown { .. } => "check the host in the URL and the cluster's DNS".into(),
            Self::Connect { .. } => "check that the server is up and that no network policy or proxy is in the way".into(),
            Self::NotGit { .. } => "check that the URL is the one to clone from, not a web page".into(),
            Self::CommitGone { .. } => "the history was rewritten or the commit never pushed; refresh, or choose another revision".into(),
            Self::DiskFull { .. } => "give the repository cache more room, or lower its bound; the next poll tries again".into(),
            _ => return None,
        })
    }
}

fn keyscan(host: &str) -> String {
    match host.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((name, port)) => format!("-p {port} {name}"),
        None => host.to_owned(),
    }
}

fn seconds(duration: Duration) -> String {
    if duration.as_secs() >= 1 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

fn received(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(" ({bytes} bytes had come)") }
}
