//! Where manifests come from: which refs a repository has, and which commit a target revision means.
//!
//! ```text
//! TargetRevision + RefAdvertisement ─ resolve ─► Resolved { commit, ref }
//! ```

mod advertisement;
mod range;
mod resolve;
mod version;

pub use advertisement::RefAdvertisement;
pub use resolve::{ResolveError, Resolved, full_sha, is_version_range, other_ref, resolve};
