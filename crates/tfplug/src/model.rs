//! Models: one struct, generic over its [`Stage`], for schema, values and documentation.
//!
//! They come from `#[derive(Model)]`; nothing here is written by hand.

use crate::codec::ValueError;
use crate::path::Path;
use crate::schema::Schema;
use crate::stage::Stage;
use crate::value::Value;

/// A model at one stage.
pub trait Model: Sized + Send + Sync + 'static {
    /// The stage.
    type Stage: Stage;
    /// The same model at another stage.
    type At<S: Stage>: Model<Stage = S>;

    /// Its schema, the same at every stage.
    fn schema() -> Schema;

    /// From an object; `path` is where it stands, for errors.
    fn from_value(value: &Value, path: &Path) -> Result<Self, ValueError>;

    /// To an object with every attribute.
    fn to_value(&self) -> Value;
}

/// A model at the stage `S`.
pub type At<M, S> = <M as Model>::At<S>;

/// The model of a resource: `#[resource("example_file")]`.
pub trait ResourceModel: Model {}

/// The model of a data source: `#[data("example_file")]`.
pub trait DataModel: Model {}

/// The model of the provider block: `#[provider]`.
pub trait ProviderModel: Model {}

/// The model of an ephemeral resource: `#[ephemeral("example_token")]`.
pub trait EphemeralModel: Model {}

/// The model of a provider without configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct NoSettings<S: Stage>(std::marker::PhantomData<S>);

impl<S: Stage> Model for NoSettings<S> {
    type Stage = S;
    type At<T: Stage> = NoSettings<T>;

    fn schema() -> Schema {
        Schema::default()
    }

    fn from_value(_value: &Value, _path: &Path) -> Result<Self, ValueError> {
        Ok(NoSettings(std::marker::PhantomData))
    }

    fn to_value(&self) -> Value {
        Value::Map(std::collections::BTreeMap::new())
    }
}

impl<S: Stage> ProviderModel for NoSettings<S> {}
