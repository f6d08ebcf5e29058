//! What resources that declare one object have in common.
//!
//! ```text
//! model ─codec→ manifest ─check→ (plan ends here) ─target→ API server ─ownership, settle→ model
//! ```

mod blocking;
pub(crate) mod check;
pub(crate) mod codec;
mod field;
pub(crate) mod kept;
mod kinds;
mod metadata;
mod ownership;
mod place;
mod secret;
mod settle;
mod slots;
mod target;
mod timeouts;

pub(crate) use blocking::{Block, until_none};
pub(crate) use kinds::{Kind, resource_of};
pub(crate) use metadata::{completed, declared_entries, imported_entries};
pub(crate) use ownership::{Owner, is_handed_over, owner};
pub(crate) use secret::{flag, number, optional, read_secret, secret_manifest};
pub(crate) use settle::settle;
pub(crate) use slots::Slots;
pub(crate) use target::{Found, Prune, Target, is_absence, is_ours, left_to, read_raw, text};
pub(crate) use timeouts::{create_timeout, delete_timeout, update_timeout};

/// Field manager of what is declared in Terraform.
pub(crate) const FIELD_MANAGER: &str = "bridgehead-terraform";
