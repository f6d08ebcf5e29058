//! Documentation pages from schemas, in the layout that registries read.

use crate::framework::Signature;
use crate::schema::Schema;

/// The schemas of all that a provider offers.
#[derive(Clone, Debug)]
pub struct ProviderSchema {
    /// The provider block.
    pub provider: Schema,
    /// Resources.
    pub resources: Vec<Schema>,
    /// Data sources.
    pub data_sources: Vec<Schema>,
    /// Ephemeral resources.
    pub ephemeral: Vec<Schema>,
    /// Functions.
    pub functions: Vec<Signature>,
}
