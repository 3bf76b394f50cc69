//! Over random graphs, orders of events, refusals and restarts, the end is always the same.

use crate::world::{World, graph};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What happens between two settlements.
#[derive(Debug, Clone)]
enum Event {
    /// The object gets its status.
    Ready(usize),
    /// Somebody deletes the object.
    Delete(usize),
    /// Somebody takes over a field.
    Drift(usize),
    /// The process is killed after so many actions.
    Crash(usize),
    /// Applies of the object are refused until the next retry.
    Refuse(usize),
}

fn event(nodes: usize) -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..nodes).prop_map(Event::Ready),
        (0..nodes).prop_map(Event::Delete),
        (0..nodes).prop_map(Event::Drift),
        (0..8_usize).prop_map(Event::Crash),
        (0..nodes).prop_map(Event::Refuse),
    ]
}

/// Per node, the nodes before it that it reads.
fn edges() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (2..7_usize).prop_flat_map(|nodes| {
        let lists: Vec<_> = (0..nodes)
            .map(|node| proptest::collection::btree_set(0..node.max(1), 0..=node.min(2)))
            .collect();
        lists.prop_map(|lists| {
            let node = |(node, list): (usize, std::collections::BTreeSet<usize>)| {
                list.into_iter().filter(|dep| *dep < node).collect()
            };
            lists.into_iter().enumerate().map(node).collect()
        })
    })
}

fn yaml(edges: &[Vec<usize>]) -> String {
    let mut yaml =
        String::from("schema: {apiVersion: v1alpha1, kind: App, spec: {}}\nresources:\n");
    for (node, reads) in edges.iter().enumerate() {
        let values: Vec<String> =
            reads.iter().map(|dep| format!("${{n{dep}.status.arn}}")).collect();
        let _ = write!(
            yaml,
            "- id: n{node}\n  template:\n    apiVersion: test.example.com/v1\n    kind: Thing\n    metadata: {{name: n{node}}}\n    spec: {{a: \"{}\"}}\n",
            if values.is_empty() { "x".to_owned() } else { values.join("-") }
        );
    }
    yaml
}

fn id(node: usize) -> plan::ObjectId {
    World::id("Thing", &format!("n{node}"))
}

fn make_ready(world: &mut World, node: usize) {
    if world.objects.contains_key(&id(node)) {
        world.set_status(&id(node), json!({"arn": format!("arn-{node}")}));
    }
}

/// Lets the world be fair: everything becomes ready, nothing is refused.
fn finish(world: &mut World, nodes: usize) -> Value {
    world.refuse.clear();
    for _ in 0..=nodes {
        world.retry();
        world.settle();
        for node in 0..nodes {
            make_ready(world, node);
        }
    }
    world.settle().status
}

fn end(world: &World, status: &Value) -> Value {
    let objects: Vec<Value> = world
        .objects
        .iter()
        .map(|(id, object)| json!([id.to_string(), object["spec"], object["metadata"]["labels"]]))
        .collect();
    let state = &status["state"];
    let annotations = world.instance.as_ref().map(|i| i["metadata"]["annotations"].clone());
    json!({"objects": objects, "state": state, "annotations": annotations})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_the_same(
        (edges, events) in edges().prop_flat_map(|edges| {
            let nodes = edges.len();
            (Just(edges), proptest::collection::vec(event(nodes), 0..20))
        })
    ) {
        let nodes = edges.len();
        let source = yaml(&edges);
        let mut calm = World::new(graph(&source), &json!({}));
        let status = finish(&mut calm, nodes);
        prop_assert_eq!(&status["state"], "ACTIVE");
        let expected = end(&calm, &status);

        let mut world = World::new(graph(&source), &json!({}));
        for event in events {
            match event {
                Event::Ready(node) => make_ready(&mut world, node),
                Event::Delete(node) => drop(world.objects.remove(&id(node))),
                Event::Drift(node) => {
                    if let Some(object) = world.objects.get_mut(&id(node)) {
                        object["owned"]["spec"] = json!({"drifted": true});
                    }
                }
                Event::Refuse(node) => drop(world.refuse.insert(id(node), "no".into())),
                Event::Crash(after) => {
                    let actions = world.step().actions;
                    actions.into_iter().take(after).for_each(|action| world.perform(action));
                    world.restart();
                    continue;
                }
            }
            world.settle();
        }
        let status = finish(&mut world, nodes);
        prop_assert_eq!(end(&world, &status), expected);
        let before = world.history.len();
        world.restart();
        world.settle();
        prop_assert_eq!(world.history.len(), before, "a write at the fixed point");
    }
}
