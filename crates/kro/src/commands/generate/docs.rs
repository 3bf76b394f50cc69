//! A reference in Markdown.

use std::io::{self, Write as _};

use graph::Graph;
use schema::{Schema, Type};

use crate::commands::generate::{constraints, part, type_name};
use crate::terminal::Stream;

pub(super) fn write(graph: &Graph, out: &mut Stream) -> io::Result<()> {
    let gvk = &graph.instance.gvk;
    let scope = if graph.instance.namespaced { "in a namespace" } else { "in the whole cluster" };
    writeln!(out, "# {}\n", gvk.kind)?;
    writeln!(out, "`{}`, plural `{}`, lives {scope}.\n", gvk.api_version(), graph.instance.plural)?;
    for (title, name) in [("Spec", "spec"), ("Status", "status")] {
        let Some(schema) = part(graph, name) else { continue };
        let mut rows = Vec::new();
        collect(&schema, "", &mut rows);
        rows.retain(|row| name != "status" || !is_own(&row[0]));
        if rows.is_empty() {
            continue;
        }
        writeln!(out, "## {title}\n")?;
        writeln!(out, "| field | type | default | |\n| --- | --- | --- | --- |")?;
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "## Resources\n")?;
    writeln!(out, "| resource | kind | level | needs |\n| --- | --- | --- | --- |")?;
    for id in &graph.order {
        let node = graph.node(*id);
        let needs: Vec<String> =
            node.dependencies.iter().map(|id| format!("`{}`", graph.node(*id).id)).collect();
        writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            node.id,
            escape(&node.kind.gvk.to_string()),
            node.apply_order,
            needs.join(", ")
        )?;
    }
    Ok(())
}

/// Whether a field of the status is kro's, not the author's.
fn is_own(field: &str) -> bool {
    field == "`state`" || field.starts_with("`conditions")
}

fn collect(schema: &Schema, prefix: &str, rows: &mut Vec<[String; 4]>) {
    for (name, field) in &schema.properties {
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        let mut words: Vec<String> = field.description.iter().map(ToString::to_string).collect();
        if schema.requires(name) {
            words.push("required".to_owned());
        }
        words.extend(constraints(field));
        let default = field.default.as_ref().map_or_else(String::new, |value| format!("`{value}`"));
        rows.push([format!("`{path}`"), type_name(field), default, words.join("; ")]);
        match field.ty {
            Some(Type::Array) => {
                if let Some(items) = &field.items {
                    collect(items, &format!("{path}[]"), rows);
                }
            }
            Some(Type::Object) => match field.map_values() {
                Some(values) => collect(values, &format!("{path}.*"), rows),
                None => collect(field, &path, rows),
            },
            Some(Type::String | Type::Integer | Type::Number | Type::Boolean) | None => {}
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
