//! `find` and `findAll`.

use std::sync::Arc;

use super::pattern::compile;
use crate::{CallResult, ErrorKind, Library, PlannedArg, Prepared, Row as R, Value};

/// `find` and `findAll`. A constant pattern that is none is a mistake.
pub static FIND: Library = Library {
    name: "find",
    doc: "Parts of a text by RE2 pattern.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::new(
        "string_find_string",
        "(string).find(string): string",
        "The first match, or nothing.",
        find,
    )
    .prepared(prepare_find),
    R::new(
        "string_find_all_string",
        "(string).findAll(string): list(string)",
        "All matches.",
        find_all,
    )
    .prepared(prepare_find_all),
    R::new(
        "string_find_all_string_int",
        "(string).findAll(string, int): list(string)",
        "At most so many matches; all if negative.",
        find_all,
    )
    .prepared(prepare_find_all),
];

fn find<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text), Value::String(pattern)] => {
            Ok(first(&compile("find", pattern)?, text))
        }
        _ => Err(ErrorKind::overload("find", args)),
    }
}

fn first<'a>(regex: &regex::Regex, text: &str) -> Value<'a> {
    Value::string(regex.find(text).map_or("", |found| found.as_str()))
}

fn find_all<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(_), Value::String(pattern), ..] => all(&compile("findAll", pattern)?, args),
        _ => Err(ErrorKind::overload("findAll", args)),
    }
}

fn all<'a>(regex: &regex::Regex, args: &[Value<'a>]) -> CallResult<'a> {
    let (text, limit) = match args {
        [Value::String(text), Value::String(_)] => (text, -1),
        [Value::String(text), Value::String(_), Value::Int(limit)] => (text, *limit),
        _ => return Err(ErrorKind::overload("findAll", args)),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Value::strings(regex.find_iter(text).take(limit).map(|found| found.as_str())))
}

fn constant_pattern(args: &[PlannedArg]) -> Option<Result<regex::Regex, Box<ErrorKind>>> {
    match args.get(1) {
        Some(PlannedArg { constant: Some(Value::String(pattern)), .. }) => {
            Some(compile("find", pattern))
        }
        _ => None,
    }
}

fn prepare_find(args: &[PlannedArg]) -> Prepared {
    match constant_pattern(args) {
        None => Prepared::Ordinary,
        Some(Err(error)) => Prepared::Invalid(error.to_string()),
        Some(Ok(regex)) => Prepared::Bound(Arc::new(move |args| match args {
            [Value::String(text), _] => Ok(first(&regex, text)),
            _ => Err(ErrorKind::overload("find", args)),
        })),
    }
}

fn prepare_find_all(args: &[PlannedArg]) -> Prepared {
    match constant_pattern(args) {
        None => Prepared::Ordinary,
        Some(Err(error)) => Prepared::Invalid(error.to_string()),
        Some(Ok(regex)) => Prepared::Bound(Arc::new(move |args| all(&regex, args))),
    }
}
