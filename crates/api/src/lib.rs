//! Argo CD's resources, Secrets, ConfigMaps, annotations and ids as Rust types.
//!
//! Nothing here does I/O. The types read what a cluster or a repository holds, and write what Argo CD's
//! own clients expect to read.

pub mod annotations;
pub mod ids;

pub use ids::{
    ApplicationKey, CommitSha, GroupKind, GroupVersionKind, Namespace, ObjectKey, ResourceVersion, Scope,
    TargetRevision, Uid,
};
