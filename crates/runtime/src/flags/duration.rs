//! Durations as Go writes them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration in Go's notation: `"15s"`, `"1m30s"`, `"200ms"`, `"1.5h"`, `"0"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct GoDuration(Duration);

/// A text that is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// It does not follow the notation.
    #[error("expected a duration such as `15s`, `1m30s` or `200ms`")]
    Syntax,
    /// A number without a unit.
    #[error("missing unit: expected `ns`, `us`, `ms`, `s`, `m` or `h` after the number")]
    MissingUnit,
    /// It is below zero, which Go accepts and no flag of ours gives a meaning.
    #[error("negative durations have no meaning here")]
    Negative,
    /// It exceeds what Go can hold, about 292 years.
    #[error("too long")]
    TooLong,
}

impl GoDuration {
    /// Wraps a duration, for defaults.
    pub const fn new(duration: Duration) -> GoDuration {
        GoDuration(duration)
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<GoDuration> for Duration {
    fn from(duration: GoDuration) -> Duration {
        duration.0
    }
}

impl FromStr for GoDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<GoDuration, InvalidDuration> {
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let (negative, unsigned) = match unsigned.strip_prefix('-') {
            Some(rest) if unsigned.len() == text.len() => (true, rest),
            Some(_) | None => (false, unsigned),
        };
        if unsigned == "0" {
            return Ok(GoDuration::default());
        }
        if unsigned.is_empty() {
            return Err(InvalidDuration::Syntax);
        }
        let mut nanos: u128 = 0;
        let mut rest = unsigned;
        while !rest.is_empty() {
            let (part, tail) = leading_part(rest)?;
            nanos = nanos.checked_add(part).ok_or(InvalidDuration::TooLong)?;
            rest = tail;
        }
        if negative && nanos > 0 {
            return Err(InvalidDuration::Negative);
        }
        // Go counts nanoseconds in 63 bits.
        let nanos = i64::try_from(nanos).map_err(|_| InvalidDuration::TooLong)?;
        Ok(GoDuration(Duration::from_nanos(nanos.unsigned_abs())))
    }
}

/// Splits off `1.5h` and returns it in nanoseconds, with what follows.
fn leading_part(text: &str) -> Result<(u128, &str), InvalidDuration> {
    let digits_end = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits_end(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits_end(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(InvalidDuration::Syntax);
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let unit: u128 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "" => return Err(InvalidDuration::MissingUnit),
        _ => return Err(InvalidDuration::Syntax),
    };
    let whole: u128 = match whole {
        "" => 0,
        digits => digits.parse().map_err(|_| InvalidDuration::TooLong)?,
    };
    let whole = whole.checked_mul(unit).ok_or(InvalidDuration::TooLong)?;
    // Beyond 18 digits a fraction of an hour no longer reaches a nanosecond.
    let digits = &fraction[..fraction.len().min(18)];
    let mut scale = 1_u128;
    let mut value = 0_u128;
    for digit in digits.bytes() {
        value = value * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    Ok((whole + value * unit / scale, rest))
}

impl fmt::Display for GoDuration {
    /// As Go prints it: `1m30s`, `16m40s`, `1.5s`, `200ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, name) = match nanos {
            0 => return f.write_str("0s"),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "\u{b5}s"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => {
                let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                return write_decimal(f, nanos % 60_000_000_000, 1_000_000_000, "s");
            }
        };
        write_decimal(f, nanos, unit, name)
    }
}

/// `nanos` in a unit, without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, nanos: u128, unit: u128, name: &str) -> fmt::Result {
    write!(f, "{}", nanos / unit)?;
    let fraction = nanos % unit;
    if fraction > 0 {
        let width = unit.ilog10() as usize;
        write!(f, ".{}", format!("{fraction:0width$}").trim_end_matches('0'))?;
    }
    f.write_str(name)
}
