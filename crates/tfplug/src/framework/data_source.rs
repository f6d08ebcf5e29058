//! Data sources.

use std::future::Future;

use super::Context;
use crate::diagnostic::Diagnostics;
use crate::model::{At, DataModel};
use crate::stage::{Applying, Config, Stored};

/// Something that Terraform only reads.
pub trait DataSource: Send + Sync + 'static {
    /// The model, named at any stage.
    type Model: DataModel;
    /// What the provider makes of its configuration.
    type Client: Send + Sync + 'static;

    /// Looks at a configuration as a whole, offline.
    fn validate(&self, config: &At<Self::Model, Config>, problems: &mut Diagnostics) {
        let _ = (config, problems);
    }

    /// Reads it. The configuration is wholly known.
    fn read(
        &self,
        context: &Context<Self::Client>,
        config: At<Self::Model, Applying>,
    ) -> impl Future<Output = Result<At<Self::Model, Stored>, Diagnostics>> + Send;
}
