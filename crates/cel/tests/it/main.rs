//! Tests of the whole engine.

mod checker;
mod data;
mod evaluation;
mod fuzzing;
mod limits;
mod measured;
mod mistakes;
mod options;
mod parser;
mod partial;
mod properties;
mod random;
mod reference;
mod targets;
mod unknowns;

use cel::{Bindings, Env, Outcome, Program, Type, Value};

/// The environment of the specification with a few variables.
fn env() -> Env {
    Env::spec()
        .extend()
        .library(&cel::library::LISTS)
        .variable("x", Type::Int)
        .variable("s", Type::String)
        .variable("l", Type::list(Type::Int))
        .variable("m", Type::map(Type::String, Type::Int))
        .variable("d", Type::Dyn)
        .build()
        .expect("the declarations are well-formed")
}

/// What an expression evaluates to, as text.
fn eval(env: &Env, source: &str, bindings: &Bindings<'_>) -> String {
    let checked = match env.compile(source) {
        Ok(checked) => checked,
        Err(mistakes) => return format!("mistake: {}", join(&mistakes)),
    };
    match Program::new(&checked) {
        Ok(program) => show_outcome(&program.eval(bindings)),
        Err(mistakes) => format!("mistake: {}", join(&mistakes)),
    }
}

fn join(mistakes: &[cel::Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn show_outcome(outcome: &Outcome<'_>) -> String {
    match outcome {
        Outcome::Value(value) => show(value),
        Outcome::Error(error) => match &error.attribute {
            Some(attribute) => format!("error: {error} at {attribute}"),
            None => format!("error: {error}"),
        },
        Outcome::Unknown(unknown) => {
            let names: Vec<String> = unknown.attributes().iter().map(ToString::to_string).collect();
            format!("unknown: {}", names.join(", "))
        }
    }
}

fn show(value: &Value<'_>) -> String {
    let or_error = |value: Result<Value<'_>, Box<cel::ErrorKind>>| match value {
        Ok(value) => show(&value),
        Err(error) => format!("error({error})"),
    };
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Uint(v) => format!("{v}u"),
        Value::Double(v) => format!("{v:?}"),
        Value::String(v) => format!("{v:?}"),
        Value::Bytes(v) => format!("{v:?}"),
        Value::Timestamp(v) => v.to_string(),
        Value::Duration(v) => v.to_string(),
        Value::List(list) => {
            format!("[{}]", list.iter().map(or_error).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<String> = map
                .entries()
                .map(|(key, value)| format!("{}: {}", show(&key.to_value()), or_error(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Type(ty) => ty.name().to_owned(),
        Value::Optional(None) => "none".to_owned(),
        Value::Optional(Some(v)) => format!("some({})", show(v)),
        Value::Opaque(v) => v.text().unwrap_or_else(|| v.type_name().to_owned()),
    }
}
