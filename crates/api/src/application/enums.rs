//! The closed words of an Application's status, in Argo CD's spelling.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word that is not one of an enumeration's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {what}")]
pub struct UnknownWord {
    /// The word as it stands.
    pub word: String,
    /// Name of the enumeration.
    pub what: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as Argo CD writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { word: word.to_owned(), what: stringify!($name) }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        // Argo CD's CRDs leave these words open, so that one version's objects pass another's schema.
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string"})
            }
        }
    };
}

words! {
    /// Whether the cluster is as Git says.
    SyncStatusCode {
        /// It is.
        Synced = "Synced",
        /// It is not.
        OutOfSync = "OutOfSync",
        /// It cannot be told.
        Unknown = "Unknown",
    }
}

words! {
    /// Health of an object or an application. Ordered from best to worst: an application is as healthy as the
    /// greatest of its objects.
    HealthStatusCode {
        /// Works as it should.
        Healthy = "Healthy",
        /// Stopped on purpose.
        Suspended = "Suspended",
        /// Not yet, but on its way.
        Progressing = "Progressing",
        /// Not in the cluster.
        Missing = "Missing",
        /// Failed, or not getting there.
        Degraded = "Degraded",
        /// It cannot be told.
        Unknown = "Unknown",
    }
}

words! {
    /// How far an operation is.
    #[derive(Default)]
    OperationPhase {
        /// Under way, or waiting for its next try.
        #[default]
        Running = "Running",
        /// Somebody has asked for its end.
        Terminating = "Terminating",
        /// Ended because an object could not be applied or a hook failed.
        Failed = "Failed",
        /// Ended because it could not be carried out.
        Error = "Error",
        /// Done.
        Succeeded = "Succeeded",
    }
}

/// How far a hook is, in the words of an operation.
pub type HookPhase = OperationPhase;

words! {
    /// What came of one object in a sync.
    ResultCode {
        /// Applied.
        Synced = "Synced",
        /// Could not be applied.
        SyncFailed = "SyncFailed",
        /// Deleted.
        Pruned = "Pruned",
        /// Should have been deleted, and was kept.
        PruneSkipped = "PruneSkipped",
    }
}

words! {
    /// Part of a sync, in order.
    SyncPhase {
        /// Before anything else.
        PreSync = "PreSync",
        /// Manifests and their hooks.
        Sync = "Sync",
        /// Once everything of the phase before works.
        PostSync = "PostSync",
        /// Only when the sync has failed.
        SyncFail = "SyncFail",
        /// Before the deletion of the application.
        PreDelete = "PreDelete",
        /// After the deletion of the application's objects.
        PostDelete = "PostDelete",
    }
}

words! {
    /// When a hook runs.
    HookType {
        /// In the phase of this name.
        PreSync = "PreSync",
        /// In the phase of this name.
        Sync = "Sync",
        /// In the phase of this name.
        PostSync = "PostSync",
        /// Never: the manifest is not applied.
        Skip = "Skip",
        /// In the phase of this name.
        SyncFail = "SyncFail",
        /// Before the deletion of the application.
        PreDelete = "PreDelete",
        /// After the deletion of the application's objects.
        PostDelete = "PostDelete",
    }
}

words! {
    /// When a hook is deleted.
    HookDeletePolicy {
        /// Once it has succeeded.
        HookSucceeded = "HookSucceeded",
        /// Once it has failed.
        HookFailed = "HookFailed",
        /// Before the next run creates it again. The default.
        BeforeHookCreation = "BeforeHookCreation",
    }
}

words! {
    /// Which tool renders a source.
    SourceType {
        /// Helm.
        Helm = "Helm",
        /// Kustomize.
        Kustomize = "Kustomize",
        /// Plain files and Jsonnet.
        Directory = "Directory",
        /// A config management plugin.
        Plugin = "Plugin",
    }
}

words! {
    /// Where the health of objects is kept when it is not in `status.resources`.
    ResourceHealthLocation {
        /// In the cache of the resource tree.
        AppTree = "appTree",
    }
}

/// How far a run of a hydrator is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum HydrateOperationPhase {
    /// Under way.
    #[default]
    Hydrating,
    /// Ended without success.
    Failed,
    /// Done.
    Hydrated,
}

impl HookType {
    /// The phase in which a hook of this type runs; none for `Skip`.
    pub fn phase(self) -> Option<SyncPhase> {
        match self {
            Self::PreSync => Some(SyncPhase::PreSync),
            Self::Sync => Some(SyncPhase::Sync),
            Self::PostSync => Some(SyncPhase::PostSync),
            Self::SyncFail => Some(SyncPhase::SyncFail),
            Self::PreDelete => Some(SyncPhase::PreDelete),
            Self::PostDelete => Some(SyncPhase::PostDelete),
            Self::Skip => None,
        }
    }
}

impl OperationPhase {
    /// True for `Running` and `Terminating`.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Terminating)
    }

    /// True once nothing more happens.
    pub fn is_completed(self) -> bool {
        !self.is_running()
    }

    /// True for `Succeeded`.
    pub fn is_successful(self) -> bool {
        self == Self::Succeeded
    }
}

/// What a condition is about. Words of other writers are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The application could not be deleted.
    DeletionError,
    /// The specification makes no sense.
    InvalidSpecError,
    /// The comparison failed.
    ComparisonError,
    /// An automated sync failed, or was refused.
    SyncError,
    /// Something else failed.
    UnknownError,
    /// An object belongs to another application too.
    SharedResourceWarning,
    /// An object is in the manifests more than once.
    RepeatedResourceWarning,
    /// An object is of a kind that the settings exclude.
    ExcludedResourceWarning,
    /// The destination's namespace holds objects that no application manages.
    OrphanedResourceWarning,
    /// A word that this release does not know.
    Other(String),
}

impl ConditionType {
    /// The words that Argo CD knows.
    pub const KNOWN: &[Self] = &[
        Self::DeletionError,
        Self::InvalidSpecError,
        Self::ComparisonError,
        Self::SyncError,
        Self::UnknownError,
        Self::SharedResourceWarning,
        Self::RepeatedResourceWarning,
        Self::ExcludedResourceWarning,
        Self::OrphanedResourceWarning,
    ];

    /// The word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::DeletionError => "DeletionError",
            Self::InvalidSpecError => "InvalidSpecError",
            Self::ComparisonError => "ComparisonError",
            Self::SyncError => "SyncError",
            Self::UnknownError => "UnknownError",
            Self::SharedResourceWarning => "SharedResourceWarning",
            Self::RepeatedResourceWarning => "RepeatedResourceWarning",
            Self::ExcludedResourceWarning => "ExcludedResourceWarning",
            Self::OrphanedResourceWarning => "OrphanedResourceWarning",
            Self::Other(word) => word,
        }
    }

    /// True for errors, false for warnings: told by the ending of the word.
    pub fn is_error(&self) -> bool {
        self.as_str().ends_with("Error")
    }
}

impl From<&str> for ConditionType {
    fn from(word: &str) -> Self {
        Self::KNOWN
            .iter()
            .find(|known| known.as_str() == word)
            .cloned()
            .unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

impl Default for ConditionType {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Serialize for ConditionType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ConditionType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&*Cow::<'de, str>::deserialize(deserializer)?))
    }
}

impl JsonSchema for ConditionType {
    fn schema_name() -> Cow<'static, str> {
        "ConditionType".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// Reads a word that may be absent, empty or of a later release: all three are `None`.
pub(super) fn known_or_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr,
{
    Ok(Option::<Cow<'de, str>>::deserialize(deserializer)?.and_then(|word| word.parse().ok()))
}

/// Reads a phase. A word of a later release counts as an end without success, so that the object can still be
/// read and nothing waits for ever.
pub(super) fn phase_or_error<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OperationPhase, D::Error> {
    Ok(Cow::<'de, str>::deserialize(deserializer)?.parse().unwrap_or(OperationPhase::Error))
}

/// Reads the types of several sources, whose places matter; an unknown one counts as plain files.
pub(super) fn types_or_directory<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SourceType>, D::Error> {
    let words = Vec::<Cow<'de, str>>::deserialize(deserializer)?;
    Ok(words.iter().map(|word| word.parse().unwrap_or(SourceType::Directory)).collect())
}

/// Writes an absent word as the empty text, for fields that are always there.
#[expect(clippy::ref_option, reason = "serde passes references")]
pub(super) fn known_or_empty<S: Serializer, T: Serialize>(
    word: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match word {
        Some(word) => word.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}
