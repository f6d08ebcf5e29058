//! What a scalar means: YAML 1.1 as Go's library reads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

/// A scalar with its type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

/// A tag, as far as it changes what a scalar means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    Text,
    Boolean,
    Integer,
    Float,
    Null,
    Timestamp,
    Binary,
    /// Not of YAML's own: the scalar is text.
    Other,
}

impl Tag {
    /// Reads the suffix of a tag of YAML's own.
    pub(super) fn of_suffix(suffix: &str) -> Self {
        match suffix {
            "str" => Self::Text,
            "bool" => Self::Boolean,
            "int" => Self::Integer,
            "float" => Self::Float,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            _ => Self::Other,
        }
    }
}

/// Resolves a scalar. `plain` is false for quoted and block scalars.
pub(super) fn resolve(text: &str, plain: bool, tag: Tag) -> Result<Scalar, String> {
    match tag {
        Tag::None if !plain => Ok(Scalar::Text(text.to_owned())),
        Tag::None => Ok(implicit(text)),
        Tag::Text | Tag::Other => Ok(Scalar::Text(text.to_owned())),
        Tag::Binary => binary(text),
        // Timestamps stay the text that they are; what is none is an error.
        Tag::Timestamp if text.starts_with(|first: char| first.is_ascii_digit()) => {
            Ok(Scalar::Text(text.to_owned()))
        }
        Tag::Boolean | Tag::Integer | Tag::Float | Tag::Null | Tag::Timestamp => {
            match (implicit(text), tag) {
                (scalar @ Scalar::Boolean(_), Tag::Boolean)
                | (scalar @ (Scalar::Integer(_) | Scalar::Unsigned(_)), Tag::Integer)
                | (scalar @ Scalar::Float(_), Tag::Float)
                | (scalar @ Scalar::Null, Tag::Null) => Ok(scalar),
                (Scalar::Integer(number), Tag::Float) =>
                {
                    #[expect(clippy::cast_precision_loss, reason = "Go converts in the same way")]
                    Ok(Scalar::Float(number as f64))
                }
                _ => Err(format!("`{}` is not what its tag says", text.chars().take(40).collect::<String>())),
            }
        }
    }
}

fn binary(text: &str) -> Result<Scalar, String> {
    let compact: String = text.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| "!!binary holds no base64".to_owned())?;
    Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What a plain scalar without a tag means.
fn implicit(text: &str) -> Scalar {
    let string = || Scalar::Text(text.to_owned());
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Boolean(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Boolean(false);
        }
        "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match first {
        b'.' => float(text).map_or_else(string, Scalar::Float),
        b'+' | b'-' | b'0'..=b'9' => {
            let compact: String = text.chars().filter(|character| *character != '_').collect();
            integer(&compact).or_else(|| float(&compact).map(Scalar::Float)).unwrap_or_else(string)
        }
        _ => string(),
    }
}

/// Decimal, `0x`, `0o`, `0b`, and octal by a leading zero, with a sign.
fn integer(text: &str) -> Option<Scalar> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // from_str_radix would take a second sign.
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(number)) => Some(Scalar::Integer(number)),
        // Go reads numbers beyond 63 bits only without a sign.
        (false, Err(_)) => (!signed).then_some(Scalar::Unsigned(magnitude)),
        (true, Ok(number)) => Some(Scalar::Integer(-number)),
        (true, Err(_)) if magnitude == i64::MIN.unsigned_abs() => Some(Scalar::Integer(i64::MIN)),
        (true, Err(_)) => None,
    }
}

/// Digits with a point or an exponent; what does not fit is text, as in Go.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

impl Scalar {
    /// The scalar as JSON, with numbers as Kubernetes' JSON library reads back what Go writes.
    pub(super) fn into_json(self) -> Result<Value, String> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Bool(value),
            Self::Integer(value) => Value::from(value),
            Self::Unsigned(value) => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "Kubernetes reads numbers beyond 63 bits as floats"
                )]
                let value = value as f64;
                Value::from(value)
            }
            Self::Float(value) => number(value).ok_or_else(|| format!("{value} has no form in JSON"))?,
            Self::Text(text) => Value::String(text),
        })
    }

    /// The scalar as the key of a JSON object.
    pub(super) fn into_key(self) -> Result<String, String> {
        Ok(match self {
            Self::Text(text) => text,
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => float_key(value),
            Self::Null => return Err("a key is empty".to_owned()),
            Self::Unsigned(_) => return Err("a key is a number beyond 63 bits".to_owned()),
        })
    }
}

/// A float as Kubernetes holds it: what Go writes without a point, and fits into 63 bits, is an integer.
fn number(value: f64) -> Option<Value> {
    // Go writes an exponent from here on.
    const EXPONENT: f64 = 1e21;
    if value.fract() == 0.0 && value.abs() < EXPONENT {
        // Rust writes as many digits as Go: the fewest that tell the number, then zeros.
        if let Ok(whole) = value.to_string().parse::<i64>() {
            return Some(Value::from(whole));
        }
    }
    Number::from_f64(value).map(Value::Number)
}

/// Reads the numbers of a JSON text as Kubernetes does: a number with a point stays a float.
pub(super) fn go_numbers(value: &mut Value) {
    match value {
        Value::Number(found) => {
            if let (None, Some(float)) = (found.as_i64(), found.as_f64())
                && let Some(read) = number(float)
            {
                *value = read;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(go_numbers),
        Value::Object(fields) => fields.values_mut().for_each(go_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Go's shortest form with 32 bits: an exponent below -4 and from 6 on.
fn float_key(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() };
    }
    #[expect(clippy::cast_possible_truncation, reason = "the form has 32 bits")]
    let narrow = value as f32;
    if narrow.is_infinite() {
        return if narrow > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() };
    }
    let scientific = format!("{narrow:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => narrow.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Scalar, Tag, resolve};

    fn plain(text: &str) -> Scalar {
        resolve(text, true, Tag::None).expect("no tag, no error")
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, number) in
            [("0777", 511), ("0o17", 15), ("0x1F", 31), ("-0b11", -3), ("1_000", 1000), ("+7", 7), ("0", 0)]
        {
            assert_eq!(plain(text), Scalar::Integer(number), "{text}");
        }
        assert_eq!(plain("08"), Scalar::Float(8.0));
        assert_eq!(plain("18446744073709551615"), Scalar::Unsigned(u64::MAX));
        assert_eq!(plain("-9223372036854775808"), Scalar::Integer(i64::MIN));
        for text in ["1e400", "12:30:45", "1.2.3", "0x", "-", "+", ".", "1e", "--1", "2001-01-01", "0b2"] {
            assert_eq!(plain(text), Scalar::Text(text.into()), "{text}");
        }
    }
}
