//! Git repositories and the renderers.
//!
//! ```text
//! RepoAccess ─ advertise ─► RefAdvertisement        (one request per poll and repository)
//!            ─ fetch ─────► commits in a bare repository (one small pack per new commit)
//! RenderRequest ─ render ─► Arc<Rendered>: manifests with file and line, and the inputs that were read
//! ```
//! [`Repositories`] does all of it. Below it, `git` speaks Git's wire protocol over HTTP and SSH with a
//! deadline and a bound on every step, `store` keeps the bare repositories, `render` reads blobs by tree id
//! without a checkout, and [`yaml`] reads YAML as Argo CD's libraries do.
//!
//! Nothing here knows a cluster.

mod access;
mod error;
mod git;
mod render;
mod repositories;
mod settings;
mod store;
pub mod yaml;

pub use access::{Proxy, ProxyEnvironment, RepoAccess};
pub use error::{ErrorKind, ManifestProblem, RenderProblem, RepositoryProblem, SourceError, Step};
pub use render::{Input, InputSet, RenderRequest, Rendered};
pub use repositories::{CommitMetadata, Repositories};
pub use settings::{Limits, Settings};
