//! What is written of a value into an object.

use cel::library::Omit;
use cel::{ConvertError, Value};
use serde_json::Value as Json;

/// What is written of a value into a field or an element; `None` where it is left out: the value
/// is `omit()`. Elements and entries inside the value that are `omit()` are left out as well.
///
/// # Errors
///
/// Values that have no JSON form: bytes, types, conditions, quantities and the like, unsigned
/// integers beyond the signed range, NaN and infinity, maps whose keys are no text.
///
/// Source: kro-cel-env facts, sections 6 and 8.
pub fn written(value: &Value<'_>) -> Result<Option<Json>, ConvertError> {
    value.to_json_with(&mut |opaque| {
        let any: &dyn std::any::Any = opaque;
        if any.is::<Omit>() {
            return Ok(None);
        }
        Err(ConvertError::UnsupportedType(opaque.type_name().to_owned()))
    })
}
