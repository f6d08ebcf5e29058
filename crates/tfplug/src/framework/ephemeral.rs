//! Ephemeral resources: values that are in no plan and no state.

use std::future::Future;
use std::time::SystemTime;

use super::Context;
use crate::diagnostic::Diagnostics;
use crate::model::{At, EphemeralModel};
use crate::stage::{Applying, Config, Stored};

/// What an ephemeral resource gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened<T> {
    /// The values.
    pub result: T,
    /// When it has to be renewed at the latest; `None`: never. Renewing keeps alive what was opened;
    /// whoever has read the result keeps that result.
    pub renew_at: Option<SystemTime>,
}

impl<T> From<T> for Opened<T> {
    fn from(result: T) -> Opened<T> {
        Opened { result, renew_at: None }
    }
}

/// A value that is made for one run and never stored. [`Context::remember`] carries what renewing and
/// closing need.
pub trait EphemeralResource: Send + Sync + 'static {
    /// The model, named at any stage.
    type Model: EphemeralModel;
    /// What the provider makes of its configuration.
    type Client: Send + Sync + 'static;

    /// Looks at a configuration as a whole, offline.
    fn validate(&self, config: &At<Self::Model, Config>, problems: &mut Diagnostics) {
        let _ = (config, problems);
    }

    /// Makes it. The configuration is wholly known.
    fn open(
        &self,
        context: &Context<Self::Client>,
        config: At<Self::Model, Applying>,
    ) -> impl Future<Output = Result<Opened<At<Self::Model, Stored>>, Diagnostics>> + Send;

    /// Keeps it alive; returns when to do so again.
    fn renew(
        &self,
        context: &Context<Self::Client>,
    ) -> impl Future<Output = Result<Option<SystemTime>, Diagnostics>> + Send {
        let _ = context;
        async { Ok(None) }
    }

    /// Gives it back.
    fn close(&self, context: &Context<Self::Client>) -> impl Future<Output = Result<(), Diagnostics>> + Send {
        let _ = context;
        async { Ok(()) }
    }
}
