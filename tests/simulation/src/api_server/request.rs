//! What the API server can be asked for.

use bridgehead_api::application::PropagationPolicy;
use bridgehead_api::{GroupVersionKind, ObjectKey, ResourceVersion, Uid};
use serde_json::Value;

/// One request.
#[derive(Clone, Debug)]
pub enum Request {
    /// GET.
    Get {
        /// Kind and version.
        kind: GroupVersionKind,
        /// The object.
        key: ObjectKey,
    },
    /// POST.
    Create {
        /// The object.
        object: Value,
        /// Keep nothing.
        dry_run: bool,
    },
    /// PUT.
    Update {
        /// The object.
        object: Value,
        /// Only its status.
        status: bool,
        /// Keep nothing.
        dry_run: bool,
    },
    /// PATCH.
    Patch {
        /// Kind and version.
        kind: GroupVersionKind,
        /// The object.
        key: ObjectKey,
        /// The body.
        patch: Patch,
        /// Keep nothing.
        dry_run: bool,
    },
    /// DELETE.
    Delete {
        /// Kind and version.
        kind: GroupVersionKind,
        /// The object.
        key: ObjectKey,
        /// Only this one.
        uid: Option<Uid>,
        /// Only in this state.
        resource_version: Option<ResourceVersion>,
        /// What happens to its dependants.
        propagation: PropagationPolicy,
    },
}

/// The body of a PATCH.
#[derive(Clone, Debug)]
pub enum Patch {
    /// RFC 6902.
    Json(Value),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' own.
    Strategic(Value),
    /// Server-side apply by this field manager, with force.
    Apply {
        /// The object.
        object: Value,
        /// Who applies.
        manager: &'static str,
    },
}
