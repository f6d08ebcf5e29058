//! The framework: what a provider's author implements, and everything that protocol 6 asks beyond it.
//!
//! ```text
//! Provider ── register ──▶ Registry: resources, data sources, ephemeral resources, functions
//!    └─ configure ──▶ Client ──▶ Context ──▶ create, read, update, delete, import, plan, …
//! ```
//!
//! Nothing here knows protobuf: [`crate::server`] turns the wire into values and back. Nothing here
//! knows a Rust model either, save `operations`: schema and values are enough to plan
//! (`planning`), to keep the form that the user wrote (`form`) and to find what Terraform would
//! refuse (`consistency`).

mod consistency;
mod context;
mod data_source;
mod ephemeral;
mod form;
mod function;
mod operations;
mod planning;
mod private;
mod provider;
mod registry;
mod resource;
mod walk;

pub use context::{Context, IfItFails, Interrupted};
pub use data_source::DataSource;
pub use ephemeral::{EphemeralResource, Opened};
pub use function::{Function, FunctionError, Parameter, Signature, take};
pub use provider::{Host, Provider};
pub use registry::Registry;
pub use resource::{Import, Live, MoveSource, Outcome, Plan, ReadResult, Resource};

pub(crate) use operations::{
    Apply, ErasedEphemeral, ErasedResource, PlanChange, Reading, check_configuration, identity_of, import_of,
};
pub(crate) use private::Private;
pub(crate) use walk::{fill_defaults, visit};
