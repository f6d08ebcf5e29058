//! Numbers of any size, without loss.

use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, ToPrimitive as _};

/// Decimal digits before or after the point beyond which a number is refused: nobody means one,
/// and `1e999999999` would be a gigabyte of zeros in text.
const LARGEST_EXPONENT: i64 = 4096;

/// A number: exact, of any size. `1.0` equals `1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

/// Why something is not a number.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NumberError {
    /// Not the text of a decimal number.
    #[error("`{0}` is not a number")]
    Syntax(String),
    /// Infinite, or not a number at all.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// More digits than this crate carries.
    #[error("the number has more than {LARGEST_EXPONENT} digits")]
    TooLong,
}

impl Number {
    fn bounded(decimal: &BigDecimal) -> Result<Number, NumberError> {
        let (digits, scale) = decimal.as_bigint_and_exponent();
        // 1 bit is at least 0.3 decimal digits: a cheap upper bound that doesn't print the number.
        let length = i64::try_from(digits.bits() / 3).unwrap_or(i64::MAX);
        if scale.saturating_abs() > LARGEST_EXPONENT || length > LARGEST_EXPONENT {
            return Err(NumberError::TooLong);
        }
        Ok(Number(decimal.normalized()))
    }

    /// The number that a floating-point value is, exactly.
    pub fn from_f64(value: f64) -> Result<Number, NumberError> {
        let decimal = BigDecimal::try_from(value).map_err(|_| NumberError::NotFinite(value))?;
        Number::bounded(&decimal)
    }

    /// Whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        self.0.is_integer()
    }

    /// As an `i64`, if it is one exactly.
    pub fn to_i64(&self) -> Option<i64> {
        if self.0.is_integer() { self.0.to_i64() } else { None }
    }

    /// As a `u64`, if it is one exactly.
    pub fn to_u64(&self) -> Option<u64> {
        if self.0.is_integer() { self.0.to_u64() } else { None }
    }

    /// As the nearest floating-point value.
    pub fn to_f64(&self) -> f64 {
        // Parsing text rounds correctly; the conversion by arithmetic doesn't always.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// As a floating-point value, if it is one exactly.
    pub fn to_f64_exactly(&self) -> Option<f64> {
        let nearest = self.to_f64();
        (Number::from_f64(nearest).ok()? == *self).then_some(nearest)
    }

    /// The exact decimal.
    pub fn as_decimal(&self) -> &BigDecimal {
        &self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_plain_string())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Number({self})")
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Number, NumberError> {
        let decimal = BigDecimal::from_str(text).map_err(|_| NumberError::Syntax(text.to_owned()))?;
        Number::bounded(&decimal)
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Number {
            fn from(value: $integer) -> Number {
                Number(BigDecimal::from(value).normalized())
            }
        }
    )*};
}

from_integer!(i32, u32, i64, u64, i128, u128);

impl TryFrom<BigDecimal> for Number {
    type Error = NumberError;

    fn try_from(value: BigDecimal) -> Result<Number, NumberError> {
        Number::bounded(&value)
    }
}

impl TryFrom<BigInt> for Number {
    type Error = NumberError;

    fn try_from(value: BigInt) -> Result<Number, NumberError> {
        Number::bounded(&BigDecimal::from(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_beyond_64_bits_keep_every_digit() {
        for text in [
            "18446744073709551616",
            "-170141183460469231731687303715884105729",
            "0.1",
            "1.000000000000000000001",
        ] {
            assert_eq!(number(text).to_string(), text);
        }
    }

    #[test]
    fn one_tenth_is_not_a_floating_point_value_and_one_half_is() {
        assert_eq!(number("0.1").to_f64_exactly(), None);
        assert_eq!(number("0.5").to_f64_exactly(), Some(0.5));
        assert_eq!(Number::from_f64(0.5).unwrap(), number("0.50"));
    }

    #[test]
    fn integers_convert_only_exactly() {
        assert_eq!(number("9223372036854775807").to_i64(), Some(i64::MAX));
        assert_eq!(number("9223372036854775808").to_i64(), None);
        assert_eq!(number("9223372036854775808").to_u64(), Some(1 << 63));
        assert_eq!(number("1.5").to_i64(), None);
        assert_eq!(number("1e3").to_i64(), Some(1000));
    }

    #[test]
    fn absurd_numbers_are_refused_before_they_fill_the_memory() {
        assert_eq!("1e999999999".parse::<Number>(), Err(NumberError::TooLong));
        assert_eq!("1e-999999999".parse::<Number>(), Err(NumberError::TooLong));
        assert!(matches!(Number::from_f64(f64::INFINITY), Err(NumberError::NotFinite(_))));
        assert!("twelve".parse::<Number>().is_err());
    }
}
