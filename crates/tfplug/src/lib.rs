//! Terraform plugin protocol 6: write providers in Rust.
//!
//! One documented struct is the schema, the model and the documentation of a resource. It is generic over
//! the *stage* of its life, so what may be unknown, what the provider decides and what must never be
//! stored are facts of the type:
//!
//! ```no_run
//! use tfplug::prelude::*;
//!
//! /// A file in a folder.
//! #[derive(Clone, Debug, tfplug::Model)]
//! #[resource("example_file", version = 0, identity(path))]
//! pub struct File<S: Stage> {
//!     /// Where it lies.
//!     #[attr(replace = "a file is not moved, it is written anew")]
//!     pub path: S::Input<String>,
//!     /// What is in it.
//!     pub content: S::Either<String>,
//!     /// Sent once, never stored.
//!     #[attr(version = token_wo_version)]
//!     pub token_wo: S::WriteOnly<Option<Secret>>,
//!     /// Raise it to send `token_wo` again.
//!     pub token_wo_version: S::Input<Option<i64>>,
//!     /// Bytes.
//!     pub size: S::Output<u64>,
//! }
//!
//! pub struct Files;
//!
//! impl Resource for Files {
//!     type Model = File<Stored>;
//!     type Client = ();
//!
//!     async fn create(&self, _ctx: &Context<()>, planned: File<Applying>) -> Outcome<Self::Model> {
//!         let content = planned.content.clone().unwrap_or_default();
//!         std::fs::write(&planned.path, &content)?;
//!         let size = content.len() as u64;
//!         Ok(planned.store(FileComputed { content, size }))
//!     }
//!
//!     async fn read(&self, _ctx: &Context<()>, prior: File<Partial>) -> ReadResult<Self::Model> {
//!         match std::fs::read_to_string(&prior.path) {
//!             Ok(content) => {
//!                 let size = content.len() as u64;
//!                 Ok(Live::Present(prior.store(FileComputed { content, size })))
//!             }
//!             Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Live::Gone),
//!             Err(error) => Err(error.into()),
//!         }
//!     }
//!
//!     async fn update(&self, ctx: &Context<()>, _prior: File<Partial>, planned: File<Applying>) -> Outcome<Self::Model> {
//!         self.create(ctx, planned).await
//!     }
//!
//!     async fn delete(&self, _ctx: &Context<()>, prior: File<Partial>) -> Result<(), Diagnostics> {
//!         Ok(std::fs::remove_file(&prior.path)?)
//!     }
//! }
//! ```
//!
//! | stage | what it is | `Input<T>` | `Either<T>` | `Output<T>` | `WriteOnly<T>` |
//! |---|---|---|---|---|---|
//! | `Config` | what the user wrote | `Maybe<T>` | `Maybe<Option<T>>` | `()` | `Maybe<T>` |
//! | `Planned` | what the plan promises | `Maybe<T>` | `Maybe<T>` | `Maybe<T>` | `()` |
//! | `Applying` | what `create`, `update` and a data source's `read` get | `T` | `Option<T>` | `()` | `T` |
//! | `Stored` | what they return | `T` | `T` | `T` | `()` |
//! | `Partial` | what is known of an object half made; every prior state | `T` | `Option<T>` | `Option<T>` | `()` |
//!
//! `T` is any [`Attr`](attr::Attr); an attribute that may be absent is an `Option<T>`. `Input<T>` is
//! required, `Input<Option<T>>` optional, `Input<T>` with `default` optional and never null, `Either<T>`
//! optional and computed, `Output<T>` computed.
//!
//! The way of a call: `wire → server (one file per RPC) → framework (values and schemas, no protobuf) →
//! your resource → framework → wire`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

pub mod attr;
pub mod check;
pub mod codec;
pub mod diagnostic;
pub mod docs;
pub mod framework;
pub mod model;
pub mod path;
pub mod prelude;
pub mod proto;
pub mod schema;
pub mod serve;
pub mod server;
pub mod stage;
pub mod value;

pub use serve::serve;
pub use tfplug_derive::{Choice, Model};
