//! Opening, renewing and closing ephemeral resources.

use std::time::SystemTime;

use futures::future::BoxFuture;

use super::{ErasedEphemeral, check_configuration, guarded};
use crate::diagnostic::Diagnostics;
use crate::framework::walk::{fill_defaults, storable};
use crate::framework::{Context, EphemeralResource};
use crate::model::{At, Model};
use crate::path::Path;
use crate::schema::Schema;
use crate::stage::{Applying, Config};
use crate::value::{Type, Value};

/// An ephemeral resource with its schema.
pub(crate) struct OfEphemeral<E> {
    ephemeral: E,
    schema: Schema,
    ty: Type,
}

impl<E: EphemeralResource> OfEphemeral<E> {
    pub(crate) fn new(ephemeral: E) -> OfEphemeral<E> {
        let schema = E::Model::schema();
        let ty = schema.ty();
        OfEphemeral { ephemeral, schema, ty }
    }
}

impl<E: EphemeralResource> ErasedEphemeral<E::Client> for OfEphemeral<E> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn ty(&self) -> &Type {
        &self.ty
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        check_configuration(&self.schema, config, |config, problems| {
            let config = At::<E::Model, Config>::from_value(config, &Path::root())?;
            self.ephemeral.validate(&config, problems);
            Ok(())
        })
    }

    fn open<'a>(
        &'a self,
        context: &'a Context<E::Client>,
        config: Value,
    ) -> BoxFuture<'a, Result<(Value, Option<SystemTime>), Diagnostics>> {
        Box::pin(async move {
            let config = fill_defaults(&self.schema.attributes, &config);
            let given = At::<E::Model, Applying>::from_value(&config, &Path::root())?;
            let opened = guarded(self.ephemeral.open(context, given)).await?;
            let result = storable(&self.schema.attributes, &opened.result.to_value());
            let result = crate::framework::form::keep(&self.schema.attributes, &config, result);
            Ok((result, opened.renew_at))
        })
    }

    fn renew<'a>(
        &'a self,
        context: &'a Context<E::Client>,
    ) -> BoxFuture<'a, Result<Option<SystemTime>, Diagnostics>> {
        Box::pin(guarded(self.ephemeral.renew(context)))
    }

    fn close<'a>(&'a self, context: &'a Context<E::Client>) -> BoxFuture<'a, Result<(), Diagnostics>> {
        Box::pin(guarded(self.ephemeral.close(context)))
    }
}
