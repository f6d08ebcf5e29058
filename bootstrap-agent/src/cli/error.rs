//! What goes wrong, how it is told and which exit code it gives.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::ExitCode;

use bridgehead_kubernetes::connect::ConnectError;
use bridgehead_kubernetes::{ApiError, ApiErrorKind};
use thiserror::Error;

/// How a command ends. The numbers are argocd's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked; of `diff`, there is no difference.
    Done,
    /// The command was understood and its outcome is not what was hoped for: the operation has failed,
    /// there is a difference, the arguments make no sense.
    Failed,
    /// `diff` could not be made.
    DiffFailed,
    /// Anything else: the cluster, the network, an object that is not there.
    Error,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::DiffFailed => 2,
            Exit::Error => 20,
        })
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub enum CliError {
    /// Arguments that don't go together.
    #[error("{0}")]
    Usage(String),
    /// An object that should be there is not.
    #[error("{kind} `{name}` is not in namespace `{namespace}`")]
    NotFound {
        /// `application`, `project` …
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// A selector that matches nothing.
    #[error("no applications match {0}")]
    NoMatch(String),
    /// What was asked for cannot be, as things are.
    #[error("{message}")]
    Refused {
        /// What and why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The outcome of an operation or a wait.
    #[error("{message}")]
    Outcome {
        /// What came out.
        message: String,
        /// argocd's code for it.
        exit: Exit,
    },
    /// The agent cannot run.
    #[error(transparent)]
    Agent(Box<crate::agent::AgentError>),
    /// Another error that gives another exit code.
    #[error("{error}")]
    Exiting {
        /// The error.
        error: Box<CliError>,
        /// The code.
        exit: Exit,
    },
    /// No connection can be made.
    #[error("failed to connect to the cluster")]
    Connect(#[source] Box<ConnectError>),
    /// The API server said no.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// Something that a cluster or a file holds is not what it should be.
    #[error("failed to read {what}")]
    Content {
        /// What was read.
        what: String,
        /// Why it can't be.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Reading or writing a file or a stream.
    #[error("failed to {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Nobody reads what we print.
    #[error("standard output is closed")]
    ClosedPipe,
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    /// Something that was read and makes no sense.
    pub fn content(what: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Content { what: what.into(), source: source.into() }
    }

    /// An input or output that failed.
    pub fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }

    /// Something that cannot be, as things are.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), hint: None }
    }

    /// An operation that ended badly.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Outcome { message: message.into(), exit: Exit::Failed }
    }

    /// The same with another exit code.
    #[must_use]
    pub fn with_exit(self, exit: Exit) -> Self {
        Self::Exiting { error: Box::new(self), exit }
    }

    /// The code that the process ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::NoMatch(_) => Exit::Failed,
            Self::Outcome { exit, .. } | Self::Exiting { exit, .. } => *exit,
            _ => Exit::Error,
        }
    }

    /// What to do about it.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { hint, .. } => hint.clone(),
            Self::NotFound { .. } => {
                Some("`--namespace` says where to look; it is `argocd` by default".to_owned())
            }
            Self::Connect(_) => {
                Some("`--kubeconfig` and `--context` choose the cluster, as for kubectl".to_owned())
            }
            Self::Api(error) => match error.kind {
                ApiErrorKind::KindNotServed => Some(
                    "the CRDs are not installed: `bridgehead manifests crds | kubectl apply --server-side -f -`"
                        .to_owned(),
                ),
                ApiErrorKind::Unreachable | ApiErrorKind::Unauthorized | ApiErrorKind::Credentials => {
                    Some("`kubectl get --raw /version` with the same kubeconfig shows whether it works there".to_owned())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// One line with the whole chain of causes, and one with what to do.
    pub(super) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Self::Exiting { error, .. } = self {
            return error.write(to);
        }
        write!(to, "error: {self}")?;
        // `Api` shows itself as its content does, so its own source comes next.
        let mut source = self.source();
        while let Some(cause) = source {
            write!(to, ": {cause}")?;
            source = cause.source();
        }
        writeln!(to)?;
        match self.hint() {
            Some(hint) => writeln!(to, "hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<ApiError> for CliError {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(Box::new(error))
    }
}

impl From<crate::agent::AgentError> for CliError {
    fn from(error: crate::agent::AgentError) -> Self {
        Self::Agent(Box::new(error))
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ClosedPipe } else { Self::io("write", error) }
    }
}

#[cfg(test)]
mod tests {
    use super::CliError;

    fn text(error: &CliError) -> String {
        let mut bytes = Vec::new();
        error.write(&mut bytes).expect("a vector takes everything");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_chain_of_causes_stands_on_one_line_and_the_hint_on_the_next() {
        let cause = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        assert_eq!(
            text(&CliError::io("read `a.yaml`", cause)),
            "error: failed to read `a.yaml`: no such file\n"
        );
        let missing = CliError::NotFound {
            kind: "application",
            name: "web".to_owned(),
            namespace: "argocd".to_owned(),
        };
        assert_eq!(
            text(&missing),
            "error: application `web` is not in namespace `argocd`\n\
             hint: `--namespace` says where to look; it is `argocd` by default\n"
        );
    }
}
