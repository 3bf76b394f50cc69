//! Values of types that libraries bring along.

use std::{any::Any, fmt};

use crate::{ErrorKind, Value};

/// A value of a library's own type, for instance an IP address.
pub trait Opaque: Any + fmt::Debug + Send + Sync {
    /// The qualified name of the type.
    fn type_name(&self) -> &str;

    /// Equality with another value of any opaque type.
    ///
    /// # Errors
    /// When values of this type can't be compared.
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>>;

    /// The canonical text, for messages and `string()`.
    fn text(&self) -> Option<String> {
        None
    }

    /// A field, where the type has fields.
    fn field(&self, _name: &str) -> Option<Value<'static>> {
        None
    }

    /// An error when this value stands at the left of `==` or `!=` with anything at its right.
    fn refuses_comparison(&self) -> Option<&'static str> {
        None
    }

    /// Whether `==` and `!=` with a value of another type are an error rather than unequal.
    fn compares_only_with_its_type(&self) -> bool {
        false
    }
}
