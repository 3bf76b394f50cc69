//! `kro graph`: what depends on what, and because of which field.

use clap::Args;
use diagnostics::{FieldPath, Segment};
use graph::{Expression, Graph, Node, NodeId, Source, Template};

use crate::commands::render::stop_at_mistakes;
use crate::definitions::{Definition, FileArgs, load};
use crate::kinds::KindArgs;
use crate::{Exit, Failure, Terminal};

mod dot;
mod mermaid;
mod svg;
mod tree;

/// Arguments of `kro graph`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro graph -f rgd.yaml
  kro graph -f rgd.yaml -o mermaid >> README.md
  kro graph -f rgd.yaml -o dot | dot -Tpng > graph.png
  kro graph -f rgd.yaml -o svg > graph.svg

The numbers are levels: kro applies level 1 first and deletes it last.")]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    files: FileArgs,
    /// The form of the graph.
    #[arg(long, short, value_enum, default_value = "tree")]
    output: GraphOutput,
    #[command(flatten)]
    kinds: KindArgs,
}

/// How a graph is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GraphOutput {
    /// For people, in a terminal.
    Tree,
    /// A Mermaid flowchart, which code hosts draw.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A picture, levels as rows.
    Svg,
}

/// A resource that reads another one.
struct Edge {
    /// What is read.
    from: NodeId,
    /// What reads it.
    to: NodeId,
    /// The fields of the reader that make the edge, in order.
    fields: Vec<String>,
}

pub(crate) fn run(args: &GraphArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let loaded = load(args.files.names()?, &args.kinds)?;
    if let Some(exit) = stop_at_mistakes(&loaded.findings, terminal)? {
        return Ok(exit);
    }
    if loaded.definitions.is_empty() {
        return Err(Failure::usage("the files hold no ResourceGraphDefinition"));
    }
    if args.output == GraphOutput::Svg && loaded.definitions.len() > 1 {
        return Err(Failure::usage("a picture shows one definition: name its file"));
    }
    let compiled = |definition: &'_ Definition| definition.graph.is_some();
    for definition in loaded.definitions.iter().filter(|definition| compiled(definition)) {
        let Some(graph) = &definition.graph else { continue };
        let out = &mut terminal.out;
        match args.output {
            GraphOutput::Tree => tree::write(graph, out)?,
            GraphOutput::Mermaid => mermaid::write(graph, out)?,
            GraphOutput::Dot => dot::write(definition, graph, out)?,
            GraphOutput::Svg => svg::write(graph, out)?,
        }
    }
    Ok(Exit::Good)
}

/// All edges, by reader and what it reads.
fn edges(graph: &Graph) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs = node.inputs();
        for &from in &node.dependencies {
            let reading = inputs.iter().filter(|expression| expression.nodes().contains(&from));
            let mut fields: Vec<String> =
                reading.map(|expression| field(expression.path())).collect();
            fields.dedup();
            edges.push(Edge { from, to: NodeId::from_index(index), fields });
        }
    }
    edges
}

/// The fields of the status, and the resources that each reads.
fn status_reads(graph: &Graph) -> Vec<(String, Vec<NodeId>)> {
    fn walk(name: &str, template: &Template, reads: &mut Vec<(String, Vec<NodeId>)>) {
        match template {
            Template::Literal(_) => {}
            Template::Expression(expression) => {
                reads.push((name.to_owned(), expression.nodes().to_vec()));
            }
            Template::Object(fields) => {
                for (key, field) in fields {
                    walk(&format!("{name}.{key}"), field, reads);
                }
            }
            Template::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(&format!("{name}[{index}]"), item, reads);
                }
            }
        }
    }
    let mut reads = Vec::new();
    for (name, template) in &graph.status.fields {
        walk(name, template, &mut reads);
    }
    reads
}

/// The field of a resource at a path of the definition: `spec.replicas`, `includeWhen[0]`.
fn field(path: &FieldPath) -> String {
    let segments = path.segments();
    // `spec.resources[n]`, and `template` where it is one.
    let inside = segments.iter().skip(3);
    let template = Segment::Field("template".into());
    let inside = inside.skip_while(|segment| ***segment == template);
    inside.map(|segment| (*segment).clone()).collect::<FieldPath>().to_string()
}

/// What a resource is beside its kind.
fn traits(node: &Node) -> Vec<&'static str> {
    let mut traits = Vec::new();
    match &node.source {
        Source::External(_) => traits.push("external"),
        Source::Template(_) if node.is_collection() => traits.push("collection"),
        Source::Template(_) => {}
    }
    if !node.include_when.is_empty() {
        traits.push("conditional");
    }
    traits
}

/// The resources by level, level 1 first, in topological order inside one.
fn levels(graph: &Graph) -> Vec<(u32, Vec<NodeId>)> {
    let mut levels: Vec<(u32, Vec<NodeId>)> = Vec::new();
    let mut numbers: Vec<u32> = graph.nodes.iter().map(|node| node.apply_order).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let at = graph.order.iter().copied();
        levels.push((number, at.filter(|id| graph.node(*id).apply_order == number).collect()));
    }
    levels
}

/// Why a resource exists or not, for people.
fn conditions(expressions: &[Expression]) -> String {
    expressions.iter().map(Expression::source).collect::<Vec<_>>().join(" && ")
}
