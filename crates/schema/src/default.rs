//! Filling in defaults, as an API server does when it reads an object.

use serde_json::Value;

use crate::Additional;
use crate::Schema;

/// Whether [`apply_defaults`] would set something.
#[must_use]
pub fn lacks_defaults(schema: &Schema, value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            let mut properties = schema.properties.iter();
            properties.any(|(name, property)| missing(property, fields.get(&**name)).is_some())
                || fields.iter().any(|(name, value)| {
                    schema_of(schema, name).is_some_and(|schema| lacks_defaults(schema, value))
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
                if let Some(default) = missing(property, fields.get(&**name)) {
                    fields.insert((**name).to_owned(), default.clone());
                }
            }
            for (name, value) in fields.iter_mut() {
                if let Some(schema) = schema_of(schema, name) {
                    apply_defaults(schema, value);
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

/// The default of a property, if it has one and its value is missing.
fn missing<'s>(property: &'s Schema, value: Option<&Value>) -> Option<&'s Value> {
    let missing = match value {
        None => true,
        Some(Value::Null) => !property.nullable,
        Some(_) => false,
    };
    property.default.as_ref().filter(|default| missing && !default.is_null())
}

/// The schema of a field.
fn schema_of<'s>(schema: &'s Schema, name: &str) -> Option<&'s Schema> {
    match (schema.properties.get(name), &schema.additional) {
        (Some(schema), _) => Some(schema),
        (None, Some(Additional::Values(schema))) => Some(schema),
        (None, Some(Additional::Allowed(_)) | None) => None,
    }
}
