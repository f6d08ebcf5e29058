//! Creating, changing and deleting objects, and reading one.
//!
//! ```text
//! (Resource, object, how) → request → Connection → Live, or an ApiError that says what sort
//! ```
//! Each function sends one request (429 and 401 aside) and decides nothing.

mod delete;
mod event;
mod lease;
mod object;
mod patch;

pub use delete::{DeleteOptions, Deletion, Propagation, begin_deletion, delete, remove_finalizer};
pub use event::{EventReason, EventType, Happening, record_event};
pub use lease::{Lease, LeaseSpec, create_lease, get_lease, update_lease};
pub use object::{WriteOptions, create, get, replace};
pub use patch::{ApplyOptions, Conflicts, Patch, apply, patch, patch_status};

pub use bridgehead_engine::manifest::FIELD_MANAGER;

/// What to do with fields that a schema doesn't know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are an error, as are fields given twice.
    #[default]
    Strict,
    /// They are dropped without a word: sync option `Validate=false`.
    Ignore,
}

impl FieldValidation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Ignore => "Ignore",
        }
    }
}

/// Whether the server only pretends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// It does it.
    #[default]
    No,
    /// Admission runs, nothing is stored.
    Server,
}
