//! The stages of a model's life, and what its attributes are at each.
//!
//! Terraform's life of an object is config → planned → applying → stored, and everything that a
//! provider can get wrong there (an unknown used at apply, a write-only value stored, a computed value
//! forgotten) is a type error here.
//!
//! ```
//! # use tfplug::prelude::*;
//! # /// A file.
//! # #[derive(Clone, Debug, tfplug::Model)]
//! # #[resource("example_file")]
//! # pub struct File<S: Stage> {
//! #     /// A.
//! #     pub content: S::Input<String>,
//! #     /// A.
//! #     pub token_wo: S::WriteOnly<Option<Secret>>,
//! #     /// A.
//! #     pub size: S::Output<u64>,
//! # }
//! fn store(planned: File<Applying>) -> File<Stored> {
//!     let size = planned.content.len() as u64;
//!     planned.store(FileComputed { size })
//! }
//! ```
//!
//! None of these compiles: a computed value is forgotten; a value of the configuration is used that may
//! not be known; a write-only value is stored.
//!
//! ```compile_fail,E0063
//! # use tfplug::prelude::*;
//! # /// A file.
//! # #[derive(Clone, Debug, tfplug::Model)]
//! # #[resource("example_file")]
//! # pub struct File<S: Stage> {
//! #     /// A.
//! #     pub content: S::Input<String>,
//! #     /// A.
//! #     pub token_wo: S::WriteOnly<Option<Secret>>,
//! #     /// A.
//! #     pub size: S::Output<u64>,
//! # }
//! fn store(planned: File<Applying>) -> File<Stored> {
//!     planned.store(FileComputed {})
//! }
//! ```
//!
//! ```compile_fail,E0308
//! # use tfplug::prelude::*;
//! # /// A file.
//! # #[derive(Clone, Debug, tfplug::Model)]
//! # #[resource("example_file")]
//! # pub struct File<S: Stage> {
//! #     /// A.
//! #     pub content: S::Input<String>,
//! #     /// A.
//! #     pub token_wo: S::WriteOnly<Option<Secret>>,
//! #     /// A.
//! #     pub size: S::Output<u64>,
//! # }
//! fn content(config: File<Config>) -> String {
//!     config.content
//! }
//! ```
//!
//! ```compile_fail,E0308
//! # use tfplug::prelude::*;
//! # /// A file.
//! # #[derive(Clone, Debug, tfplug::Model)]
//! # #[resource("example_file")]
//! # pub struct File<S: Stage> {
//! #     /// A.
//! #     pub content: S::Input<String>,
//! #     /// A.
//! #     pub token_wo: S::WriteOnly<Option<Secret>>,
//! #     /// A.
//! #     pub size: S::Output<u64>,
//! # }
//! fn store(planned: File<Applying>) -> File<Stored> {
//!     File { content: planned.content, token_wo: planned.token_wo, size: 0 }
//! }
//! ```

use std::fmt::Debug;

use crate::attr::Attr;
use crate::codec::ValueError;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::value::{Refinement, Value};

mod sealed {
    pub trait Sealed {}
}

/// A stage of a model's life; the table in the [crate's documentation](crate) shows all five.
pub trait Stage: sealed::Sealed + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// What the user sets: required, or optional as `Option<T>`.
    type Input<T: Attr>: Slot;
    /// What the user sets, else the provider.
    type Either<T: Attr>: Slot;
    /// What the provider sets.
    type Output<T: Attr>: Slot;
    /// What the user sets and nobody keeps.
    type WriteOnly<T: Attr>: Slot;
}

/// What stands in a model for one attribute at one stage.
pub trait Slot: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// From a value; `path` is where it stands, for errors.
    fn from_value(value: &Value, path: &Path) -> Result<Self, ValueError>;
    /// To a value.
    fn to_value(&self) -> Value;
}

impl<T: Attr> Slot for T {
    fn from_value(value: &Value, path: &Path) -> Result<T, ValueError> {
        Attr::from_value(value, path)
    }

    fn to_value(&self) -> Value {
        Attr::to_value(self)
    }
}

/// Nothing: the attribute plays no part at the stage.
impl Slot for () {
    fn from_value(_value: &Value, _path: &Path) -> Result<(), ValueError> {
        Ok(())
    }

    fn to_value(&self) -> Value {
        Value::Null
    }
}

macro_rules! stages {
    ($($(#[$doc:meta])* $stage:ident { $input:ty, $either:ty, $output:ty, $write_only:ty })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $stage;

        impl sealed::Sealed for $stage {}

        impl Stage for $stage {
            type Input<T: Attr> = $input;
            type Either<T: Attr> = $either;
            type Output<T: Attr> = $output;
            type WriteOnly<T: Attr> = $write_only;
        }
    )*};
}

stages! {
    /// What the user wrote, defaults filled in.
    Config { Maybe<T>, Maybe<Option<T>>, (), Maybe<T> }
    /// What the plan promises.
    Planned { Maybe<T>, Maybe<T>, Maybe<T>, () }
    /// What is being applied: all that the user sets is known, all that the provider sets is to be made.
    Applying { T, Option<T>, (), T }
    /// What is kept in the state.
    Stored { T, T, T, () }
    /// What is kept of an object that was not finished, and so every prior state.
    Partial { T, Option<T>, Option<T>, () }
}

/// A value that may not be known before apply.
#[derive(Clone, Debug, PartialEq)]
pub enum Maybe<T> {
    /// It is known.
    Known(T),
    /// It is not, at least not all of it.
    Unknown(Unknown),
}

/// A value that is not wholly known: what is known of it is kept, so that it goes back as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown(Value);

impl Unknown {
    /// What is known of the value as a whole. Nothing if only a part of it is unknown.
    pub fn refinement(&self) -> Refinement {
        match &self.0 {
            Value::Unknown(refinement) => refinement.clone(),
            _ => Refinement::default(),
        }
    }

    /// The value as it came, with its known parts.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl<T> Maybe<T> {
    /// A value of which nothing is known.
    pub fn unknown() -> Maybe<T> {
        Maybe::Unknown(Unknown(Value::unknown()))
    }

    /// A value of which only this is known. It binds the provider at apply.
    pub fn refined(refinement: Refinement) -> Maybe<T> {
        Maybe::Unknown(Unknown(Value::Unknown(refinement)))
    }

    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Maybe::Known(value) => Some(value),
            Maybe::Unknown(_) => None,
        }
    }

    /// The value, if it is known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Maybe::Known(value) => Some(value),
            Maybe::Unknown(_) => None,
        }
    }

    /// Whether it isn't known.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Maybe::Unknown(_))
    }

    /// The value, or an error that names the attribute: for a provider's configuration, at the moment at
    /// which something needs it.
    pub fn require(&self, attribute: &str) -> Result<&T, Diagnostics> {
        self.known().ok_or_else(|| {
            Diagnostic::error(format!("`{attribute}` is not known yet"))
                .detail(format!(
                    "The value of `{attribute}` depends on something that is only known after apply, and is \
                     needed now. Apply first what it depends on, for example with -target."
                ))
                .into()
        })
    }

    /// The known value, changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Maybe<U> {
        match self {
            Maybe::Known(value) => Maybe::Known(change(value)),
            Maybe::Unknown(unknown) => Maybe::Unknown(unknown),
        }
    }

    /// With a reference to the known value.
    pub fn as_ref(&self) -> Maybe<&T> {
        match self {
            Maybe::Known(value) => Maybe::Known(value),
            Maybe::Unknown(unknown) => Maybe::Unknown(unknown.clone()),
        }
    }
}

impl<T> From<T> for Maybe<T> {
    fn from(value: T) -> Maybe<T> {
        Maybe::Known(value)
    }
}

impl<T: Attr> Slot for Maybe<T> {
    fn from_value(value: &Value, path: &Path) -> Result<Maybe<T>, ValueError> {
        if !value.is_wholly_known() {
            return Ok(Maybe::Unknown(Unknown(value.clone())));
        }
        T::from_value(value, path).map(Maybe::Known)
    }

    fn to_value(&self) -> Value {
        match self {
            Maybe::Known(value) => value.to_value(),
            Maybe::Unknown(unknown) => unknown.0.clone(),
        }
    }
}
