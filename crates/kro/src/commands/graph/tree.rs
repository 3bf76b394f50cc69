//! The graph as a tree in a terminal.

use std::io::{self, Write as _};

use graph::Graph;

use crate::commands::graph::{conditions, edges, levels, status_reads, traits};
use crate::terminal::Stream;

pub(super) fn write(graph: &Graph, out: &mut Stream) -> io::Result<()> {
    let kind = &graph.instance.gvk;
    writeln!(out, "{} {}", kind.kind, out.dim(&kind.api_version()))?;
    let edges = edges(graph);
    let reads = status_reads(graph);
    let ordered: Vec<_> = levels(graph).into_iter().flat_map(|(_, nodes)| nodes).collect();
    for (index, &id) in ordered.iter().enumerate() {
        let node = graph.node(id);
        let last = index + 1 == ordered.len() && reads.is_empty();
        let (branch, rail) = rails(last);
        let traits = traits(node).join(", ");
        let traits = if traits.is_empty() { traits } else { format!(" ({traits})") };
        let gvk = out.dim(&node.kind.gvk.to_string());
        writeln!(out, "{branch} {} {} {gvk}{traits}", node.apply_order, out.green(&node.id))?;
        let mut lines: Vec<String> = edges
            .iter()
            .filter(|edge| edge.to == id)
            .map(|edge| {
                let from = &graph.node(edge.from).id;
                format!("{} ← {}", edge.fields.join(", "), out.green(from))
            })
            .collect();
        if !node.include_when.is_empty() {
            lines.push(format!("only when {}", conditions(&node.include_when)));
        }
        if !node.ready_when.is_empty() {
            lines.push(format!("ready when {}", conditions(&node.ready_when)));
        }
        write_lines(out, rail, &lines)?;
    }
    if !reads.is_empty() {
        writeln!(out, "└─ status")?;
        let lines: Vec<String> = reads
            .iter()
            .map(|(field, nodes)| {
                let from: Vec<String> =
                    nodes.iter().map(|node| out.green(&graph.node(*node).id)).collect();
                let from = if from.is_empty() { "schema".to_owned() } else { from.join(", ") };
                format!("{field} ← {from}")
            })
            .collect();
        write_lines(out, " ", &lines)?;
    }
    Ok(())
}

fn rails(last: bool) -> (&'static str, &'static str) {
    if last { ("└─", " ") } else { ("├─", "│") }
}

fn write_lines(out: &mut Stream, rail: &str, lines: &[String]) -> io::Result<()> {
    for (index, line) in lines.iter().enumerate() {
        let (branch, _) = rails(index + 1 == lines.len());
        writeln!(out, "{rail}    {branch} {line}")?;
    }
    Ok(())
}
