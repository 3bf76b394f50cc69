//! Dropping what a schema does not know, as an API server does when it stores an object.

use diagnostics::FieldPath;
use serde_json::Value;

use crate::Additional;
use crate::Schema;

/// Removes all fields that the schema does not know, and lists their paths in order.
///
/// Fields below `x-kubernetes-preserve-unknown-fields` stay unless the schema knows better.
#[must_use = "the paths say what got lost"]
pub fn prune(schema: &Schema, value: &mut Value) -> Vec<FieldPath> {
    let mut removed = Vec::new();
    walk(schema, value, &FieldPath::root(), &mut removed);
    removed.sort();
    removed
}

/// The paths of all fields that [`prune`] would remove, in order.
#[must_use]
pub fn unknown_fields(schema: &Schema, value: &Value) -> Vec<FieldPath> {
    let mut copy = value.clone();
    prune(schema, &mut copy)
}

fn walk(schema: &Schema, value: &mut Value, at: &FieldPath, removed: &mut Vec<FieldPath>) {
    match value {
        Value::Object(fields) => {
            let keeps = |name: &str| {
                schema.takes_any_key()
                    || schema.field(name).is_some()
                    || (schema.embedded_resource
                        && matches!(name, "apiVersion" | "kind" | "metadata"))
            };
            fields.retain(|name, _| {
                let keep = keeps(name);
                if !keep {
                    removed.push(at.field(name.as_str()));
                }
                keep
            });
            for (name, value) in fields.iter_mut() {
                let schema = match (schema.properties.get(name.as_str()), &schema.additional) {
                    (Some(schema), _) | (None, Some(Additional::Values(schema))) => schema,
                    (None, Some(Additional::Allowed(_)) | None) => continue,
                };
                walk(schema, value, &at.field(name.as_str()), removed);
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter_mut().enumerate() {
                    walk(schema, item, &at.index(index), removed);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
