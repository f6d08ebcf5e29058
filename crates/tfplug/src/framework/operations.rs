//! The operations of the protocol on values: schema, model and author's code brought together.
//!
//! Each takes values that are of the schema's type already, and returns values that are: the server
//! decodes and encodes.

mod data_source;
mod ephemeral;
mod resource;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::SystemTime;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::walk::{fill_defaults, run_checks, visit};
use super::{Context, Import, MoveSource};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::schema::{Attribute, Schema};
use crate::value::{Type, Value};

pub(crate) use data_source::OfDataSource;
pub(crate) use ephemeral::OfEphemeral;
pub(crate) use resource::OfResource;

/// What Terraform asks to plan. Null is no object.
pub(crate) struct PlanChange {
    pub(crate) config: Value,
    pub(crate) prior: Value,
    /// Whether the object is to go.
    pub(crate) destroy: bool,
}

/// A plan.
pub(crate) struct PlannedChange {
    pub(crate) planned: Value,
    pub(crate) replace: Vec<Path>,
}

/// What Terraform asks to apply. Null is no object.
pub(crate) struct Apply {
    pub(crate) config: Value,
    pub(crate) prior: Value,
    pub(crate) planned: Value,
}

/// What an apply has reached: the state to be kept, and what went wrong.
pub(crate) struct Applied {
    pub(crate) state: Value,
    pub(crate) problems: Diagnostics,
}

/// What a read found.
pub(crate) enum Reading {
    State(Value),
    Gone,
}

/// An object found by an import.
pub(crate) struct Imported {
    pub(crate) state: Value,
}

/// A resource whose model is known at run time only.
pub(crate) trait ErasedResource<C>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn ty(&self) -> &Type;
    fn validate(&self, config: &Value) -> Diagnostics;
    fn plan<'a>(
        &'a self,
        context: &'a Context<C>,
        change: PlanChange,
    ) -> BoxFuture<'a, Result<PlannedChange, Diagnostics>>;
    fn apply<'a>(&'a self, context: &'a Context<C>, apply: Apply) -> BoxFuture<'a, Applied>;
    fn read<'a>(
        &'a self,
        context: &'a Context<C>,
        prior: Value,
    ) -> BoxFuture<'a, Result<Reading, Diagnostics>>;
    fn import<'a>(
        &'a self,
        context: &'a Context<C>,
        import: Import,
    ) -> BoxFuture<'a, Result<Imported, Diagnostics>>;
    fn upgrade(&self, version: i64, json: &[u8]) -> Result<Value, Diagnostics>;
    fn take_over(&self, source: &MoveSource) -> Result<Option<Value>, Diagnostics>;
}

/// A data source whose model is known at run time only.
pub(crate) trait ErasedDataSource<C>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn ty(&self) -> &Type;
    fn validate(&self, config: &Value) -> Diagnostics;
    fn read<'a>(
        &'a self,
        context: &'a Context<C>,
        config: Value,
    ) -> BoxFuture<'a, Result<Value, Diagnostics>>;
}

/// An ephemeral resource whose model is known at run time only.
pub(crate) trait ErasedEphemeral<C>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn ty(&self) -> &Type;
    fn validate(&self, config: &Value) -> Diagnostics;
    fn open<'a>(
        &'a self,
        context: &'a Context<C>,
        config: Value,
    ) -> BoxFuture<'a, Result<(Value, Option<SystemTime>), Diagnostics>>;
    fn renew<'a>(&'a self, context: &'a Context<C>)
    -> BoxFuture<'a, Result<Option<SystemTime>, Diagnostics>>;
    fn close<'a>(&'a self, context: &'a Context<C>) -> BoxFuture<'a, Result<(), Diagnostics>>;
}

/// The checks of single attributes, and then those of the whole if nothing was wrong so far.
pub(crate) fn check_configuration(
    schema: &Schema,
    config: &Value,
    whole: impl FnOnce(&Value, &mut Diagnostics) -> Result<(), Diagnostics>,
) -> Diagnostics {
    let mut problems = Diagnostics::new();
    run_checks(&schema.attributes, config, &mut problems);
    warn_of_deprecated(&schema.attributes, config, &mut problems);
    if !problems.has_errors() {
        let filled = fill_defaults(&schema.attributes, config);
        if let Err(errors) = whole(&filled, &mut problems) {
            problems.extend(errors);
        }
    }
    problems
}

/// Terraform itself only says that an attribute is deprecated, not what to use in its stead.
fn warn_of_deprecated(attributes: &[Attribute], config: &Value, problems: &mut Diagnostics) {
    visit(attributes, config, &Path::root(), &mut |attribute, value, path| {
        let empty_block = attribute.block.is_some() && value.elements().is_some_and(<[Value]>::is_empty);
        if let Some(instead) = &attribute.deprecated
            && !value.is_null()
            && !empty_block
        {
            problems.warning(path.clone(), format!("`{}` is deprecated", attribute.name), instead.clone());
        }
    });
}

/// The author's code, its panics turned into errors: what exists by then is still told.
async fn guarded<T>(work: impl Future<Output = Result<T, Diagnostics>>) -> Result<T, Diagnostics> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => done,
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            Err(Diagnostic::error("The provider panicked")
                .detail(format!("{text}\n\nThis is a bug in the provider."))
                .into())
        }
    }
}

/// The values by which an import finds its object.
pub(crate) fn import_of(schema: &Schema, id: String, identity: Option<Value>) -> Result<Import, Diagnostics> {
    if let Some(Value::Map(identity)) = identity {
        return Ok(Import { id: None, identity });
    }
    let mut parts = BTreeMap::new();
    let names = &schema.identity;
    if !names.is_empty() {
        let given: Vec<&str> = if names.len() == 1 { vec![&id] } else { id.split('/').collect() };
        if given.len() != names.len() || given.iter().any(|part| part.is_empty()) {
            return Err(Diagnostic::error(format!("`{id}` is not an id of {}", schema.name))
                .detail(format!("An id has the form `{}`.", names.join("/")))
                .into());
        }
        for (name, text) in names.iter().zip(given) {
            let ty = schema.attribute(name).map_or(Type::String, Attribute::ty);
            parts.insert(name.clone(), from_text(text, &ty, name)?);
        }
    }
    Ok(Import { id: Some(id), identity: parts })
}

fn from_text(text: &str, ty: &Type, name: &str) -> Result<Value, Diagnostics> {
    let wrong = || Diagnostics::from(Diagnostic::error(format!("`{text}` is not a {ty}, which `{name}` is")));
    match ty {
        Type::Number => text.parse().map(Value::Number).map_err(|_| wrong()),
        Type::Bool => text.parse().map(Value::Bool).map_err(|_| wrong()),
        _ => Ok(Value::string(text)),
    }
}

/// The identity that a state has; `None` where it is not wholly known.
pub(crate) fn identity_of(schema: &Schema, state: &Value) -> Option<Value> {
    if schema.identity.is_empty() || state.is_null() {
        return None;
    }
    let identity =
        Value::map(schema.identity.iter().map(|name| (name.clone(), state.attribute(name).clone())));
    let complete = identity.entries()?.values().all(|value| !value.is_null() && value.is_wholly_known());
    complete.then_some(identity)
}
