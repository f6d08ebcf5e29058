//! What an attribute can hold: Rust types that are values of Terraform's.
//!
//! | Rust | Terraform |
//! |---|---|
//! | `bool`, `String` | `bool`, `string` |
//! | `i64`, `u64`, `i32`, `u32`, `u16`, `f64`, [`Number`] | `number`; only [`Number`] takes every one |
//! | `Vec<T>`, [`Set<T>`], `BTreeSet<T>`, `BTreeMap<String, T>` | `list`, `set`, `set`, `map` |
//! | `Option<T>` | a `T` that may be null |
//! | a struct with `#[derive(Model)] #[nested]` | an object; in a collection, a nested attribute |
//! | [`Secret`] | a sensitive `string` |
//! | [`Json`] | a `string` in which white space and the order of keys mean nothing |
//! | [`Span`] | a `string` like `1h30m` |
//! | [`Timeouts`] | an object of spans for create, read, update and delete |
//! | an enum with `#[derive(Choice)]` | a `string` that is one of a few |
//! | [`Dynamic`] | a value of any type |
//!
//! A type of your own that is text implements [`FromStr`](std::str::FromStr) and
//! [`Display`](std::fmt::Display) and is named in [`text_attr!`](crate::text_attr).

mod collections;
mod dynamic;
mod json;
mod scalars;
mod secret;
mod span;

use std::fmt::Debug;

use crate::codec::ValueError;
use crate::path::Path;
use crate::schema::{Check, Shape};
use crate::value::Value;

pub use crate::value::Number;
pub use collections::Set;
pub use dynamic::Dynamic;
pub use json::Json;
pub use secret::Secret;
pub use span::{Span, SpanError, Timeouts};

/// A Rust type that is a value of Terraform's.
///
/// Its `PartialEq` decides which ways of writing a value mean the same: what is equal keeps the form
/// that it had in configuration or state, and is no change.
pub trait Attr: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Whether null is one of its values.
    const NULLABLE: bool = false;
    /// Whether Terraform is not to print it.
    const SENSITIVE: bool = false;

    /// What it looks like in a schema.
    fn shape() -> Shape;

    /// What is checked of its values wherever it stands.
    fn checks() -> Vec<Check> {
        Vec::new()
    }

    /// The texts that it can be, if they are few. For documentation.
    fn choices() -> &'static [&'static str] {
        &[]
    }

    /// From a value; `path` is where it stands, for errors.
    fn from_value(value: &Value, path: &Path) -> Result<Self, ValueError>;

    /// To a value.
    fn to_value(&self) -> Value;
}

/// The error for a value that isn't what `expected` says.
pub(crate) fn unexpected(value: &Value, expected: &str, path: &Path) -> ValueError {
    use crate::codec::Problem;
    match value {
        _ if value.is_null() => ValueError::new(path, Problem::Null),
        _ if value.is_unknown() => ValueError::new(path, Problem::Unknown),
        _ => ValueError::mismatch(path, expected, value.kind()),
    }
}

/// Implements [`Attr`] for types that are text: `FromStr` reads them, `Display`
/// writes them. What `FromStr` refuses is an error at plan, with the attribute's path.
///
/// ```
/// #[derive(Clone, Debug, PartialEq)]
/// pub struct Port(u16);
///
/// impl std::str::FromStr for Port {
///     type Err = std::num::ParseIntError;
///     fn from_str(text: &str) -> Result<Port, Self::Err> {
///         text.parse().map(Port)
///     }
/// }
///
/// impl std::fmt::Display for Port {
///     fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         self.0.fmt(formatter)
///     }
/// }
///
/// tfplug::text_attr!(Port);
/// ```
#[macro_export]
macro_rules! text_attr {
    ($($name:ty),* $(,)?) => {$(
        impl $crate::attr::Attr for $name {
            fn shape() -> $crate::schema::Shape {
                $crate::schema::Shape::Type($crate::value::Type::String)
            }

            fn checks() -> ::std::vec::Vec<$crate::schema::Check> {
                ::std::vec![$crate::schema::checked(|text: &::std::string::String| {
                    text.parse::<$name>().map(|_| ())
                })]
            }

            fn from_value(
                value: &$crate::value::Value,
                path: &$crate::path::Path,
            ) -> ::std::result::Result<Self, $crate::codec::ValueError> {
                let text = <::std::string::String as $crate::attr::Attr>::from_value(value, path)?;
                text.parse().map_err(|error| $crate::codec::ValueError::refused(path, &error))
            }

            fn to_value(&self) -> $crate::value::Value {
                $crate::value::Value::String(::std::string::ToString::to_string(self))
            }
        }
    )*};
}

/// An error unless the value is an object. For the derive macro.
#[doc(hidden)]
pub fn expect_object(value: &Value, path: &Path) -> Result<(), ValueError> {
    if value.entries().is_some() { Ok(()) } else { Err(unexpected(value, "object", path)) }
}
