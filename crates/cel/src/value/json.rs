//! JSON as values, and values as JSON.

use base64::Engine as _;
use serde_json::Value as Json;

use crate::{
    Duration, ErrorKind, List, Map, Str, Timestamp, Type, Value,
    shape::{Shape, Shapes},
};

/// A part of bound JSON with the table and the index of its declared type.
pub(crate) struct Shaped<'a, T> {
    pub(crate) json: &'a T,
    pub(crate) shapes: &'a Shapes,
    pub(crate) shape: u32,
}

impl<T> Clone for Shaped<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Shaped<'_, T> {}

impl<T> std::fmt::Debug for Shaped<'_, T>
where
    T: std::fmt::Debug,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.json.fmt(f)
    }
}

impl<'a, T> Shaped<'a, T> {
    pub(crate) fn shape(self) -> &'a Shape {
        self.shapes.get(self.shape)
    }

    pub(crate) fn is_untyped(self) -> bool {
        matches!(self.shape(), Shape::Dyn)
    }

    /// The same data, read as the JSON says.
    pub(crate) fn untyped(self) -> Shaped<'a, T> {
        Shaped { json: self.json, shapes: &crate::shape::UNTYPED, shape: Shapes::DYN }
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

fn number<'a>(number: &serde_json::Number) -> Value<'a> {
    if let Some(v) = number.as_i64() {
        Value::Int(v)
    } else if let Some(v) = number.as_u64() {
        Value::Uint(v)
    } else {
        Value::Double(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// Untyped JSON without parts as a value.
#[inline]
pub(crate) fn untyped_scalar(json: &Json) -> Option<Value<'_>> {
    match json {
        Json::String(v) => Some(Value::String(Str::Borrowed(v))),
        Json::Bool(v) => Some(Value::Bool(*v)),
        Json::Number(v) => Some(number(v)),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// JSON as a value of its declared type.
pub(crate) fn from_json<'a>(
    json: &'a Json,
    shapes: &'a Shapes,
    shape: u32,
) -> Result<Value<'a>, Box<ErrorKind>> {
    let declared = shapes.get(shape);
    let invalid = |expected: &str| {
        Box::new(ErrorKind::InvalidData {
            expected: expected.to_owned(),
            found: kind(json).to_owned(),
        })
    };
    Ok(match (declared, json) {
        (Shape::Dyn, Json::Null) => Value::Null,
        (Shape::Dyn, Json::Bool(v)) => Value::Bool(*v),
        (Shape::Dyn, Json::Number(v)) => number(v),
        (Shape::Dyn, Json::String(v)) => Value::String(Str::Borrowed(v)),
        (Shape::Dyn | Shape::List { .. }, Json::Array(v)) => {
            Value::List(List::Json(Shaped { json: v, shapes, shape }))
        }
        (Shape::Dyn | Shape::Map { .. } | Shape::Object(_), Json::Object(v)) => {
            Value::Map(Map::Json(Shaped { json: v, shapes, shape }))
        }
        (Shape::Scalar(ty), json) => scalar(ty, json)?,
        (Shape::List { .. }, _) => return Err(invalid("an array")),
        (Shape::Map { .. } | Shape::Object(_), _) => return Err(invalid("an object")),
        (Shape::IntOrString, Json::String(v)) => Value::String(Str::Borrowed(v)),
        (Shape::IntOrString, json) => match scalar(&Type::Int, json) {
            Ok(value) => value,
            Err(_) => return Err(invalid("a whole number or a string")),
        },
        (Shape::Invalid, _) => return Err(invalid("data with a declared type")),
    })
}

fn scalar<'a>(ty: &Type, json: &'a Json) -> Result<Value<'a>, Box<ErrorKind>> {
    let found = || match json {
        Json::String(text) if text.len() <= 64 => format!("`{text}`"),
        json => kind(json).to_owned(),
    };
    let value = match (ty, json) {
        (Type::String, Json::String(v)) => Some(Value::String(Str::Borrowed(v))),
        (Type::Bool, Json::Bool(v)) => Some(Value::Bool(*v)),
        (Type::Null | Type::Wrapper(_), Json::Null) => Some(Value::Null),
        (Type::Wrapper(inner), json) => return scalar(inner, json),
        (Type::Int, Json::Number(v)) => match (v.as_i64(), v.as_f64()) {
            (Some(v), _) => Some(Value::Int(v)),
            // Exact for every whole number below 2^63; -2^63 itself is a double too.
            (None, Some(v)) if v.trunc() == v && (-(2f64.powi(63))..2f64.powi(63)).contains(&v) => {
                Some(Value::Int(v as i64))
            }
            _ => None,
        },
        (Type::Uint, Json::Number(v)) => v.as_u64().map(Value::Uint),
        (Type::Double, Json::Number(v)) => v.as_f64().map(Value::Double),
        (Type::Bytes, Json::String(v)) => {
            base64::engine::general_purpose::STANDARD.decode(v).ok().map(Value::bytes)
        }
        (Type::Timestamp, Json::String(v)) => Timestamp::parse_lenient(v).map(Value::Timestamp),
        (Type::Duration, Json::String(v)) => Duration::parse_lenient(v).map(Value::Duration),
        _ => None,
    };
    value.ok_or_else(|| {
        Box::new(ErrorKind::InvalidData { expected: ty.to_string(), found: found() })
    })
}

/// Why a value has no JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConvertError {
    /// Values of this type have none.
    UnsupportedType(String),
    /// A key of a map that is no text; its type.
    UnsupportedKey(String),
    /// An unsigned integer beyond the signed range.
    TooLarge(u64),
    /// NaN or infinity.
    NotFinite,
    /// Bound data that does not have its declared type.
    Data(Box<ErrorKindText>),
}

/// The message of an evaluation error inside of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorKindText(pub String);

impl std::fmt::Display for ConvertError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConvertError::UnsupportedType(name) => {
                write!(f, "a value of type `{name}` has no JSON form")
            }
            ConvertError::UnsupportedKey(name) => {
                write!(f, "keys of a JSON object are strings, found a key of type `{name}`")
            }
            ConvertError::TooLarge(v) => write!(f, "{v} is larger than the largest signed integer"),
            ConvertError::NotFinite => f.write_str("NaN and infinity have no JSON form"),
            ConvertError::Data(text) => f.write_str(&text.0),
        }
    }
}

impl std::error::Error for ConvertError {}

/// Gives the JSON of an opaque value; `None` leaves out what has the value.
pub type OpaqueToJson<'f> =
    dyn FnMut(&dyn super::Opaque) -> Result<Option<Json>, ConvertError> + 'f;

impl Value<'_> {
    /// The value as JSON: optionals give their value or null, timestamps RFC 3339 in whole seconds, durations Go's notation.
    /// As in Go, the first instant of the year 1 is no time: null.
    /// What was bound as JSON comes out as it went in, but for elements of a list that has a declared type.
    ///
    /// # Errors
    /// Bytes, types, opaque values, keys that are no text, unsigned integers beyond the signed range and numbers that are not
    /// finite have no JSON form.
    pub fn to_json(&self) -> Result<Json, ConvertError> {
        self.to_json_with(&mut |opaque| {
            Err(ConvertError::UnsupportedType(opaque.type_name().to_owned()))
        })
        .map(|json| json.unwrap_or(Json::Null))
    }

    /// As [`Value::to_json`], with a say about opaque values: `None` leaves the element or entry out that has the value.
    ///
    /// # Errors
    /// As [`Value::to_json`] and whatever `opaque` refuses.
    pub fn to_json_with(
        &self,
        opaque: &mut OpaqueToJson<'_>,
    ) -> Result<Option<Json>, ConvertError> {
        let data = |e: Box<ErrorKind>| ConvertError::Data(Box::new(ErrorKindText(e.to_string())));
        Ok(Some(match self {
            Value::Null | Value::Optional(None) => Json::Null,
            Value::Timestamp(v) if v.is_first() => Json::Null,
            Value::Bool(v) => Json::Bool(*v),
            Value::Int(v) => Json::from(*v),
            Value::Uint(v) => match i64::try_from(*v) {
                Ok(v) => Json::from(v),
                Err(_) => return Err(ConvertError::TooLarge(*v)),
            },
            Value::Double(v) => match serde_json::Number::from_f64(*v) {
                Some(v) => Json::Number(v),
                None => return Err(ConvertError::NotFinite),
            },
            Value::String(v) => Json::String(v.to_string()),
            Value::Timestamp(v) => Json::String(v.to_seconds_string()),
            Value::Duration(v) => Json::String(v.to_string()),
            Value::List(List::Json(v)) if matches!(v.shape(), Shape::Dyn) => {
                Json::Array(v.json.clone())
            }
            Value::List(list) => {
                let mut array = Vec::with_capacity(list.len());
                for element in list.iter() {
                    array.extend(element.map_err(data)?.to_json_with(opaque)?);
                }
                Json::Array(array)
            }
            Value::Map(Map::Json(v)) => Json::Object(v.json.clone()),
            Value::Map(map) => {
                let mut object = serde_json::Map::new();
                for (key, value) in map.entries() {
                    let super::Key::String(key) = key else {
                        return Err(ConvertError::UnsupportedKey(key.type_name().to_owned()));
                    };
                    if let Some(value) = value.map_err(data)?.to_json_with(opaque)? {
                        object.insert(key.to_string(), value);
                    }
                }
                Json::Object(object)
            }
            Value::Optional(Some(v)) => return v.to_json_with(opaque),
            Value::Opaque(v) => return opaque(&**v),
            Value::Bytes(_) | Value::Type(_) => {
                return Err(ConvertError::UnsupportedType(self.type_name().to_owned()));
            }
        }))
    }

    /// Untyped JSON as a value that borrows from it.
    pub fn from_json(json: &Json) -> Value<'_> {
        // Untyped data is always valid.
        from_json(json, &crate::shape::UNTYPED, Shapes::DYN).unwrap_or(Value::Null)
    }
}
