//! An instance to be filled in.

use std::io::{self, Write as _};

use graph::Graph;
use schema::{Schema, Type};
use serde_json::{Value, json};

use crate::commands::generate::{constraints, part, type_name};
use crate::emit::yaml_text;
use crate::terminal::Stream;

pub(super) fn write(graph: &Graph, name: &str, out: &mut Stream) -> io::Result<()> {
    let gvk = &graph.instance.gvk;
    writeln!(out, "apiVersion: {}", gvk.api_version())?;
    writeln!(out, "kind: {}", gvk.kind)?;
    writeln!(out, "metadata:\n  name: {}", scalar(&name.into()))?;
    match part(graph, "spec") {
        Some(spec) if !spec.properties.is_empty() => {
            writeln!(out, "spec:")?;
            fields(&spec, 1, out)
        }
        Some(_) | None => writeln!(out, "spec: {{}}"),
    }
}

fn fields(schema: &Schema, depth: usize, out: &mut Stream) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    for (name, field) in &schema.properties {
        let key = scalar(&(**name).into());
        if let Some(description) = &field.description {
            for line in description.lines() {
                writeln!(out, "{indent}# {line}")?;
            }
        }
        if field.ty == Some(Type::Object) && !field.properties.is_empty() {
            writeln!(out, "{indent}{key}:")?;
            fields(field, depth + 1, out)?;
            continue;
        }
        let mut notes = vec![type_name(field)];
        if schema.requires(name) {
            notes.push("required".to_owned());
        }
        notes.extend(constraints(field));
        let value = value(name, field);
        let note = notes.join(", ");
        writeln!(out, "{indent}{key}: {} # {note}", inline(&value))?;
    }
    Ok(())
}

/// A value that fits: the default if there is one.
fn value(name: &str, schema: &Schema) -> Value {
    if let Some(default) = &schema.default {
        return default.clone();
    }
    if let Some(first) = schema.enum_values.first() {
        return first.clone();
    }
    match schema.ty {
        Some(Type::String) => {
            let mut text = name.to_lowercase();
            let least = usize::try_from(schema.min_length.unwrap_or(0)).unwrap_or(0);
            while text.len() < least {
                text.push('x');
            }
            match schema.max_length.map(usize::try_from) {
                Some(Ok(most)) => text.chars().take(most).collect::<String>().into(),
                Some(Err(_)) | None => text.into(),
            }
        }
        Some(Type::Integer | Type::Number) => match (schema.minimum, schema.maximum) {
            (Some(least), _) if schema.ty == Some(Type::Integer) => json!(least.ceil() as i64),
            (Some(least), _) => json!(least),
            (None, Some(most)) if most < 1.0 => json!(most.floor() as i64),
            (None, _) => json!(1),
        },
        Some(Type::Boolean) => json!(false),
        Some(Type::Array) => match &schema.items {
            Some(items) => json!([value(name, items)]),
            None => json!([]),
        },
        Some(Type::Object) => match schema.map_values() {
            Some(values) => json!({ "key": value(name, values) }),
            None => Value::Object(
                (schema.properties.iter())
                    .map(|(name, field)| (name.to_string(), value(name, field)))
                    .collect(),
            ),
        },
        None => json!({}),
    }
}

/// A value in one line: JSON for lists and objects, which YAML reads, too.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => value.to_string(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => scalar(value),
    }
}

fn scalar(value: &Value) -> String {
    let text = yaml_text(value);
    let text = text.trim_end();
    if text.contains('\n') { value.to_string() } else { text.to_owned() }
}
