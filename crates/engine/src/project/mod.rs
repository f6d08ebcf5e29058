//! What a project allows.
//!
//! ```text
//! AppProject ─┬─ check_source, check_destination, check_source_namespace ─► may the application be?
//!             ├─ check_object ─► may this object be synced?
//!             ├─ check_windows ─► may it be synced now?
//!             └─ is_ignored_orphan ─► is this object no orphan to be told of?
//! ```
//! Every refusal names the project's field and what to add to it.

mod cron;
mod glob;
mod permission;
mod repository_url;
#[cfg(test)]
mod tests;
mod window;

pub use permission::{
    ProjectDestination, Refusal, RefusedPart, check_application, check_destination, check_object,
    check_source, check_source_namespace, is_ignored_orphan,
};
pub use repository_url::normalise_repository_url;
pub use window::{WindowQuestion, WindowTarget, WindowVerdict, check_windows};

/// True if the text matches a glob in which `*` stops nowhere.
pub(crate) fn matches_glob(pattern: &str, text: &str) -> bool {
    glob::matches(pattern, text, None)
}
