//! More functions on text. Positions count code points.

use super::{format, lists::MAX_ELEMENTS, text::bounded};
use crate::{CallResult, ErrorKind, Library, Row as R, Value, cost::Work};

/// Functions on text as cel-go has them in version 5: an index beyond the end finds nothing.
pub static STRINGS: Library = Library {
    name: "strings",
    doc: "Searching, cutting, joining and formatting of text.",
    functions: &[FUNCTIONS, &format::ROWS],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// Replaces the search functions of [`STRINGS`] by those of the specification: an index beyond the end is an error.
pub static STRICT_INDEX: Library = Library {
    name: "strings with strict index",
    doc: "Searching from beyond the end of a text is an error.",
    functions: &[&[
        R::new(
            "string_index_of_string_int",
            INDEX_FROM,
            "As `indexOf`, from a position on.",
            |a| index_of(a, true),
        ),
        R::new(
            "string_last_index_of_string_int",
            LAST_FROM,
            "As `lastIndexOf`, up to a position.",
            |a| last_index_of(a, true),
        ),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

const INDEX_FROM: &str = "(string).indexOf(string, int): int";
const LAST_FROM: &str = "(string).lastIndexOf(string, int): int";

static FUNCTIONS: &[R] = &[
    R::new(
        "string_char_at_int",
        "(string).charAt(int): string",
        "The character at a position.",
        char_at,
    ),
    R::new(
        "string_index_of_string",
        "(string).indexOf(string): int",
        "First position of a text, or -1.",
        |a| index_of(a, false),
    ),
    R::new("string_index_of_string_int", INDEX_FROM, "As `indexOf`, from a position on.", |a| {
        index_of(a, false)
    }),
    R::new(
        "string_last_index_of_string",
        "(string).lastIndexOf(string): int",
        "Last position of a text, or -1.",
        |a| last_index_of(a, false),
    ),
    R::new(
        "string_last_index_of_string_int",
        LAST_FROM,
        "As `lastIndexOf`, up to a position.",
        |a| last_index_of(a, false),
    ),
    R::new("list_join", "(list(string)).join(): string", "All texts one after the other.", join)
        .work(Work::Deep),
    R::new(
        "list_join_string",
        "(list(string)).join(string): string",
        "All texts with another one between them.",
        join,
    )
    .work(Work::Deep),
    R::new(
        "string_lower_ascii",
        "(string).lowerAscii(): string",
        "ASCII letters in lower case.",
        lower_ascii,
    ),
    R::new(
        "string_upper_ascii",
        "(string).upperAscii(): string",
        "ASCII letters in upper case.",
        upper_ascii,
    ),
    R::new(
        "string_replace_string_string",
        "(string).replace(string, string): string",
        "One text for another, everywhere.",
        replace,
    ),
    R::new(
        "string_replace_string_string_int",
        "(string).replace(string, string, int): string",
        "One text for another, at most so often; all if negative.",
        replace,
    ),
    R::new(
        "string_split_string",
        "(string).split(string): list(string)",
        "The parts between a text.",
        split,
    ),
    R::new(
        "string_split_string_int",
        "(string).split(string, int): list(string)",
        "At most so many parts; all if negative.",
        split,
    ),
    R::new(
        "string_substring_int",
        "(string).substring(int): string",
        "From a position to the end.",
        substring,
    ),
    R::new(
        "string_substring_int_int",
        "(string).substring(int, int): string",
        "From a position to before another.",
        substring,
    ),
    R::new("string_trim", "(string).trim(): string", "Without white space at both ends.", trim),
    R::new(
        "string_reverse",
        "(string).reverse(): string",
        "The characters in reverse order.",
        reverse,
    ),
    R::new(
        "strings_quote",
        "strings.quote(string): string",
        "In double quotes, with escapes.",
        quote,
    ),
];

fn out_of_range<'a>(function: &'static str, index: i64) -> CallResult<'a> {
    Err(ErrorKind::argument(function, format!("index {index} out of range")))
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The byte offset of the character at a position; the end for the position after the last one.
fn offset(text: &str, index: i64) -> Option<usize> {
    let index = usize::try_from(index).ok()?;
    if text.is_ascii() {
        return (index <= text.len()).then_some(index);
    }
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(index)
}

fn position(text: &str, offset: usize) -> i64 {
    count(if text.is_ascii() { offset } else { text[..offset].chars().count() })
}

fn char_at<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text), Value::Int(index)] => match offset(text, *index) {
            Some(at) => Ok(Value::string(text[at..].chars().take(1).collect::<String>())),
            None => out_of_range("charAt", *index),
        },
        _ => Err(ErrorKind::overload("charAt", args)),
    }
}

fn index_of<'a>(args: &[Value<'a>], strict: bool) -> CallResult<'a> {
    let (text, part, from) = match args {
        [Value::String(text), Value::String(part)] => (text, part, 0),
        [Value::String(text), Value::String(part), Value::Int(from)] => (text, part, *from),
        _ => return Err(ErrorKind::overload("indexOf", args)),
    };
    if from < 0 {
        return out_of_range("indexOf", from);
    }
    Ok(Value::Int(match offset(text, from) {
        None if strict => return out_of_range("indexOf", from),
        None if part.is_empty() => count(text.chars().count()),
        None => -1,
        Some(at) => text[at..].find(&**part).map_or(-1, |found| position(text, at + found)),
    }))
}

fn last_index_of<'a>(args: &[Value<'a>], strict: bool) -> CallResult<'a> {
    let (text, part, up_to) = match args {
        [Value::String(text), Value::String(part)] => (text, part, None),
        [Value::String(text), Value::String(part), Value::Int(up_to)] => (text, part, Some(*up_to)),
        _ => return Err(ErrorKind::overload("lastIndexOf", args)),
    };
    let end = match up_to {
        None => text.len(),
        Some(up_to) if up_to < 0 => return out_of_range("lastIndexOf", up_to),
        Some(up_to) => match offset(text, up_to) {
            // A match may start at the position and reach beyond it.
            Some(at) => (at + part.len()).min(text.len()),
            None if strict => return out_of_range("lastIndexOf", up_to),
            None if part.is_empty() => text.len(),
            None => return Ok(Value::Int(-1)),
        },
    };
    let mut end = end;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let mut found = text[..end].rfind(&**part);
    if let (Some(up_to), Some(at)) = (up_to, found)
        && position(text, at) > up_to
    {
        found = offset(text, up_to).and_then(|limit| {
            text.char_indices()
                .rev()
                .find(|(at, _)| *at <= limit && text[*at..].starts_with(&**part))
                .map(|(at, _)| at)
        });
    }
    Ok(Value::Int(found.map_or(-1, |at| position(text, at))))
}

fn join<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let (list, separator) = match args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return Err(ErrorKind::overload("join", args)),
    };
    let mut text = String::new();
    for (i, element) in list.iter().enumerate() {
        bounded(text.len())?;
        let Value::String(part) = element? else {
            return Err(ErrorKind::overload("join", args));
        };
        if i > 0 {
            text.push_str(separator);
        }
        text.push_str(&part);
    }
    Ok(Value::string(text))
}

fn lower_ascii<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::string(text.to_ascii_lowercase())),
        _ => Err(ErrorKind::overload("lowerAscii", args)),
    }
}

fn upper_ascii<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::string(text.to_ascii_uppercase())),
        _ => Err(ErrorKind::overload("upperAscii", args)),
    }
}

fn replace<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let (text, old, new, limit) = match args {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, -1),
        [Value::String(text), Value::String(old), Value::String(new), Value::Int(limit)] => {
            (text, old, new, *limit)
        }
        _ => return Err(ErrorKind::overload("replace", args)),
    };
    let limit = usize::try_from(limit);
    if new.len() > old.len() {
        let times = text.matches(&**old).take(limit.unwrap_or(usize::MAX)).count();
        bounded(text.len().saturating_add(times.saturating_mul(new.len() - old.len())))?;
    }
    Ok(Value::string(match limit {
        Ok(limit) => text.replacen(&**old, new, limit),
        Err(_) => text.replace(&**old, new),
    }))
}

fn split<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let (text, separator, limit) = match args {
        [Value::String(text), Value::String(separator)] => (text, separator, -1),
        [Value::String(text), Value::String(separator), Value::Int(limit)] => {
            (text, separator, *limit)
        }
        _ => return Err(ErrorKind::overload("split", args)),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(Value::list(Vec::new()));
    }
    if !separator.is_empty() {
        return texts(text.splitn(limit, &**separator));
    }
    // Without a separator every character is a part.
    texts(text.char_indices().take(limit).enumerate().map(|(i, (at, c))| {
        if i + 1 == limit { &text[at..] } else { &text[at..at + c.len_utf8()] }
    }))
}

/// A list of texts, unless there are too many.
pub(super) fn texts<'a, 't>(texts: impl Iterator<Item = &'t str>) -> CallResult<'a> {
    let texts: Vec<&str> = texts.take(MAX_ELEMENTS + 1).collect();
    if texts.len() > MAX_ELEMENTS {
        return Err(Box::new(ErrorKind::TooLarge { limit: MAX_ELEMENTS as u64 }));
    }
    Ok(Value::strings(texts))
}

fn substring<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let (text, start, end) = match args {
        [Value::String(text), Value::Int(start)] => (text, *start, None),
        [Value::String(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return Err(ErrorKind::overload("substring", args)),
    };
    if let Some(end) = end
        && start > end
    {
        let reason = format!("invalid range, start {start} after end {end}");
        return Err(ErrorKind::argument("substring", reason));
    }
    let Some(from) = offset(text, start) else { return out_of_range("substring", start) };
    let to = match end {
        None => text.len(),
        Some(end) => match offset(text, end) {
            Some(to) => to,
            None => return out_of_range("substring", end),
        },
    };
    Ok(Value::string(&text[from..to]))
}

fn trim<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::string(text.trim())),
        _ => Err(ErrorKind::overload("trim", args)),
    }
}

fn reverse<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::string(text.chars().rev().collect::<String>())),
        _ => Err(ErrorKind::overload("reverse", args)),
    }
}

fn quote<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text)] = args else {
        return Err(ErrorKind::overload("strings.quote", args));
    };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '"' | '\\' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(Value::string(quoted))
}
