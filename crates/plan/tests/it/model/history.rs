//! What happens to a world, and where it ends.

use super::definition::Definition;
use super::random::Random;
use crate::world::World;
use plan::ObjectId;
use serde_json::{Value, json};

/// The final state of a world that is fair from then on.
pub(super) struct Fair {
    /// The instance's spec.
    pub(super) spec: Value,
    /// Objects of others.
    others: Vec<(ObjectId, Value)>,
    /// Whether the instance is deleted at last.
    pub(super) deleted: bool,
}

/// Events in their order.
pub(super) struct History(Vec<Event>);

#[derive(Debug)]
enum Event {
    /// The planner runs this many rounds.
    Rounds(usize),
    /// The planner runs until it asks for nothing.
    Settle,
    /// The controllers of all objects catch up.
    Answer,
    /// Some object gets this phase.
    Phase(usize, &'static str),
    /// Somebody deletes some object.
    Delete(usize),
    /// Somebody changes what we own of some object.
    Drift(usize),
    Spec(Value),
    /// Somebody creates or changes an object that may be referred to.
    Other(ObjectId, Value),
    /// Somebody deletes it.
    NoOther(ObjectId),
    /// Applies of some object are refused.
    Refuse(usize),
    RefuseParent(bool),
    RefuseDeletion(bool),
    Unreadable(bool),
    /// Nothing is refused any more.
    Permit,
    Retry,
    /// The watches deliver nothing.
    Deaf,
    Listen,
    /// What is deleted goes slowly.
    Linger(bool),
    Reap,
    Restart,
    /// The process dies after this many actions of a round.
    Crash(usize),
}

/// The objects of others that definitions refer to, beside some that they don't.
fn others() -> Vec<ObjectId> {
    let mut others = Vec::new();
    for (namespace, name) in [
        ("default", "external-Ready"),
        ("default", "external-Pending"),
        ("default", "listed-0"),
        ("other", "listed-1"),
        ("other", "listed-2"),
    ] {
        let named = World::id("Other", name);
        others.push(ObjectId::new(named.kind.clone(), namespace, name));
    }
    others
}

fn other(id: &ObjectId, phase: &str, listed: &str) -> Value {
    json!({
        "apiVersion": "test.example.com/v1", "kind": "Other",
        "metadata": {"name": id.name, "namespace": id.namespace, "labels": {"listed": listed}},
        "status": {"arn": format!("arn-{}", id.name), "phase": phase},
    })
}

fn spec(random: &mut Random) -> Value {
    let words = ["a", "b", "c", "d"];
    let mut list = |most: usize| {
        let count = random.below(most + 1);
        let start = random.below(words.len());
        (0..count).map(|at| words[(start + at) % words.len()]).collect::<Vec<_>>()
    };
    let (items, zones) = (list(2), list(2));
    json!({
        "f0": random.percent(60), "f1": random.percent(60), "f2": random.percent(60),
        "items": items, "zones": zones, "divisor": 1 + random.below(3),
        "text": if random.percent(70) { "yes" } else { "no" },
    })
}

/// The controllers of all objects do their work; says whether there was any.
pub(super) fn answer(world: &mut World) -> bool {
    let mut answered = world.reap();
    let waiting: Vec<ObjectId> = world
        .objects
        .iter()
        .filter(|(_, object)| object["status"]["phase"] != "Ready")
        .map(|(id, _)| id.clone())
        .collect();
    for id in waiting {
        let conditions = json!([{"type": "ACK.ResourceSynced", "status": "True"}]);
        let arn = format!("arn-{}", id.name);
        world.set_status(&id, json!({"arn": arn, "phase": "Ready", "conditions": conditions}));
        answered = true;
    }
    answered
}

// === impl Fair ===

impl Fair {
    pub(super) fn random(random: &mut Random, _: &Definition) -> Self {
        let others = others()
            .into_iter()
            .filter(|id| id.name.starts_with("external") || random.percent(60))
            .map(|id| (id.clone(), other(&id, "Ready", "yes")))
            .collect();
        Self { spec: spec(random), others, deleted: random.percent(15) }
    }

    /// Ends all failures, and makes the world what it is at last.
    pub(super) fn establish(&self, world: &mut World) {
        world.refuse.clear();
        world.refuse_parent = None;
        world.refuse_deletion = None;
        world.unreadable = None;
        world.linger = false;
        for id in others() {
            let object = self.others.iter().find(|(known, _)| *known == id);
            world.change(&id, object.map(|(_, object)| object.clone()));
        }
        world.set_spec(self.spec.clone());
        world.listen();
        world.retry();
        answer(world);
        if self.deleted {
            world.delete_instance();
        }
    }
}

// === impl History ===

impl History {
    pub(super) fn random(random: &mut Random, _: &Definition) -> Self {
        let count = random.below(20);
        Self((0..count).map(|_| Event::random(random)).collect())
    }

    pub(super) fn run(&self, world: &mut World) {
        self.0.iter().for_each(|event| event.happen(world));
    }
}

// === impl Event ===

impl Event {
    fn random(random: &mut Random) -> Self {
        let ids = others();
        let id = ids[random.below(ids.len())].clone();
        match random.below(100) {
            0..28 => Self::Rounds(1 + random.below(4)),
            28..34 => Self::Settle,
            34..48 => Self::Answer,
            48..54 => {
                Self::Phase(random.below(8), if random.percent(50) { "Pending" } else { "Ready" })
            }
            54..58 => Self::Delete(random.below(8)),
            58..62 => Self::Drift(random.below(8)),
            62..70 => {
                let mut spec = spec(random);
                if random.percent(20) {
                    spec["divisor"] = json!(0);
                }
                Self::Spec(spec)
            }
            70..75 => {
                let phase = if random.percent(70) { "Ready" } else { "Pending" };
                let listed = if random.percent(80) { "yes" } else { "no" };
                let object = other(&id, phase, listed);
                Self::Other(id, object)
            }
            75..78 => Self::NoOther(id),
            78..81 => Self::Refuse(random.below(8)),
            81..82 => Self::RefuseParent(random.percent(50)),
            82..84 => Self::RefuseDeletion(random.percent(50)),
            84..85 => Self::Unreadable(random.percent(50)),
            85..88 => Self::Permit,
            88..90 => Self::Retry,
            90..91 => Self::Deaf,
            91..93 => Self::Listen,
            93..94 => Self::Linger(random.percent(50)),
            94..95 => Self::Reap,
            95..97 => Self::Restart,
            _ => Self::Crash(random.below(5)),
        }
    }

    fn happen(&self, world: &mut World) {
        // Objects that kro made; those of others have their own events.
        let ours = |world: &World, at: usize| {
            let ours = world.objects.keys().filter(|id| id.kind.kind != "Other");
            let ours: Vec<ObjectId> = ours.cloned().collect();
            (!ours.is_empty()).then(|| ours[at % ours.len()].clone())
        };
        match self {
            Self::Rounds(rounds) => {
                for _ in 0..*rounds {
                    let step = world.step();
                    if let Some(report) = &step.status {
                        world.write_status(report);
                    }
                    step.actions.into_iter().for_each(|action| world.perform(action));
                }
            }
            Self::Settle => drop(world.settle()),
            Self::Answer => drop(answer(world)),
            Self::Phase(at, phase) => {
                if let Some(id) = ours(world, *at) {
                    let arn = format!("arn-{}", id.name);
                    let synced = if *phase == "Ready" { "True" } else { "False" };
                    let conditions = json!([{"type": "ACK.ResourceSynced", "status": synced}]);
                    let status = json!({"arn": arn, "phase": phase, "conditions": conditions});
                    world.set_status(&id, status);
                }
            }
            Self::Delete(at) => {
                if let Some(id) = ours(world, *at) {
                    world.change(&id, None);
                }
            }
            Self::Drift(at) => {
                if let Some(id) = ours(world, *at) {
                    world.drift(&id);
                }
            }
            Self::Spec(spec) => world.set_spec(spec.clone()),
            Self::Other(id, object) => world.change(id, Some(object.clone())),
            Self::NoOther(id) => world.change(id, None),
            Self::Refuse(at) => {
                if let Some(id) = ours(world, *at) {
                    world.refuse.insert(id, "no".to_owned());
                }
            }
            Self::RefuseParent(no) => world.refuse_parent = no.then(|| "conflict".to_owned()),
            Self::RefuseDeletion(no) => world.refuse_deletion = no.then(|| "no".to_owned()),
            Self::Unreadable(no) => world.unreadable = no.then(|| "forbidden".to_owned()),
            Self::Permit => {
                world.refuse.clear();
                world.refuse_parent = None;
                world.refuse_deletion = None;
                world.unreadable = None;
            }
            Self::Retry => world.retry(),
            Self::Deaf => world.deaf = true,
            Self::Listen => world.listen(),
            Self::Linger(on) => world.linger = *on,
            Self::Reap => drop(world.reap()),
            Self::Restart => world.restart(),
            Self::Crash(after) => {
                let actions = world.step().actions;
                actions.into_iter().take(*after).for_each(|action| world.perform(action));
                world.restart();
            }
        }
    }
}
