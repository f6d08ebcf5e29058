//! Whether a live object is as Git wants it, and the patch that makes it so.
//!
//! ```text
//! desired ─┐                    ┌─ compare ─► Verdict: Same, or the fields that differ
//! live ────┼─ normalise, ignore ┤
//! last ────┘                    └─ three_way_patch ─► the body that `kubectl apply` would send
//! ```
//! What Git says has to be in the live object; what Git said last time and says no longer must be gone; what
//! others added stays. The API server's defaults and spellings (quantities, empty fields, lists that are
//! really maps) are no differences. Fields that were applied last are read from `kubectl`'s annotation;
//! without it nothing counts as taken away.
//!
//! Of objects that are applied on the server's side the third side is what we own by their managedFields.

mod defaults;
mod jq;
mod last_applied;
mod normalise;
mod owned;
mod patch;
mod path;
mod place;
mod pointer;
mod quantity;
mod rules;
mod schema;
mod walk;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use last_applied::last_applied_annotation;
pub use patch::{PatchBody, three_way_patch};
pub use rules::{DiffRules, IgnoreRule};

use crate::manifest::{Desired, Live};

/// Outcome of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// Applying the manifest would change nothing.
    Same,
    /// These fields would change.
    Different(Vec<FieldDifference>),
}

impl Verdict {
    /// True for [`Verdict::Same`].
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }

    /// The fields that differ.
    pub fn differences(&self) -> &[FieldDifference] {
        match self {
            Self::Same => &[],
            Self::Different(differences) => differences,
        }
    }
}

/// One field that differs. Values of Secrets are hidden.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldDifference {
    /// Where, as in `spec.template.spec.containers[name=web].image`.
    pub path: String,
    /// What Git wants; none for a field that has to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Value>,
    /// What is there; none for a field that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Value>,
}

/// Compares a manifest with the live object.
pub fn compare(desired: &Desired, live: &Live, rules: &DiffRules) -> Verdict {
    let last = if rules.applies_on_server(&desired.manifest) {
        owned::of_live(&live.manifest, &desired.manifest)
    } else {
        last_applied::of_live(&live.manifest)
    };
    let sides = normalise::sides(desired, live, last, rules);
    let differences = walk::differences(&sides);
    if differences.is_empty() { Verdict::Same } else { Verdict::Different(differences) }
}
