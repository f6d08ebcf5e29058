//! What an ApplicationSet may do to its applications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether applications may be changed and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum ApplicationsSyncPolicy {
    /// Only made.
    CreateOnly,
    /// Made and changed.
    CreateUpdate,
    /// Made and deleted.
    CreateDelete,
    /// Made, changed and deleted.
    #[default]
    Sync,
}

impl ApplicationsSyncPolicy {
    /// True where applications may be changed.
    pub fn allows_update(self) -> bool {
        matches!(self, Self::CreateUpdate | Self::Sync)
    }

    /// True where applications may be deleted.
    pub fn allows_delete(self) -> bool {
        matches!(self, Self::CreateDelete | Self::Sync)
    }
}
