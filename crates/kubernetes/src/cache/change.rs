//! What a frame has changed.

use std::sync::Arc;

use bridgehead_api::{ObjectKey, ResourceVersion};

use super::held::Held;
use crate::error::ApiStatus;

/// What became of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// It was late, a duplicate, a bookmark, or of an object that is none of ours.
    Nothing,
    /// An object that is kept has appeared, changed or gone.
    Changed(Change),
    /// A list is complete. These objects went while nobody looked.
    Listed(Vec<Change>),
    /// The watch cannot go on from where it was: list again.
    Expired,
    /// The server ended the watch for another reason.
    Failed(ApiStatus),
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was not known before, or only as foreign.
    Appeared,
    /// It was known.
    Changed {
        /// Something besides resourceVersion and managedFields is different: false for the echo of a
        /// write whose answer was taken already, and for writes that change nothing.
        content: bool,
    },
    /// It is gone, or no longer any of ours.
    Disappeared,
}

/// One object's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which object.
    pub key: ObjectKey,
    /// Application named by its tracking id before; `None` if it was not tracked.
    pub tracked_by_before: Option<Arc<str>>,
    /// The same after.
    pub tracked_by_after: Option<Arc<str>>,
    /// Its key is wanted by somebody.
    pub wanted: bool,
    /// Its resourceVersion after.
    pub resource_version: ResourceVersion,
    /// Which way.
    pub happened: Happened,
}

impl Change {
    /// True if somebody who looks at the object sees something else than before.
    pub fn matters(&self) -> bool {
        self.happened != Happened::Changed { content: false }
            || self.tracked_by_before != self.tracked_by_after
    }

    pub(super) fn disappeared(held: Held) -> Self {
        Self {
            wanted: held.wanted,
            tracked_by_before: held.tracked_by,
            tracked_by_after: None,
            resource_version: held.resource_version,
            key: held.key,
            happened: Happened::Disappeared,
        }
    }
}
