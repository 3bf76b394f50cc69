//! The graph as a Mermaid flowchart.

use std::io::{self, Write as _};

use graph::Graph;

use crate::commands::graph::{edges, levels, traits};
use crate::terminal::Stream;

pub(super) fn write(graph: &Graph, out: &mut Stream) -> io::Result<()> {
    writeln!(out, "flowchart TD")?;
    for (level, nodes) in levels(graph) {
        writeln!(out, "  subgraph level{level} [\"{level}\"]")?;
        for id in nodes {
            let node = graph.node(id);
            let mut lines = vec![node.id.as_str(), node.kind.gvk.kind.as_str()];
            lines.extend(traits(node));
            let text = escape(&lines.join("<br/>"));
            let (open, close) = match node.is_external() {
                true => ("([", "])"),
                false if node.is_list() => ("[[", "]]"),
                false => ("[", "]"),
            };
            writeln!(out, "    {}{open}\"{text}\"{close}", node.id)?;
        }
        writeln!(out, "  end")?;
    }
    for edge in edges(graph) {
        let (from, to) = (&graph.node(edge.from).id, &graph.node(edge.to).id);
        writeln!(out, "  {from} -->|\"{}\"| {to}", escape(&edge.fields.join("<br/>")))?;
    }
    Ok(())
}

/// Quotes can't be escaped in Mermaid, only named.
fn escape(text: &str) -> String {
    text.replace('"', "#quot;")
}
