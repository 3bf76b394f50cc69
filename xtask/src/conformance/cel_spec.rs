//! The official suite of the language, as JSON.

use std::{fmt::Write as _, path::Path, sync::Arc};

use base64::Engine as _;
use cel::{
    Binding, Bindings, Duration, Env, Key, MapBuilder, OpaqueType, Outcome, Program, Timestamp,
    Type, Value,
};
use serde_json::Value as Json;

use super::{Mismatch, Report, SkipList, json_files};

/// Tests that need protobuf messages, which this engine does not have.
pub fn skip_list() -> SkipList {
    SkipList::parse(include_str!("../../../conformance/skips/cel-spec.txt"))
}

/// Runs all files of a folder in the environment of the specification.
///
/// A test that is marked `usesProtobuf` need not pass.
/// One that has to give a value is run all the same: the list must not name what passes.
pub fn run(dir: &Path) -> Report {
    let mut report = Report::default();
    let env = Env::spec();
    let list = skip_list();
    for (file, json) in json_files(dir, &mut report) {
        for section in array(&json["section"]) {
            for test in array(&section["test"]) {
                let name = format!("{}/{}", text(&section["name"]), text(&test["name"]));
                let marked = test["usesProtobuf"] == true;
                if marked && test.get("evalError").is_some() {
                    // Without messages it fails, but not for the reason that the test is about.
                    report.skip(&file, &name, "uses protobuf messages, and expects an error");
                    continue;
                }
                match run_one(&env, test) {
                    Err(_) if marked && list.reason(&format!("{file}/{name}")).is_none() => {
                        report.skip(&file, &name, "uses protobuf messages");
                    }
                    result => report.record(&list, &file, &name, result),
                }
            }
        }
    }
    report
}

fn array(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or("")
}

fn run_one(env: &Env, test: &Json) -> Result<(), Mismatch> {
    let expr = text(&test["expr"]);
    let expected = expectation(test).map_err(|why| Mismatch::new("a readable test", why))?;
    match outcome(env, test) {
        Ok(got) if got == expected => Ok(()),
        Ok(got) => Err(Mismatch::new(format!("{expected} from `{expr}`"), got)),
        Err(_) if expected == ERROR => Ok(()),
        Err(got) => Err(Mismatch::new(format!("{expected} from `{expr}`"), got)),
    }
}

const ERROR: &str = "an error";

/// What the test expects, as text that equals that of [`outcome`].
fn expectation(test: &Json) -> Result<String, String> {
    let ty = test["typedResult"].get("deducedType").map(read_type).transpose()?;
    let value = test.get("value").or_else(|| test["typedResult"].get("result"));
    let value = match value {
        _ if test["checkOnly"] == true => String::new(),
        Some(value) => show(&read_value(value)?),
        None => ERROR.to_owned(),
    };
    Ok(match ty {
        Some(ty) => format!("{value} of type {ty}").trim_start().to_owned(),
        None => value,
    })
}

/// The value and, where the test has one, the type; `Err` where there is an error instead.
fn outcome(env: &Env, test: &Json) -> Result<String, String> {
    let env = environment(env, test)?;
    let (ast, mistakes) = env.parse(text(&test["expr"]));
    let ast = ast.ok_or_else(|| format!("parse: {}", join(&mistakes)))?;
    let printed = ast.to_string();
    match env.parse(&printed) {
        (Some(again), _) if again.to_string() == printed => {}
        (_, mistakes) => {
            return Ok(format!(
                "the text `{printed}`, which does not parse back: {}",
                join(&mistakes)
            ));
        }
    }
    let mut ty = String::new();
    let program = if test["disableCheck"] == true {
        Program::unchecked(&env, &ast)
    } else {
        let checked =
            cel::check(&env, ast).map_err(|mistakes| format!("check: {}", join(&mistakes)))?;
        if test["typedResult"].get("deducedType").is_some() {
            ty = format!(" of type {}", checked.result_type());
        }
        if test["checkOnly"] == true {
            return Ok(ty.trim_start().to_owned());
        }
        Program::new(&checked)
    };
    let program = program.map_err(|mistakes| format!("plan: {}", join(&mistakes)))?;
    let mut bindings = Bindings::new();
    for (name, value) in test["bindings"].as_object().into_iter().flatten() {
        bindings.value(name.as_str(), read_value(&value["value"])?);
    }
    match program.eval(&bindings) {
        Outcome::Value(got) => Ok(format!("{}{ty}", show(&got))),
        Outcome::Error(error) => Err(format!("error: {error}")),
        Outcome::Unknown(unknown) => Ok(format!("unknown: {:?}", unknown.attributes())),
    }
}

/// The environment with what the test declares.
fn environment(env: &Env, test: &Json) -> Result<Env, String> {
    let mut builder = env.extend().container(text(&test["container"]));
    if test["disableMacros"] == true {
        builder = builder.without_macros();
    }
    for declaration in array(&test["typeEnv"]) {
        let name = text(&declaration["name"]);
        if let Some(ty) = declaration["ident"].get("type") {
            builder = builder.variable(name, read_type(ty)?);
        }
        for overload in array(&declaration["function"]["overloads"]) {
            let params: Vec<Type> =
                array(&overload["params"]).iter().map(read_type).collect::<Result<_, _>>()?;
            let result = read_type(&overload["resultType"])?;
            let mut signature = String::new();
            let mut rest = params.as_slice();
            if let (true, [target, others @ ..]) =
                (overload["isInstanceFunction"] == true, params.as_slice())
            {
                let _ = write!(signature, "({}).", signature_type(target));
                rest = others;
            }
            let rest: Vec<String> = rest.iter().map(signature_type).collect();
            let result = signature_type(&result);
            let _ = write!(signature, "{name}({}): {result}", rest.join(", "));
            let id = text(&overload["overloadId"]);
            builder = builder.overload(id, &signature, "", Binding::BuiltIn);
        }
    }
    builder.build().map_err(|error| error.to_string())
}

pub(super) fn join(mistakes: &[cel::Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A type in the notation of signatures.
fn signature_type(ty: &Type) -> String {
    match ty {
        Type::Null => "null".to_owned(),
        Type::Timestamp => "timestamp".to_owned(),
        Type::Duration => "duration".to_owned(),
        Type::List(inner) => format!("list({})", signature_type(inner)),
        Type::Optional(inner) => format!("optional({})", signature_type(inner)),
        Type::Wrapper(inner) => format!("wrapper({})", signature_type(inner)),
        Type::Type(inner) => format!("type({})", signature_type(inner)),
        Type::Map(entry) => {
            format!("map({}, {})", signature_type(&entry.0), signature_type(&entry.1))
        }
        Type::Opaque(opaque) if !opaque.params.is_empty() => {
            let params: Vec<String> = opaque.params.iter().map(signature_type).collect();
            format!("{}({})", opaque.name, params.join(", "))
        }
        other => other.to_string(),
    }
}

fn read_type(json: &Json) -> Result<Type, String> {
    let (kind, value) = json
        .as_object()
        .and_then(|object| object.iter().next())
        .ok_or_else(|| format!("type {json}"))?;
    let primitive = |name: &str| {
        Ok(match name {
            "BOOL" => Type::Bool,
            "INT64" => Type::Int,
            "UINT64" => Type::Uint,
            "DOUBLE" => Type::Double,
            "STRING" => Type::String,
            "BYTES" => Type::Bytes,
            other => return Err(format!("primitive {other}")),
        })
    };
    Ok(match kind.as_str() {
        "dyn" => Type::Dyn,
        "null" => Type::Null,
        "primitive" => primitive(text(value))?,
        "wrapper" => Type::wrapper(primitive(text(value))?),
        "wellKnown" => match text(value) {
            "TIMESTAMP" => Type::Timestamp,
            "DURATION" => Type::Duration,
            _ => Type::Dyn,
        },
        "listType" => Type::list(read_type(&value["elemType"])?),
        "mapType" => Type::map(read_type(&value["keyType"])?, read_type(&value["valueType"])?),
        "messageType" => match text(value) {
            "google.protobuf.Int32Value" | "google.protobuf.Int64Value" => Type::wrapper(Type::Int),
            "google.protobuf.UInt32Value" | "google.protobuf.UInt64Value" => {
                Type::wrapper(Type::Uint)
            }
            "google.protobuf.FloatValue" | "google.protobuf.DoubleValue" => {
                Type::wrapper(Type::Double)
            }
            "google.protobuf.BoolValue" => Type::wrapper(Type::Bool),
            "google.protobuf.StringValue" => Type::wrapper(Type::String),
            "google.protobuf.BytesValue" => Type::wrapper(Type::Bytes),
            "google.protobuf.Timestamp" => Type::Timestamp,
            "google.protobuf.Duration" => Type::Duration,
            other => Type::object(other),
        },
        "typeParam" => Type::Param(text(value).into()),
        "type" => Type::type_of(if value == &serde_json::json!({}) {
            Type::Dyn
        } else {
            read_type(value)?
        }),
        "abstractType" => {
            let params: Vec<Type> =
                array(&value["parameterTypes"]).iter().map(read_type).collect::<Result<_, _>>()?;
            match (text(&value["name"]), params.as_slice()) {
                ("optional_type", [inner]) => Type::optional(inner.clone()),
                (name, _) => Type::Opaque(Arc::new(OpaqueType { name: name.into(), params })),
            }
        }
        other => return Err(format!("type {other}")),
    })
}

fn read_value(json: &Json) -> Result<Value<'static>, String> {
    let (kind, value) = json
        .as_object()
        .and_then(|object| object.iter().next())
        .ok_or_else(|| format!("value {json}"))?;
    let bad = || format!("value {json}");
    let number = |value: &Json| match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        _ => None,
    };
    let integer = |value: &Json| match value {
        Json::String(text) => text.parse::<i64>().ok(),
        value => value.as_i64(),
    };
    let unsigned = |value: &Json| match value {
        Json::String(text) => text.parse::<u64>().ok(),
        value => value.as_u64(),
    };
    let bytes = |value: &Json| {
        base64::engine::general_purpose::STANDARD.decode(text(value)).map(Value::bytes)
    };
    Ok(match kind.as_str() {
        "nullValue" => Value::Null,
        "boolValue" => Value::Bool(value.as_bool().ok_or_else(bad)?),
        "int64Value" => Value::Int(integer(value).ok_or_else(bad)?),
        "uint64Value" => Value::Uint(unsigned(value).ok_or_else(bad)?),
        "doubleValue" => Value::Double(number(value).ok_or_else(bad)?),
        "stringValue" => Value::string(text(value)),
        "bytesValue" => bytes(value).map_err(|_| bad())?,
        "listValue" => Value::list(
            array(&value["values"]).iter().map(read_value).collect::<Result<Vec<_>, _>>()?,
        ),
        "mapValue" => {
            let mut map = MapBuilder::new();
            for entry in array(&value["entries"]) {
                let key = Key::from_value(&read_value(&entry["key"])?).ok_or_else(bad)?;
                map.push(key, read_value(&entry["value"])?);
            }
            Value::Map(map.finish())
        }
        "typeValue" => Value::Type(Arc::new(Type::opaque(text(value)))),
        "objectValue" => {
            let inner = &value["value"];
            let name = text(&value["@type"]).rsplit('/').next().unwrap_or("");
            match name {
                "google.protobuf.Timestamp" => {
                    Value::Timestamp(Timestamp::parse(text(inner)).ok_or_else(bad)?)
                }
                "google.protobuf.Duration" => {
                    Value::Duration(Duration::parse(text(inner)).ok_or_else(bad)?)
                }
                "google.protobuf.BoolValue" => Value::Bool(inner.as_bool().ok_or_else(bad)?),
                "google.protobuf.Int32Value" | "google.protobuf.Int64Value" => {
                    Value::Int(integer(inner).ok_or_else(bad)?)
                }
                "google.protobuf.UInt32Value" | "google.protobuf.UInt64Value" => {
                    Value::Uint(unsigned(inner).ok_or_else(bad)?)
                }
                "google.protobuf.FloatValue" | "google.protobuf.DoubleValue" => {
                    Value::Double(number(inner).ok_or_else(bad)?)
                }
                "google.protobuf.StringValue" => Value::string(text(inner)),
                "google.protobuf.BytesValue" => bytes(inner).map_err(|_| bad())?,
                _ => return Err(bad()),
            }
        }
        _ => return Err(bad()),
    })
}

/// A value with its type as text; of equal values it is equal.
fn show(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Uint(v) => format!("{v}u"),
        Value::Double(v) if v.is_nan() => "NaN".to_owned(),
        Value::Double(v) => format!("{v:?}"),
        Value::String(v) => format!("{v:?}"),
        Value::Bytes(v) => format!("b{v:?}"),
        Value::Timestamp(v) => format!("timestamp({})", v.in_utc()),
        Value::Duration(v) => format!("duration({v})"),
        Value::List(list) => {
            let elements: Vec<String> = list
                .iter()
                .map(|element| element.map_or_else(|e| format!("error({e})"), |v| show(&v)))
                .collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Map(map) => {
            let mut entries: Vec<String> = map
                .entries()
                .map(|(key, value)| {
                    let value = value.map_or_else(|e| format!("error({e})"), |v| show(&v));
                    format!("{}: {value}", show(&key.to_value()))
                })
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Type(ty) => format!("type {}", ty.name()),
        Value::Optional(None) => "optional.none".to_owned(),
        Value::Optional(Some(v)) => format!("optional.of({})", show(v)),
        Value::Opaque(v) => {
            format!("{}({})", v.type_name(), v.text().unwrap_or_default())
        }
    }
}
