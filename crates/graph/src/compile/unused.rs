//! Parts of a definition that have no effect: legal, but probably not what its author means.

use crate::expression::{Expression, ReadPath};
use crate::node::Graph;
use crate::rgd::SchemaSpec;
use crate::scope::SCHEMA;
use crate::template::Template;
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place};
use serde_json::Value;

/// Warns of fields that nothing reads, types that nothing uses, and conditions that never change.
pub(super) fn warn(graph: &Graph, schema: &SchemaSpec, at: &FieldPath, found: &mut Diagnostics) {
    let resources = graph.nodes.iter().flat_map(|node| node.inputs());
    let status = graph.status.fields.values().flat_map(Template::expressions);
    let conditions = graph.conditions.iter().flatten().map(|condition| &condition.expression);
    let paths = resources.chain(status).chain(conditions).flat_map(|expression| &expression.paths);
    let reads: Vec<&ReadPath> = paths.filter(|path| path.root == SCHEMA).collect();
    fields(&schema.spec, schema, &reads, &["spec"], &at.field("spec"), found);
    types(schema, &at.field("types"), found);
    for node in &graph.nodes {
        for condition in &node.include_when {
            let place = || Place::value(condition.path.clone());
            match constant(condition) {
                Some(true) => {
                    let message = "this condition always holds: it has no effect";
                    found.push(Diagnostic::warning(Code::UnusedResource, place(), message));
                }
                Some(false) => {
                    let message = format!(
                        "this condition never holds: `{}` and what depends on it are never created",
                        node.id
                    );
                    found.push(Diagnostic::warning(Code::UnusedResource, place(), message));
                }
                None => {}
            }
        }
        for condition in node.ready_when.iter().filter(|one| constant(one) == Some(false)) {
            let message = format!("this condition never holds: `{}` is never ready", node.id);
            let place = condition.path.clone();
            found.push(Diagnostic::warning(Code::UnusedResource, place, message));
        }
    }
}

/// The value of a condition that reads nothing.
fn constant(condition: &Expression) -> Option<bool> {
    if !condition.paths.is_empty() {
        return None;
    }
    match condition.program.eval(&cel::Bindings::new()) {
        cel::Outcome::Value(cel::Value::Bool(value)) => Some(value),
        cel::Outcome::Value(_) | cel::Outcome::Error(_) | cel::Outcome::Unknown(_) => None,
    }
}

/// Fields of the instance's spec that no expression reads, the outermost only.
fn fields(
    value: &Value,
    schema: &SchemaSpec,
    reads: &[&ReadPath],
    path: &[&str],
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let mut path = path.to_vec();
        path.push(key);
        let at = at.field(key.as_str());
        // What is read as a whole is read with all that is in it.
        let whole = |read: &&&ReadPath| {
            read.fields.len() <= path.len() && read.fields.iter().zip(&path).all(|(a, b)| a == b)
        };
        let inside = |read: &&&ReadPath| {
            read.fields.len() > path.len() && read.fields.iter().zip(&path).all(|(a, b)| a == b)
        };
        if reads.iter().any(|read| whole(&read)) || is_validated(&schema.spec, key) {
            continue;
        }
        if reads.iter().any(|read| inside(&read)) {
            fields(value, schema, reads, &path, &at, found);
            continue;
        }
        let message = format!("nothing reads `{}`: it has no effect", path.join("."));
        found.push(Diagnostic::warning(Code::UnusedResource, Place::key(at), message));
    }
}

/// Whether a rule of the schema may be about the field.
fn is_validated(spec: &Value, field: &str) -> bool {
    match spec {
        Value::String(text) => text.contains("validation") && text.contains(field),
        Value::Object(fields) => fields.values().any(|value| is_validated(value, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Custom types that nothing uses.
fn types(schema: &SchemaSpec, at: &FieldPath, found: &mut Diagnostics) {
    for (name, own) in schema.types.as_object().into_iter().flatten() {
        let types = schema.types.as_object().into_iter().flatten();
        let others = types.map(|(_, value)| value).filter(|value| !std::ptr::eq(*value, own));
        if !others.chain([&schema.spec]).any(|value| mentions(value, name)) {
            let message = format!("nothing uses the type `{name}`");
            let place = Place::key(at.field(name.as_str()));
            found.push(Diagnostic::warning(Code::UnusedResource, place, message));
        }
    }
}

fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => {
            let ty = text.split('|').next().unwrap_or_default();
            ty.rsplit(']').next().unwrap_or_default().trim() == name
        }
        Value::Object(fields) => fields.values().any(|value| mentions(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}
