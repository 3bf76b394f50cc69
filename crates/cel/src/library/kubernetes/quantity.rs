//! Quantities of resources: `500m`, `1Gi`, `2e3`.

use std::{cmp::Ordering, sync::Arc};

use crate::{CallResult, ErrorKind, Library, Opaque, PlannedArg, Prepared, Row as R, Value};

/// Quantities of resources.
pub static QUANTITY: Library = Library {
    name: "quantity",
    doc: "Quantities of resources such as `500m` and `1Gi`.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[("kubernetes.Quantity", "kubernetes.Quantity")],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::new(
        "string_to_quantity",
        "quantity(string): kubernetes.Quantity",
        "The quantity that is written.",
        to_quantity,
    )
    .prepared(prepare_quantity),
    R::new(
        "is_quantity_string",
        "isQuantity(string): bool",
        "Is the text a quantity?",
        is_quantity,
    ),
    R::new("quantity_sign", "sign(kubernetes.Quantity): int", "-1, 0 or 1.", sign),
    R::new(
        "quantity_add",
        "(kubernetes.Quantity).add(kubernetes.Quantity): kubernetes.Quantity",
        "The sum.",
        |a| sum("add", a, false),
    ),
    R::new(
        "quantity_add_int",
        "(kubernetes.Quantity).add(int): kubernetes.Quantity",
        "The sum.",
        |a| sum("add", a, false),
    ),
    R::new(
        "quantity_sub",
        "(kubernetes.Quantity).sub(kubernetes.Quantity): kubernetes.Quantity",
        "The difference.",
        |a| sum("sub", a, true),
    ),
    R::new(
        "quantity_sub_int",
        "(kubernetes.Quantity).sub(int): kubernetes.Quantity",
        "The difference.",
        |a| sum("sub", a, true),
    ),
    R::new(
        "quantity_is_less_than",
        "(kubernetes.Quantity).isLessThan(kubernetes.Quantity): bool",
        "Is it smaller?",
        |a| compare("isLessThan", a, |o| Value::Bool(o.is_lt())),
    ),
    R::new(
        "quantity_is_greater_than",
        "(kubernetes.Quantity).isGreaterThan(kubernetes.Quantity): bool",
        "Is it larger?",
        |a| compare("isGreaterThan", a, |o| Value::Bool(o.is_gt())),
    ),
    R::new(
        "quantity_compare_to",
        "(kubernetes.Quantity).compareTo(kubernetes.Quantity): int",
        "-1, 0 or 1.",
        |a| compare("compareTo", a, |o| Value::Int(o as i64)),
    ),
    R::new(
        "quantity_as_approximate_float",
        "(kubernetes.Quantity).asApproximateFloat(): double",
        "The nearest number.",
        as_float,
    ),
    R::new(
        "quantity_as_integer",
        "(kubernetes.Quantity).asInteger(): int",
        "The whole number; an error if it is none.",
        as_integer,
    ),
    R::new(
        "quantity_is_integer",
        "(kubernetes.Quantity).isInteger(): bool",
        "Is `asInteger` possible?",
        is_integer,
    ),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Notation {
    /// `1500m`, `2k`.
    Decimal,
    /// `2e3`.
    Exponent,
    /// `1Gi`.
    Binary,
}

/// A quantity of a resource: `mantissa` times ten to the power of `scale`.
#[derive(Clone, Debug)]
pub struct Quantity {
    mantissa: i128,
    scale: i32,
    notation: Notation,
    /// Kept as a 64-bit integer by the reference, which only then gives it as an integer.
    small: bool,
    /// As it was written, where that is canonical.
    written: Option<String>,
}

const BAD_FORM: &str =
    "a quantity is a number with an optional suffix such as `m`, `k`, `Mi` or `e3`";
const BAD_SUFFIX: &str = "the suffix of the quantity is not known";
const BAD_NUMBER: &str = "the number of the quantity can't be read";

/// What a suffix means: base 10 or 2 and the exponent.
fn suffix(text: &str) -> Option<(u32, i32, Notation)> {
    let decimal = |exponent| Some((10, exponent, Notation::Decimal));
    let binary = |exponent| Some((2, exponent, Notation::Binary));
    match text {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        text => {
            let digits = text.strip_prefix(['e', 'E'])?;
            let exponent: i32 = digits.parse().ok()?;
            Some((10, exponent, Notation::Exponent))
        }
    }
}

impl Quantity {
    /// Reads a quantity as Kubernetes does.
    ///
    /// # Errors
    /// A sentence for the user when the text is no quantity, or one beyond 38 digits.
    pub fn parse(text: &str) -> Result<Quantity, String> {
        if text.is_empty() {
            return Err(BAD_FORM.to_owned());
        }
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let stripped = unsigned.trim_start_matches('0');
        let int_len = stripped.bytes().take_while(u8::is_ascii_digit).count();
        let (int, rest) = stripped.split_at(int_len);
        let (fraction, unit) = match rest.strip_prefix('.') {
            Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", rest),
        };
        let tail = unit.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
        let tail = tail.strip_prefix(['+', '-']).unwrap_or(tail);
        if !tail.bytes().all(|c| c.is_ascii_digit()) {
            return Err(BAD_FORM.to_owned());
        }
        let (base, exponent, notation) = suffix(unit).ok_or(BAD_SUFFIX)?;
        let joined;
        let digits = match (int, fraction) {
            ("", "") => "0",
            (int, "") => int,
            (int, fraction) => {
                joined = [if int.is_empty() { "0" } else { int }, fraction].concat();
                &joined
            }
        };
        let mut mantissa: i128 = digits.parse().map_err(|_| BAD_NUMBER)?;
        let fraction_len = i32::try_from(fraction.len()).map_err(|_| BAD_NUMBER)?;
        let int_len = i32::try_from(int.len().max(1)).map_err(|_| BAD_NUMBER)?;
        let (mut scale, precision) = if base == 10 {
            (exponent.saturating_sub(fraction_len), 18 - int_len - fraction_len)
        } else {
            let shifted = u32::try_from(exponent).ok().and_then(|e| mantissa.checked_mul(1 << e));
            let written = mantissa;
            mantissa = shifted.ok_or(BAD_NUMBER)?;
            let precision =
                if fraction_len == 0 { 15 - int_len - exponent * 3 / 10 - 1 } else { -1 };
            let canonical = exponent % 10 == 0 && written & 0x07 != 0;
            let small = precision >= 0 && i64::try_from(mantissa).is_ok();
            if small {
                let mantissa = if negative { -mantissa } else { mantissa };
                let written = canonical.then(|| text.to_owned());
                return Ok(Quantity { mantissa, scale: 0, notation, small, written });
            }
            // Where the unit is a power of two, what is larger than the largest integer counts as that.
            let limit = i128::from(i64::MAX);
            if fraction_len < 39 && mantissa / 10i128.pow(fraction_len.unsigned_abs()) > limit {
                let mantissa = if negative { -limit } else { limit };
                let (small, written) = (false, None);
                return Ok(Quantity { mantissa, scale: 0, notation, small, written });
            }
            (-fraction_len, precision)
        };
        let small = precision >= 0 && scale >= -9;
        let written =
            (small && scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0'))
                .then(|| text.to_owned());
        // What is smaller than a billionth is rounded away from zero; no number here has 60 digits.
        scale = scale.max(-9 - 60);
        while scale < -9 {
            mantissa = mantissa / 10 + i128::from(mantissa % 10 != 0);
            scale += 1;
        }
        if negative {
            mantissa = -mantissa;
        }
        Ok(Quantity { mantissa, scale, notation, small, written })
    }

    fn integer(value: i64) -> Quantity {
        Quantity {
            mantissa: i128::from(value),
            scale: 0,
            notation: Notation::Decimal,
            small: true,
            written: None,
        }
    }

    /// Digits without trailing zeros, and the power of ten of the last one.
    fn reduced(&self) -> (i128, i32) {
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while mantissa != 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale = scale.saturating_add(1);
        }
        (mantissa, if mantissa == 0 { 0 } else { scale })
    }

    fn order(&self, other: &Quantity) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let ((a, a_scale), (b, b_scale)) = (self.reduced(), other.reduced());
        let signs = a.signum().cmp(&b.signum());
        if signs.is_ne() || a == 0 {
            return signs;
        }
        let (a_digits, b_digits) = (a.unsigned_abs().to_string(), b.unsigned_abs().to_string());
        let magnitude = |digits: &str, scale: i32| i64::from(scale) + digits.len() as i64;
        let order = magnitude(&a_digits, a_scale)
            .cmp(&magnitude(&b_digits, b_scale))
            .then_with(|| a_digits.cmp(&b_digits));
        if a < 0 { order.reverse() } else { order }
    }

    fn plus(&self, other: &Quantity, subtract: bool) -> Option<Quantity> {
        let scale = self.scale.min(other.scale);
        let align = |q: &Quantity| {
            let factor = 10i128.checked_pow(u32::try_from(q.scale - scale).ok()?)?;
            q.mantissa.checked_mul(factor)
        };
        let (a, b) = (align(self)?, align(other)?);
        let mantissa = if subtract { a.checked_sub(b) } else { a.checked_add(b) }?;
        let notation = if self.mantissa == 0 { other.notation } else { self.notation };
        let small = self.small && other.small && i64::try_from(mantissa).is_ok();
        Some(Quantity { mantissa, scale, notation, small, written: None })
    }

    fn to_integer(&self) -> Option<i64> {
        if !self.small || self.scale < 0 {
            return None;
        }
        let factor = 10i128.checked_pow(u32::try_from(self.scale).ok()?)?;
        i64::try_from(self.mantissa.checked_mul(factor)?).ok()
    }

    /// The canonical text.
    pub fn canonical(&self) -> String {
        if let Some(written) = &self.written {
            return written.clone();
        }
        let (mantissa, scale) = self.reduced();
        if mantissa == 0 {
            return "0".to_owned();
        }
        let whole = u32::try_from(scale)
            .ok()
            .and_then(|scale| 10i128.checked_pow(scale))
            .and_then(|factor| mantissa.checked_mul(factor));
        if self.notation == Notation::Binary
            && let Some(mut whole) = whole
            && whole.unsigned_abs() >= 1024
        {
            let mut power = 0;
            while whole % 1024 == 0 && power < 6 {
                whole /= 1024;
                power += 1;
            }
            let unit = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power];
            return format!("{whole}{unit}");
        }
        let exponent = scale.div_euclid(3) * 3;
        let mantissa = mantissa * 10i128.pow(u32::try_from(scale - exponent).unwrap_or(0));
        let unit = match exponent {
            0 => "",
            -9 => "n",
            -6 => "u",
            -3 => "m",
            3 => "k",
            6 => "M",
            9 => "G",
            12 => "T",
            15 => "P",
            18 => "E",
            _ => "?",
        };
        if exponent != 0 && (self.notation == Notation::Exponent || unit == "?") {
            return format!("{mantissa}e{exponent}");
        }
        format!("{mantissa}{unit}")
    }
}

impl Opaque for Quantity {
    fn type_name(&self) -> &str {
        "kubernetes.Quantity"
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        let any: &dyn std::any::Any = other;
        Ok(any.downcast_ref::<Quantity>().is_some_and(|other| self.order(other).is_eq()))
    }
    fn compares_only_with_its_type(&self) -> bool {
        true
    }
    fn text(&self) -> Option<String> {
        Some(self.canonical())
    }
}

fn to_quantity<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => match Quantity::parse(text) {
            Ok(quantity) => Ok(Value::Opaque(Arc::new(quantity))),
            Err(reason) => Err(ErrorKind::argument("quantity", reason)),
        },
        _ => Err(ErrorKind::overload("quantity", args)),
    }
}

/// A constant is read once. One that can't be read is an error when it is evaluated, not before.
fn prepare_quantity(args: &[PlannedArg]) -> Prepared {
    let [PlannedArg { constant: Some(constant @ Value::String(_)), .. }] = args else {
        return Prepared::Ordinary;
    };
    match to_quantity(std::slice::from_ref(constant)) {
        Ok(Value::Opaque(quantity)) => {
            Prepared::Bound(Arc::new(move |_| Ok(Value::Opaque(quantity.clone()))))
        }
        _ => Prepared::Ordinary,
    }
}

fn is_quantity<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(Quantity::parse(text).is_ok())),
        _ => Err(ErrorKind::overload("isQuantity", args)),
    }
}

fn one<'v>(function: &str, args: &'v [Value<'_>]) -> Result<&'v Quantity, Box<ErrorKind>> {
    match args {
        [value] => value.downcast::<Quantity>().ok_or_else(|| ErrorKind::overload(function, args)),
        _ => Err(ErrorKind::overload(function, args)),
    }
}

fn sign<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    Ok(Value::Int(one("sign", args)?.mantissa.signum() as i64))
}

fn sum<'a>(function: &'static str, args: &[Value<'a>], subtract: bool) -> CallResult<'a> {
    let refuse = || ErrorKind::overload(function, args);
    let [a, b] = args else { return Err(refuse()) };
    let a = a.downcast::<Quantity>().ok_or_else(refuse)?;
    let number;
    let b = match b {
        Value::Int(v) => {
            number = Quantity::integer(*v);
            &number
        }
        other => other.downcast::<Quantity>().ok_or_else(refuse)?,
    };
    match a.plus(b, subtract) {
        Some(sum) => Ok(Value::Opaque(Arc::new(sum))),
        None => Err(Box::new(ErrorKind::Overflow { what: "quantity" })),
    }
}

fn compare<'a>(
    function: &'static str,
    args: &[Value<'a>],
    result: fn(Ordering) -> Value<'a>,
) -> CallResult<'a> {
    let refuse = || ErrorKind::overload(function, args);
    let [a, b] = args else { return Err(refuse()) };
    let (a, b) = (
        a.downcast::<Quantity>().ok_or_else(refuse)?,
        b.downcast::<Quantity>().ok_or_else(refuse)?,
    );
    Ok(result(a.order(b)))
}

fn as_float<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let quantity = one("asApproximateFloat", args)?;
    // Powers of ten are read, because computing them is not exact.
    let read = |text: String| text.parse().unwrap_or(f64::NAN);
    Ok(Value::Double(if !quantity.small {
        // The reference keeps large quantities in billionths.
        read(format!("{}e{}", quantity.mantissa, quantity.scale + 9)) * 1e-9
    } else if quantity.scale == 0 {
        quantity.mantissa as f64
    } else {
        quantity.mantissa as f64 * read(format!("1e{}", quantity.scale))
    }))
}

fn as_integer<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match one("asInteger", args)?.to_integer() {
        Some(value) => Ok(Value::Int(value)),
        None => Err(ErrorKind::argument("asInteger", "the quantity is not a 64-bit integer")),
    }
}

fn is_integer<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    Ok(Value::Bool(one("isInteger", args)?.to_integer().is_some()))
}
