//! The standard library: operators, sizes, text, conversions.

use super::{pattern::compile, text::double_text, time};
use crate::{
    CallResult, Duration, ErrorKind, Library, PlannedArg, Row as R, Timestamp, Value, cost::Work,
    env::Prepared, parse,
};

/// Operators, sizes, text, time and conversions, with the macros `has`, `all`, `exists`, `exists_one`, `map` and `filter`.
pub static STANDARD: Library = Library {
    name: "standard",
    doc: "What every environment has.",
    functions: &[FUNCTIONS, time::ROWS],
    macros: parse::STANDARD,
    types: &[
        ("bool", "bool"),
        ("bytes", "bytes"),
        ("double", "double"),
        ("int", "int"),
        ("list", "list(dyn)"),
        ("map", "map(dyn, dyn)"),
        ("null_type", "null"),
        ("string", "string"),
        ("type", "type"),
        ("uint", "uint"),
        ("google.protobuf.Timestamp", "timestamp"),
        ("google.protobuf.Duration", "duration"),
    ],
    objects: &[],
    variables: &[],
};

const ORDERED: &str = "The order of two values of one type.";
const EQUAL: &str = "Are two values equal?";

static FUNCTIONS: &[R] = &[
    R::built_in("conditional", "_?_:_(bool, T, T): T", "The second or the third value."),
    R::built_in("logical_and", "_&&_(bool, bool): bool", "Do both hold?"),
    R::built_in("logical_or", "_||_(bool, bool): bool", "Does one hold?"),
    R::built_in("logical_not", "!_(bool): bool", "The opposite."),
    R::built_in("negate_double", "-_(double): double", "The negative number."),
    R::built_in("negate_int64", "-_(int): int", "The negative number."),
    R::built_in("equals", "_==_(T, T): bool", EQUAL),
    R::built_in("not_equals", "_!=_(T, T): bool", "Do two values differ?"),
    R::built_in("add_bytes", "_+_(bytes, bytes): bytes", "One after the other."),
    R::built_in("add_double", "_+_(double, double): double", "The sum."),
    R::built_in("add_duration_duration", "_+_(duration, duration): duration", "The sum."),
    R::built_in(
        "add_duration_timestamp",
        "_+_(duration, timestamp): timestamp",
        "A later point in time.",
    ),
    R::built_in(
        "add_timestamp_duration",
        "_+_(timestamp, duration): timestamp",
        "A later point in time.",
    ),
    R::built_in("add_int64", "_+_(int, int): int", "The sum."),
    R::built_in("add_list", "_+_(list(T), list(T)): list(T)", "One list after the other."),
    R::built_in("add_string", "_+_(string, string): string", "One text after the other."),
    R::built_in("add_uint64", "_+_(uint, uint): uint", "The sum."),
    R::built_in("subtract_double", "_-_(double, double): double", "The difference."),
    R::built_in(
        "subtract_duration_duration",
        "_-_(duration, duration): duration",
        "The difference.",
    ),
    R::built_in("subtract_int64", "_-_(int, int): int", "The difference."),
    R::built_in(
        "subtract_timestamp_duration",
        "_-_(timestamp, duration): timestamp",
        "An earlier point in time.",
    ),
    R::built_in(
        "subtract_timestamp_timestamp",
        "_-_(timestamp, timestamp): duration",
        "The time between two points.",
    ),
    R::built_in("subtract_uint64", "_-_(uint, uint): uint", "The difference."),
    R::built_in("multiply_double", "_*_(double, double): double", "The product."),
    R::built_in("multiply_int64", "_*_(int, int): int", "The product."),
    R::built_in("multiply_uint64", "_*_(uint, uint): uint", "The product."),
    R::built_in("divide_double", "_/_(double, double): double", "The quotient."),
    R::built_in("divide_int64", "_/_(int, int): int", "The quotient, without its fraction."),
    R::built_in("divide_uint64", "_/_(uint, uint): uint", "The quotient, without its fraction."),
    R::built_in("modulo_int64", "_%_(int, int): int", "The remainder, with the sign of the first."),
    R::built_in("modulo_uint64", "_%_(uint, uint): uint", "The remainder."),
    R::built_in("less_bool", "_<_(bool, bool): bool", ORDERED),
    R::built_in("less_int64", "_<_(int, int): bool", ORDERED),
    R::built_in("less_uint64", "_<_(uint, uint): bool", ORDERED),
    R::built_in("less_double", "_<_(double, double): bool", ORDERED),
    R::built_in("less_string", "_<_(string, string): bool", ORDERED),
    R::built_in("less_bytes", "_<_(bytes, bytes): bool", ORDERED),
    R::built_in("less_timestamp", "_<_(timestamp, timestamp): bool", ORDERED),
    R::built_in("less_duration", "_<_(duration, duration): bool", ORDERED),
    R::built_in("less_equals_bool", "_<=_(bool, bool): bool", ORDERED),
    R::built_in("less_equals_int64", "_<=_(int, int): bool", ORDERED),
    R::built_in("less_equals_uint64", "_<=_(uint, uint): bool", ORDERED),
    R::built_in("less_equals_double", "_<=_(double, double): bool", ORDERED),
    R::built_in("less_equals_string", "_<=_(string, string): bool", ORDERED),
    R::built_in("less_equals_bytes", "_<=_(bytes, bytes): bool", ORDERED),
    R::built_in("less_equals_timestamp", "_<=_(timestamp, timestamp): bool", ORDERED),
    R::built_in("less_equals_duration", "_<=_(duration, duration): bool", ORDERED),
    R::built_in("greater_bool", "_>_(bool, bool): bool", ORDERED),
    R::built_in("greater_int64", "_>_(int, int): bool", ORDERED),
    R::built_in("greater_uint64", "_>_(uint, uint): bool", ORDERED),
    R::built_in("greater_double", "_>_(double, double): bool", ORDERED),
    R::built_in("greater_string", "_>_(string, string): bool", ORDERED),
    R::built_in("greater_bytes", "_>_(bytes, bytes): bool", ORDERED),
    R::built_in("greater_timestamp", "_>_(timestamp, timestamp): bool", ORDERED),
    R::built_in("greater_duration", "_>_(duration, duration): bool", ORDERED),
    R::built_in("greater_equals_bool", "_>=_(bool, bool): bool", ORDERED),
    R::built_in("greater_equals_int64", "_>=_(int, int): bool", ORDERED),
    R::built_in("greater_equals_uint64", "_>=_(uint, uint): bool", ORDERED),
    R::built_in("greater_equals_double", "_>=_(double, double): bool", ORDERED),
    R::built_in("greater_equals_string", "_>=_(string, string): bool", ORDERED),
    R::built_in("greater_equals_bytes", "_>=_(bytes, bytes): bool", ORDERED),
    R::built_in("greater_equals_timestamp", "_>=_(timestamp, timestamp): bool", ORDERED),
    R::built_in("greater_equals_duration", "_>=_(duration, duration): bool", ORDERED),
    R::built_in("in_list", "@in(T, list(T)): bool", "Is the value an element of the list?"),
    R::built_in("in_map", "@in(K, map(K, V)): bool", "Is the value a key of the map?"),
    R::built_in("index_list", "_[_](list(T), int): T", "The element at a position from 0."),
    R::built_in("index_map", "_[_](map(K, V), K): V", "The value of a key."),
    R::new("size_string", "size(string): int", "Number of code points.", size),
    R::new("size_bytes", "size(bytes): int", "Number of bytes.", size),
    R::new("size_list", "size(list(T)): int", "Number of elements.", size).work(Work::Constant),
    R::new("size_map", "size(map(K, V)): int", "Number of entries.", size).work(Work::Constant),
    R::new("string_size", "(string).size(): int", "Number of code points.", size),
    R::new("bytes_size", "(bytes).size(): int", "Number of bytes.", size),
    R::new("list_size", "(list(T)).size(): int", "Number of elements.", size).work(Work::Constant),
    R::new("map_size", "(map(K, V)).size(): int", "Number of entries.", size).work(Work::Constant),
    R::new("contains_string", "(string).contains(string): bool", "Is the text a part?", contains),
    R::new(
        "ends_with_string",
        "(string).endsWith(string): bool",
        "Is the text the end?",
        ends_with,
    ),
    R::new(
        "starts_with_string",
        "(string).startsWith(string): bool",
        "Is the text the start?",
        starts_with,
    ),
    R::new(
        "matches",
        "matches(string, string): bool",
        "Does the RE2 pattern match somewhere?",
        matches,
    )
    .prepared(prepare_matches)
    .work(Work::Product),
    R::new(
        "matches_string",
        "(string).matches(string): bool",
        "Does the RE2 pattern match somewhere?",
        matches,
    )
    .prepared(prepare_matches)
    .work(Work::Product),
    R::new("type", "type(T): type(T)", "The type of a value.", type_of),
    R::new("to_dyn", "dyn(T): dyn", "The value, its type checked at run time only.", to_dyn),
    R::new("bool_to_bool", "bool(bool): bool", "The value itself.", to_bool),
    R::new("string_to_bool", "bool(string): bool", "`true`, `1`, `t`, `false`, `0`, `f`.", to_bool),
    R::new("bytes_to_bytes", "bytes(bytes): bytes", "The value itself.", to_bytes),
    R::new("string_to_bytes", "bytes(string): bytes", "The text in UTF-8.", to_bytes),
    R::new("double_to_double", "double(double): double", "The value itself.", to_double),
    R::new("int64_to_double", "double(int): double", "The nearest number.", to_double),
    R::new("string_to_double", "double(string): double", "The number that is written.", to_double),
    R::new("uint64_to_double", "double(uint): double", "The nearest number.", to_double),
    R::new(
        "duration_to_duration",
        "duration(duration): duration",
        "The value itself.",
        to_duration,
    ),
    R::new(
        "string_to_duration",
        "duration(string): duration",
        "Units h, m, s, ms, us, ns.",
        to_duration,
    ),
    R::new("int64_to_int64", "int(int): int", "The value itself.", to_int),
    R::new("double_to_int64", "int(double): int", "The number without its fraction.", to_int),
    R::new("duration_to_int64", "int(duration): int", "Nanoseconds.", to_int),
    R::new("string_to_int64", "int(string): int", "The number that is written.", to_int),
    R::new("timestamp_to_int64", "int(timestamp): int", "Seconds since 1970.", to_int),
    R::new("uint64_to_int64", "int(uint): int", "The same number.", to_int),
    R::new("uint64_to_uint64", "uint(uint): uint", "The value itself.", to_uint),
    R::new("double_to_uint64", "uint(double): uint", "The number without its fraction.", to_uint),
    R::new("int64_to_uint64", "uint(int): uint", "The same number.", to_uint),
    R::new("string_to_uint64", "uint(string): uint", "The number that is written.", to_uint),
    R::new("string_to_string", "string(string): string", "The value itself.", to_string),
    R::new("bool_to_string", "string(bool): string", "`true` or `false`.", to_string),
    R::new("bytes_to_string", "string(bytes): string", "The bytes as UTF-8.", to_string),
    R::new("double_to_string", "string(double): string", "The shortest text.", to_string),
    R::new("duration_to_string", "string(duration): string", "Seconds, such as `90s`.", to_string),
    R::new("int64_to_string", "string(int): string", "Decimal digits.", to_string),
    R::new("timestamp_to_string", "string(timestamp): string", "RFC 3339.", to_string),
    R::new("uint64_to_string", "string(uint): string", "Decimal digits.", to_string),
    R::new(
        "timestamp_to_timestamp",
        "timestamp(timestamp): timestamp",
        "The value itself.",
        to_timestamp,
    ),
    R::new("string_to_timestamp", "timestamp(string): timestamp", "RFC 3339.", to_timestamp),
    R::new("int64_to_timestamp", "timestamp(int): timestamp", "Seconds since 1970.", to_timestamp),
];

fn count<'a>(n: usize) -> Value<'a> {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn size<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(v)] if v.is_ascii() => Ok(count(v.len())),
        [Value::String(v)] => Ok(count(v.chars().count())),
        [Value::Bytes(v)] => Ok(count(v.len())),
        [Value::List(v)] => Ok(count(v.len())),
        [Value::Map(v)] => Ok(count(v.len())),
        _ => Err(ErrorKind::overload("size", args)),
    }
}

fn contains<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(a), Value::String(b)] => Ok(Value::Bool(a.contains(&**b))),
        _ => Err(ErrorKind::overload("contains", args)),
    }
}

fn ends_with<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(a), Value::String(b)] => Ok(Value::Bool(a.ends_with(&**b))),
        _ => Err(ErrorKind::overload("endsWith", args)),
    }
}

fn starts_with<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(a), Value::String(b)] => Ok(Value::Bool(a.starts_with(&**b))),
        _ => Err(ErrorKind::overload("startsWith", args)),
    }
}

fn matches<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text), Value::String(pattern)] => {
            let pattern = compile("matches", pattern)?;
            Ok(Value::Bool(pattern.is_match(text)))
        }
        _ => Err(ErrorKind::overload("matches", args)),
    }
}

fn prepare_matches(args: &[PlannedArg]) -> Prepared {
    let Some(PlannedArg { constant: Some(Value::String(pattern)), .. }) = args.get(1) else {
        return Prepared::Ordinary;
    };
    // Compiled at the first use; an invalid pattern is an error then, not before.
    let pattern = pattern.clone();
    let compiled = std::sync::OnceLock::new();
    Prepared::Bound(std::sync::Arc::new(move |args| match args {
        [Value::String(text), _] => {
            let compiled = compiled.get_or_init(|| compile("matches", &pattern));
            match compiled {
                Ok(compiled) => Ok(Value::Bool(compiled.is_match(text))),
                Err(error) => Err(error.clone()),
            }
        }
        _ => Err(ErrorKind::overload("matches", args)),
    }))
}

fn type_of<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [value] => Ok(Value::Type(std::sync::Arc::new(value.type_of()))),
        _ => Err(ErrorKind::overload("type", args)),
    }
}

fn to_dyn<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [value] => Ok(value.clone()),
        _ => Err(ErrorKind::overload("dyn", args)),
    }
}

fn conversion<'a>(from: &'static str, to: &'static str, value: &str) -> CallResult<'a> {
    let value = value.chars().take(64).collect();
    Err(Box::new(ErrorKind::Conversion { from, to, value }))
}

fn overflow(what: &'static str) -> Box<ErrorKind> {
    Box::new(ErrorKind::Overflow { what })
}

fn to_bool<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Bool(v)] => Ok(Value::Bool(*v)),
        [Value::String(v)] => match &**v {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            other => conversion("string", "bool", other),
        },
        _ => Err(ErrorKind::overload("bool", args)),
    }
}

fn to_bytes<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Bytes(v)] => Ok(Value::Bytes(v.clone())),
        [Value::String(v)] => Ok(Value::bytes(v.as_bytes())),
        _ => Err(ErrorKind::overload("bytes", args)),
    }
}

fn to_double<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Double(v)] => Ok(Value::Double(*v)),
        [Value::Int(v)] => Ok(Value::Double(*v as f64)),
        [Value::Uint(v)] => Ok(Value::Double(*v as f64)),
        [Value::String(v)] => match parse_double(v) {
            Some(v) => Ok(Value::Double(v)),
            None => conversion("string", "double", v),
        },
        _ => Err(ErrorKind::overload("double", args)),
    }
}

/// Decimal and hexadecimal numbers, `inf`, `infinity` and `nan`, as Go reads them.
fn parse_double(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let word = unsigned.to_ascii_lowercase();
    let signed_nan = word == "nan" && unsigned.len() != text.len();
    if matches!(word.as_str(), "inf" | "infinity" | "nan") && !signed_nan {
        return text.parse().ok();
    }
    if let Some(digits) = word.strip_prefix("0x") {
        let value = parse_hexadecimal(digits)?;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    let joined;
    let (text, unsigned) = if unsigned.contains('_') {
        joined = without_underscores(text)?;
        (&*joined, joined.strip_prefix(['+', '-']).unwrap_or(&joined))
    } else {
        (text, unsigned)
    };
    let plain =
        unsigned.bytes().all(|c| matches!(c, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let value: f64 = if plain { text.parse().ok()? } else { return None };
    value.is_finite().then_some(value)
}

/// Underscores stand between digits only.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
    let between = |(at, c): (usize, &u8)| {
        *c != b'_' || is_digit(at.checked_sub(1)) && is_digit(at.checked_add(1))
    };
    bytes.iter().enumerate().all(between).then(|| text.replace('_', ""))
}

/// Digits of base 16 with an optional point, and the power of two after `p`.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    // An underscore may follow the prefix.
    let text = without_underscores(&format!("0{text}"))?;
    let (digits, exponent) = text.strip_prefix('0')?.split_once('p')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Longer ones are written by nobody.
    if whole.len() + fraction.len() == 0 || whole.len() + fraction.len() > 16 {
        return None;
    }
    let mantissa = u64::from_str_radix(&[whole, fraction].concat(), 16).ok()?;
    let fraction = i32::try_from(fraction.len()).ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(4 * fraction)?;
    let value = if mantissa == 0 { 0.0 } else { mantissa as f64 * 2f64.powi(exponent) };
    value.is_finite().then_some(value)
}

fn to_duration<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Duration(v)] => Ok(Value::Duration(*v)),
        [Value::String(v)] => match Duration::parse(v) {
            Some(v) => Ok(Value::Duration(v)),
            None => conversion("string", "google.protobuf.Duration", v),
        },
        _ => Err(ErrorKind::overload("duration", args)),
    }
}

/// 2^63 and 2^64: the first numbers that are too large.
const INT_LIMIT: f64 = 9_223_372_036_854_775_808.0;
const UINT_LIMIT: f64 = 18_446_744_073_709_551_616.0;

fn to_int<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Int(v)] => Ok(Value::Int(*v)),
        [Value::Uint(v)] => i64::try_from(*v).map(Value::Int).map_err(|_| overflow("integer")),
        // As in the reference neither limit is reached.
        [Value::Double(v)] if *v > -INT_LIMIT && *v < INT_LIMIT => Ok(Value::Int(*v as i64)),
        [Value::Double(_)] => Err(overflow("integer")),
        [Value::String(v)] => match v.parse() {
            Ok(v) => Ok(Value::Int(v)),
            Err(_) => conversion("string", "int", v),
        },
        [Value::Timestamp(v)] => Ok(Value::Int(v.seconds())),
        [Value::Duration(v)] => Ok(Value::Int(v.nanos())),
        _ => Err(ErrorKind::overload("int", args)),
    }
}

fn to_uint<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Uint(v)] => Ok(Value::Uint(*v)),
        [Value::Int(v)] => {
            u64::try_from(*v).map(Value::Uint).map_err(|_| overflow("unsigned integer"))
        }
        [Value::Double(v)] if *v >= 0.0 && *v < UINT_LIMIT => Ok(Value::Uint(*v as u64)),
        [Value::Double(_)] => Err(overflow("unsigned integer")),
        [Value::String(v)] if !v.starts_with('+') => match v.parse() {
            Ok(v) => Ok(Value::Uint(v)),
            Err(_) => conversion("string", "uint", v),
        },
        [Value::String(v)] => conversion("string", "uint", v),
        _ => Err(ErrorKind::overload("uint", args)),
    }
}

fn to_string<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    Ok(match args {
        [Value::String(v)] => Value::String(v.clone()),
        [Value::Bool(v)] => Value::string(v.to_string()),
        [Value::Int(v)] => Value::string(v.to_string()),
        [Value::Uint(v)] => Value::string(v.to_string()),
        [Value::Double(v)] => Value::string(double_text(*v)),
        [Value::Bytes(v)] => match std::str::from_utf8(v) {
            Ok(text) => Value::string(text),
            Err(_) => return conversion("bytes", "string", "invalid UTF-8"),
        },
        [Value::Timestamp(v)] => Value::string(v.to_string()),
        [Value::Duration(v)] => Value::string(v.to_seconds_string()),
        _ => return Err(ErrorKind::overload("string", args)),
    })
}

fn to_timestamp<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Timestamp(v)] => Ok(Value::Timestamp(*v)),
        [Value::Int(v)] => {
            Timestamp::new(*v, 0).map(Value::Timestamp).ok_or_else(|| overflow("timestamp"))
        }
        [Value::String(v)] => match Timestamp::parse(v).filter(|_| !v.contains(',')) {
            Some(v) => Ok(Value::Timestamp(v)),
            None => conversion("string", "google.protobuf.Timestamp", v),
        },
        _ => Err(ErrorKind::overload("timestamp", args)),
    }
}
