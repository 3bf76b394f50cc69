//! Filling in defaults, as an API server does when it reads an object.

use serde_json::Value;

use crate::Additional;
use crate::Schema;

/// Whether [`apply_defaults`] would set something.
#[must_use]
pub fn lacks_defaults(schema: &Schema, value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            let missing = schema.properties.iter().any(|(name, property)| {
                property.default.as_ref().is_some_and(|default| !default.is_null())
                    && match fields.get(&**name) {
                        None => true,
                        Some(Value::Null) => !property.nullable,
                        Some(_) => false,
                    }
            });
            missing
                || fields.iter().any(|(name, value)| {
                    match (schema.properties.get(name.as_str()), &schema.additional) {
                        (Some(schema), _) | (None, Some(Additional::Values(schema))) => {
                            lacks_defaults(schema, value)
                        }
                        (None, Some(Additional::Allowed(_)) | None) => false,
                    }
                })
        }
        Value::Array(items) => schema
            .items
            .as_ref()
            .is_some_and(|schema| items.iter().any(|item| lacks_defaults(schema, item))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Sets every missing property that has a default, also inside values that are set this way.
///
/// A null counts as missing where the schema does not allow null.
pub fn apply_defaults(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, property) in &schema.properties {
                let missing = match fields.get(&**name) {
                    None => true,
                    Some(Value::Null) => !property.nullable,
                    Some(_) => false,
                };
                let default = property.default.as_ref().filter(|default| !default.is_null());
                if let Some(default) = default.filter(|_| missing) {
                    fields.insert((**name).to_owned(), default.clone());
                }
            }
            for (name, value) in fields.iter_mut() {
                match (schema.properties.get(name.as_str()), &schema.additional) {
                    (Some(schema), _) | (None, Some(Additional::Values(schema))) => {
                        apply_defaults(schema, value);
                    }
                    (None, Some(Additional::Allowed(_)) | None) => {}
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for item in items {
                    apply_defaults(schema, item);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
