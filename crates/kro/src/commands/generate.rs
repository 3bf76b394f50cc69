//! `kro generate`: what follows from a definition.

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::commands::render::stop_at_mistakes;
use crate::definitions::{FileArgs, load};
use crate::emit::{self, DataOutput};
use crate::kinds::KindArgs;
use crate::{Exit, Failure, Terminal};

mod docs;
mod instance;

/// Arguments of `kro generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The CustomResourceDefinition of a definition's API.
    #[command(after_help = "\
Examples:
  kro generate crd -f rgd.yaml > crd.yaml
  kro generate crd -f rgd.yaml -o json | jq .spec.names")]
    Crd {
        #[command(flatten)]
        source: SourceArgs,
        /// The form of the object.
        #[arg(long, short, value_enum, default_value = "yaml")]
        output: DataOutput,
    },
    /// An instance with every field, to be filled in.
    #[command(after_help = "\
Examples:
  kro generate instance -f rgd.yaml > instance.yaml
  kro generate instance -f rgd.yaml --name shop | kro validate -f rgd.yaml -f -")]
    Instance {
        #[command(flatten)]
        source: SourceArgs,
        /// Name of the instance.
        #[arg(long, default_value = "example")]
        name: String,
    },
    /// A reference of a definition's API in Markdown.
    #[command(after_help = "\
Examples:
  kro generate docs -f rgd.yaml > docs/application.md")]
    Docs {
        #[command(flatten)]
        source: SourceArgs,
    },
}

#[derive(Debug, Args)]
struct SourceArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    kinds: KindArgs,
}

pub(crate) fn run(args: &GenerateArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (What::Crd { source, .. } | What::Instance { source, .. } | What::Docs { source }) =
        &args.what;
    let loaded = load(source.files.names()?, &source.kinds)?;
    if let Some(exit) = stop_at_mistakes(&loaded.findings, terminal)? {
        return Ok(exit);
    }
    if loaded.definitions.is_empty() {
        return Err(Failure::usage("the files hold no ResourceGraphDefinition"));
    }
    let mut objects = Vec::new();
    for (index, definition) in loaded.definitions.iter().enumerate() {
        let Some(graph) = &definition.graph else { continue };
        let out = &mut terminal.out;
        match &args.what {
            What::Crd { output: DataOutput::Json, .. } => objects.push(graph.instance.crd.clone()),
            What::Crd { output: DataOutput::Text | DataOutput::Yaml, .. } => {
                if index > 0 {
                    writeln!(out, "---")?;
                }
                emit::yaml(out, &graph.instance.crd)?;
            }
            What::Instance { name, .. } => {
                if index > 0 {
                    writeln!(out, "---")?;
                }
                instance::write(graph, name, out)?;
            }
            What::Docs { .. } => {
                if index > 0 {
                    writeln!(out)?;
                }
                docs::write(graph, out)?;
            }
        }
    }
    match objects.len() {
        0 => {}
        1 => emit::json(&mut terminal.out, &objects[0])?,
        _ => emit::json(&mut terminal.out, &Value::Array(objects))?,
    }
    Ok(Exit::Good)
}

/// The schema of a part (`spec`, `status`) of the instances of a graph.
fn part(graph: &graph::Graph, name: &str) -> Option<schema::Schema> {
    let kinds = schema::openapi::kinds_of_crd(&graph.instance.crd).ok()?;
    kinds.first()?.schema.field(name).cloned()
}

/// The type of a field, as SimpleSchema writes it.
fn type_name(schema: &schema::Schema) -> String {
    if schema.is_int_or_string() {
        return "integer or string".to_owned();
    }
    match schema.ty {
        Some(schema::Type::Array) => match &schema.items {
            Some(items) => format!("[]{}", type_name(items)),
            None => "[]object".to_owned(),
        },
        Some(schema::Type::Object) => match schema.map_values() {
            Some(values) => format!("map[string]{}", type_name(values)),
            None => "object".to_owned(),
        },
        Some(schema::Type::String) => "string".to_owned(),
        Some(schema::Type::Integer) => "integer".to_owned(),
        Some(schema::Type::Number) => "float".to_owned(),
        Some(schema::Type::Boolean) => "boolean".to_owned(),
        None => "any".to_owned(),
    }
}

/// What a value must fulfil, in words.
fn constraints(schema: &schema::Schema) -> Vec<String> {
    let mut words = Vec::new();
    if !schema.enum_values.is_empty() {
        let values: Vec<String> = schema.enum_values.iter().map(ToString::to_string).collect();
        words.push(format!("one of {}", values.join(", ")));
    }
    let bounds = [
        ("at least", schema.minimum.map(|bound| bound.to_string())),
        ("at most", schema.maximum.map(|bound| bound.to_string())),
        ("pattern", schema.pattern.clone()),
    ];
    words.extend(bounds.into_iter().filter_map(|(word, bound)| Some(format!("{word} {}", bound?))));
    let counts = [
        ("at least", schema.min_length, "characters"),
        ("at most", schema.max_length, "characters"),
        ("at least", schema.min_items, "elements"),
        ("at most", schema.max_items, "elements"),
    ];
    words.extend(
        counts
            .into_iter()
            .filter_map(|(word, count, what)| Some(format!("{word} {} {what}", count?))),
    );
    words.extend(schema.validations.iter().map(|rule| format!("rule {}", rule.rule)));
    words
}
