//! Where manifests come from: which refs a repository has, and which commit a target revision means.

mod advertisement;
mod resolve;

pub use advertisement::RefAdvertisement;
pub use resolve::{ResolveError, Resolved, full_sha, resolve};
