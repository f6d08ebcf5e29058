//! Text that is not to be seen.

use std::fmt;

use zeroize::Zeroizing;

use super::Attr;
use crate::codec::ValueError;
use crate::path::Path;
use crate::schema::Shape;
use crate::value::{Type, Value};

/// Text that can't be printed by accident and is wiped from memory when it is dropped.
///
/// In a schema it is sensitive. As `S::WriteOnly<Option<Secret>>` it never reaches plan or state.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

impl PartialEq for Secret {
    /// Takes the same time wherever two texts of one length differ.
    fn eq(&self, other: &Secret) -> bool {
        let (left, right) = (self.expose().as_bytes(), other.expose().as_bytes());
        left.len() == right.len()
            && left.iter().zip(right).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

impl Attr for Secret {
    const SENSITIVE: bool = true;

    fn shape() -> Shape {
        Shape::Type(Type::String)
    }

    fn from_value(value: &Value, path: &Path) -> Result<Secret, ValueError> {
        String::from_value(value, path).map(Secret::new)
    }

    fn to_value(&self) -> Value {
        Value::String(self.expose().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Some(Secret::new("hunter2"));
        assert_eq!(format!("{secret:?}"), "Some(Secret)");
    }

    #[test]
    fn secrets_are_equal_when_their_text_is() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("ab"));
    }
}
