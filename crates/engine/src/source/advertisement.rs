//! A repository's refs at one moment.

use std::collections::BTreeMap;

use bridgehead_api::CommitSha;
use serde::{Deserialize, Serialize};

/// What a Git server answers when it is asked for its refs. One answer serves every application, branch and
/// tag of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefAdvertisement {
    /// The commit of the default branch; `None` for an empty repository.
    pub head: Option<CommitSha>,
    /// Full ref names, as in `refs/heads/main`, each with its commit: an annotated tag is peeled.
    pub refs: BTreeMap<String, CommitSha>,
}
