//! Numbers as text, and how long a text may become.

use crate::{ErrorKind, cost::MAX_TEXT};

/// Refuses a text that has become too long.
pub(super) fn bounded(length: usize) -> Result<(), Box<ErrorKind>> {
    if length > MAX_TEXT { Err(ErrorKind::too_long()) } else { Ok(()) }
}

/// A floating point number as Go's `%g` with the fewest digits that name it: `1`, `1.5`, `1e+06`, `1e-06`, `NaN`, `+Inf`.
pub(crate) fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
