//! The graph as a picture: levels as rows, level 1 at the top.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use graph::{Graph, NodeId};

use crate::commands::graph::{edges, levels, traits};
use crate::terminal::Stream;

/// About the width of a character in the font of the boxes.
const CHARACTER: usize = 8;
const BOX_HEIGHT: usize = 52;
const GAP: usize = 48;
const MARGIN: usize = 48;
/// The height of one line of an edge's label.
const LINE: usize = 14;

/// Where a box is.
#[derive(Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
}

pub(super) fn write(graph: &Graph, out: &mut Stream) -> io::Result<()> {
    let levels = levels(graph);
    let edges = edges(graph);
    let mut places: BTreeMap<NodeId, Place> = BTreeMap::new();
    let mut y = MARGIN;
    let mut rows = Vec::new();
    let mut picture_width = 0;
    for (level, nodes) in &levels {
        // Labels stand above the box that reads: the row needs room for the longest stack.
        let labels = |id: &NodeId| {
            edges.iter().filter(|edge| edge.to == *id).map(|edge| edge.fields.len()).sum::<usize>()
        };
        let stack = nodes.iter().map(labels).max().unwrap_or(0);
        y += stack * LINE;
        rows.push((*level, y));
        let mut x = 2 * MARGIN;
        for id in nodes {
            let node = graph.node(*id);
            let fields = edges.iter().filter(|edge| edge.to == *id).flat_map(|edge| &edge.fields);
            let longest = fields.map(|field| field.chars().count() * 3 / 4).max().unwrap_or(0);
            let text = node.id.len().max(second_line(graph, *id).chars().count()).max(longest);
            let width = text * CHARACTER + 24;
            places.insert(*id, Place { x, y, width });
            x += width + GAP;
        }
        picture_width = picture_width.max(x);
        y += BOX_HEIGHT + GAP;
    }
    let (width, height) = (picture_width.max(200), y);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"14\">"
    )?;
    writeln!(out, "<title>{}</title>", escape(&graph.instance.gvk.to_string()))?;
    writeln!(
        out,
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"#64748b\"/></marker></defs>"
    )?;
    writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>")?;
    for (level, y) in rows {
        let (x, y) = (MARGIN / 2, y + BOX_HEIGHT / 2 + 5);
        writeln!(out, "<text x=\"{x}\" y=\"{y}\" fill=\"#94a3b8\">{level}</text>")?;
    }
    write_edges(graph, &places, out)?;
    for (id, place) in &places {
        write_box(graph, *id, *place, out)?;
    }
    writeln!(out, "</svg>")
}

fn second_line(graph: &Graph, id: NodeId) -> String {
    let node = graph.node(id);
    let mut words = vec![node.kind.gvk.kind.as_str()];
    words.extend(traits(node));
    words.join(", ")
}

fn write_box(graph: &Graph, id: NodeId, place: Place, out: &mut Stream) -> io::Result<()> {
    let Place { x, y, width } = place;
    let node = graph.node(id);
    let dashes = if node.is_external() { " stroke-dasharray=\"5 3\"" } else { "" };
    let middle = x + width / 2;
    writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX_HEIGHT}\" rx=\"6\" \
         fill=\"#f1f5f9\" stroke=\"#334155\"{dashes}/>"
    )?;
    writeln!(
        out,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>",
        y + 22,
        escape(&node.id)
    )?;
    writeln!(
        out,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#475569\">{}</text>",
        y + 41,
        escape(&second_line(graph, id))
    )
}

/// Edges end side by side at the top of the box that reads; their labels are stacked above it.
fn write_edges(
    graph: &Graph,
    places: &BTreeMap<NodeId, Place>,
    out: &mut Stream,
) -> io::Result<()> {
    let edges = edges(graph);
    for (id, to) in places {
        let incoming: Vec<_> = edges.iter().filter(|edge| edge.to == *id).collect();
        let mut label_y = to.y.saturating_sub(6);
        for (index, edge) in incoming.iter().enumerate() {
            let Some(from) = places.get(&edge.from) else { continue };
            let (x1, y1) = (from.x + from.width / 2, from.y + BOX_HEIGHT);
            let x2 = to.x + to.width * (index + 1) / (incoming.len() + 1);
            let (y2, bend) = (to.y, (to.y.saturating_sub(y1)) / 2);
            writeln!(
                out,
                "<path d=\"M{x1},{y1} C{x1},{} {x2},{} {x2},{y2}\" fill=\"none\" \
                 stroke=\"#64748b\" marker-end=\"url(#arrow)\"/>",
                y1 + bend,
                y2.saturating_sub(bend)
            )?;
            for field in &edge.fields {
                writeln!(
                    out,
                    "<text x=\"{}\" y=\"{label_y}\" font-size=\"11\" fill=\"#475569\" \
                     stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\">{} ← {}</text>",
                    to.x + 8,
                    escape(field),
                    escape(&graph.node(edge.from).id)
                )?;
                label_y = label_y.saturating_sub(LINE);
            }
        }
    }
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
