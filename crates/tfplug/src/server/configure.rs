//! ConfigureProvider.

use std::sync::{Arc, PoisonError};

use super::{Server, convert};
use crate::diagnostic::Diagnostics;
use crate::framework::{Host, Provider, fill_defaults};
use crate::model::{At, Model};
use crate::path::Path;
use crate::proto::tfplugin6 as wire;
use crate::stage::Config;

impl<P: Provider> Server<P> {
    pub(super) async fn configure_provider(
        &self,
        request: wire::configure_provider::Request,
    ) -> Result<(), Diagnostics> {
        let config = convert::value(request.config.as_ref(), &self.ty)?;
        let config = fill_defaults(&self.schema.attributes, &config);
        let config = At::<P::Model, Config>::from_value(&config, &Path::root())?;
        let host = Host { version: request.terraform_version };
        let client = self.provider.configure(&host, config).await?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(client));
        Ok(())
    }
}
