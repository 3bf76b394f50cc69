//! A string that may hold `${…}` expressions, as one CEL expression.

use super::scan::{self, Part};
use std::ops::Range;

pub use super::scan::Nested;

/// A string with expressions, made into one CEL expression.
///
/// A string that is exactly one `${…}` keeps the type of its expression; of another string the
/// literal parts and the expressions are joined by `+`, so that all of them must be text.
///
/// ```
/// use graph::language::Text;
/// let text = Text::read("app-${schema.spec.name}")?.expect("an expression");
/// assert_eq!(text.cel(), r#""app-" + (schema.spec.name)"#);
/// assert!(!text.is_standalone());
/// # Ok::<(), graph::language::Nested>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    cel: String,
    standalone: bool,
    pieces: Vec<Piece>,
}

/// A part of the expression that stands in the string.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Where it begins in the expression.
    start: usize,
    /// Where it stands in the string.
    range: Range<usize>,
}

impl Text {
    /// Reads a string; `None` if there is no expression in it.
    ///
    /// # Errors
    ///
    /// [`Nested`] when an expression contains another `${` outside of a double-quoted string.
    pub fn read(string: &str) -> Result<Option<Self>, Nested> {
        Ok(match scan::scan(string)? {
            scan::Text::Plain => None,
            scan::Text::Standalone(range) => Some(Self {
                cel: string[range.clone()].to_owned(),
                standalone: true,
                pieces: vec![Piece { start: 0, range }],
            }),
            scan::Text::Mixed(parts) => Some(Self::joined(string, parts)),
        })
    }

    fn joined(string: &str, parts: Vec<Part>) -> Self {
        let mut text = Self { cel: String::new(), standalone: false, pieces: Vec::new() };
        for part in parts {
            if !text.cel.is_empty() {
                text.cel.push_str(" + ");
            }
            match part {
                Part::Literal(range) => push_quoted(&mut text.cel, &string[range]),
                Part::Expression(range) => {
                    text.cel.push('(');
                    text.cel.push_str(&string[range.clone()]);
                    let start = text.cel.len() - range.len();
                    text.cel.push(')');
                    text.pieces.push(Piece { start, range });
                }
            }
        }
        text
    }

    /// The CEL expression.
    #[must_use]
    pub fn cel(&self) -> &str {
        &self.cel
    }

    /// Whether the string is one expression and nothing else.
    #[must_use]
    pub fn is_standalone(&self) -> bool {
        self.standalone
    }

    /// Where the expressions stand in the string, without `${` and `}`.
    pub fn expressions(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.pieces.iter().map(|piece| piece.range.clone())
    }

    /// Where a part of the CEL expression stands in the string; `None` for what was put between
    /// the parts of the string.
    #[must_use]
    pub fn in_string(&self, span: Range<usize>) -> Option<Range<usize>> {
        let Piece { start, range } = self.pieces.iter().rfind(|piece| piece.start <= span.start)?;
        let begin = range.start + (span.start - start);
        // A mistake at the very end of an expression is still in it.
        (begin <= range.end)
            .then(|| begin..(range.start + span.end.saturating_sub(*start)).clamp(begin, range.end))
    }
}

/// Appends `literal` as a CEL string.
fn push_quoted(cel: &mut String, literal: &str) {
    cel.push('"');
    for char in literal.chars() {
        match char {
            '"' => cel.push_str("\\\""),
            '\\' => cel.push_str("\\\\"),
            '\n' => cel.push_str("\\n"),
            '\r' => cel.push_str("\\r"),
            char => cel.push(char),
        }
    }
    cel.push('"');
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[track_caller]
    fn read(string: &str) -> Text {
        Text::read(string).expect("no nested expression").expect("an expression")
    }

    #[test]
    fn places_in_the_expression_are_places_in_the_string() {
        let string = "ü\"${a.b}-${c}";
        let text = read(string);
        assert_eq!(text.cel(), r#""ü\"" + (a.b) + "-" + (c)"#);
        let place = |of: &str| {
            let start = text.cel().find(of).expect("it is there");
            text.in_string(start..start + of.len()).map(|range| &string[range])
        };
        assert_eq!(place("a.b"), Some("a.b"));
        assert_eq!(place("c"), Some("c"));
        assert_eq!(place("b"), Some("b"));
        assert_eq!(place("\"-\""), None);
        assert_eq!(place("\"ü"), None);
        assert_eq!(place("b) + "), Some("b"));
    }

    #[test]
    fn a_place_at_the_end_of_an_expression_is_in_it() {
        let text = read("${a +}");
        assert_eq!(text.in_string(3..3), Some(5..5));
        assert_eq!(text.in_string(4..4), None);
    }
}
