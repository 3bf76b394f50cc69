//! `find` and `findAll`.

use std::sync::Arc;

use super::{pattern::compile, strings::texts, text::bounded};
use crate::{CallResult, ErrorKind, Library, PlannedArg, Prepared, Row as R, Value, cost::Work};

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
    .prepared(prepare_find)
    .work(Work::Product),
    R::new(
        "string_find_all_string",
        "(string).findAll(string): list(string)",
        "All matches.",
        find_all,
    )
    .prepared(prepare_find_all)
    .work(Work::Product),
    R::new(
        "string_find_all_string_int",
        "(string).findAll(string, int): list(string)",
        "At most so many matches; all if negative.",
        find_all,
    )
    .prepared(prepare_find_all)
    .work(Work::Product),
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
    texts(regex.find_iter(text).take(limit).map(|found| found.as_str()))
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

/// `regex.replace`, `regex.extract` and `regex.extractAll`.
pub static REGEX: Library = Library {
    name: "regex",
    doc: "Replacing and extracting by RE2 pattern.",
    functions: &[&[
        R::new(
            "regex_replace_string_string_string",
            "regex.replace(string, string, string): string",
            "All matches replaced; `\\1` stands for the first group.",
            replace,
        )
        .work(Work::Product),
        R::new(
            "regex_replace_string_string_string_int",
            "regex.replace(string, string, string, int): string",
            "At most so many matches replaced; all if negative.",
            replace,
        )
        .work(Work::Product),
        R::new(
            "regex_extract_string_string",
            "regex.extract(string, string): optional(string)",
            "The first match, or its group where the pattern has one.",
            extract,
        )
        .work(Work::Product),
        R::new(
            "regex_extractAll_string_string",
            "regex.extractAll(string, string): list(string)",
            "All matches, or their groups where the pattern has one.",
            extract_all,
        )
        .work(Work::Product),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

fn replace<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "regex.replace";
    let (text, pattern, new, limit) = match args {
        [Value::String(text), Value::String(pattern), Value::String(new)] => {
            (text, pattern, new, -1)
        }
        [Value::String(text), Value::String(pattern), Value::String(new), Value::Int(limit)] => {
            (text, pattern, new, *limit)
        }
        _ => return Err(ErrorKind::overload(function, args)),
    };
    let regex = compile(function, pattern)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for found in regex.captures_iter(text).take(limit) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[end..whole.start()]);
        expand(&mut out, new, &found).map_err(|reason| ErrorKind::argument(function, reason))?;
        end = whole.end();
        bounded(out.len())?;
    }
    out.push_str(&text[end..]);
    Ok(Value::string(out))
}

/// `\0` to `\9` stand for groups, `\\` for a backslash.
fn expand(out: &mut String, new: &str, found: &regex::Captures<'_>) -> Result<(), String> {
    let mut chars = new.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('\\') => out.push('\\'),
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit.to_digit(10).map_or(0, |d| d as usize);
                if group >= found.len() {
                    return Err(format!("the pattern has no group {group}"));
                }
                out.push_str(found.get(group).map_or("", |found| found.as_str()));
            }
            _ => return Err("a backslash is followed by a digit or another one".to_owned()),
        }
    }
    Ok(())
}

/// What is extracted from a match: its only group, or all of it.
fn extracted<'t>(found: &regex::Captures<'t>) -> Option<&'t str> {
    found.get(found.len() - 1).map(|found| found.as_str())
}

fn extracting(function: &'static str, pattern: &str) -> Result<regex::Regex, Box<ErrorKind>> {
    let regex = compile(function, pattern)?;
    if regex.captures_len() > 2 {
        return Err(ErrorKind::argument(function, "the pattern has more than one group"));
    }
    Ok(regex)
}

fn extract<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text), Value::String(pattern)] = args else {
        return Err(ErrorKind::overload("regex.extract", args));
    };
    let regex = extracting("regex.extract", pattern)?;
    let found = regex.captures(text).and_then(|found| extracted(&found).map(str::to_owned));
    Ok(match found {
        Some(found) => Value::some(Value::string(found)),
        None => Value::Optional(None),
    })
}

fn extract_all<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text), Value::String(pattern)] = args else {
        return Err(ErrorKind::overload("regex.extractAll", args));
    };
    let regex = extracting("regex.extractAll", pattern)?;
    texts(regex.captures_iter(text).filter_map(|found| extracted(&found)))
}
