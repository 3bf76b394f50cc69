//! Random graphs, random events, failures and restarts: every run ends the same, within its bound.
//!
//! A seed is a definition, a final state of the world, and a history that leads there. It is run
//! twice: calmly, with the final state from the start, and through the whole history. Both must
//! end with the same objects, status and annotations, and with nothing left to do.
//!
//! `PLAN_MODEL_SEEDS=FROM..TO cargo test -p plan model` runs other seeds than the usual ones;
//! `cargo xtask prove plan` does so with many.

#![expect(clippy::print_stdout, reason = "a proof says how far it went")]

mod definition;
mod history;
mod random;

use crate::world::{SPARE_ROUNDS, World, compile};
use definition::Definition;
use history::{Fair, History};
use random::Random;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;

/// How many items a collection may have.
const LIMIT: usize = 1_000;

/// Seeds of a usual test run, for each of the tests below, which run side by side.
const SEEDS: u64 = 700;

#[test]
fn every_run_ends_the_same_within_its_bound() {
    run(0);
}

#[test]
fn every_run_ends_the_same_within_its_bound_again() {
    run(1);
}

#[test]
fn every_run_ends_the_same_within_its_bound_once_more() {
    run(2);
}

/// Runs the share of the test `part` of 3.
fn run(part: u64) {
    let (mut most, mut count) = (0, 0);
    for seed in seeds().skip(usize::try_from(part).unwrap_or(0)).step_by(3) {
        match std::panic::catch_unwind(|| check(seed)) {
            Ok(rounds) => (most, count) = (most.max(rounds), count + 1),
            Err(_) => {
                panic!("failed: PLAN_MODEL_SEEDS={seed}..{} cargo test -p plan model", seed + 1)
            }
        }
    }
    assert!(most <= SPARE_ROUNDS, "{most} rounds more than resources");
    println!("{count} seeds, no run took more than {most} rounds beside one for every resource");
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("PLAN_MODEL_SEEDS") else { return 0..3 * SEEDS };
    let (from, to) = text.split_once("..").expect("PLAN_MODEL_SEEDS=FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}

/// Runs a seed; returns by how many rounds the longest run exceeded the number of resources.
fn check(seed: u64) -> usize {
    let mut random = Random::new(seed);
    let definition = Definition::random(&mut random);
    let fair = Fair::random(&mut random, &definition);
    let history = History::random(&mut random, &definition);
    let spec = serde_json::from_value(definition.spec.clone()).expect("a definition");
    let (graph, diagnostics) = compile(&spec);
    let graph = graph.unwrap_or_else(|| panic!("{diagnostics}\n{:#}", definition.spec));
    let graph = Arc::new(graph);

    let mut calm = World::new(graph.clone(), &fair.spec);
    // Above what the final states come to, so that all of them can be reached; see the cases.
    calm.max_collection_size = LIMIT;
    fair.establish(&mut calm);
    let calm_rounds = finish(&mut calm);
    let expected = end(&calm);
    if !fair.deleted {
        assert_eq!(expected["status"]["state"], "ACTIVE", "{expected:#}\n{:#}", definition.spec);
    }

    let mut world = World::new(graph, &fair.spec);
    world.max_collection_size = LIMIT;
    history.run(&mut world);
    fair.establish(&mut world);
    let rounds = finish(&mut world);
    let mut found = end(&world);
    forget_kept(&mut found, &expected);
    assert_eq!(found, expected, "{:#}", definition.spec);

    let before = world.history.len();
    world.restart();
    finish(&mut world);
    assert_eq!(world.history.len(), before, "a write at the fixed point: {:?}", world.history);
    calm_rounds.max(rounds)
}

/// Runs a fair world, in which everything becomes ready at once and nothing is refused, to its
/// end; returns the rounds beyond the number of resources.
fn finish(world: &mut World) -> usize {
    let bound = world.graph.nodes.len() + SPARE_ROUNDS;
    for round in 0..=bound {
        if world.instance.is_none() {
            return round.saturating_sub(world.graph.nodes.len());
        }
        let step = world.step();
        if let Some(report) = &step.status {
            world.write_status(report);
        }
        let quiet = step.actions.is_empty();
        step.actions.into_iter().for_each(|action| world.perform(action));
        let answered = history::answer(world);
        if quiet && !answered {
            return round.saturating_sub(world.graph.nodes.len());
        }
    }
    panic!("no end after {bound} rounds: {:#?}", world.history);
}

/// What an author's condition said stays while it waits for data, so it may be there after a
/// history although the calm run never had the data.
fn forget_kept(found: &mut Value, expected: &Value) {
    let types = |end: &Value| -> Vec<String> {
        let list = end["status"]["conditions"].as_array().into_iter().flatten();
        list.map(|entry| entry["type"].as_str().unwrap_or("").to_owned()).collect()
    };
    let shown = types(expected);
    let kept = definition::AUTHORED;
    if let Some(list) = found["status"]["conditions"].as_array_mut() {
        list.retain(|entry| entry["type"] != kept || shown.iter().any(|kind| kind == kept));
    }
}

/// Everything that must not depend on how a run went.
fn end(world: &World) -> Value {
    let objects: Vec<Value> = world
        .objects
        .iter()
        .map(|(id, object)| {
            let metadata = &object["metadata"];
            json!([id.to_string(), object["spec"], metadata["labels"], metadata["annotations"]])
        })
        .collect();
    let mut status = world.instance.as_ref().map_or(Value::Null, |i| i["status"].clone());
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        let fields = condition.as_object_mut().expect("a condition is an object");
        fields.remove("lastTransitionTime");
        fields.remove("observedGeneration");
    }
    if let Some(list) = status["conditions"].as_array_mut() {
        // Sorted by transition time, which depends on the run.
        list.sort_by_key(|entry| entry["type"].as_str().unwrap_or("").to_owned());
    }
    let annotations = world.instance.as_ref().map(|i| i["metadata"]["annotations"].clone());
    json!({"objects": objects, "status": status, "annotations": annotations})
}
