//! Types of expressions.

use std::{fmt, sync::Arc};

/// The type of an expression or of a value.
///
/// Cloning is cheap: composed types share their parameters.
/// [`Display`](fmt::Display) writes a type as cel-go does, for instance `map(string, int)` or `google.protobuf.Timestamp`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Checked at run time only; fits everything.
    Dyn,
    /// What an expression with a mistake has; fits everything, so that one mistake is told once.
    Error,
    /// The type of `null`.
    Null,
    /// `bool`.
    Bool,
    /// 64-bit signed integer.
    Int,
    /// 64-bit unsigned integer.
    Uint,
    /// 64-bit floating point number.
    Double,
    /// Unicode text.
    String,
    /// A sequence of bytes.
    Bytes,
    /// A point in time.
    Timestamp,
    /// A span of time.
    Duration,
    /// A list with elements of one type.
    List(Arc<Type>),
    /// A map from keys of the first type to values of the second.
    Map(Arc<(Type, Type)>),
    /// A type as a value, for instance that of `int` or of `type(x)`.
    Type(Arc<Type>),
    /// A value that may be absent.
    Optional(Arc<Type>),
    /// A primitive that may be null.
    Wrapper(Arc<Type>),
    /// An object type declared in the [`Env`](crate::Env), by its name.
    Object(Arc<str>),
    /// A type of a library, by its name, with parameters.
    Opaque(Arc<OpaqueType>),
    /// A type parameter in the signature of a function.
    Param(Arc<str>),
    /// A type that the checker still has to find out. Never part of a result of a check.
    Var(u32),
}

/// Name and parameters of an opaque type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpaqueType {
    /// Qualified name, for instance `kubernetes.Quantity`.
    pub name: Arc<str>,
    /// Type parameters.
    pub params: Vec<Type>,
}

impl Type {
    /// `list(element)`.
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// `map(key, value)`.
    pub fn map(key: Type, value: Type) -> Type {
        Type::Map(Arc::new((key, value)))
    }

    /// `optional_type(inner)`.
    pub fn optional(inner: Type) -> Type {
        Type::Optional(Arc::new(inner))
    }

    /// `type(inner)`.
    pub fn type_of(inner: Type) -> Type {
        Type::Type(Arc::new(inner))
    }

    /// `wrapper(inner)`: `inner` or null.
    pub fn wrapper(inner: Type) -> Type {
        Type::Wrapper(Arc::new(inner))
    }

    /// The declared object type `name`.
    pub fn object(name: &str) -> Type {
        Type::Object(name.into())
    }

    /// The opaque type `name` without parameters.
    pub fn opaque(name: &str) -> Type {
        Type::Opaque(Arc::new(OpaqueType { name: name.into(), params: Vec::new() }))
    }

    /// True for `dyn` and for the type of a mistake.
    pub fn is_dyn_or_error(&self) -> bool {
        matches!(self, Type::Dyn | Type::Error)
    }

    /// Has the type more than `limit` parts, those that are shared counted as often as they occur?
    pub(crate) fn is_larger_than(&self, limit: usize) -> bool {
        fn count(ty: &Type, left: &mut usize) -> bool {
            let Some(rest) = left.checked_sub(1) else { return true };
            *left = rest;
            match ty {
                Type::List(inner)
                | Type::Type(inner)
                | Type::Optional(inner)
                | Type::Wrapper(inner) => count(inner, left),
                Type::Map(entry) => count(&entry.0, left) || count(&entry.1, left),
                Type::Opaque(opaque) => opaque.params.iter().any(|param| count(param, left)),
                Type::Dyn
                | Type::Error
                | Type::Null
                | Type::Bool
                | Type::Int
                | Type::Uint
                | Type::Double
                | Type::String
                | Type::Bytes
                | Type::Timestamp
                | Type::Duration
                | Type::Object(_)
                | Type::Param(_)
                | Type::Var(_) => false,
            }
        }
        let mut left = limit;
        count(self, &mut left)
    }

    /// May a value of type `other` be used where this type is expected?
    ///
    /// The nominal rule of the checker: `dyn` fits and takes everything, containers go by their parameters, null goes into
    /// objects, timestamps, durations, wrappers, optionals and opaque types.
    pub fn is_assignable_from(&self, other: &Type) -> bool {
        crate::check::Substitution::default().assign(other, self)
    }

    /// The name that a type has at run time, without parameters: `list` for `list(int)`.
    pub fn name(&self) -> &str {
        match self {
            Type::Dyn => "dyn",
            Type::Error => "*error*",
            Type::Null => "null_type",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::String => "string",
            Type::Bytes => "bytes",
            Type::Timestamp => "google.protobuf.Timestamp",
            Type::Duration => "google.protobuf.Duration",
            Type::List(_) => "list",
            Type::Map(_) => "map",
            Type::Type(_) => "type",
            Type::Optional(_) => "optional_type",
            Type::Wrapper(_) => "wrapper",
            Type::Object(name) | Type::Param(name) => name,
            Type::Opaque(opaque) => &opaque.name,
            Type::Var(_) => "dyn",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::List(element) => write!(f, "list({element})"),
            Type::Map(entry) => write!(f, "map({}, {})", entry.0, entry.1),
            Type::Type(inner) => write!(f, "type({inner})"),
            Type::Optional(inner) => write!(f, "optional_type({inner})"),
            Type::Wrapper(inner) => write!(f, "wrapper({inner})"),
            Type::Opaque(opaque) if !opaque.params.is_empty() => {
                write!(f, "{}(", opaque.name)?;
                for (i, param) in opaque.params.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{param}")?;
                }
                f.write_str(")")
            }
            Type::Dyn
            | Type::Error
            | Type::Null
            | Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::Timestamp
            | Type::Duration
            | Type::Object(_)
            | Type::Opaque(_)
            | Type::Param(_)
            | Type::Var(_) => f.write_str(self.name()),
        }
    }
}
