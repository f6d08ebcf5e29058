//! Why a request was not carried out.

use thiserror::Error;

/// A refusal, in the API server's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// The words.
    pub message: String,
}

/// The reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// 404: the object is not there.
    NotFound,
    /// 404: the kind is not served.
    KindNotServed,
    /// 404: the namespace is not there.
    NamespaceMissing,
    /// 409: an object of that name is there.
    AlreadyExists,
    /// 409: the object is not in the expected state. Also 422 for a failed `test` of a JSON patch.
    Conflict,
    /// 422: the object is not valid.
    Invalid,
    /// 403: forbidden, or denied by an admission webhook.
    Forbidden,
    /// 410: what was asked for is no longer kept.
    Expired,
    /// 415: this kind does not know this patch.
    UnsupportedPatch,
}

impl Refusal {
    /// A refusal.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
