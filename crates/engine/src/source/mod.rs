//! Where manifests come from: which refs a repository has, and which commit a target revision means.

mod advertisement;

pub use advertisement::RefAdvertisement;
