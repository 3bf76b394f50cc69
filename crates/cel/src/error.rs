//! What an evaluation gives when it gives no value: errors and unknowns.

use std::{fmt, sync::Arc};

use crate::{ExprId, Span, Value};

/// The result of an evaluation.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// A value.
    Value(Value<'a>),
    /// An error of a structured kind.
    Error(Box<Error>),
    /// The value depends on something that is not known yet. Outranks errors.
    Unknown(Box<Unknown>),
}

impl<'a> Outcome<'a> {
    /// The value, if it is one.
    pub fn value(self) -> Option<Value<'a>> {
        match self {
            Outcome::Value(value) => Some(value),
            Outcome::Error(_) | Outcome::Unknown(_) => None,
        }
    }

    /// The value, or why there is none.
    ///
    /// # Errors
    /// The error or the unknown.
    pub fn into_result(self) -> Result<Value<'a>, Stop> {
        match self {
            Outcome::Value(value) => Ok(value),
            Outcome::Error(error) => Err(Stop::Error(error)),
            Outcome::Unknown(unknown) => Err(Stop::Unknown(unknown)),
        }
    }
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// An error.
    Error(Box<Error>),
    /// An unknown.
    Unknown(Box<Unknown>),
}

/// Attributes whose values are awaited: sorted, without repetition, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub(crate) attributes: Vec<Attribute>,
}

impl Unknown {
    /// An unknown that waits for one attribute.
    pub fn new(attribute: Attribute) -> Unknown {
        Unknown { attributes: vec![attribute] }
    }

    /// What is awaited.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    pub(crate) fn merge(&mut self, other: Unknown) {
        self.attributes.extend(other.attributes);
        self.attributes.sort();
        self.attributes.dedup();
    }
}

/// A variable and a path into its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attribute {
    /// The variable.
    pub root: Arc<str>,
    /// The way from there.
    pub path: Vec<PathStep>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathStep {
    /// A field or a string key.
    Field(Arc<str>),
    /// A position in a list or an integer key.
    Index(i64),
    /// An unsigned integer key.
    UintKey(u64),
    /// A boolean key.
    BoolKey(bool),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for step in &self.path {
            match step {
                PathStep::Field(name) if crate::parse::is_identifier(name) => write!(f, ".{name}")?,
                PathStep::Field(name) => write!(f, "[{name:?}]")?,
                PathStep::Index(i) => write!(f, "[{i}]")?,
                PathStep::UintKey(i) => write!(f, "[{i}u]")?,
                PathStep::BoolKey(b) => write!(f, "[{b}]")?,
            }
        }
        Ok(())
    }
}

/// An error of an evaluation with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The node that failed.
    pub expr: ExprId,
    /// Where that node stands.
    pub span: Span,
    /// The attribute that was read, up to and including the step that failed, where a variable was read.
    pub attribute: Option<Attribute>,
}

impl Error {
    /// True exactly when data that exists lacks a part that may still come: a missing key, field or attribute, or an index beyond
    /// the end of a list.
    pub fn is_missing_data(&self) -> bool {
        self.kind.is_missing_data()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {}

/// What went wrong in an evaluation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A map or an object without this key.
    NoSuchKey {
        /// The key, as text.
        key: String,
    },
    /// An object type without this field.
    NoSuchField {
        /// The field.
        field: String,
    },
    /// A declared variable that is not bound.
    NoSuchAttribute {
        /// The variable.
        name: String,
    },
    /// A position that the list does not have.
    IndexOutOfBounds {
        /// The position.
        index: i64,
        /// How many elements there are.
        size: usize,
    },
    /// A result outside of its type.
    Overflow {
        /// `integer`, `unsigned integer`, `timestamp`, `duration`.
        what: &'static str,
    },
    /// Division by zero.
    DivisionByZero,
    /// Remainder of a division by zero.
    ModulusByZero,
    /// No overload takes values of these types.
    NoSuchOverload {
        /// The function.
        function: String,
        /// Types of the arguments, the target first.
        args: Vec<String>,
    },
    /// An argument that the function does not take.
    InvalidArgument {
        /// The function.
        function: &'static str,
        /// Why.
        reason: String,
    },
    /// A value that cannot be converted.
    Conversion {
        /// Type of the value.
        from: &'static str,
        /// Type that was asked for.
        to: &'static str,
        /// The value, where it is short.
        value: String,
    },
    /// Data that does not have its declared type.
    InvalidData {
        /// The declared type.
        expected: String,
        /// What the data is.
        found: String,
    },
    /// A key of a type that maps do not have.
    UnsupportedKey {
        /// Type of the key.
        found: String,
    },
    /// An index of a type that the container does not take.
    UnsupportedIndex {
        /// The index or its type.
        found: String,
    },
    /// A key twice in one map.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The value of an empty optional was asked for.
    EmptyOptional,
    /// Comparison with a value that cannot be compared.
    NotComparable {
        /// Why.
        reason: String,
    },
    /// A result that is larger than results may be.
    TooLarge {
        /// The largest text in bytes, or the largest value in units of [`cost`](crate::cost).
        limit: u64,
    },
    /// The evaluation costs more than it may.
    BudgetExceeded {
        /// The limit.
        limit: u64,
    },
    /// A fault of a function that fits no other kind.
    Other(String),
}

impl std::error::Error for ErrorKind {}

impl ErrorKind {
    /// See [`Error::is_missing_data`].
    pub fn is_missing_data(&self) -> bool {
        matches!(
            self,
            ErrorKind::NoSuchKey { .. }
                | ErrorKind::NoSuchField { .. }
                | ErrorKind::NoSuchAttribute { .. }
                | ErrorKind::IndexOutOfBounds { .. }
        )
    }

    /// What went wrong, for those who must not see the data: of what may come from it, only what
    /// stands in the expression, too.
    pub fn discreet(&self, expression: &str) -> String {
        let known = |text: &str| {
            if expression.contains(text) { text.to_owned() } else { "…".to_owned() }
        };
        match self {
            ErrorKind::NoSuchKey { key } => format!("no such key: {}", known(key)),
            ErrorKind::NoSuchField { field } => format!("no such field: {}", known(field)),
            ErrorKind::InvalidArgument { function, .. } => {
                format!("{function}: an argument that it does not take")
            }
            ErrorKind::Conversion { from, to, .. } => format!("cannot convert {from} to {to}"),
            ErrorKind::InvalidData { expected, .. } => format!("invalid data: expected {expected}"),
            ErrorKind::DuplicateKey { key } => {
                format!("key `{}` stands twice in one map", known(key))
            }
            ErrorKind::UnsupportedIndex { .. } => "unsupported index".to_owned(),
            ErrorKind::NotComparable { .. } => "values that cannot be compared".to_owned(),
            ErrorKind::IndexOutOfBounds { .. } => "index out of bounds".to_owned(),
            ErrorKind::Other(_) => "a function failed".to_owned(),
            ErrorKind::NoSuchAttribute { .. }
            | ErrorKind::Overflow { .. }
            | ErrorKind::DivisionByZero
            | ErrorKind::ModulusByZero
            | ErrorKind::NoSuchOverload { .. }
            | ErrorKind::UnsupportedKey { .. }
            | ErrorKind::EmptyOptional
            | ErrorKind::TooLarge { .. }
            | ErrorKind::BudgetExceeded { .. } => self.to_string(),
        }
    }

    pub(crate) fn overload(function: &str, args: &[Value<'_>]) -> Box<ErrorKind> {
        Box::new(ErrorKind::NoSuchOverload {
            function: function.to_owned(),
            args: args.iter().map(|arg| arg.type_name().to_owned()).collect(),
        })
    }

    pub(crate) fn too_long() -> Box<ErrorKind> {
        Box::new(ErrorKind::TooLarge { limit: crate::cost::MAX_TEXT as u64 })
    }

    pub(crate) fn argument(function: &'static str, reason: impl Into<String>) -> Box<ErrorKind> {
        Box::new(ErrorKind::InvalidArgument { function, reason: reason.into() })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::NoSuchKey { key } => write!(f, "no such key: {key}"),
            ErrorKind::NoSuchField { field } => write!(f, "no such field: {field}"),
            ErrorKind::NoSuchAttribute { name } => write!(f, "no such attribute: {name}"),
            ErrorKind::IndexOutOfBounds { index, .. } => write!(f, "index out of bounds: {index}"),
            ErrorKind::Overflow { what } => write!(f, "{what} overflow"),
            ErrorKind::DivisionByZero => f.write_str("division by zero"),
            ErrorKind::ModulusByZero => f.write_str("modulus by zero"),
            ErrorKind::NoSuchOverload { function, args } => {
                write!(f, "no such overload: {function}({})", args.join(", "))
            }
            ErrorKind::InvalidArgument { function, reason } => write!(f, "{function}: {reason}"),
            ErrorKind::Conversion { from, to, value } => {
                write!(f, "cannot convert {from} `{value}` to {to}")
            }
            ErrorKind::InvalidData { expected, found } => {
                write!(f, "invalid data: expected {expected}, found {found}")
            }
            ErrorKind::UnsupportedKey { found } => write!(f, "unsupported key type {found}"),
            ErrorKind::UnsupportedIndex { found } => write!(f, "unsupported index {found}"),
            ErrorKind::DuplicateKey { key } => write!(f, "key `{key}` stands twice in one map"),
            ErrorKind::EmptyOptional => f.write_str("the optional has no value"),
            ErrorKind::NotComparable { reason } => f.write_str(reason),
            ErrorKind::TooLarge { limit } => write!(f, "the result is larger than {limit}"),
            ErrorKind::BudgetExceeded { limit } => {
                write!(f, "the evaluation costs more than {limit}")
            }
            ErrorKind::Other(reason) => f.write_str(reason),
        }
    }
}
