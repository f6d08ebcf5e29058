//! What is wrong with a manifest, as a value: one bad manifest never hides the rest.

use std::fmt;

use bridgehead_api::ObjectKey;
use bridgehead_api::application::ConditionType;

use super::object::Origin;

/// Condition type of a setting or annotation whose value makes no sense or has no effect, and is ignored.
pub const INVALID_SETTING_WARNING: &str = "InvalidSettingWarning";

/// Something that is wrong, and how far it reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// How far it reaches.
    pub kind: ProblemKind,
    /// The condition that tells people of it.
    pub condition: ConditionType,
    /// The object, where one can be named.
    pub key: Option<ObjectKey>,
    /// Where it was declared.
    pub origin: Option<Origin>,
    /// What is wrong and what to do, without the place.
    pub message: String,
}

/// How far a problem reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// What Git wants is not fully known: nothing may be synced, least of all pruned.
    Incomplete,
    /// This object may not be synced; a sync that includes it fails before its first write.
    Rejected,
    /// For people; everything goes on.
    Warning,
}

impl Problem {
    /// A problem that leaves the desired state incomplete.
    pub fn incomplete(origin: &Origin, message: impl Into<String>) -> Self {
        Self {
            kind: ProblemKind::Incomplete,
            condition: ConditionType::ComparisonError,
            key: None,
            origin: Some(origin.clone()),
            message: message.into(),
        }
    }

    /// A problem that keeps one object from being synced.
    pub fn rejected(key: ObjectKey, origin: Option<&Origin>, message: impl Into<String>) -> Self {
        Self {
            kind: ProblemKind::Rejected,
            condition: ConditionType::SyncError,
            key: Some(key),
            origin: origin.cloned(),
            message: message.into(),
        }
    }

    /// A problem that people should know of.
    pub fn warning(condition: ConditionType, key: Option<ObjectKey>, message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Warning, condition, key, origin: None, message: message.into() }
    }

    /// The condition that tells people of it.
    pub fn condition(&self) -> ConditionType {
        self.condition.clone()
    }

    /// True where nothing may be synced.
    pub fn is_fatal(&self) -> bool {
        self.kind == ProblemKind::Incomplete
    }
}

/// Place, then message.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = self.origin.as_ref().filter(|origin| !origin.file.is_empty()) {
            write!(formatter, "{origin}: ")?;
        }
        formatter.write_str(&self.message)
    }
}
