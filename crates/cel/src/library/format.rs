//! `format`: text with clauses for values.

use std::{fmt::Write as _, sync::Arc};

use super::text::bounded;
use crate::{CallResult, ErrorKind, PlannedArg, Prepared, Row, Type, Value, cost::Work};

pub(super) static ROWS: [Row; 1] = [Row::new(
    "string_format",
    "(string).format(list(dyn)): string",
    "Values in the places of `%s`, `%d`, `%f`, `%e`, `%b`, `%x`, `%X` and `%o`, with precision as in `%.2f`.",
    format,
)
.prepared(prepare)
.work(Work::Deep)];

/// What stands in a format.
enum Part {
    Text(String),
    Clause(Clause),
}

#[derive(Clone, Copy)]
struct Clause {
    kind: u8,
    precision: Option<usize>,
}

/// Precisions beyond this are refused.
const MAX_PRECISION: usize = 1_000;

fn parse(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        if at > 0 {
            parts.push(Part::Text(rest[..at].to_owned()));
        }
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            parts.push(Part::Text("%".to_owned()));
            rest = after;
            continue;
        }
        let mut precision = None;
        if let Some(after) = rest.strip_prefix('.') {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let value: Option<usize> = after[..digits].parse().ok();
            match value {
                Some(value) if value <= MAX_PRECISION => precision = Some(value),
                _ => return Err(format!("`%.{}` has no valid precision", &after[..digits])),
            }
            rest = &after[digits..];
        }
        let Some(kind) = rest.chars().next() else {
            return Err("the format ends inside of a clause".to_owned());
        };
        if !matches!(kind, 's' | 'd' | 'f' | 'e' | 'b' | 'x' | 'X' | 'o') {
            return Err(format!("`%{kind}` is not a clause"));
        }
        parts.push(Part::Clause(Clause { kind: rest.as_bytes()[0], precision }));
        rest = &rest[1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

fn format<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text), Value::List(_)] = args else {
        return Err(ErrorKind::overload("format", args));
    };
    let parts = parse(text).map_err(|reason| ErrorKind::argument("format", reason))?;
    write_parts(&parts, args)
}

/// The parts with the values of the second argument in the places of the clauses.
fn write_parts<'a>(parts: &[Part], args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text), Value::List(list)] = args else {
        return Err(ErrorKind::overload("format", args));
    };
    let fail = |reason: String| ErrorKind::argument("format", reason);
    let mut out = String::with_capacity(text.len() + 32);
    let mut next = 0;
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Clause(clause) => {
                let Some(value) = list.get(next) else {
                    return Err(fail(format!("there is no argument {next}")));
                };
                next += 1;
                write_clause(&mut out, *clause, &value?).map_err(fail)?;
                bounded(out.len())?;
            }
        }
    }
    Ok(Value::string(out))
}

/// Numbers that are none, as this function writes them.
fn special(v: f64) -> Option<&'static str> {
    if v.is_nan() {
        Some("NaN")
    } else if v.is_infinite() {
        Some(if v > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

fn write_clause(out: &mut String, clause: Clause, value: &Value<'_>) -> Result<(), String> {
    let refuse = || {
        let kind = char::from(clause.kind);
        Err(format!("`%{kind}` does not take a value of type `{}`", value.type_name()))
    };
    let number = match value {
        Value::Int(v) => Some(*v as f64),
        Value::Uint(v) => Some(*v as f64),
        Value::Double(v) => Some(*v),
        _ => None,
    };
    let precision = clause.precision.unwrap_or(6);
    // Writing into a string can't fail.
    let _ = match (clause.kind, value, number) {
        (b's', value, _) => return write_text(out, value),
        (b'd' | b'f' | b'e', Value::Double(v), _) if special(*v).is_some() => {
            out.push_str(special(*v).unwrap_or_default());
            Ok(())
        }
        (b'd', Value::Int(v), _) => write!(out, "{v}"),
        (b'd', Value::Uint(v), _) => write!(out, "{v}"),
        (b'd', Value::Double(v), _) => write!(out, "{v}"),
        (b'f', _, Some(v)) => write!(out, "{v:.precision$}"),
        (b'e', _, Some(v)) => {
            let text = format!("{v:.precision$e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "{digits}e{sign}{:02}", exponent.abs())
        }
        (b'b', Value::Bool(v), _) => write!(out, "{}", u8::from(*v)),
        (b'b', Value::Int(v), _) => write!(out, "{}{:b}", sign(*v), v.unsigned_abs()),
        (b'b', Value::Uint(v), _) => write!(out, "{v:b}"),
        (b'o', Value::Int(v), _) => write!(out, "{}{:o}", sign(*v), v.unsigned_abs()),
        (b'o', Value::Uint(v), _) => write!(out, "{v:o}"),
        (b'x', Value::Int(v), _) => write!(out, "{}{:x}", sign(*v), v.unsigned_abs()),
        (b'X', Value::Int(v), _) => write!(out, "{}{:X}", sign(*v), v.unsigned_abs()),
        (b'x', Value::Uint(v), _) => write!(out, "{v:x}"),
        (b'X', Value::Uint(v), _) => write!(out, "{v:X}"),
        (kind @ (b'x' | b'X'), Value::String(v), _) => write_hex(out, v.as_bytes(), kind == b'X'),
        (kind @ (b'x' | b'X'), Value::Bytes(v), _) => write_hex(out, v, kind == b'X'),
        _ => return refuse(),
    };
    Ok(())
}

fn sign(v: i64) -> &'static str {
    if v < 0 { "-" } else { "" }
}

fn write_hex(out: &mut String, bytes: &[u8], upper: bool) -> std::fmt::Result {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.push(char::from(digits[usize::from(byte >> 4)]));
        out.push(char::from(digits[usize::from(byte & 0x0f)]));
    }
    Ok(())
}

/// Any value as `%s` writes it.
fn write_text(out: &mut String, value: &Value<'_>) -> Result<(), String> {
    let data = |e: Box<ErrorKind>| e.to_string();
    let _ = match value {
        Value::Null => write!(out, "null"),
        Value::Bool(v) => write!(out, "{v}"),
        Value::Int(v) => write!(out, "{v}"),
        Value::Uint(v) => write!(out, "{v}"),
        Value::Double(v) => match special(*v) {
            Some(text) => write!(out, "{text}"),
            None => write!(out, "{v}"),
        },
        Value::String(v) => {
            out.push_str(v);
            Ok(())
        }
        Value::Bytes(v) => {
            out.push_str(&String::from_utf8_lossy(v));
            Ok(())
        }
        Value::Timestamp(v) => write!(out, "{}", v.in_utc()),
        Value::Duration(v) => write!(out, "{}", v.to_seconds_string()),
        Value::Type(v) => write!(out, "{}", v.name()),
        Value::List(list) => {
            out.push('[');
            for (i, element) in list.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_text(out, &element.map_err(data)?)?;
            }
            out.push(']');
            Ok(())
        }
        Value::Map(map) if map.object_name().is_none() => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map.entries() {
                let mut text = String::new();
                write_text(&mut text, &value.map_err(data)?)?;
                entries.push((key.to_string(), text));
            }
            entries.sort();
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                let _ = write!(out, "{}{key}: {value}", if i > 0 { ", " } else { "" });
            }
            out.push('}');
            Ok(())
        }
        Value::Map(_) | Value::Optional(_) | Value::Opaque(_) => {
            return Err(format!("`%s` does not take a value of type `{}`", value.type_name()));
        }
    };
    Ok(())
}

/// A constant format with a list literal is verified before evaluation.
fn prepare(args: &[PlannedArg]) -> Prepared {
    let [
        PlannedArg { constant: Some(Value::String(text)), .. },
        PlannedArg { elements: Some(elements), .. },
    ] = args
    else {
        return Prepared::Ordinary;
    };
    let parts = match parse(text) {
        Ok(parts) => parts,
        Err(reason) => return Prepared::Invalid(reason),
    };
    let mut clauses = 0;
    for part in &parts {
        let Part::Clause(clause) = part else { continue };
        let Some(ty) = elements.get(clauses) else {
            return Prepared::Invalid(format!("there is no argument {clauses}"));
        };
        clauses += 1;
        if !takes(clause.kind, ty) {
            let kind = char::from(clause.kind);
            return Prepared::Invalid(format!("`%{kind}` does not take a value of type `{ty}`"));
        }
    }
    if elements.len() > clauses {
        let given = elements.len();
        return Prepared::Invalid(format!("there are {given} arguments for {clauses} clauses"));
    }
    Prepared::Bound(Arc::new(move |args| write_parts(&parts, args)))
}

fn takes(kind: u8, ty: &Type) -> bool {
    if ty.is_dyn_or_error() {
        return true;
    }
    match kind {
        b's' => match ty {
            Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::Null
            | Type::Timestamp
            | Type::Duration
            | Type::Type(_)
            | Type::Wrapper(_) => true,
            Type::List(element) => takes(kind, element),
            Type::Map(entry) => takes(kind, &entry.0) && takes(kind, &entry.1),
            _ => false,
        },
        b'd' | b'f' | b'e' => matches!(ty, Type::Int | Type::Uint | Type::Double),
        b'b' => matches!(ty, Type::Bool | Type::Int | Type::Uint),
        b'o' => matches!(ty, Type::Int | Type::Uint),
        _ => matches!(ty, Type::Int | Type::Uint | Type::String | Type::Bytes),
    }
}
