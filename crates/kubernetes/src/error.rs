//! What an API server says when it says no, and what happens when it says nothing.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

mod classify;
mod reach;

pub(crate) use reach::unreachable;

/// A request that was not fulfilled.
#[derive(Debug)]
pub struct ApiError {
    /// What sort of failure: what to do depends on it.
    pub kind: ApiErrorKind,
    /// What was tried, as in `create apps/Deployment/shop/web`.
    pub operation: String,
    /// The API server's own words; for failures before it, what was seen.
    pub message: String,
    /// HTTP status; 0 if there was no answer.
    pub status: u16,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What sort of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// Created before, by us or by somebody else.
    AlreadyExists,
    /// The object changed meanwhile, a precondition failed, or other managers own fields.
    Conflict {
        /// The fields that others own, for server-side apply.
        fields: Vec<FieldConflict>,
    },
    /// There is no such object.
    NotFound,
    /// The server doesn't serve this kind at all.
    KindNotServed,
    /// The object is not acceptable; the same request fails again.
    Invalid {
        /// Field by field, as far as the server says so.
        fields: Vec<FieldProblem>,
    },
    /// RBAC or a quota says no.
    Forbidden,
    /// The server doesn't accept who we say we are.
    Unauthorized,
    /// Larger than the API server or etcd takes.
    TooLarge,
    /// An admission webhook or policy says no.
    AdmissionDenied {
        /// Its name.
        by: String,
    },
    /// An admission webhook that must be asked can't be.
    AdmissionUnavailable {
        /// Its name.
        webhook: String,
    },
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// There is no such namespace.
    NamespaceNotFound,
    /// The resourceVersion or page token is too old: list again.
    Expired,
    /// No answer: no route, refused, TLS, or broken off. A write may have been made.
    Unreachable,
    /// No answer in time. A write may have been made.
    Timeout,
    /// The server has too much to do.
    Throttled {
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The server failed.
    Server,
    /// No token could be had.
    Credentials,
    /// The answer makes no sense.
    Protocol,
}

/// A field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// As in `.spec.replicas`.
    pub field: String,
    /// As in `kube-controller-manager`.
    pub manager: String,
}

/// A field that is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// As in `spec.template.spec.containers[0].image`; empty if the server doesn't say.
    pub field: String,
    /// `FieldValueRequired`, `FieldValueInvalid`, `UnknownField` …
    pub reason: String,
    /// In the server's words.
    pub message: String,
}

/// `meta/v1.Status`, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ApiStatus {
    /// For people.
    pub message: String,
    /// For programs, as in `AlreadyExists`.
    pub reason: String,
    /// HTTP status.
    pub code: u16,
    /// About what.
    pub details: ApiStatusDetails,
}

/// `meta/v1.StatusDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiStatusDetails {
    /// Object that it is about, which may be its namespace.
    pub name: String,
    /// Plural resource name of that object.
    pub kind: String,
    /// One by one.
    pub causes: Vec<ApiStatusCause>,
    /// Seconds.
    pub retry_after_seconds: u64,
}

/// `meta/v1.StatusCause`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ApiStatusCause {
    /// For programs.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Path of a field.
    pub field: String,
}

impl ApiError {
    pub(crate) fn new(kind: ApiErrorKind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), message: message.into(), status: 0, source: None }
    }

    pub(crate) fn caused(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Reads an answer of 400 and above. `retry_after`: that header, if there is one.
    pub fn from_answer(
        operation: impl Into<String>,
        status: u16,
        body: &[u8],
        retry_after: Option<Duration>,
    ) -> Self {
        classify::answer(operation.into(), status, body, retry_after)
    }

    /// Reads a `Status` object that came instead of an event or a document.
    pub fn from_status(operation: impl Into<String>, status: &ApiStatus) -> Self {
        classify::status(operation.into(), status, None)
    }

    /// The same failure, known to be of another sort.
    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ApiErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// True if the same request may succeed later, with nothing changed by anybody.
    pub fn is_transient(&self) -> bool {
        use ApiErrorKind as Kind;
        matches!(
            self.kind,
            Kind::Unreachable
                | Kind::Timeout
                | Kind::Throttled { .. }
                | Kind::Server
                | Kind::AdmissionUnavailable { .. }
                | Kind::Credentials
        )
    }

    /// True if there was no object to read, patch or delete.
    pub fn is_not_found(&self) -> bool {
        self.kind == ApiErrorKind::NotFound
    }
}

/// Operation and message; what lies below it is its source.
impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "failed to {}: {}", self.operation, self.message)
    }
}

impl StdError for ApiError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| {
            let source: &(dyn StdError + 'static) = source.as_ref();
            source
        })
    }
}
