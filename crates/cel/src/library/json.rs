//! Values as JSON text and back.

use std::fmt::Write as _;

use base64::Engine as _;

use super::text::bounded;
use crate::{
    CallResult, ErrorKind, Key, Library, Map, MapBuilder, Row as R, Str, Value, cost::Work,
};

/// `json.marshal` and `json.unmarshal`: JSON as Go's `encoding/json` writes and reads it.
pub static JSON: Library = Library {
    name: "json",
    doc: "Values as JSON text and back.",
    functions: &[&[
        R::new("json_marshal_dyn", "json.marshal(dyn): string", "The value as JSON.", |args| {
            match args {
                [value] => write("json.marshal", value, &Style::MARSHAL),
                _ => Err(ErrorKind::overload("json.marshal", args)),
            }
        })
        .work(Work::Deep),
        R::new(
            "json_unmarshal_string",
            "json.unmarshal(string): dyn",
            "The value of a JSON text; numbers are doubles.",
            unmarshal,
        ),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// `json.encode`: JSON as protocol buffers write it.
pub static JSON_ENCODE: Library = Library {
    name: "json encoding",
    doc: "Values as the JSON of protocol buffers.",
    functions: &[&[R::new(
        "json_encode_dyn",
        "json.encode(dyn): string",
        "The value as JSON.",
        |args| match args {
            [value] => write("json.encode", value, &Style::ENCODE),
            _ => Err(ErrorKind::overload("json.encode", args)),
        },
    )
    .work(Work::Deep)]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// Where the two forms differ.
struct Style {
    /// Integers beyond 2^53 are text.
    large_as_text: bool,
    /// Spans of time in seconds, and points with their fraction.
    exact_time: bool,
    /// Absent optionals are null.
    optionals: bool,
}

impl Style {
    const MARSHAL: Style = Style { large_as_text: false, exact_time: false, optionals: true };
    const ENCODE: Style = Style { large_as_text: true, exact_time: true, optionals: false };
}

/// 2^53 - 1: the largest integer up to which all are doubles.
const MAX_EXACT: u64 = 9_007_199_254_740_991;

fn write<'a>(function: &'static str, value: &Value<'a>, style: &Style) -> CallResult<'a> {
    let mut out = String::new();
    write_value(&mut out, value, style).map_err(|reason| ErrorKind::argument(function, reason))?;
    bounded(out.len())?;
    Ok(Value::string(out))
}

fn write_value(out: &mut String, value: &Value<'_>, style: &Style) -> Result<(), String> {
    let data = |e: Box<ErrorKind>| e.to_string();
    // Writing into a string can't fail.
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(v) => out.push_str(if *v { "true" } else { "false" }),
        Value::Int(v) if style.large_as_text && v.unsigned_abs() > MAX_EXACT => {
            let _ = write!(out, "\"{v}\"");
        }
        Value::Int(v) => {
            let _ = write!(out, "{v}");
        }
        Value::Uint(v) if style.large_as_text && *v > MAX_EXACT => {
            let _ = write!(out, "\"{v}\"");
        }
        Value::Uint(v) => {
            let _ = write!(out, "{v}");
        }
        Value::Double(v) if !v.is_finite() => {
            return Err("NaN and infinity have no JSON form".to_owned());
        }
        Value::Double(v) => write_double(out, *v),
        Value::String(v) => write_text(out, v),
        Value::Bytes(v) => {
            write_text(out, &base64::engine::general_purpose::STANDARD.encode(&**v));
        }
        Value::Timestamp(v) if style.exact_time => write_text(out, &v.in_utc().to_string()),
        Value::Timestamp(v) if v.is_first() => out.push_str("null"),
        Value::Timestamp(v) => write_text(out, &v.to_seconds_string()),
        Value::Duration(v) if style.exact_time => write_text(out, &v.to_seconds_string()),
        Value::Duration(v) => write_text(out, &v.to_string()),
        Value::List(list) => {
            out.push('[');
            for (i, element) in list.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_value(out, &element.map_err(data)?, style)?;
            }
            out.push(']');
        }
        // An object is written as it was bound, whatever its type is.
        Value::Map(Map::Json(object)) if style.optionals && !object.is_untyped() => {
            write_value(out, &Value::Map(Map::Json(object.untyped())), style)?;
        }
        Value::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map.entries() {
                let key = match key {
                    Key::String(key) => key.to_string(),
                    key => {
                        let name = key.type_name();
                        return Err(format!(
                            "keys of a JSON object are text, found a key of type `{name}`"
                        ));
                    }
                };
                entries.push((key, value.map_err(data)?));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_text(out, key);
                out.push(':');
                write_value(out, value, style)?;
            }
            out.push('}');
        }
        Value::Optional(None) if style.optionals => out.push_str("null"),
        Value::Optional(Some(v)) => write_value(out, v, style)?,
        // The sentinel for what is left out is written as an empty object, as the reference does.
        Value::Opaque(v) if style.optionals && v.refuses_comparison().is_some() => {
            out.push_str("{}");
        }
        Value::Optional(None) | Value::Type(_) | Value::Opaque(_) => {
            return Err(format!("a value of type `{}` has no JSON form", value.type_name()));
        }
    }
    Ok(())
}

/// The shortest digits, with an exponent below 1e-6 and from 1e21 on.
fn write_double(out: &mut String, value: f64) {
    let size = value.abs();
    let _ = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                write!(out, "{digits}e+{exponent}")
            }
            _ => write!(out, "{text}"),
        }
    } else {
        write!(out, "{value}")
    };
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // For HTML and JavaScript, as in Go.
            c if u32::from(c) < 0x20 || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn unmarshal<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "json.unmarshal";
    let [Value::String(text)] = args else { return Err(ErrorKind::overload(function, args)) };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => Ok(from_json(json)),
        Err(error) => Err(ErrorKind::argument(function, error.to_string())),
    }
}

/// The depth is bounded by the reader of JSON.
fn from_json<'a>(json: serde_json::Value) -> Value<'a> {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(v) => Value::Bool(v),
        serde_json::Value::Number(v) => Value::Double(v.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(v) => Value::string(v),
        serde_json::Value::Array(v) => Value::list(v.into_iter().map(from_json).collect()),
        serde_json::Value::Object(v) => {
            let mut map = MapBuilder::with_capacity(v.len());
            for (key, value) in v {
                map.push(Key::String(Str::Shared(key.into())), from_json(value));
            }
            Value::Map(map.finish())
        }
    }
}
