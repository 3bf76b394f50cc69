//! The order of nodes: dependencies first, then the layers in which they are deleted.

use crate::node::NodeId;

/// Nodes in topological order: again and again the ready node that was declared first.
///
/// `dependencies[i]` are the nodes that node `i` reads.
///
/// # Errors
///
/// The nodes of one cycle, each reading the next, the last reading the first; the cycle starts
/// at its node declared first, so that the same input gives the same message.
pub(crate) fn topological(dependencies: &[Vec<NodeId>]) -> Result<Vec<NodeId>, Vec<NodeId>> {
    let mut order = Vec::with_capacity(dependencies.len());
    let mut done = vec![false; dependencies.len()];
    while order.len() < dependencies.len() {
        let next = (0..dependencies.len())
            .find(|&node| !done[node] && dependencies[node].iter().all(|dep| done[dep.index()]));
        let Some(next) = next else { return Err(cycle(dependencies, &done)) };
        done[next] = true;
        order.push(NodeId::from_index(next));
    }
    Ok(order)
}

/// The cycle among the nodes that are not `done`, of which each has a dependency that is not done.
fn cycle(dependencies: &[Vec<NodeId>], done: &[bool]) -> Vec<NodeId> {
    let mut path: Vec<usize> = Vec::new();
    let mut at = done.iter().position(|done| !done).unwrap_or(0);
    while !path.contains(&at) {
        path.push(at);
        let next = dependencies[at].iter().find(|dep| !done[dep.index()]);
        at = next.map_or(at, |dep| dep.index());
    }
    let start = path.iter().position(|&node| node == at).unwrap_or(0);
    let mut cycle = path.split_off(start);
    let first = cycle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
    cycle.rotate_left(first);
    cycle.into_iter().map(NodeId::from_index).collect()
}

/// The apply order of each node, 1 for the first: layers are built from the nodes that nobody
/// depends on, which get the highest number even if they depend on nothing.
///
/// Source: kro-controller facts, section 2 (`internal.kro.run/apply-order`).
#[must_use]
pub(crate) fn apply_orders(dependencies: &[Vec<NodeId>], order: &[NodeId]) -> Vec<u32> {
    let mut layer_from_end = vec![0_u32; dependencies.len()];
    for node in order.iter().rev() {
        let layer = layer_from_end[node.index()] + 1;
        for dependency in &dependencies[node.index()] {
            let slot = &mut layer_from_end[dependency.index()];
            *slot = (*slot).max(layer);
        }
    }
    let layers = layer_from_end.iter().max().map_or(0, |max| max + 1);
    layer_from_end.into_iter().map(|layer| layers - layer).collect()
}

#[cfg(test)]
mod tests {
    use super::{apply_orders, topological};
    use crate::node::NodeId;

    fn edges(list: &[&[usize]]) -> Vec<Vec<NodeId>> {
        list.iter().map(|deps| deps.iter().map(|&dep| NodeId::from_index(dep)).collect()).collect()
    }

    fn indices(nodes: &[NodeId]) -> Vec<usize> {
        nodes.iter().map(|node| node.index()).collect()
    }

    #[test]
    fn the_lowest_declared_ready_node_comes_first() {
        let order = topological(&edges(&[&[2], &[], &[], &[0, 1]])).expect("no cycle");
        assert_eq!(indices(&order), [1, 2, 0, 3]);
    }

    #[test]
    fn a_cycle_is_named_from_its_first_declared_node() {
        let cycle = topological(&edges(&[&[], &[3, 0], &[1], &[2]])).expect_err("cycle");
        assert_eq!(indices(&cycle), [1, 3, 2]);
    }

    #[test]
    fn nodes_that_nobody_needs_share_the_last_layer() {
        let edges = edges(&[&[], &[], &[0, 1], &[]]);
        let order = topological(&edges).expect("no cycle");
        assert_eq!(apply_orders(&edges, &order), [1, 1, 2, 2]);
    }
}
