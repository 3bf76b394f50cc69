//! The graph for Graphviz.

use std::io::{self, Write as _};

use graph::Graph;

use crate::commands::graph::{edges, levels, traits};
use crate::definitions::Definition;
use crate::terminal::Stream;

pub(super) fn write(definition: &Definition, graph: &Graph, out: &mut Stream) -> io::Result<()> {
    writeln!(out, "digraph {:?} {{", definition.name)?;
    writeln!(out, "  node [shape=box, fontname=\"sans-serif\"];")?;
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=10];")?;
    for (_, nodes) in levels(graph) {
        writeln!(out, "  {{ rank=same;")?;
        for id in nodes {
            let node = graph.node(id);
            let mut lines = vec![escape(&node.id), escape(&node.kind.gvk.kind)];
            lines.extend(traits(node).into_iter().map(str::to_owned));
            let style = if node.is_external() { ", style=dashed" } else { "" };
            writeln!(
                out,
                "    \"{}\" [label=\"{}\"{style}];",
                escape(&node.id),
                lines.join("\\n")
            )?;
        }
        writeln!(out, "  }}")?;
    }
    for edge in edges(graph) {
        let (from, to) = (&graph.node(edge.from).id, &graph.node(edge.to).id);
        let fields: Vec<String> = edge.fields.iter().map(|field| escape(field)).collect();
        let (from, to) = (escape(from), escape(to));
        writeln!(out, "  \"{from}\" -> \"{to}\" [label=\"{}\"];", fields.join("\\n"))?;
    }
    writeln!(out, "}}")
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
