//! ApplicationSet: many applications from one template.
//!
//! ```text
//! generators ─► sets of parameters ─► template ─► Applications
//! ```

mod generator;
mod policy;
mod pull_request;
mod reference;
mod scm_provider;
mod selector;
mod spec;
mod status;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metadata::ObjectMeta;

pub use generator::*;
pub use policy::ApplicationsSyncPolicy;
pub use pull_request::*;
pub use reference::*;
pub use scm_provider::*;
pub use selector::{LabelSelector, LabelSelectorRequirement, UnknownOperator};
pub use spec::*;
pub use status::{ApplicationSetApplicationStatus, ApplicationSetCondition, ApplicationSetStatus};

/// Many applications from one template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["metadata", "spec"]))]
pub struct ApplicationSet {
    /// `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// `ApplicationSet`.
    pub kind: String,
    /// Name, labels, annotations and the like.
    #[schemars(with = "crate::metadata::AnyMetadata")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ApplicationSetSpec,
    /// What is.
    #[serde(skip_serializing_if = "ApplicationSetStatus::is_default")]
    pub status: ApplicationSetStatus,
}

impl ApplicationSet {
    /// Reads a live object, leniently: unknown fields are ignored, nulls count as absent.
    pub fn from_value(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(crate::lenient::without_nulls(value))
    }
}

impl ApplicationSetStatus {
    /// True where nothing has been found out.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
