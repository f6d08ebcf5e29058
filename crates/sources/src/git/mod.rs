//! Git's wire protocol, version 2 with version 0 and 1 as fallback, over HTTP and SSH.
//!
//! ```text
//! Remote (one per repository and credentials)
//!   └─ Conversation: http (a POST per request) or ssh (one channel)
//!        └─ Incoming: packets, with deadlines and a bound on every read
//!   refs:  greeting ─► ls-refs ─► refs        (version 0: the greeting holds the refs)
//!   fetch: want, shallow, have, done ─► side band ─► pack bytes, handed on piece by piece
//! ```
//! Why not libgit2's transports: see `docs/decisions/0005-git-transport.md`.

mod fetch;
mod http;
mod incoming;
mod known_hosts;
mod leash;
mod packet;
mod refs;
mod remote;
mod ssh;

pub(crate) use fetch::{FetchRequest, Held, PackPiece};
pub(crate) use remote::Remote;
