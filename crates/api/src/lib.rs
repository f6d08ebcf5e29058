//! Argo CD's resources, Secrets, ConfigMaps, annotations and ids as Rust types.
//!
//! Nothing here does I/O. The types read what a cluster or a repository holds, and write what Argo CD's
//! own clients expect to read.

#![allow(clippy::struct_excessive_bools, reason = "the structs have the fields that Argo CD's objects have")]

pub mod annotations;
pub mod application;
pub mod application_set;
pub mod config_map;
pub mod crd;
pub mod duration;
pub mod ids;
mod lenient;
pub mod lint;
pub mod metadata;
pub mod nearest;
mod omit;
pub mod project;
pub mod secret;
pub mod time;

pub use ids::{
    ApplicationKey, CommitSha, GroupKind, GroupVersionKind, Namespace, ObjectKey, ResourceVersion, Scope,
    TargetRevision, Uid,
};
pub use time::Time;

/// API group of Argo CD's resources.
pub const GROUP: &str = "argoproj.io";
/// Version of Argo CD's resources.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` of Argo CD's resources.
pub const API_VERSION: &str = "argoproj.io/v1alpha1";
