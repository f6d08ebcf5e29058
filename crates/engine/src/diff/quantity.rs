//! Kubernetes' quantities: `1`, `1000m`, `0.5Gi`, `1e3`.

use serde_json::Value;

/// The amount in units of 10⁻⁹, rounded up as the API server does; none for what is no quantity.
pub(super) fn amount(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text.trim()),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

const NANO: i128 = 1_000_000_000;

fn parse(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let number_length = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(number_length);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let (multiplier, divisor) = scale(suffix)?;
    let divisor = divisor.checked_mul(10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    let scaled = digits.checked_mul(multiplier)?.checked_mul(NANO)?;
    let amount = scaled / divisor + i128::from(scaled % divisor != 0);
    Some(if negative { -amount } else { amount })
}

/// Multiplier and divisor of a suffix.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let exponent = |power: u32| Some((10_i128.checked_pow(power)?, 1));
    match suffix {
        "" => Some((1, 1)),
        "n" => Some((1, NANO)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1_000)),
        "k" => exponent(3),
        "M" => exponent(6),
        "G" => exponent(9),
        "T" => exponent(12),
        "P" => exponent(15),
        "E" => exponent(18),
        "Ki" => Some((1 << 10, 1)),
        "Mi" => Some((1 << 20, 1)),
        "Gi" => Some((1 << 30, 1)),
        "Ti" => Some((1 << 40, 1)),
        "Pi" => Some((1 << 50, 1)),
        "Ei" => Some((1 << 60, 1)),
        other => {
            let power: i32 = other.strip_prefix(['e', 'E'])?.parse().ok()?;
            let factor = 10_i128.checked_pow(power.unsigned_abs())?;
            Some(if power < 0 { (1, factor) } else { (factor, 1) })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::amount;

    #[test]
    fn spellings_of_one_amount_are_equal() {
        for (one, two) in [
            (json!("1"), json!("1000m")),
            (json!(1), json!("1")),
            (json!(0.5), json!("500m")),
            (json!("0.1"), json!("100m")),
            (json!("1024Mi"), json!("1Gi")),
            (json!("1.5Gi"), json!("1536Mi")),
            (json!("1e3"), json!("1k")),
            (json!("1E3"), json!("1000")),
            (json!("128974848"), json!("123Mi")),
            (json!("-5"), json!("-5000m")),
        ] {
            assert_eq!(amount(&one), amount(&two), "{one} {two}");
            assert!(amount(&one).is_some(), "{one}");
        }
    }

    #[test]
    fn different_amounts_differ_and_other_texts_are_none() {
        assert_ne!(amount(&json!("1M")), amount(&json!("1Mi")));
        for text in
            ["", "abc", "1Zi", "1..2", ".", "m", "1 Gi", "99999999999999999999999999999999999999999Ei"]
        {
            assert_eq!(amount(&json!(text)), None, "{text:?}");
        }
    }
}
