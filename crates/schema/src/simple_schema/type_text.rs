//! The part of a field before `|`.

use std::ops::Range;

use diagnostics::Code;

use crate::Type;

/// How many `[]` and `map[string]` may precede a name.
const MAX_NESTING: usize = 16;

/// The names that mean the same everywhere, also beside custom types of these names.
pub(super) const BUILT_IN: [&str; 5] = ["string", "integer", "boolean", "float", "object"];

/// A type as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TypeText<'a> {
    Scalar(Type),
    Object,
    List(Box<Self>),
    Map(Box<Self>),
    Custom { name: &'a str, start: usize },
}

/// A text that is no type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TypeTextError {
    pub(super) code: Code,
    pub(super) range: Range<usize>,
    pub(super) message: String,
}

impl<'a> TypeText<'a> {
    /// Reads a type; ranges count from the beginning of `text`.
    pub(super) fn read(text: &'a str) -> Result<Self, TypeTextError> {
        Self::read_at(text, text, 0)
    }

    /// The custom type that is named, however deeply.
    pub(super) fn custom(&self) -> Option<(&'a str, usize)> {
        match self {
            Self::Scalar(_) | Self::Object => None,
            Self::List(inner) | Self::Map(inner) => inner.custom(),
            Self::Custom { name, start } => Some((name, *start)),
        }
    }

    fn read_at(rest: &'a str, whole: &'a str, nesting: usize) -> Result<Self, TypeTextError> {
        let start = whole.len() - rest.trim_start().len();
        let rest = rest.trim();
        let range = start..start + rest.len();
        let error = |code, message| Err(TypeTextError { code, range: range.clone(), message });
        let invalid = |message: &str| error(Code::InvalidTypeSyntax, message.to_owned());
        if nesting > MAX_NESTING {
            let message =
                format!("expected at most {MAX_NESTING} levels of `[]` and `map[string]`");
            return error(Code::TypeNestedTooDeeply, message);
        }
        // The blanks at the end belong to nobody: `inner` must end where `rest` ends in `whole`.
        let whole = &whole[..start + rest.len()];
        let inner = |rest| Self::read_at(rest, whole, nesting + 1).map(Box::new);
        if rest.is_empty() {
            return invalid(if nesting == 0 {
                "expected a type"
            } else {
                "expected an element type"
            });
        }
        if let Some(element) = rest.strip_prefix("[]") {
            return inner(element).map(Self::List);
        }
        if let Some(values) = rest.strip_prefix("map[string]") {
            return inner(values).map(Self::Map);
        }
        if rest.starts_with("map[") {
            return invalid("map keys can only be strings: expected `map[string]`");
        }
        Ok(match rest {
            "string" => Self::Scalar(Type::String),
            "integer" => Self::Scalar(Type::Integer),
            "boolean" => Self::Scalar(Type::Boolean),
            "float" => Self::Scalar(Type::Number),
            "object" => Self::Object,
            name => Self::Custom { name, start },
        })
    }
}

/// The built-in type that has another name elsewhere.
pub(super) fn other_name(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "str" | "text" => "string",
        "int" | "int32" | "int64" | "long" => "integer",
        "bool" => "boolean",
        "number" | "double" | "decimal" | "float32" | "float64" => "float",
        "array" | "list" | "slice" => "[]string",
        "map" | "dict" => "map[string]string",
        "any" | "json" | "struct" => "object",
        _ => return None,
    })
}
