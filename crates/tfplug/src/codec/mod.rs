//! Values to bytes and back, as Terraform exchanges them.
//!
//! [`msgpack`] is the wire: configurations, plans, states. [`json`] is how states are stored. Both are
//! directed by a [`Type`](crate::value::Type): without it neither can tell a set from a list, or text
//! from a number.

pub mod json;
pub mod msgpack;
mod reader;

use std::fmt::Display;

use crate::path::Path;
use crate::value::{NumberError, TypeError};

/// Why bytes are not a value of a type, or a value not of a type.
#[derive(Debug, thiserror::Error)]
#[error("{}{problem}", Place(path))]
pub struct ValueError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Something else than the type says.
    #[error("expected {expected}, found {found}")]
    Mismatch {
        /// What was to be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An object has an attribute that its type lacks.
    #[error("there is no attribute `{0}`")]
    Superfluous(String),
    /// An object lacks an attribute of its type.
    #[error("attribute `{0}` is missing")]
    Missing(String),
    /// Null where a value has to be.
    #[error("a value is required")]
    Null,
    /// Unknown where all is to be known.
    #[error("the value is not known yet")]
    Unknown,
    /// A number that is none, or that doesn't fit.
    #[error("{0}")]
    Number(NumberError),
    /// The type beside a dynamic value is none.
    #[error("{0}")]
    Type(TypeError),
    /// The bytes end early or are not what the format allows.
    #[error("the bytes are damaged: {0}")]
    Damaged(&'static str),
    /// Not JSON.
    #[error("{0}")]
    Json(serde_json::Error),
    /// A value that its type doesn't take, in the words of that type.
    #[error("{0}")]
    Refused(String),
}

impl ValueError {
    /// What is wrong where.
    pub fn new(path: &Path, problem: Problem) -> ValueError {
        ValueError { path: path.clone(), problem }
    }

    /// Something else than the type says.
    pub fn mismatch<E, F>(path: &Path, expected: &E, found: &F) -> ValueError
    where
        E: Display + ?Sized,
        F: Display + ?Sized,
    {
        ValueError::new(path, Problem::Mismatch { expected: expected.to_string(), found: found.to_string() })
    }

    /// A value that its type doesn't take, in the words of that type.
    pub fn refused<W: Display + ?Sized>(path: &Path, why: &W) -> ValueError {
        ValueError::new(path, Problem::Refused(why.to_string()))
    }
}

/// A path as the beginning of a message.
struct Place<'a>(&'a Path);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_root() { Ok(()) } else { write!(formatter, "`{}`: ", self.0) }
    }
}
