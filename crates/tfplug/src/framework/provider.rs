//! The provider itself.

use std::future::Future;

use super::Registry;
use crate::diagnostic::Diagnostics;
use crate::model::{At, ProviderModel};
use crate::stage::Config;

/// A provider: its configuration, and what it offers.
pub trait Provider: Send + Sync + 'static {
    /// The model of the provider block; [`NoSettings`](crate::model::NoSettings) if it takes none.
    type Model: ProviderModel;
    /// What resources and data sources work with.
    type Client: Send + Sync + 'static;

    /// Looks at a configuration as a whole, offline.
    fn validate(&self, config: &At<Self::Model, Config>, problems: &mut Diagnostics) {
        let _ = (config, problems);
    }

    /// Makes a client of the configuration.
    ///
    /// While Terraform plans, values may be unknown: a cluster that is made in the same apply. Keep the
    /// [`Maybe`](crate::stage::Maybe) then and
    /// [`require`](crate::stage::Maybe::require) it at the moment at which something needs it, so that
    /// everything that doesn't can be planned.
    fn configure(
        &self,
        host: &Host,
        config: At<Self::Model, Config>,
    ) -> impl Future<Output = Result<Self::Client, Diagnostics>> + Send;

    /// Names what the provider offers.
    fn register(&self, registry: &mut Registry<Self::Client>);
}

/// Who called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The version of Terraform, or of OpenTofu.
    pub version: String,
}
