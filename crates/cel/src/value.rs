//! Values: what expressions evaluate to.
//!
//! A value borrows from the bindings and from the program where it can: selecting from bound JSON copies nothing.

mod compare;
mod json;
mod list;
mod map;
mod opaque;
mod text;

use std::sync::Arc;

pub(crate) use compare::{contains, position_by_keys};
pub use json::{ConvertError, OpaqueToJson};
pub(crate) use json::{Shaped, from_json, untyped_scalar};
pub use list::List;
pub use map::{Key, Map, MapBuilder};
pub(crate) use map::{SMALL, lookup_keys, same_name};
pub use opaque::Opaque;
pub use text::{Bytes, Str};

use crate::{Duration, Timestamp, Type};

/// A value.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating point number.
    Double(f64),
    /// Text.
    String(Str<'a>),
    /// Bytes.
    Bytes(Bytes<'a>),
    /// A point in time.
    Timestamp(Timestamp),
    /// A span of time.
    Duration(Duration),
    /// A list.
    List(List<'a>),
    /// A map or an object.
    Map(Map<'a>),
    /// A type.
    Type(Arc<Type>),
    /// A value that may be absent.
    Optional(Option<Arc<Value<'a>>>),
    /// A value of a library's own type.
    Opaque(Arc<dyn Opaque>),
}

/// What a function gives back.
pub type CallResult<'a> = Result<Value<'a>, Box<crate::ErrorKind>>;

impl<'a> Value<'a> {
    /// Text that the value owns.
    pub fn string(text: impl Into<String>) -> Value<'a> {
        Value::String(Str::Owned(text.into()))
    }

    /// Bytes that the value owns.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Value<'a> {
        Value::Bytes(Bytes::Shared(bytes.into()))
    }

    /// A list of these elements.
    pub fn list(elements: Vec<Value<'a>>) -> Value<'a> {
        Value::List(List::Owned(Arc::new(elements)))
    }

    /// A list of texts.
    pub fn strings<T: Into<String>>(elements: impl IntoIterator<Item = T>) -> Value<'a> {
        Value::list(elements.into_iter().map(Value::string).collect())
    }

    /// A present optional.
    pub fn some(value: Value<'a>) -> Value<'a> {
        Value::Optional(Some(Arc::new(value)))
    }

    /// The text, if the value is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The opaque value of this Rust type, if the value is one.
    pub fn downcast<T: Opaque>(&self) -> Option<&T> {
        match self {
            Value::Opaque(opaque) => {
                let any: &dyn std::any::Any = &**opaque;
                any.downcast_ref()
            }
            _ => None,
        }
    }

    /// The type that the value has at run time; parameters of lists and maps are `dyn`.
    pub fn type_of(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Uint(_) => Type::Uint,
            Value::Double(_) => Type::Double,
            Value::String(_) => Type::String,
            Value::Bytes(_) => Type::Bytes,
            Value::Timestamp(_) => Type::Timestamp,
            Value::Duration(_) => Type::Duration,
            Value::List(_) => Type::list(Type::Dyn),
            Value::Map(map) => match map.object_name() {
                Some(name) => Type::Object(name.clone()),
                None => Type::map(Type::Dyn, Type::Dyn),
            },
            Value::Type(_) => Type::type_of(Type::Dyn),
            Value::Optional(_) => Type::optional(Type::Dyn),
            Value::Opaque(opaque) => Type::opaque(opaque.type_name()),
        }
    }

    /// The name of that type, without parameters.
    pub fn type_name(&self) -> &str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::List(_) => "list",
            Value::Map(map) => map.object_name().map_or("map", |name| name),
            Value::Type(_) => "type",
            Value::Optional(_) => "optional_type",
            Value::Opaque(opaque) => opaque.type_name(),
        }
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(v) => Value::Bool(v),
            Value::Int(v) => Value::Int(v),
            Value::Uint(v) => Value::Uint(v),
            Value::Double(v) => Value::Double(v),
            Value::String(v) => Value::String(v.into_owned()),
            Value::Bytes(v) => Value::Bytes(v.into_owned()),
            Value::Timestamp(v) => Value::Timestamp(v),
            Value::Duration(v) => Value::Duration(v),
            Value::List(v) => Value::List(v.into_owned()),
            Value::Map(v) => Value::Map(v.into_owned()),
            Value::Type(v) => Value::Type(v),
            Value::Optional(v) => {
                Value::Optional(v.map(|v| Arc::new(Value::clone(&v).into_owned())))
            }
            Value::Opaque(v) => Value::Opaque(v),
        }
    }

    /// False, zero, empty, null and the first instant of the year 1.
    pub fn is_zero(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Bool(v) => !v,
            Value::Int(v) => *v == 0,
            Value::Uint(v) => *v == 0,
            Value::Double(v) => *v == 0.0,
            Value::String(v) => v.is_empty(),
            Value::Bytes(v) => v.is_empty(),
            Value::Timestamp(v) => v.is_first(),
            Value::Duration(v) => v.nanos() == 0,
            Value::List(v) => v.is_empty(),
            Value::Map(v) => v.is_empty(),
            Value::Type(_) => false,
            // Also one without a value is there.
            Value::Optional(_) => false,
            Value::Opaque(_) => false,
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(v: bool) -> Self {
        Value::Bool(v)
    }
}

impl From<i64> for Value<'_> {
    fn from(v: i64) -> Self {
        Value::Int(v)
    }
}

impl From<u64> for Value<'_> {
    fn from(v: u64) -> Self {
        Value::Uint(v)
    }
}

impl From<f64> for Value<'_> {
    fn from(v: f64) -> Self {
        Value::Double(v)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Value::String(Str::Borrowed(v))
    }
}

impl From<String> for Value<'_> {
    fn from(v: String) -> Self {
        Value::string(v)
    }
}
