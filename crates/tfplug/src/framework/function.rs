//! Functions: pure, without the provider's configuration.

use std::fmt;

use crate::attr::Attr;
use crate::path::Path;
use crate::value::{Type, Value};

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// As the documentation names it.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// What it takes.
    pub ty: Type,
    /// Whether null is passed on; otherwise Terraform refuses it.
    pub nullable: bool,
}

impl Parameter {
    /// A parameter that takes a `T`.
    pub fn of<T: Attr>(name: impl Into<String>, description: impl Into<String>) -> Parameter {
        Parameter {
            name: name.into(),
            description: description.into(),
            ty: T::shape().ty(),
            nullable: T::NULLABLE,
        }
    }
}

/// What a function is called, takes and returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// As it is called: `provider::example::NAME(...)`.
    pub name: String,
    /// One line.
    pub summary: String,
    /// Markdown.
    pub description: String,
    /// What it takes, in order.
    pub parameters: Vec<Parameter>,
    /// What it takes any number of, after those.
    pub variadic: Option<Parameter>,
    /// What it returns.
    pub returns: Type,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// What is wrong.
    pub text: String,
    /// The argument that is to blame, from 0.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// An error of no argument in particular.
    pub fn new(text: impl fmt::Display) -> FunctionError {
        FunctionError { text: text.to_string(), argument: None }
    }

    /// An error of an argument, from 0.
    pub fn argument(argument: usize, text: impl fmt::Display) -> FunctionError {
        FunctionError { text: text.to_string(), argument: Some(argument) }
    }
}

/// A function. Terraform calls it with known values only, also while it validates.
pub trait Function: Send + Sync + 'static {
    /// What it is called, takes and returns.
    fn signature(&self) -> Signature;

    /// Calls it. [`argument`](FunctionError::argument) and [`take`] help.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}

/// The argument at `index` as a `T`.
pub fn take<T: Attr>(arguments: &[Value], index: usize) -> Result<T, FunctionError> {
    let value = arguments.get(index).unwrap_or(&Value::Null);
    T::from_value(value, &Path::root()).map_err(|error| FunctionError::argument(index, error))
}
