//! What plain scalars mean, by the rules of YAML 1.1 that Kubernetes tools follow.

use serde_json::Number;
use serde_json::Value;

/// The value of a plain scalar.
///
/// # Errors
/// What is wrong with it: a number that JSON does not have.
pub(super) fn resolve(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        _ => match text.trim_start_matches(['+', '-']) {
            ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN" => {
                return Err(format!("`{text}` is no number in JSON"));
            }
            _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        },
    })
}

/// The name of a field that is written as a plain scalar.
///
/// # Errors
/// What is wrong with it: null is no name.
pub(super) fn key(text: &str) -> Result<String, String> {
    Ok(match resolve(text) {
        Ok(Value::Bool(value)) => value.to_string(),
        Ok(Value::Number(number)) => number.to_string(),
        Ok(Value::Null) => return Err("a key must not be empty or null".to_owned()),
        Ok(Value::String(_) | Value::Array(_) | Value::Object(_)) | Err(_) => text.to_owned(),
    })
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let digits = text.replace('_', "");
    whole(&digits).or_else(|| {
        let float = is_float(&digits).then(|| digits.parse().ok()).flatten();
        float.and_then(Number::from_f64)
    })
}

fn whole(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if let Some(digits) = lower.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        (8, digits)
    } else {
        (10, lower.as_str())
    };
    // The sign is taken off already; Rust would read another.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    i64::try_from(value).map(Number::from).or_else(|_| u64::try_from(value).map(Number::from)).ok()
}

/// `[-+]? ( . digits | digits ( . digits? )? ) ( e [-+]? digits )?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits = all_digits(before) && all_digits(after) && before.len() + after.len() > 0;
    exponent_fits && mantissa_fits
}
