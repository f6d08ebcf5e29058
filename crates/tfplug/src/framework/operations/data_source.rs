//! Reading data sources.

use futures::future::BoxFuture;

use super::{ErasedDataSource, check_configuration, guarded};
use crate::diagnostic::Diagnostics;
use crate::framework::walk::{fill_defaults, storable};
use crate::framework::{Context, DataSource};
use crate::model::{At, Model};
use crate::path::Path;
use crate::schema::Schema;
use crate::stage::{Applying, Config};
use crate::value::{Type, Value};

/// A data source with its schema.
pub(crate) struct OfDataSource<D> {
    data_source: D,
    schema: Schema,
    ty: Type,
}

impl<D: DataSource> OfDataSource<D> {
    pub(crate) fn new(data_source: D) -> OfDataSource<D> {
        let schema = D::Model::schema();
        let ty = schema.ty();
        OfDataSource { data_source, schema, ty }
    }
}

impl<D: DataSource> ErasedDataSource<D::Client> for OfDataSource<D> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn ty(&self) -> &Type {
        &self.ty
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        check_configuration(&self.schema, config, |config, problems| {
            let config = At::<D::Model, Config>::from_value(config, &Path::root())?;
            self.data_source.validate(&config, problems);
            Ok(())
        })
    }

    fn read<'a>(
        &'a self,
        context: &'a Context<D::Client>,
        config: Value,
    ) -> BoxFuture<'a, Result<Value, Diagnostics>> {
        Box::pin(async move {
            let config = fill_defaults(&self.schema.attributes, &config);
            let given = At::<D::Model, Applying>::from_value(&config, &Path::root())?;
            let stored = guarded(self.data_source.read(context, given)).await?;
            let state = storable(&self.schema.attributes, &stored.to_value());
            Ok(crate::framework::form::keep(&self.schema.attributes, &config, state))
        })
    }
}
