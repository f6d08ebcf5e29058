//! Attributes and blocks.

use std::fmt;
use std::sync::Arc;

use crate::attr::Attr;
use crate::diagnostic::Diagnostics;
use crate::path::Path;
use crate::value::{Type, Value};

/// Who sets an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user, always.
    Required,
    /// The user, or nobody.
    Optional,
    /// The user, else the provider.
    OptionalComputed,
    /// The provider, always.
    Computed,
}

impl Mode {
    /// Whether the provider may set it.
    pub fn is_computed(self) -> bool {
        matches!(self, Mode::OptionalComputed | Mode::Computed)
    }

    /// Whether the user may set it.
    pub fn is_configurable(self) -> bool {
        self != Mode::Computed
    }
}

/// How often an object stands in an attribute or block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once.
    Single,
    /// Any number, in order.
    List,
    /// Any number, each once.
    Set,
    /// Any number, by key.
    Map,
}

/// What an attribute holds.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A value of a type.
    Type(Type),
    /// Objects whose attributes have schemas themselves.
    Nested(Nesting, Vec<Attribute>),
}

impl Shape {
    /// The type of its values.
    pub fn ty(&self) -> Type {
        match self {
            Shape::Type(ty) => ty.clone(),
            Shape::Nested(nesting, attributes) => {
                let object =
                    Type::object(attributes.iter().map(|attribute| (attribute.name.clone(), attribute.ty())));
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::list(object),
                    Nesting::Set => Type::set(object),
                    Nesting::Map => Type::map(object),
                }
            }
        }
    }

    /// The shape of a collection of these.
    #[must_use]
    pub fn collected(self, nesting: Nesting) -> Shape {
        match self {
            Shape::Nested(Nesting::Single, attributes) => Shape::Nested(nesting, attributes),
            other => {
                let element = other.ty();
                Shape::Type(match nesting {
                    Nesting::Single => element,
                    Nesting::List => Type::list(element),
                    Nesting::Set => Type::set(element),
                    Nesting::Map => Type::map(element),
                })
            }
        }
    }

    /// The shape with each nested attribute computed: how a nested object looks that only the
    /// provider fills in.
    fn all_computed(self) -> Shape {
        match self {
            Shape::Type(ty) => Shape::Type(ty),
            Shape::Nested(nesting, attributes) => {
                let computed = attributes.into_iter().map(|mut attribute| {
                    attribute.mode = Mode::Computed;
                    attribute.default = None;
                    attribute.checks = Vec::new();
                    attribute.shape = attribute.shape.all_computed();
                    attribute
                });
                Shape::Nested(nesting, computed.collect())
            }
        }
    }
}

/// How many blocks there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// At least so many.
    pub min: u32,
    /// At most so many; 0: any number.
    pub max: u32,
}

/// Looks at a known value and tells what is wrong with it.
pub type Check = Arc<dyn Fn(&Value, &Path, &mut Diagnostics) + Send + Sync>;
/// Whether two values mean the same, however they are written.
pub type Same = fn(&Value, &Value) -> bool;
/// Whether the planned value (second) means another object than the prior one (first). Any part of the planned
/// one may be unknown; where that decides, it says no: an object is not replaced on suspicion.
pub type Another = fn(&Value, &Value) -> bool;

/// An attribute or block.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, as in the protocol")]
pub struct Attribute {
    /// As it stands in a configuration.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// What it holds.
    pub shape: Shape,
    /// Who sets it.
    pub mode: Mode,
    /// Whether the value may be null.
    pub nullable: bool,
    /// Terraform doesn't print it.
    pub sensitive: bool,
    /// It is in the configuration only, never in plan or state.
    pub write_only: bool,
    /// What to use in its stead.
    pub deprecated: Option<String>,
    /// It is a block: how many there may be.
    pub block: Option<Limits>,
    /// The value where the user gives none.
    pub default: Option<Value>,
    /// A computed value that an update doesn't change.
    pub keep: bool,
    /// A change means a new object: why.
    pub replace: Option<String>,
    /// With `replace`: which changes do. All, if it says nothing.
    pub another: Option<Another>,
    /// The attribute whose change sends this write-only one again.
    pub version: Option<String>,
    /// The texts that it can be, if they are few.
    pub choices: &'static [&'static str],
    /// What is checked of a known value.
    pub checks: Vec<Check>,
    /// When two values mean the same.
    pub same: Same,
}

impl Attribute {
    /// An attribute that holds a `T`, required or optional as `T` may be null.
    pub fn of<T: Attr>(name: impl Into<String>) -> Attribute {
        Attribute {
            name: name.into(),
            description: String::new(),
            shape: T::shape(),
            mode: if T::NULLABLE { Mode::Optional } else { Mode::Required },
            nullable: T::NULLABLE,
            sensitive: T::SENSITIVE,
            write_only: false,
            deprecated: None,
            block: None,
            default: None,
            keep: false,
            replace: None,
            another: None,
            version: None,
            choices: T::choices(),
            checks: T::checks(),
            same: same::<T>,
        }
    }

    /// Markdown.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Attribute {
        self.description = text.into();
        self
    }

    /// The user sets it, else the provider.
    #[must_use]
    pub fn either(mut self) -> Attribute {
        self.mode = Mode::OptionalComputed;
        self
    }

    /// Only the provider sets it.
    #[must_use]
    pub fn output(mut self) -> Attribute {
        self.mode = Mode::Computed;
        self.checks = Vec::new();
        self.shape = self.shape.all_computed();
        self
    }

    /// It is in the configuration only.
    #[must_use]
    pub fn write_only(mut self) -> Attribute {
        self.write_only = true;
        self
    }

    /// The value where the user gives none; with it the attribute is never null.
    #[must_use]
    pub fn default(mut self, value: &impl Attr) -> Attribute {
        self.default = Some(value.to_value());
        self.mode = Mode::OptionalComputed;
        self
    }

    /// A change means a new object; `why` is told to the user, unless it is empty.
    #[must_use]
    pub fn replace(mut self, why: impl Into<String>) -> Attribute {
        self.replace = Some(why.into());
        self
    }

    /// With [`replace`](Attribute::replace): only those changes mean a new object of which this is true.
    #[must_use]
    pub fn another(mut self, another: Another) -> Attribute {
        self.another = Some(another);
        self
    }

    /// An update doesn't change this computed value.
    #[must_use]
    pub fn keep(mut self) -> Attribute {
        self.keep = true;
        self
    }

    /// Terraform doesn't print it.
    #[must_use]
    pub fn sensitive(mut self) -> Attribute {
        self.sensitive = true;
        self
    }

    /// What to use in its stead.
    #[must_use]
    pub fn deprecated(mut self, instead: impl Into<String>) -> Attribute {
        self.deprecated = Some(instead.into());
        self
    }

    /// The attribute whose change sends this write-only one again.
    #[must_use]
    pub fn version(mut self, attribute: impl Into<String>) -> Attribute {
        self.version = Some(attribute.into());
        self
    }

    /// A block rather than an attribute. Collections of blocks are empty, never null.
    #[must_use]
    pub fn block(mut self, limits: Limits) -> Attribute {
        self.block = Some(limits);
        self.mode = if limits.min > 0 { Mode::Required } else { Mode::Optional };
        self
    }

    /// A check of every known value that isn't null. `T` is what the attribute holds.
    #[must_use]
    pub fn check<T: Attr, E: fmt::Display>(
        mut self,
        check: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
    ) -> Attribute {
        self.checks.push(checked(check));
        self
    }

    /// The type of its values.
    pub fn ty(&self) -> Type {
        self.shape.ty()
    }

    /// Whether it is computed with no default: what the provider makes up itself.
    pub fn is_made_up(&self) -> bool {
        self.mode.is_computed() && self.default.is_none()
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attribute")
            .field("name", &self.name)
            .field("shape", &self.shape)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// A [`Check`] of values that are a `T`.
pub fn checked<T: Attr, E: fmt::Display>(
    check: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
) -> Check {
    Arc::new(move |value, path, problems| {
        // What is no `T` is told by whoever decodes it.
        if let Ok(value) = T::from_value(value, path)
            && let Err(why) = check(&value)
        {
            let name = path.to_string();
            problems.error(path.clone(), format!("Invalid value for `{name}`"), why.to_string());
        }
    })
}

/// Whether two values are equal as a `T`: so a `T` decides by its `PartialEq` which ways of writing a
/// value mean the same.
pub(crate) fn same<T: Attr>(left: &Value, right: &Value) -> bool {
    if left == right {
        return true;
    }
    let root = Path::root();
    match (T::from_value(left, &root), T::from_value(right, &root)) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}
