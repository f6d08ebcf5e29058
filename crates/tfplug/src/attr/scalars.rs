//! Bools, strings, numbers, and what may be null.

use super::{Attr, unexpected};
use crate::codec::ValueError;
use crate::path::Path;
use crate::schema::{Check, Shape};
use crate::value::{Number, Type, Value};

impl Attr for bool {
    fn shape() -> Shape {
        Shape::Type(Type::Bool)
    }

    fn from_value(value: &Value, path: &Path) -> Result<bool, ValueError> {
        match value {
            Value::Bool(value) => Ok(*value),
            other => Err(unexpected(other, "bool", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Attr for String {
    fn shape() -> Shape {
        Shape::Type(Type::String)
    }

    fn from_value(value: &Value, path: &Path) -> Result<String, ValueError> {
        match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(unexpected(other, "string", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Attr for Number {
    fn shape() -> Shape {
        Shape::Type(Type::Number)
    }

    fn from_value(value: &Value, path: &Path) -> Result<Number, ValueError> {
        match value {
            Value::Number(number) => Ok(number.clone()),
            other => Err(unexpected(other, "number", path)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.clone())
    }
}

/// Integers refuse what has a fraction or doesn't fit, at plan already.
macro_rules! integer {
    ($($integer:ty: $get:ident, $wide:ty);* $(;)?) => {$(
        impl Attr for $integer {
            fn shape() -> Shape {
                Shape::Type(Type::Number)
            }

            fn checks() -> Vec<Check> {
                vec![crate::schema::checked(|number: &Number| <$integer>::try_from_number(number).map(|_| ()))]
            }

            fn from_value(value: &Value, path: &Path) -> Result<$integer, ValueError> {
                let number = Number::from_value(value, path)?;
                <$integer>::try_from_number(&number).map_err(|why| ValueError::refused(path, &why))
            }

            fn to_value(&self) -> Value {
                Value::Number(Number::from(<$wide>::from(*self)))
            }
        }

        impl TryFromNumber for $integer {
            fn try_from_number(number: &Number) -> Result<$integer, String> {
                number.$get().and_then(|wide| <$integer>::try_from(wide).ok()).ok_or_else(|| {
                    format!("{number} is not a whole number from {} to {}", <$integer>::MIN, <$integer>::MAX)
                })
            }
        }
    )*};
}

trait TryFromNumber: Sized {
    fn try_from_number(number: &Number) -> Result<Self, String>;
}

integer! {
    i64: to_i64, i64;
    i32: to_i64, i64;
    u64: to_u64, u64;
    u32: to_u64, u64;
    u16: to_u64, u64;
    u8: to_u64, u64;
}

impl Attr for f64 {
    fn shape() -> Shape {
        Shape::Type(Type::Number)
    }

    /// The nearest: a decimal that has no exact binary form is taken all the same.
    fn from_value(value: &Value, path: &Path) -> Result<f64, ValueError> {
        Number::from_value(value, path).map(|number| number.to_f64())
    }

    /// The shortest decimal that reads back as this value, so that a `0.1` from a configuration
    /// remains `0.1`. What isn't finite is null.
    fn to_value(&self) -> Value {
        self.to_string().parse().map_or(Value::Null, Value::Number)
    }
}

impl<T: Attr> Attr for Option<T> {
    const NULLABLE: bool = true;
    const SENSITIVE: bool = T::SENSITIVE;

    fn shape() -> Shape {
        T::shape()
    }

    fn checks() -> Vec<Check> {
        T::checks()
    }

    fn choices() -> &'static [&'static str] {
        T::choices()
    }

    fn from_value(value: &Value, path: &Path) -> Result<Option<T>, ValueError> {
        if value.is_null() { Ok(None) } else { T::from_value(value, path).map(Some) }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Attr::to_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_keeps_the_decimal_that_the_user_wrote() {
        let written = Value::Number("0.1".parse().unwrap());
        assert_eq!(f64::from_value(&written, &Path::root()).unwrap().to_value(), written);
    }

    #[test]
    fn integers_refuse_fractions_and_what_does_not_fit() {
        let path = Path::of("port");
        let error = u16::from_value(&Value::from(65536), &path).unwrap_err();
        assert_eq!(error.to_string(), "`port`: 65536 is not a whole number from 0 to 65535");
        assert!(i64::from_value(&Value::Number("1.5".parse().unwrap()), &path).is_err());
        assert!(u64::from_value(&Value::from(-1), &path).is_err());
    }

    #[test]
    fn only_an_option_takes_null() {
        let path = Path::of("name");
        assert_eq!(
            String::from_value(&Value::Null, &path).unwrap_err().to_string(),
            "`name`: a value is required"
        );
        assert_eq!(Option::<String>::from_value(&Value::Null, &path).unwrap(), None);
    }
}
