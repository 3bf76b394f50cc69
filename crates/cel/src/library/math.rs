//! Mathematics.

use crate::{
    CallResult, ErrorKind, Library, List, Row as R, Value,
    parse::{Macro, MacroCx, MacroInput},
};
use crate::{ExprId, Mistake};

/// `math.greatest`, `math.least`, rounding, bits and so on.
pub static MATH: Library = Library {
    name: "math",
    doc: "Mathematics on numbers.",
    functions: &[FUNCTIONS],
    macros: MACROS,
    types: &[],
    objects: &[],
    variables: &[],
};

const MACROS: &[Macro] = &[
    Macro {
        function: "greatest",
        receiver: true,
        args: None,
        expand: |cx, input| extreme(cx, input, "math.@max"),
    },
    Macro {
        function: "least",
        receiver: true,
        args: None,
        expand: |cx, input| extreme(cx, input, "math.@min"),
    },
];

/// `math.greatest(a, b, …)`: one or two arguments stay, more become a list.
fn extreme(
    cx: &mut MacroCx<'_>,
    input: &MacroInput<'_>,
    function: &str,
) -> Result<Option<ExprId>, Mistake> {
    if !cx.target_is(input, "math") {
        return Ok(None);
    }
    let args = match input.args {
        [] => {
            let Some(target) = input.target else { return Ok(None) };
            return Err(cx.refuse(input, target, "needs at least one argument"));
        }
        args @ ([_] | [_, _]) => args.to_vec(),
        args => {
            let elements = args
                .iter()
                .map(|value| crate::Element { value: *value, optional: false })
                .collect();
            vec![cx.add(crate::Expr::List(elements), input.span)]
        }
    };
    Ok(Some(cx.call(function, None, args, input.span)))
}

const MAX: &str = "The largest number.";
const MIN: &str = "The smallest number.";
const ABS: &str = "The number without its sign.";
const SIGN: &str = "-1, 0 or 1.";

static FUNCTIONS: &[R] = &[
    R::new("math_@max_double", "math.@max(double): double", MAX, max),
    R::new("math_@max_int", "math.@max(int): int", MAX, max),
    R::new("math_@max_uint", "math.@max(uint): uint", MAX, max),
    R::new("math_@max_double_double", "math.@max(double, double): double", MAX, max),
    R::new("math_@max_int_int", "math.@max(int, int): int", MAX, max),
    R::new("math_@max_uint_uint", "math.@max(uint, uint): uint", MAX, max),
    R::new("math_@max_int_uint", "math.@max(int, uint): dyn", MAX, max),
    R::new("math_@max_int_double", "math.@max(int, double): dyn", MAX, max),
    R::new("math_@max_double_int", "math.@max(double, int): dyn", MAX, max),
    R::new("math_@max_double_uint", "math.@max(double, uint): dyn", MAX, max),
    R::new("math_@max_uint_int", "math.@max(uint, int): dyn", MAX, max),
    R::new("math_@max_uint_double", "math.@max(uint, double): dyn", MAX, max),
    R::new("math_@max_list_double", "math.@max(list(double)): double", MAX, max),
    R::new("math_@max_list_int", "math.@max(list(int)): int", MAX, max),
    R::new("math_@max_list_uint", "math.@max(list(uint)): uint", MAX, max),
    R::new("math_@min_double", "math.@min(double): double", MIN, min),
    R::new("math_@min_int", "math.@min(int): int", MIN, min),
    R::new("math_@min_uint", "math.@min(uint): uint", MIN, min),
    R::new("math_@min_double_double", "math.@min(double, double): double", MIN, min),
    R::new("math_@min_int_int", "math.@min(int, int): int", MIN, min),
    R::new("math_@min_uint_uint", "math.@min(uint, uint): uint", MIN, min),
    R::new("math_@min_int_uint", "math.@min(int, uint): dyn", MIN, min),
    R::new("math_@min_int_double", "math.@min(int, double): dyn", MIN, min),
    R::new("math_@min_double_int", "math.@min(double, int): dyn", MIN, min),
    R::new("math_@min_double_uint", "math.@min(double, uint): dyn", MIN, min),
    R::new("math_@min_uint_int", "math.@min(uint, int): dyn", MIN, min),
    R::new("math_@min_uint_double", "math.@min(uint, double): dyn", MIN, min),
    R::new("math_@min_list_double", "math.@min(list(double)): double", MIN, min),
    R::new("math_@min_list_int", "math.@min(list(int)): int", MIN, min),
    R::new("math_@min_list_uint", "math.@min(list(uint)): uint", MIN, min),
    R::new(
        "math_ceil_double",
        "math.ceil(double): double",
        "The next whole number upwards.",
        |a| double("math.ceil", a, f64::ceil),
    ),
    R::new(
        "math_floor_double",
        "math.floor(double): double",
        "The next whole number downwards.",
        |a| double("math.floor", a, f64::floor),
    ),
    R::new(
        "math_round_double",
        "math.round(double): double",
        "The nearest whole number, halves away from zero.",
        |a| double("math.round", a, f64::round),
    ),
    R::new("math_trunc_double", "math.trunc(double): double", "Without the fraction.", |a| {
        double("math.trunc", a, f64::trunc)
    }),
    R::new("math_sqrt_double", "math.sqrt(double): double", "The square root.", sqrt),
    R::new("math_sqrt_int", "math.sqrt(int): double", "The square root.", sqrt),
    R::new("math_sqrt_uint", "math.sqrt(uint): double", "The square root.", sqrt),
    R::new("math_isInf_double", "math.isInf(double): bool", "Is the number infinite?", |a| {
        test("math.isInf", a, f64::is_infinite)
    }),
    R::new("math_isNaN_double", "math.isNaN(double): bool", "Is the number none?", |a| {
        test("math.isNaN", a, f64::is_nan)
    }),
    R::new("math_isFinite_double", "math.isFinite(double): bool", "Is the number finite?", |a| {
        test("math.isFinite", a, f64::is_finite)
    }),
    R::new("math_abs_double", "math.abs(double): double", ABS, abs),
    R::new("math_abs_int", "math.abs(int): int", ABS, abs),
    R::new("math_abs_uint", "math.abs(uint): uint", ABS, abs),
    R::new("math_sign_double", "math.sign(double): double", SIGN, sign),
    R::new("math_sign_int", "math.sign(int): int", SIGN, sign),
    R::new("math_sign_uint", "math.sign(uint): uint", SIGN, sign),
    R::new("math_bitAnd_int_int", "math.bitAnd(int, int): int", "Bits of both.", |a| {
        bits("math.bitAnd", a, |a, b| a & b)
    }),
    R::new("math_bitAnd_uint_uint", "math.bitAnd(uint, uint): uint", "Bits of both.", |a| {
        bits("math.bitAnd", a, |a, b| a & b)
    }),
    R::new("math_bitOr_int_int", "math.bitOr(int, int): int", "Bits of one.", |a| {
        bits("math.bitOr", a, |a, b| a | b)
    }),
    R::new("math_bitOr_uint_uint", "math.bitOr(uint, uint): uint", "Bits of one.", |a| {
        bits("math.bitOr", a, |a, b| a | b)
    }),
    R::new("math_bitXor_int_int", "math.bitXor(int, int): int", "Bits of exactly one.", |a| {
        bits("math.bitXor", a, |a, b| a ^ b)
    }),
    R::new("math_bitXor_uint_uint", "math.bitXor(uint, uint): uint", "Bits of exactly one.", |a| {
        bits("math.bitXor", a, |a, b| a ^ b)
    }),
    R::new("math_bitNot_int_int", "math.bitNot(int): int", "All other bits.", bit_not),
    R::new("math_bitNot_uint_uint", "math.bitNot(uint): uint", "All other bits.", bit_not),
    R::new(
        "math_bitShiftLeft_int_int",
        "math.bitShiftLeft(int, int): int",
        "Bits moved up.",
        |a| shift("math.bitShiftLeft", a, u64::checked_shl),
    ),
    R::new(
        "math_bitShiftLeft_uint_int",
        "math.bitShiftLeft(uint, int): uint",
        "Bits moved up.",
        |a| shift("math.bitShiftLeft", a, u64::checked_shl),
    ),
    R::new(
        "math_bitShiftRight_int_int",
        "math.bitShiftRight(int, int): int",
        "Bits moved down, zeros from above.",
        |a| shift("math.bitShiftRight", a, u64::checked_shr),
    ),
    R::new(
        "math_bitShiftRight_uint_int",
        "math.bitShiftRight(uint, int): uint",
        "Bits moved down, zeros from above.",
        |a| shift("math.bitShiftRight", a, u64::checked_shr),
    ),
];

fn max<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    best("math.greatest", args, std::cmp::Ordering::is_gt)
}

fn min<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    best("math.least", args, std::cmp::Ordering::is_lt)
}

fn best<'a>(
    function: &'static str,
    args: &[Value<'a>],
    better: fn(std::cmp::Ordering) -> bool,
) -> CallResult<'a> {
    let values = match args {
        [Value::List(list)] => List::to_vec(list)?,
        args => args.to_vec(),
    };
    let mut best: Option<Value<'a>> = None;
    for value in values {
        if !matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_)) {
            return Err(ErrorKind::overload(function, args));
        }
        let replace = match &best {
            Some(best) => value.compare(best).flatten().is_some_and(better),
            None => true,
        };
        if replace {
            best = Some(value);
        }
    }
    best.ok_or_else(|| ErrorKind::argument(function, "the list is empty"))
}

fn double<'a>(function: &'static str, args: &[Value<'a>], apply: fn(f64) -> f64) -> CallResult<'a> {
    match args {
        [Value::Double(v)] => Ok(Value::Double(apply(*v))),
        _ => Err(ErrorKind::overload(function, args)),
    }
}

fn test<'a>(function: &'static str, args: &[Value<'a>], holds: fn(f64) -> bool) -> CallResult<'a> {
    match args {
        [Value::Double(v)] => Ok(Value::Bool(holds(*v))),
        _ => Err(ErrorKind::overload(function, args)),
    }
}

fn sqrt<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Double(v)] => Ok(Value::Double(v.sqrt())),
        [Value::Int(v)] => Ok(Value::Double((*v as f64).sqrt())),
        [Value::Uint(v)] => Ok(Value::Double((*v as f64).sqrt())),
        _ => Err(ErrorKind::overload("math.sqrt", args)),
    }
}

fn abs<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Double(v)] => Ok(Value::Double(v.abs())),
        [Value::Int(v)] => match v.checked_abs() {
            Some(v) => Ok(Value::Int(v)),
            None => Err(Box::new(ErrorKind::Overflow { what: "integer" })),
        },
        [Value::Uint(v)] => Ok(Value::Uint(*v)),
        _ => Err(ErrorKind::overload("math.abs", args)),
    }
}

fn sign<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Double(v)] if v.is_nan() => Ok(Value::Double(*v)),
        [Value::Double(v)] if *v == 0.0 => Ok(Value::Double(0.0)),
        [Value::Double(v)] => Ok(Value::Double(v.signum())),
        [Value::Int(v)] => Ok(Value::Int(v.signum())),
        [Value::Uint(v)] => Ok(Value::Uint(u64::from(*v > 0))),
        _ => Err(ErrorKind::overload("math.sign", args)),
    }
}

fn bits<'a>(
    function: &'static str,
    args: &[Value<'a>],
    apply: fn(u64, u64) -> u64,
) -> CallResult<'a> {
    match args {
        [Value::Int(a), Value::Int(b)] => {
            Ok(Value::Int(apply(a.cast_unsigned(), b.cast_unsigned()).cast_signed()))
        }
        [Value::Uint(a), Value::Uint(b)] => Ok(Value::Uint(apply(*a, *b))),
        _ => Err(ErrorKind::overload(function, args)),
    }
}

fn bit_not<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Int(v)] => Ok(Value::Int(!v)),
        [Value::Uint(v)] => Ok(Value::Uint(!v)),
        _ => Err(ErrorKind::overload("math.bitNot", args)),
    }
}

fn shift<'a>(
    function: &'static str,
    args: &[Value<'a>],
    apply: fn(u64, u32) -> Option<u64>,
) -> CallResult<'a> {
    let (value, by) = match args {
        [Value::Int(v), Value::Int(by)] => (v.cast_unsigned(), *by),
        [Value::Uint(v), Value::Int(by)] => (*v, *by),
        _ => return Err(ErrorKind::overload(function, args)),
    };
    if by < 0 {
        return Err(ErrorKind::argument(function, format!("{by} is a negative offset")));
    }
    // Beyond the width nothing is left.
    let shifted = u32::try_from(by).ok().and_then(|by| apply(value, by)).unwrap_or(0);
    Ok(match args {
        [Value::Int(_), ..] => Value::Int(shifted.cast_signed()),
        _ => Value::Uint(shifted),
    })
}
