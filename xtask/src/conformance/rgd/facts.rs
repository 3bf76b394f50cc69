//! What is recorded of a graph, taken from ours.

use super::super::Mismatch;
use diagnostics::{FieldPath, Segment};
use graph::{Expression, External, ExternalTarget, Graph, Node, NodeId, Source, Template};
use schema::same;
use serde_json::{Map, Value, json};

/// Whether the graph and its CRD are the recorded ones.
pub(super) fn compare(graph: &Graph, expected: &Value) -> Result<(), Mismatch> {
    let name = |id: &NodeId| graph.node(*id).id.as_str();
    let order: Vec<&str> = graph.order.iter().map(name).collect();
    let mut orders = Map::new();
    let mut dependencies = Map::new();
    let mut nodes = Map::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        orders.insert(node.id.clone(), node.apply_order.into());
        let mut names: Vec<&str> = node.dependencies.iter().map(name).collect();
        names.sort_unstable();
        dependencies.insert(node.id.clone(), json!(names));
        nodes.insert(node.id.clone(), node_facts(node, index));
    }
    let facts = [
        ("topologicalOrder", json!(order)),
        ("applyOrders", Value::Object(orders)),
        ("dependencies", Value::Object(dependencies)),
        ("nodes", Value::Object(nodes)),
        ("instance", instance_facts(graph)),
    ];
    let mut differences: Vec<(String, Value, Value)> = Vec::new();
    for (key, ours) in facts {
        difference(key, &expected[key], &ours, &mut differences);
    }
    compare_crd(graph, expected, &mut differences);
    if differences.is_empty() {
        return Ok(());
    }
    let side = |take: fn(&(String, Value, Value)) -> &Value| {
        let shown = differences.iter().take(3);
        let lines: Vec<String> =
            shown.map(|difference| format!("{}: {}", difference.0, take(difference))).collect();
        lines.join("\n")
    };
    Err(Mismatch::new(side(|(_, recorded, _)| recorded), side(|(_, _, ours)| ours)))
}

/// The deepest places at which two values differ.
fn difference(at: &str, recorded: &Value, ours: &Value, found: &mut Vec<(String, Value, Value)>) {
    match (recorded, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let null = Value::Null;
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let side = |map: &'_ Map<String, Value>| map.get(key).unwrap_or(&null).clone();
                if a.contains_key(key) == b.contains_key(key) {
                    difference(&format!("{at}.{key}"), &side(a), &side(b), found);
                } else {
                    found.push((format!("{at}.{key}"), side(a), side(b)));
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                difference(&format!("{at}[{index}]"), a, b, found);
            }
        }
        (a, b) if same(a, b) => {}
        (a, b) => found.push((at.to_owned(), a.clone(), b.clone())),
    }
}

fn compare_crd(graph: &Graph, expected: &Value, found: &mut Vec<(String, Value, Value)>) {
    let (recorded, ours) = (&expected["crd"], &graph.instance.crd);
    for key in ["name", "labels", "annotations"] {
        difference(&format!("crd.{key}"), &recorded[key], &ours["metadata"][key], found);
    }
    // Recorded where upstream gives one or the other.
    let variants = expected["crdSpecVariants"].as_array().into_iter().flatten();
    if variants.into_iter().any(|variant| same(variant, &ours["spec"])) {
        return;
    }
    difference("crd.spec", &recorded["spec"], &ours["spec"], found);
}

fn node_facts(node: &Node, index: usize) -> Value {
    let gvk = &node.kind.gvk;
    let (ty, depth) = match &node.source {
        Source::Template(_) if node.is_collection() => ("Collection", 4),
        Source::Template(_) => ("Resource", 4),
        Source::External(External { target: ExternalTarget::Name(_), .. }) => ("External", 4),
        Source::External(External { target: ExternalTarget::Selector(_), .. }) => {
            ("ExternalCollection", 4)
        }
    };
    let iterators: Vec<&str> =
        node.for_each.iter().map(|dimension| dimension.name.as_str()).collect();
    let expressions = node.source.expressions().into_iter().map(|expression| {
        let iterates = expression.variables().iter().any(|name| iterators.contains(&name.as_str()));
        let kind = match (iterates, expression.reads_resources()) {
            (true, _) => "iteration",
            (false, true) => "dynamic",
            (false, false) => "static",
        };
        expression_facts(expression, depth, kind)
    });
    let sources = |list: &[Expression]| -> Vec<Value> {
        list.iter().map(|expression| expression.source().into()).collect()
    };
    let for_each = node
        .for_each
        .iter()
        .map(|dimension| json!({"name": dimension.name, "expression": dimension.items.source()}));
    json!({
        "type": ty,
        "index": index,
        "collection": node.is_list(),
        "external": node.is_external(),
        "namespaced": node.kind.namespaced,
        "gvr": {"group": gvk.group, "version": gvk.version, "resource": node.kind.plural},
        "forEach": for_each.collect::<Vec<_>>(),
        "includeWhen": sources(&node.include_when),
        "readyWhen": sources(&node.ready_when),
        "expressions": by_path(expressions.collect()),
    })
}

fn instance_facts(graph: &Graph) -> Value {
    let status: Vec<&Expression> =
        graph.status.fields.values().flat_map(Template::expressions).collect();
    let conditions: Vec<&Expression> =
        graph.conditions.iter().flatten().map(|condition| &condition.expression).collect();
    let read = status.iter().chain(&conditions).flat_map(|expression| expression.nodes());
    let mut dependencies: Vec<&str> = read.map(|node| graph.node(*node).id.as_str()).collect();
    if status.iter().any(|expression| expression.reads_instance()) {
        dependencies.push("schema");
    }
    dependencies.sort_unstable();
    dependencies.dedup();
    let gvk = &graph.instance.gvk;
    let status = status.iter().map(|expression| expression_facts(expression, 2, "dynamic"));
    json!({
        "gvr": {"group": gvk.group, "version": gvk.version, "resource": graph.instance.plural},
        "namespaced": graph.instance.namespaced,
        "dependencies": dependencies,
        "statusExpressions": by_path(status.collect()),
        "conditions": conditions.iter().map(|expression| expression.source()).collect::<Vec<_>>(),
    })
}

fn expression_facts(expression: &Expression, depth: usize, kind: &str) -> Value {
    let key = if expression.is_standalone() { "expression" } else { "template" };
    json!({
        "path": path(expression.path(), depth),
        "kind": kind,
        "references": expression.references(),
        key: expression.source(),
    })
}

fn by_path(mut expressions: Vec<Value>) -> Vec<Value> {
    expressions.sort_by(|a, b| a["path"].as_str().cmp(&b["path"].as_str()));
    expressions
}

/// The part of a path below its first `depth` segments, as upstream writes it.
pub(super) fn path(path: &FieldPath, depth: usize) -> String {
    let mut text = String::new();
    for segment in path.segments().into_iter().skip(depth) {
        match segment {
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
            Segment::Field(key) if key.is_empty() || key.contains('.') => {
                text.push_str(&format!("[\"{key}\"]"));
            }
            Segment::Field(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
    }
    text
}
