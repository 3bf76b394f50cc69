//! Equality and order of values.

use std::cmp::Ordering;

use super::{List, Map, Value};
use crate::{ErrorKind, ListSemantics};

impl<'a> Value<'a> {
    /// Equality as the language has it: numbers across types, lists and maps by their parts; values of different types differ.
    ///
    /// # Errors
    /// A part that can't be compared or that does not have its declared type.
    pub fn equals(&self, other: &Value<'a>) -> Result<bool, Box<ErrorKind>> {
        Ok(match (self, other) {
            (Value::String(a), Value::String(b)) => **a == **b,
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Uint(a), Value::Uint(b)) => a == b,
            (
                Value::Int(_) | Value::Uint(_) | Value::Double(_),
                Value::Int(_) | Value::Uint(_) | Value::Double(_),
            ) => self.compare(other) == Some(Some(Ordering::Equal)),
            (Value::Bytes(a), Value::Bytes(b)) => **a == **b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::List(a), Value::List(b)) => list_equals(a, b)?,
            (Value::Map(a), Value::Map(b)) => map_equals(a, b)?,
            (Value::Type(a), Value::Type(b)) => a.name() == b.name(),
            (Value::Optional(None), Value::Optional(None)) => true,
            (Value::Optional(Some(a)), Value::Optional(Some(b))) => a.equals(b)?,
            (Value::Opaque(a), other) => {
                if let Some(reason) = a.refuses_comparison() {
                    return Err(Box::new(ErrorKind::NotComparable { reason: reason.to_owned() }));
                }
                match other {
                    Value::Opaque(b) => a.equals(&**b)?,
                    _ => false,
                }
            }
            _ => false,
        })
    }

    /// What `==` says: as [`Value::equals`], but an error where the left value's type compares with no other.
    ///
    /// # Errors
    /// As [`Value::equals`].
    pub(crate) fn is_equal_to(&self, other: &Value<'a>) -> Result<bool, Box<ErrorKind>> {
        match (self, other) {
            (Value::Opaque(a), Value::Opaque(b)) if a.type_name() == b.type_name() => {}
            (Value::Opaque(_), Value::Null) => {}
            (Value::Opaque(a), other) if a.compares_only_with_its_type() => {
                return Err(ErrorKind::overload("==", &[self.clone(), other.clone()]));
            }
            _ => {}
        }
        self.equals(other)
    }

    /// What `!=` says: what can't be compared differs, as in the reference.
    ///
    /// # Errors
    /// A part that does not have its declared type.
    pub(crate) fn is_not_equal_to(&self, other: &Value<'a>) -> Result<bool, Box<ErrorKind>> {
        match self.is_equal_to(other) {
            Ok(equal) => Ok(!equal),
            Err(kind) => match *kind {
                ErrorKind::NoSuchOverload { .. } | ErrorKind::NotComparable { .. } => Ok(true),
                _ => Err(kind),
            },
        }
    }

    /// The order of two values: `None` without an overload, `Some(None)` where one is NaN.
    pub fn compare(&self, other: &Value<'a>) -> Option<Option<Ordering>> {
        Some(match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
            (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
            (Value::Int(a), Value::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Value::Uint(a), Value::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            // As in the reference the integer is rounded to a double.
            (Value::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
            (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Value::Uint(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
            (Value::Double(a), Value::Uint(b)) => a.partial_cmp(&(*b as f64)),
            (Value::String(a), Value::String(b)) => Some((**a).cmp(&**b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some((**a).cmp(&**b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
            _ => return None,
        })
    }
}

fn list_equals<'a>(a: &List<'a>, b: &List<'a>) -> Result<bool, Box<ErrorKind>> {
    if a.len() != b.len() {
        return Ok(false);
    }
    match a.semantics() {
        None | Some(ListSemantics::Atomic) => {
            for (a, b) in a.iter().zip(b.iter()) {
                if !a?.equals(&b?)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Some(ListSemantics::Set) => {
            let (a, b) = (a.to_vec()?, b.to_vec()?);
            Ok(all_in(&a, &b)? && all_in(&b, &a)?)
        }
        Some(ListSemantics::Map(keys)) => {
            let b = b.to_vec()?;
            for a in a.iter() {
                let a = a?;
                match position_by_keys(&b, &a, keys)? {
                    Some(at) if a.equals(&b[at])? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
    }
}

fn all_in<'a>(a: &[Value<'a>], b: &[Value<'a>]) -> Result<bool, Box<ErrorKind>> {
    for a in a {
        if !contains(b, a)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn contains<'a>(list: &[Value<'a>], value: &Value<'a>) -> Result<bool, Box<ErrorKind>> {
    for element in list {
        if element.equals(value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The element of `list` with the same values of all `keys`.
pub(crate) fn position_by_keys<'a>(
    list: &[Value<'a>],
    value: &Value<'a>,
    keys: &[std::sync::Arc<str>],
) -> Result<Option<usize>, Box<ErrorKind>> {
    'elements: for (at, element) in list.iter().enumerate() {
        let (Value::Map(a), Value::Map(b)) = (element, value) else { continue };
        for key in keys {
            match (a.get_str(key), b.get_str(key)) {
                (None, None) => {}
                (Some(a), Some(b)) => {
                    if !a?.equals(&b?)? {
                        continue 'elements;
                    }
                }
                _ => continue 'elements,
            }
        }
        return Ok(Some(at));
    }
    Ok(None)
}

fn map_equals<'a>(a: &Map<'a>, b: &Map<'a>) -> Result<bool, Box<ErrorKind>> {
    let mut size = 0;
    for (key, value) in a.entries() {
        let Some(other) = b.get_entry(&key) else { return Ok(false) };
        if !value?.equals(&other?)? {
            return Ok(false);
        }
        size += 1;
    }
    Ok(size == b.entries().count())
}
