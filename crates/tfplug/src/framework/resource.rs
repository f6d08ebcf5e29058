//! Managed resources.

use std::collections::BTreeMap;
use std::future::Future;

use super::Context;
use crate::attr::Attr;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{At, Model, ResourceModel};
use crate::path::Path;
use crate::stage::{Applying, Config, Partial, Planned, Stored};
use crate::value::Value;

/// What a create or update ends with: the object as it is to be stored, or what went wrong.
/// Any error converts by `?`. What exists by then is told by [`Context::exists`].
pub type Outcome<M> = Result<At<M, Stored>, Diagnostics>;

/// What a read ends with.
pub type ReadResult<M> = Result<Live<At<M, Stored>>, Diagnostics>;

/// What a read found.
#[derive(Clone, Debug, PartialEq)]
pub enum Live<T> {
    /// The object, as it is now. What is equal to the prior state keeps the form that it has there.
    Present(T),
    /// No object: Terraform will plan to make it.
    Gone,
    /// It could not be looked at, which is no error: the prior state stays. So where the provider's
    /// configuration is not known yet.
    Unchanged,
}

/// A resource that Terraform makes, changes and destroys.
///
/// The prior state is a [`Partial`] everywhere: an interrupted create may have left it so, or an older
/// version of the provider that knew fewer attributes.
pub trait Resource: Send + Sync + 'static {
    /// The model, named at any stage: `File<Stored>`.
    type Model: ResourceModel;
    /// What the provider makes of its configuration.
    type Client: Send + Sync + 'static;

    /// Looks at a configuration as a whole, offline; what is checked of single attributes is in the
    /// model. Called when values are still unknown, and for each module instance.
    fn validate(&self, config: &At<Self::Model, Config>, problems: &mut Diagnostics) {
        let _ = (config, problems);
    }

    /// Changes a plan of a create or update before it is shown. The plan is complete already:
    /// configuration echoed, defaults filled in, computed values kept or unknown.
    ///
    /// It is called again at apply, with unknowns known; it may then only make known what was unknown.
    fn plan(
        &self,
        context: &Context<Self::Client>,
        plan: &mut Plan<Self::Model>,
    ) -> impl Future<Output = Result<(), Diagnostics>> + Send {
        let _ = (context, plan);
        async { Ok(()) }
    }

    /// Looks at the plan of a destroy: warns of what goes with it ([`Context::warn`]), or refuses.
    fn plan_destroy(
        &self,
        context: &Context<Self::Client>,
        prior: At<Self::Model, Partial>,
    ) -> impl Future<Output = Result<(), Diagnostics>> + Send {
        let _ = (context, prior);
        async { Ok(()) }
    }

    /// Makes the object.
    fn create(
        &self,
        context: &Context<Self::Client>,
        planned: At<Self::Model, Applying>,
    ) -> impl Future<Output = Outcome<Self::Model>> + Send;

    /// Looks at the object as it is now.
    fn read(
        &self,
        context: &Context<Self::Client>,
        prior: At<Self::Model, Partial>,
    ) -> impl Future<Output = ReadResult<Self::Model>> + Send;

    /// Changes the object, or finishes it where [`Context::is_unfinished`]. Without this method every
    /// attribute that can change has to ask for a replacement.
    fn update(
        &self,
        context: &Context<Self::Client>,
        prior: At<Self::Model, Partial>,
        planned: At<Self::Model, Applying>,
    ) -> impl Future<Output = Outcome<Self::Model>> + Send {
        let _ = (context, prior, planned);
        async {
            Err(Diagnostic::error("This resource can't be changed in place")
                .detail("It has no update. This is a bug in the provider: the attribute that has changed should ask for a replacement.")
                .into())
        }
    }

    /// Destroys the object. That it is gone already is no error.
    fn delete(
        &self,
        context: &Context<Self::Client>,
        prior: At<Self::Model, Partial>,
    ) -> impl Future<Output = Result<(), Diagnostics>> + Send;

    /// Finds an existing object, as [`Resource::read`] would return it.
    fn import(
        &self,
        context: &Context<Self::Client>,
        import: &Import,
    ) -> impl Future<Output = Outcome<Self::Model>> + Send {
        let _ = (context, import);
        async { Err(Diagnostic::error("This resource can't be imported").into()) }
    }

    /// Turns the stored state of an older version of the schema into one of the current version: an
    /// object with the attributes as they were named then, in the JSON's own types (an object is a
    /// map, every array a list).
    fn upgrade(&self, version: i64, state: Value) -> Result<Value, Diagnostics> {
        let _ = state;
        Err(Diagnostic::error(format!("State of version {version} can't be read"))
            .detail("This version of the provider has no upgrade for it.")
            .into())
    }

    /// Takes over an object that another resource type holds, of this provider or another (a `moved`
    /// block between types). `None`: not from there.
    fn take_over(&self, source: &MoveSource) -> Result<Option<At<Self::Model, Partial>>, Diagnostics> {
        let _ = source;
        Ok(None)
    }
}

/// A plan of a create or update, to be changed by [`Resource::plan`].
pub struct Plan<M: Model> {
    /// What the user wrote, defaults filled in.
    pub config: At<M, Config>,
    /// What there is; `None` for a create.
    pub prior: Option<At<M, Partial>>,
    /// What is promised.
    pub planned: At<M, Planned>,
    pub(crate) replace: Vec<(Path, String)>,
    pub(crate) surely_changes: bool,
}

impl<M: Model> Plan<M> {
    /// Whether the object is to be made.
    pub fn is_create(&self) -> bool {
        self.prior.is_none()
    }

    /// Whether the object will surely be made or changed, whatever the unknown values turn out to be.
    /// Only then may a computed value be planned that differs from the prior one: a change that consists
    /// of unknown values alone may turn out to be none, and then the planned value would be wrong.
    pub fn surely_changes(&self) -> bool {
        self.surely_changes
    }

    /// Asks for a new object because of what has changed at `path`.
    pub fn replace(&mut self, path: impl Into<Path>, why: impl Into<String>) {
        self.replace.push((path.into(), why.into()));
    }
}

/// What the user gave to find an existing object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    pub(crate) id: Option<String>,
    pub(crate) identity: BTreeMap<String, Value>,
}

impl Import {
    /// The id as it was given; `None` where the user gave an identity.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// An attribute of the identity. An id is taken for the values of the identity's attributes in
    /// their order, divided by `/`.
    pub fn get<T: Attr>(&self, attribute: &str) -> Result<T, Diagnostics> {
        let value = self.identity.get(attribute).unwrap_or(&Value::Null);
        Ok(T::from_value(value, &Path::of(attribute))?)
    }
}

/// An object of another resource type.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveSource {
    /// `registry.terraform.io/hashicorp/local`.
    pub provider_address: String,
    /// `local_file`.
    pub type_name: String,
    /// Of that type's schema.
    pub schema_version: i64,
    /// Its state in the JSON's own types: an object is a map, every array a list.
    pub state: Value,
}
