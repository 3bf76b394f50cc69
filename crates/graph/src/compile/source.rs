//! The text of an expression, and where its bytes stand in the definition.

use crate::language::{Nested, Text};
use diagnostics::{Code, Diagnostic, FieldPath, Place};

/// An expression as it stands in a scalar.
pub(super) struct Source {
    /// What the definition says, for messages.
    pub(super) shown: String,
    pub(super) text: Text,
    /// Where the scalar stands.
    pub(super) at: FieldPath,
    /// Length of the scalar in bytes.
    length: usize,
}

// === impl Source ===

impl Source {
    /// The expression in the scalar at `at`; `None` for plain text.
    ///
    /// # Errors
    ///
    /// A diagnostic when an expression contains another one.
    pub(super) fn of(scalar: &str, at: &FieldPath) -> Result<Option<Self>, Box<Diagnostic>> {
        match Text::read(scalar) {
            Ok(None) => Ok(None),
            Ok(Some(text)) => {
                let mut ranges = text.expressions();
                let shown = match (text.is_standalone(), ranges.next()) {
                    (true, Some(range)) => &scalar[range],
                    (true, None) | (false, _) => scalar,
                };
                let (shown, at, length) = (shown.to_owned(), at.clone(), scalar.len());
                drop(ranges);
                Ok(Some(Self { shown, text, at, length }))
            }
            Err(Nested { offset }) => {
                let message = "an expression must not contain another `${`";
                let place = Place::inside(at.clone(), offset..offset + 2);
                let diagnostic = Diagnostic::error(Code::NestedExpression, place, message);
                let help = "a `${` inside of a double-quoted string is text";
                Err(Box::new(diagnostic.with_help(help)))
            }
        }
    }

    /// The expression that is all of the scalar at `at`.
    ///
    /// # Errors
    ///
    /// A diagnostic when the scalar is anything else.
    pub(super) fn standalone(scalar: &str, at: &FieldPath) -> Result<Self, Box<Diagnostic>> {
        match Self::of(scalar, at)? {
            Some(source) if source.is_standalone() => Ok(source),
            Some(_) | None => {
                let message =
                    format!("only standalone expressions are allowed here, found `{scalar}`");
                let diagnostic = Diagnostic::error(Code::NotStandalone, at, message);
                let help = "write the whole value as one expression: `${…}`";
                Err(Box::new(diagnostic.with_help(help)))
            }
        }
    }

    /// Whether it is the whole scalar.
    pub(super) fn is_standalone(&self) -> bool {
        self.text.is_standalone()
    }

    /// The place of the expression.
    pub(super) fn everywhere(&self) -> Place {
        let whole = self.text.expressions().next().filter(|_| self.is_standalone());
        Place::inside(self.at.clone(), whole.unwrap_or(0..self.length))
    }

    /// The place of a span of the expression: the whole scalar for what stands between its parts.
    pub(super) fn place(&self, span: cel::Span) -> Place {
        match self.text.in_string(span.start as usize..span.end as usize) {
            Some(range) => Place::inside(self.at.clone(), range),
            None => self.everywhere(),
        }
    }
}
