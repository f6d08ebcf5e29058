//! Planning, applying, reading and finding resources.

use futures::future::BoxFuture;

use super::{
    Applied, Apply, ErasedResource, Imported, PlanChange, PlannedChange, Reading, check_configuration,
    guarded,
};
use crate::codec::json::{self, Objects};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::framework::walk::{fill_defaults, storable, transform};
use crate::framework::{
    Context, IfItFails, Import, Live, MoveSource, Plan, Resource, consistency, form, planning,
};
use crate::model::{At, Model};
use crate::path::Path;
use crate::schema::{Attribute, Schema};
use crate::stage::{Applying, Config, Partial, Planned};
use crate::value::{Type, Value};

/// A resource with its schema.
pub(crate) struct OfResource<R> {
    resource: R,
    schema: Schema,
    ty: Type,
}

impl<R: Resource> OfResource<R> {
    pub(crate) fn new(resource: R) -> OfResource<R> {
        let schema = R::Model::schema();
        let ty = schema.ty();
        OfResource { resource, schema, ty }
    }

    fn attributes(&self) -> &[Attribute] {
        &self.schema.attributes
    }

    /// A prior state as the author sees it. What it lacks because an older version wrote it has its
    /// default.
    fn partial(&self, prior: &Value) -> Result<At<R::Model, Partial>, Diagnostics> {
        let filled = fill_defaults(self.attributes(), prior);
        Ok(At::<R::Model, Partial>::from_value(&filled, &Path::root())?)
    }

    /// What is being applied as the author sees it: the plan, the write-only values of the
    /// configuration, and nothing where the provider is to make a value up.
    fn applying(&self, planned: &Value, config: &Value) -> Result<At<R::Model, Applying>, Diagnostics> {
        let known = transform(self.attributes(), planned, &|attribute, value| {
            let to_be_made = attribute.is_made_up() && !value.is_wholly_known();
            to_be_made.then_some(Value::Null)
        });
        let complete = with_write_only(self.attributes(), &known, config);
        Ok(At::<R::Model, Applying>::from_value(&complete, &Path::root())?)
    }

    async fn plan_change(
        &self,
        context: &Context<R::Client>,
        change: PlanChange,
    ) -> Result<PlannedChange, Diagnostics> {
        if change.destroy {
            let prior = self.partial(&change.prior)?;
            guarded(self.resource.plan_destroy(context, prior)).await?;
            return Ok(PlannedChange { planned: Value::Null, replace: Vec::new() });
        }
        let attributes = self.attributes();
        let config = fill_defaults(attributes, &change.config);
        let planned = planning::plan(attributes, &config, &change.prior, context.is_unfinished());
        let prior = if change.prior.is_null() { None } else { Some(self.partial(&change.prior)?) };
        let typed = At::<R::Model, Planned>::from_value(&planned, &Path::root())?;
        let before = typed.to_value();
        let mut plan = Plan::<R::Model> {
            config: At::<R::Model, Config>::from_value(&config, &Path::root())?,
            prior,
            planned: typed,
            replace: Vec::new(),
            surely_changes: planning::surely_changes(attributes, &change.prior, &planned),
        };
        guarded(self.resource.plan(context, &mut plan)).await?;
        let planned = overlaid(planned, &before, &plan.planned.to_value());
        let planned = storable(attributes, &planned);
        let problems = consistency::check_plan(attributes, &config, &change.prior, &planned);
        problems.into_result()?;
        let mut replace = Vec::new();
        if !change.prior.is_null() {
            let asked = planning::replacements(attributes, &change.prior, &planned);
            for (path, why) in asked.into_iter().chain(plan.replace) {
                if !why.is_empty() {
                    let summary = format!("A change of `{path}` replaces the {}", self.schema.name);
                    context.warn(Diagnostic::warning(summary).detail(why).at(path.clone()));
                }
                replace.push(path);
            }
        }
        Ok(PlannedChange { planned, replace })
    }

    async fn create_or_update(&self, context: &Context<R::Client>, apply: Apply) -> Applied {
        let attributes = self.attributes();
        let create = apply.prior.is_null();
        let done = guarded(async {
            let applying = self.applying(&apply.planned, &apply.config)?;
            if create {
                self.resource.create(context, applying).await
            } else {
                let prior = self.partial(&apply.prior)?;
                self.resource.update(context, prior, applying).await
            }
        })
        .await;
        let exists = context.notes().exists.take();
        match done {
            Ok(stored) => {
                context.notes().private.set_unfinished(false);
                let state = storable(attributes, &stored.to_value());
                let state = form::keep(attributes, &apply.planned, state);
                let problems = consistency::check_applied(attributes, &apply.planned, &state);
                Applied { state, problems }
            }
            Err(problems) => match exists {
                // Nothing was made, or nothing changed.
                None => Applied { state: apply.prior, problems },
                Some((partial, if_it_fails)) => {
                    context.notes().private.set_unfinished(true);
                    self.unfinished(&apply, &partial, create && if_it_fails == IfItFails::Finish, problems)
                }
            },
        }
    }

    /// What is kept of an object whose create or update has failed midway.
    fn unfinished(&self, apply: &Apply, partial: &Value, finish: bool, mut problems: Diagnostics) -> Applied {
        let attributes = self.attributes();
        let state = storable(attributes, &partial.clone().unknown_as_null());
        let state = form::keep(attributes, &apply.planned, state);
        if !finish {
            return Applied { state, problems };
        }
        // An error on a create would make Terraform destroy the object before it goes on.
        let state = promised(&apply.planned, state);
        for problem in problems.iter_mut().filter(|problem| problem.is_error()) {
            problem.severity = Severity::Warning;
            if !problem.detail.is_empty() {
                problem.detail.push_str("\n\n");
            }
            problem.detail.push_str(
                "The object exists and is kept in the state, but it is not finished: apply again to finish it.",
            );
        }
        Applied { state, problems }
    }

    async fn destroy(&self, context: &Context<R::Client>, prior: Value) -> Applied {
        let done = guarded(async {
            let typed = self.partial(&prior)?;
            self.resource.delete(context, typed).await
        })
        .await;
        match done {
            Ok(()) => Applied { state: Value::Null, problems: Diagnostics::new() },
            Err(problems) => {
                let exists = context.notes().exists.take();
                let state = exists
                    .map_or(prior, |(partial, _)| storable(self.attributes(), &partial.unknown_as_null()));
                Applied { state, problems }
            }
        }
    }

    async fn read_state(&self, context: &Context<R::Client>, prior: Value) -> Result<Reading, Diagnostics> {
        let typed = self.partial(&prior)?;
        Ok(match guarded(self.resource.read(context, typed)).await? {
            Live::Gone => Reading::Gone,
            Live::Unchanged => Reading::State(prior),
            Live::Present(stored) => {
                let state = storable(self.attributes(), &stored.to_value());
                Reading::State(form::keep(self.attributes(), &prior, state))
            }
        })
    }
}

impl<R: Resource> ErasedResource<R::Client> for OfResource<R> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn ty(&self) -> &Type {
        &self.ty
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        check_configuration(&self.schema, config, |config, problems| {
            let config = At::<R::Model, Config>::from_value(config, &Path::root())?;
            self.resource.validate(&config, problems);
            Ok(())
        })
    }

    fn plan<'a>(
        &'a self,
        context: &'a Context<R::Client>,
        change: PlanChange,
    ) -> BoxFuture<'a, Result<PlannedChange, Diagnostics>> {
        Box::pin(self.plan_change(context, change))
    }

    fn apply<'a>(&'a self, context: &'a Context<R::Client>, apply: Apply) -> BoxFuture<'a, Applied> {
        Box::pin(async move {
            if apply.planned.is_null() {
                self.destroy(context, apply.prior).await
            } else {
                self.create_or_update(context, apply).await
            }
        })
    }

    fn read<'a>(
        &'a self,
        context: &'a Context<R::Client>,
        prior: Value,
    ) -> BoxFuture<'a, Result<Reading, Diagnostics>> {
        Box::pin(self.read_state(context, prior))
    }

    fn import<'a>(
        &'a self,
        context: &'a Context<R::Client>,
        import: Import,
    ) -> BoxFuture<'a, Result<Imported, Diagnostics>> {
        Box::pin(async move {
            let stored = guarded(self.resource.import(context, &import)).await?;
            Ok(Imported { state: storable(self.attributes(), &stored.to_value()) })
        })
    }

    fn upgrade(&self, version: i64, json: &[u8]) -> Result<Value, Diagnostics> {
        if version > self.schema.version {
            return Err(Diagnostic::error(format!(
                "The state of {} is of a later version",
                self.schema.name
            ))
            .detail(format!(
                "It is of version {version}, and this provider knows versions up to {}. Use the provider \
                     that wrote it, or a later one.",
                self.schema.version
            ))
            .into());
        }
        let state = if version == self.schema.version {
            json::decode(json, &self.ty, Objects::Lenient)?
        } else {
            let (_, old) = json::decode_untyped(json)?;
            let new = self.resource.upgrade(version, old)?;
            json::decode(&json::encode_untyped(&new)?, &self.ty, Objects::Lenient)?
        };
        Ok(storable(self.attributes(), &state))
    }

    fn take_over(&self, source: &MoveSource) -> Result<Option<Value>, Diagnostics> {
        let taken = self.resource.take_over(source)?;
        Ok(taken.map(|partial| storable(self.attributes(), &partial.to_value())))
    }
}

/// The object with the write-only values of the configuration in it.
fn with_write_only(attributes: &[Attribute], planned: &Value, config: &Value) -> Value {
    use crate::schema::{Nesting, Shape};
    let (Value::Map(entries), Value::Map(_)) = (planned, config) else {
        return planned.clone();
    };
    let mut complete = entries.clone();
    for attribute in attributes {
        let given = config.attribute(&attribute.name);
        if attribute.write_only {
            complete.insert(attribute.name.clone(), given.clone());
            continue;
        }
        let (Shape::Nested(nesting, nested), Some(value)) =
            (&attribute.shape, complete.get_mut(&attribute.name))
        else {
            continue;
        };
        match (*nesting, value, given) {
            (Nesting::Single, value, given) => *value = with_write_only(nested, value, given),
            (Nesting::List, Value::List(elements), Value::List(given)) => {
                for (element, given) in elements.iter_mut().zip(given) {
                    *element = with_write_only(nested, element, given);
                }
            }
            (Nesting::Map, Value::Map(entries), Value::Map(given)) => {
                for (key, element) in entries {
                    *element = with_write_only(nested, element, given.get(key).unwrap_or(&Value::Null));
                }
            }
            // Terraform has no write-only attributes in sets.
            _ => {}
        }
    }
    Value::Map(complete)
}

/// The raw plan, with the attributes replaced that the author has changed in the typed one: what was not
/// touched stays exactly as it was planned.
fn overlaid(raw: Value, before: &Value, after: &Value) -> Value {
    let Value::Map(mut planned) = raw else {
        return raw;
    };
    if let Some(after) = after.entries() {
        for (name, value) in after {
            if before.attribute(name) != value {
                planned.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Map(planned)
}

/// The state, with what the plan promised where the state has nothing: so that a create that is to be
/// finished later keeps the plan's promises.
fn promised(planned: &Value, state: Value) -> Value {
    let Value::Map(mut entries) = state else {
        return state;
    };
    if let Some(planned) = planned.entries() {
        for (name, value) in planned {
            if value.is_wholly_known() {
                entries.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Map(entries)
}
