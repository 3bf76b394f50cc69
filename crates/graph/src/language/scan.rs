//! Finds the `${…}` expressions in a string of a template.
//!
//! Rules (facts, "String templates"): braces are counted, only double quotes delimit strings and
//! honour backslash escapes, a second `${` outside of a double-quoted string is an error unless it
//! follows a double quote, an unterminated `${` is plain text, and there is no escape for `${`.

use std::ops::Range;

/// What a string of a template consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// No expression: the string stands for itself.
    Plain,
    /// The whole string is one expression, which keeps its type; the range is that of its source.
    Standalone(Range<usize>),
    /// Literal text and expressions, joined to a string.
    Mixed(Vec<Part>),
}

/// A piece of a mixed text, as a byte range of the string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Literal text.
    Literal(Range<usize>),
    /// The source of an expression, without `${` and `}`.
    Expression(Range<usize>),
}

/// A second `${` inside of an expression, at this byte offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nested {
    /// Byte offset of the inner `${`.
    pub offset: usize,
}

/// After so many openings that nothing closes, the rest is text: each costs a look at all of it.
const MAX_UNTERMINATED: usize = 32;

/// Splits `text` into literal parts and expressions.
///
/// # Errors
///
/// [`Nested`] when an expression contains another `${` outside of a double-quoted string.
pub(crate) fn scan(text: &str) -> Result<Text, Nested> {
    let mut parts = Vec::new();
    let mut literal_start = 0;
    let mut from = 0;
    let mut unterminated = 0;
    while let Some(found) = text[from..].find("${") {
        let open = from + found;
        let Some(close) = closing_brace(text, open + 2)? else {
            unterminated += 1;
            if unterminated == MAX_UNTERMINATED {
                break;
            }
            from = open + 2;
            continue;
        };
        if literal_start < open {
            parts.push(Part::Literal(literal_start..open));
        }
        parts.push(Part::Expression(open + 2..close));
        from = close + 1;
        literal_start = from;
    }
    if parts.is_empty() {
        return Ok(Text::Plain);
    }
    if literal_start < text.len() {
        parts.push(Part::Literal(literal_start..text.len()));
    }
    match parts.as_slice() {
        [Part::Expression(range)] => Ok(Text::Standalone(range.clone())),
        _ => Ok(Text::Mixed(parts)),
    }
}

/// The offset of the brace that closes the expression which starts at `start`; `None` when the
/// text ends before.
fn closing_brace(text: &str, start: usize) -> Result<Option<usize>, Nested> {
    let bytes = text.as_bytes();
    let mut depth = 1_usize;
    let mut in_string = false;
    let mut at = start;
    let mut nested = None;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'$' if !in_string && bytes.get(at + 1) == Some(&b'{') && bytes[at - 1] != b'"' => {
                nested.get_or_insert(at);
            }
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return match nested {
                        Some(offset) => Err(Nested { offset }),
                        None => Ok(Some(at)),
                    };
                }
            }
            _ => {}
        }
        at += 1;
    }
    nested.map_or(Ok(None), |offset| Err(Nested { offset }))
}

#[cfg(test)]
mod tests {
    use super::{Nested, Part, Text, scan};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let shown: Vec<String> = match scan(text) {
            Ok(Text::Plain) => vec!["plain".to_owned()],
            Ok(Text::Standalone(range)) => vec![format!("={}", &text[range])],
            Ok(Text::Mixed(parts)) => parts
                .into_iter()
                .map(|part| match part {
                    Part::Literal(range) => format!("'{}'", &text[range]),
                    Part::Expression(range) => format!("({})", &text[range]),
                })
                .collect(),
            Err(Nested { offset }) => vec![format!("nested at {offset}")],
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn splits_text_and_expressions() {
        check("", &["plain"]);
        check("a $b {c}", &["plain"]);
        check("${a.b}", &["=a.b"]);
        check("${a}-table", &["(a)", "'-table'"]);
        check("x${a}${b}y", &["'x'", "(a)", "(b)", "'y'"]);
        check("${{\"a\": {}}}", &["={\"a\": {}}"]);
        check("$${x}", &["'$'", "(x)"]);
        check("ü${a}é", &["'ü'", "(a)", "'é'"]);
    }

    #[test]
    fn only_double_quotes_protect_braces() {
        check("${\"}\"}", &["=\"}\""]);
        check("${\"\\\"}\"}", &["=\"\\\"}\""]);
        check("${'}'}", &["(')", "''}'"]);
    }

    #[test]
    fn an_unterminated_expression_is_text() {
        check("a ${b", &["plain"]);
        check("${a}${b", &["(a)", "'${b'"]);
        check("${a \"${b}", &["'${a \"'", "(b)"]);
    }

    #[test]
    fn a_nested_expression_is_refused() {
        check("${a + ${b}}", &["nested at 6"]);
        check("${\"${b}\"}", &["=\"${b}\""]);
        check("${a + \"\"${b}}", &["=a + \"\"${b}"]);
    }
}
