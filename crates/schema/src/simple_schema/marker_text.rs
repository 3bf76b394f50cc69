//! The part of a field after `|`: `key=value` pairs, separated by blanks.
//!
//! The rules are upstream's, odd as some are: blanks inside a key are dropped, so that a key
//! without `=` runs into the next one; a blank ends a value, also an empty one; double quotes
//! and balanced brackets protect blanks.

use std::ops::Range;

/// One marker as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MarkerText {
    pub(super) key: String,
    pub(super) key_range: Range<usize>,
    /// The value; if it was in double quotes, without these and with `\"` and `\\` resolved.
    pub(super) value: String,
    pub(super) value_range: Range<usize>,
    /// Where the value begins, if it stands there letter by letter.
    pub(super) verbatim: Option<usize>,
}

/// A text that is no list of markers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MarkerTextError {
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

/// Reads the markers up to the first mistake.
///
/// Ranges count from `offset` bytes before the beginning of `text`.
pub(super) fn read(text: &str, offset: usize) -> (Vec<MarkerText>, Option<MarkerTextError>) {
    let mut markers = Vec::new();
    let mut rest = text.trim_start();
    if rest.is_empty() {
        let message = "expected markers after `|`".to_owned();
        let help = Some("write `key=value`, or leave out the `|`");
        return (markers, Some(MarkerTextError { range: offset - 1..offset, message, help }));
    }
    while !rest.is_empty() {
        match read_one(rest, offset + text.len() - rest.len()) {
            Ok((marker, length)) => {
                markers.push(marker);
                // Blanks at the very end are refused upstream; they do no harm.
                rest = rest[length..].trim_start();
            }
            Err(error) => return (markers, Some(error)),
        }
    }
    (markers, None)
}

/// Reads the marker that `text` begins with, and how long it is.
fn read_one(text: &str, from: usize) -> Result<(MarkerText, usize), MarkerTextError> {
    let (key, value) = text.split_at(text.find('=').unwrap_or(text.len()));
    let key_range = from..from + key.trim_end().len();
    let name: String = key.chars().filter(|c| !c.is_whitespace()).collect();
    let error =
        |message: String, help| Err(MarkerTextError { range: key_range.clone(), message, help });
    let Some(value) = value.strip_prefix('=') else {
        let help = "write `key=value`; values with blanks need double quotes";
        return error(format!("marker `{name}` has no value"), Some(help));
    };
    if name.is_empty() {
        return error("a marker has no name before `=`".to_owned(), None);
    }
    let start = from + key.len() + 1;
    let length = value_length(value).map_err(|(range, message)| MarkerTextError {
        range: start + range.start..start + range.end,
        message: format!("{message} in the value of marker `{name}`"),
        help: None,
    })?;
    let value_range = start..start + length;
    let text = &value[..length];
    let value = unquote(text);
    let verbatim = text.find(&value).map(|at| start + at);
    let end = value_range.end - from;
    Ok((MarkerText { key: name, key_range, value, value_range, verbatim }, end))
}

/// How many bytes belong to the value that `text` begins with.
///
/// Backslashes escape inside quotes only, and any closing bracket closes any open one.
fn value_length(text: &str) -> Result<usize, (Range<usize>, &'static str)> {
    let mut open: Vec<usize> = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (c, quote) {
            ('\\', Some(_)) => escaped = true,
            ('"', Some(_)) => quote = None,
            ('"', None) => quote = Some(at),
            (_, Some(_)) => {}
            ('{' | '[', None) => open.push(at),
            ('}' | ']', None) => {
                if open.pop().is_none() {
                    return Err((at..at + 1, "a bracket closes nothing"));
                }
            }
            (c, None) if c.is_whitespace() && open.is_empty() => return Ok(at),
            (_, None) => {}
        }
    }
    match (quote, open.first()) {
        (Some(at), _) => Err((at..text.len(), "a quote is not closed")),
        (None, Some(at)) => Err((*at..text.len(), "a bracket is not closed")),
        (None, None) => Ok(text.len()),
    }
}

/// Takes off the quotes at both ends and resolves `\"` and `\\` between them, also where further
/// quotes stand there.
fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next @ ('"' | '\\')) if c == '\\' => {
                value.push(next);
                chars.next();
            }
            Some(_) | None => value.push(c),
        }
    }
    value
}
