//! Edges, order and layers.

use crate::compile::expressions::{Compiler, Edge};
use crate::condition::ConditionSource;
use crate::expression::Expression;
use crate::node::{Node, NodeId};
use crate::order::{apply_orders, topological};
use crate::reads::ReadPaths;
use crate::scope::EACH;
use crate::status::StatusTree;
use crate::template::Template;
use diagnostics::{Code, Diagnostic, FieldPath};
use std::collections::{BTreeMap, BTreeSet};

/// What each resource waits for, and an order in which that is possible.
pub(super) struct Order {
    pub(super) dependencies: Vec<Vec<NodeId>>,
    pub(super) order: Vec<NodeId>,
}

/// What each of `count` resources waits for, and an order in which that is possible.
///
/// # Errors
///
/// The cycle that makes it impossible.
pub(super) fn order(
    compiler: &Compiler<'_>,
    count: usize,
    at: &FieldPath,
) -> Result<Order, Box<Diagnostic>> {
    let edges = compiler.edges();
    let mut dependencies = vec![BTreeSet::new(); count];
    for edge in &edges {
        dependencies[edge.from.index()].insert(edge.to);
    }
    let dependencies: Vec<Vec<NodeId>> =
        dependencies.into_iter().map(|nodes| nodes.into_iter().collect()).collect();
    match topological(&dependencies) {
        Ok(order) => Ok(Order { dependencies, order }),
        Err(cycle) => Err(Box::new(cycle_diagnostic(compiler, &edges, &cycle, at))),
    }
}

/// Sets edges and layers.
pub(super) fn link(nodes: &mut [Node], order: &Order) {
    let dependencies = &order.dependencies;
    let orders = apply_orders(dependencies, &order.order);
    for ((node, dependencies), apply_order) in nodes.iter_mut().zip(dependencies).zip(orders) {
        let dependencies = dependencies.clone();
        node.dependencies = dependencies;
        node.apply_order = apply_order;
    }
}

fn cycle_diagnostic(
    compiler: &Compiler<'_>,
    edges: &[Edge],
    cycle: &[NodeId],
    at: &FieldPath,
) -> Diagnostic {
    let name = |node: &NodeId| compiler.name(*node);
    let first = cycle.first().copied().unwrap_or(NodeId::from_index(0));
    let path: Vec<&str> = cycle.iter().chain([&first]).map(name).collect();
    let message = format!("graph contains a cycle: {}", path.join(" -> "));
    let steps = cycle.iter().zip(cycle.iter().cycle().skip(1));
    let mut labels = steps.filter_map(|(from, to)| {
        let edge = edges.iter().find(|edge| edge.from == *from && edge.to == *to)?;
        Some((edge.place.clone(), format!("`{}` reads `{}` here", name(from), name(to))))
    });
    let place = match labels.next() {
        Some((place, _)) => place,
        None => at.index(first.index()).into(),
    };
    let mut diagnostic = Diagnostic::error(Code::DependencyCycle, place, message);
    diagnostic.labels = labels.collect();
    diagnostic.with_help("one of them must take the value from the instance instead")
}

/// Notes at each resource what all expressions read of it.
pub(super) fn add_reads(
    nodes: &mut [Node],
    status: &StatusTree,
    conditions: Option<&[ConditionSource]>,
) {
    let mut reads: BTreeMap<NodeId, ReadPaths> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        // A collection's own conditions read its objects as `each`.
        let each = node.ready_when.iter().flat_map(|condition| &condition.paths);
        for path in each.filter(|path| path.root == EACH) {
            let paths = reads.entry(NodeId::from_index(index)).or_default();
            paths.add(path.fields.iter().map(String::as_str));
        }
    }
    let own = nodes.iter().flat_map(|node| node.inputs().into_iter().chain(&node.ready_when));
    let status = status.fields.values().flat_map(Template::expressions);
    let conditions = conditions.into_iter().flatten().map(|condition| &condition.expression);
    for expression in own.chain(status).chain(conditions) {
        add(nodes, &mut reads, expression);
    }
    for (node, paths) in reads {
        nodes[node.index()].read = paths;
    }
}

/// Notes what one more expression reads.
fn add(nodes: &[Node], reads: &mut BTreeMap<NodeId, ReadPaths>, expression: &Expression) {
    for &node in &expression.nodes {
        let (id, list) = (nodes[node.index()].id.as_str(), nodes[node.index()].is_list());
        let paths = reads.entry(node).or_default();
        for path in expression.paths.iter().filter(|path| path.root == id) {
            // Fields of a list's elements are not told apart.
            let fields: &[String] = if list { &[] } else { &path.fields };
            paths.add(fields.iter().map(String::as_str));
        }
    }
}
