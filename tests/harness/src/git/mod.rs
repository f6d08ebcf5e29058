//! Git servers on loopback and repositories on them.

mod backend;
mod repository;
mod server;
mod ssh;

pub use repository::{Repository, git};
pub use server::{Exchange, Fault, GitServer, GitServerOptions, Step};
pub use ssh::GitSshServer;
