//! The value of the marker `default`.

use serde_json::Value;

use crate::SchemaNode;
use crate::Type;

/// Reads a default for a field of this schema; what is wrong with it otherwise.
///
/// Texts are taken as they stand, except that backslashes escape as in JSON: that is what
/// definitions which are in use today get.
pub(super) fn read(node: &SchemaNode, text: &str) -> Result<Value, String> {
    match node.ty {
        Some(Type::String) => serde_json::from_str(&format!("\"{text}\"")).map_err(|_| {
            format!(
                "the default `{text}` has a quote or a backslash that is not escaped: inside \
                 double quotes write `\\\\\\\"` for a quote and `\\\\\\\\` for a backslash"
            )
        }),
        Some(Type::Integer) => match serde_json::from_str(text) {
            Ok(Value::Number(number)) if number.is_i64() => Ok(Value::Number(number)),
            _ => Err(format!("the default must be an integer, found `{text}`")),
        },
        Some(Type::Number) => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => Ok(Value::Number(number)),
            _ => Err(format!("the default must be a number, found `{text}`")),
        },
        Some(Type::Boolean) => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("the default must be `true` or `false`, found `{text}`")),
        },
        // As upstream: a default of nothing, which no API server fills in.
        Some(Type::Object | Type::Array) | None if text.is_empty() => Ok(Value::Null),
        Some(Type::Object | Type::Array) | None => serde_json::from_str(text)
            .map_err(|_| format!("the default must be JSON, found `{text}`")),
    }
}
