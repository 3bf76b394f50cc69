//! What can be wrong with an expression before it is evaluated.

use std::fmt;

use crate::{Span, Type};

/// A mistake in an expression, found by the parser, the checker or the planner.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// What is wrong.
    pub kind: MistakeKind,
    /// Where.
    pub span: Span,
}

/// Which step found a [`Mistake`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The text is not an expression.
    Parse,
    /// Names or types do not fit.
    Check,
    /// A constant argument can never be right.
    Plan,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MistakeKind {
    /// Something else should stand here.
    Unexpected {
        /// What would be right.
        expected: &'static str,
        /// What stands there, or nothing at the end.
        found: Option<String>,
    },
    /// A character that is part of no expression.
    BadCharacter(char),
    /// A string without its closing quote.
    UnterminatedString,
    /// An escape sequence that does not exist or names no character.
    BadEscape(String),
    /// A number that is no number or lies outside of its type.
    BadNumber(String),
    /// A word that the language reserves.
    ReservedWord(String),
    /// Nesting beyond the limit.
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Text beyond the limit.
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A type with more parts than the limit.
    TooComplex {
        /// The limit.
        limit: usize,
    },
    /// A macro got an argument that it does not take.
    BadMacroArgument {
        /// The macro.
        function: String,
        /// What it takes, as a sentence without full stop.
        expected: String,
    },
    /// A name that is not declared.
    UndeclaredReference {
        /// The name.
        name: String,
        /// The container in which it was looked up.
        container: String,
        /// True for a function.
        function: bool,
        /// Similar names that are declared, the best first.
        candidates: Vec<String>,
    },
    /// A field that the object type does not have.
    UndefinedField {
        /// The object type.
        object: Type,
        /// The field.
        field: String,
        /// Similar fields that exist, the best first.
        candidates: Vec<String>,
    },
    /// A required field that the construction of an object leaves out.
    MissingField {
        /// The object type.
        object: Type,
        /// The field.
        field: String,
    },
    /// A type without fields before a dot.
    NotSelectable {
        /// That type.
        found: Type,
    },
    /// Something else than a list or map before a comprehension.
    NotIterable {
        /// That type.
        found: Type,
    },
    /// No overload takes these arguments.
    NoMatchingOverload {
        /// The function.
        function: String,
        /// Types of the arguments, the target first.
        args: Vec<Type>,
        /// Whether the first of `args` is the target.
        member: bool,
        /// Signatures that exist.
        candidates: Vec<String>,
    },
    /// One type where another is needed.
    TypeMismatch {
        /// What is needed.
        expected: Type,
        /// What is there.
        found: Type,
    },
    /// A name that is no type before `{`.
    NotAnObjectType {
        /// The name.
        name: String,
    },
    /// A constant that the function can never take.
    BadConstant {
        /// The function.
        function: String,
        /// Why.
        reason: String,
    },
    /// A name that has no value at run time.
    NoValue {
        /// The name.
        name: String,
    },
}

impl Mistake {
    pub(crate) fn new(kind: MistakeKind, span: Span) -> Self {
        Self { kind, span }
    }

    /// Which step finds mistakes of this kind.
    pub fn phase(&self) -> Phase {
        match self.kind {
            MistakeKind::Unexpected { .. }
            | MistakeKind::BadCharacter(_)
            | MistakeKind::UnterminatedString
            | MistakeKind::BadEscape(_)
            | MistakeKind::BadNumber(_)
            | MistakeKind::ReservedWord(_)
            | MistakeKind::TooDeep { .. }
            | MistakeKind::TooLong { .. }
            | MistakeKind::BadMacroArgument { .. } => Phase::Parse,
            MistakeKind::UndeclaredReference { .. }
            | MistakeKind::UndefinedField { .. }
            | MistakeKind::MissingField { .. }
            | MistakeKind::NotSelectable { .. }
            | MistakeKind::NotIterable { .. }
            | MistakeKind::NoMatchingOverload { .. }
            | MistakeKind::TypeMismatch { .. }
            | MistakeKind::NotAnObjectType { .. }
            | MistakeKind::TooComplex { .. } => Phase::Check,
            MistakeKind::BadConstant { .. } | MistakeKind::NoValue { .. } => Phase::Plan,
        }
    }

    /// The most likely right name, where a name is wrong.
    pub fn suggestion(&self) -> Option<&str> {
        match &self.kind {
            MistakeKind::UndeclaredReference { candidates, .. }
            | MistakeKind::UndefinedField { candidates, .. } => {
                candidates.first().map(String::as_str)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            MistakeKind::Unexpected { expected, found: Some(found) } => {
                write!(f, "expected {expected}, found `{found}`")
            }
            MistakeKind::Unexpected { expected, found: None } => {
                write!(f, "expected {expected}, found the end of the expression")
            }
            MistakeKind::BadCharacter(c) => write!(f, "unexpected character {c:?}"),
            MistakeKind::UnterminatedString => f.write_str("the closing quote is missing"),
            MistakeKind::BadEscape(text) => write!(f, "`{text}` is not a valid escape sequence"),
            MistakeKind::BadNumber(text) => write!(f, "`{text}` is not a number in range"),
            MistakeKind::ReservedWord(word) => write!(f, "`{word}` is a reserved word"),
            MistakeKind::TooDeep { limit } => {
                write!(f, "the expression is nested deeper than {limit} levels")
            }
            MistakeKind::TooLong { limit } => {
                write!(f, "the expression is longer than {limit} bytes")
            }
            MistakeKind::TooComplex { limit } => {
                write!(f, "the type of this has more than {limit} parts")
            }
            MistakeKind::BadMacroArgument { function, expected } => {
                write!(f, "`{function}` {expected}")
            }
            MistakeKind::UndeclaredReference { name, container, function, .. } => {
                let what = if *function { "function" } else { "reference" };
                write!(f, "undeclared {what} `{name}`")?;
                if container.is_empty() {
                    Ok(())
                } else {
                    write!(f, " (in container `{container}`)")
                }
            }
            MistakeKind::UndefinedField { object, field, .. } => {
                write!(f, "undefined field `{field}` of `{object}`")
            }
            MistakeKind::MissingField { object, field } => {
                write!(f, "`{object}` needs the field `{field}`")
            }
            MistakeKind::NotSelectable { found } => {
                write!(f, "a value of type `{found}` has no fields")
            }
            MistakeKind::NotIterable { found } => {
                write!(f, "expected a list or a map to run over, found `{found}`")
            }
            MistakeKind::NoMatchingOverload { function, args, member, .. } => {
                write!(f, "no overload of `{function}` takes ")?;
                let mut rest = args.as_slice();
                if let (true, [target, others @ ..]) = (*member, args.as_slice()) {
                    write!(f, "`{target}`.")?;
                    rest = others;
                }
                f.write_str("(")?;
                for (i, arg) in rest.iter().enumerate() {
                    write!(f, "{}`{arg}`", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            MistakeKind::TypeMismatch { expected, found } => {
                write!(f, "expected type `{expected}`, found `{found}`")
            }
            MistakeKind::NotAnObjectType { name } => write!(f, "`{name}` is not an object type"),
            MistakeKind::BadConstant { function, reason } => write!(f, "`{function}`: {reason}"),
            MistakeKind::NoValue { name } => write!(f, "`{name}` has no value at run time"),
        }
    }
}
