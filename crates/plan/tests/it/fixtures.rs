//! Runs every case of `tests/fixtures`: a definition, an instance, and what happens to the world,
//! step by step. `tests/fixtures/README.md` says how a case is written.

use crate::world::{World, compile};
use graph::RgdSpec;
use plan::{Action, GroupKind, ObjectId, Step};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// One thing that happens; after each, the planner runs until it asks for nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Event {
    /// What it is, for readers.
    name: String,
    /// Objects that somebody else creates or replaces.
    #[serde(default)]
    exists: Vec<Value>,
    /// Objects that somebody else deletes.
    #[serde(default)]
    gone: Vec<String>,
    /// Object → its status.
    #[serde(default)]
    status: BTreeMap<String, Value>,
    /// Objects of which somebody changes a field that we own.
    #[serde(default)]
    drift: Vec<String>,
    /// The instance's new spec.
    spec: Option<Value>,
    /// The instance's new annotations, beside those that it has.
    #[serde(default)]
    annotations: BTreeMap<String, Option<String>>,
    /// Object → why its apply is refused from now on; null permits it again.
    #[serde(default)]
    refuse: BTreeMap<String, Option<String>>,
    /// Why external references can't be read.
    unreadable: Option<String>,
    /// Time passes: what was refused is tried again.
    #[serde(default)]
    retry: bool,
    /// The process is started anew.
    #[serde(default)]
    restart: bool,
    /// From now on deleted objects stay with a deletion timestamp.
    linger: Option<bool>,
    /// What lingers is gone.
    #[serde(default)]
    reap: bool,
    /// Somebody deletes the instance.
    #[serde(default)]
    delete: bool,
}

#[test]
fn every_case_goes_as_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut cases = 0;
    for topic in directories(&root) {
        for case in directories(&topic) {
            let recorded = run(&case);
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(&case);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_snapshot!("expected", recorded));
            cases += 1;
        }
    }
    assert!(cases > 0, "no case in {}", root.display());
}

fn directories(path: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut found: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

fn read<T: for<'de> Deserialize<'de>>(case: &Path, file: &str) -> T {
    let path = case.join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What the planner does in a case, as text.
fn run(case: &Path) -> String {
    let spec: RgdSpec = read(case, "rgd.yaml");
    let (graph, diagnostics) = compile(&spec);
    let graph = graph.unwrap_or_else(|| panic!("{}: {diagnostics}", case.display()));
    let mut world = World::with_instance(graph, read(case, "instance.yaml"));
    let events: Vec<Event> = read(case, "steps.yaml");
    let mut text = String::new();
    for event in events {
        let _ = writeln!(text, "# {}", event.name);
        happen(&mut world, event);
        let mut last = None;
        let settled = world.settle_with(|_, step| {
            let actions: Vec<String> = step.actions.iter().map(describe).collect();
            if !actions.is_empty() {
                let _ = writeln!(text, "- {}", actions.join("\n  "));
            }
            last = Some(step.clone());
        });
        if let Some(step) = last {
            describe_end(&mut text, &world, &step);
        }
        if settled.retry {
            let _ = writeln!(text, "tried again later");
        }
        let _ = writeln!(text);
    }
    text
}

fn happen(world: &mut World, event: Event) {
    for object in event.exists {
        world.change(&ObjectId::of(&object), Some(object));
    }
    for object in event.gone {
        world.change(&id(&object), None);
    }
    for (object, status) in event.status {
        world.set_status(&id(&object), status);
    }
    event.drift.iter().for_each(|object| world.drift(&id(object)));
    if let Some(spec) = event.spec {
        world.set_spec(spec);
    }
    for (key, value) in event.annotations {
        let instance = world.instance.as_mut().expect("the instance exists");
        instance["metadata"]["annotations"][key] = value.map_or(Value::Null, Value::String);
    }
    for (object, words) in event.refuse {
        match words {
            Some(words) => drop(world.refuse.insert(id(&object), words)),
            None => drop(world.refuse.remove(&id(&object))),
        }
    }
    world.unreadable = event.unreadable;
    world.linger = event.linger.unwrap_or(world.linger);
    if event.reap {
        world.reap();
    }
    if event.delete {
        world.delete_instance();
    }
    if event.retry {
        world.retry();
    }
    if event.restart {
        world.restart();
    }
}

/// `Thing default/name`, or `Zone name`.
fn id(text: &str) -> ObjectId {
    let (kind, name) = text.split_once(' ').unwrap_or_else(|| panic!("no object: {text}"));
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let kind = GroupKind { group: "test.example.com".into(), kind: kind.into() };
    ObjectId::new(kind, namespace, name)
}

fn short(id: &ObjectId) -> String {
    format!("{} {}", id.kind.kind, id.qualified_name())
}

/// The inventory that a patch carries, if it does.
fn inventory(patch: &Value) -> String {
    let Some(annotations) = patch["metadata"].get("annotations") else { return String::new() };
    let field = |key: &str| annotations[key].as_str().unwrap_or("").to_owned();
    let kinds = field(plan::names::GROUP_KINDS);
    format!(" kinds [{kinds}] namespaces [{}]", field(plan::names::NAMESPACES))
}

fn describe(action: &Action) -> String {
    match action {
        Action::Manage { patch } => format!("manage the instance{}", inventory(patch)),
        Action::RecordInventory { patch } => format!("record{}", inventory(patch)),
        Action::Observe { reference, .. } => format!("observe {reference}"),
        Action::Apply { id, object, claim, .. } => {
            let verb = match claim {
                plan::Claim::Held => "apply",
                plan::Claim::Take => "acquire and apply",
            };
            let label = |key: &str| plan::object::label(object, key).to_owned();
            let index = label(plan::names::COLLECTION_INDEX);
            let item = match index.as_str() {
                "" => String::new(),
                index => format!(" ({index} of {})", label(plan::names::COLLECTION_SIZE)),
            };
            let spec = object.get("spec").map_or(String::new(), |spec| format!(" {spec}"));
            format!("{verb} {}{item}{spec}", short(id))
        }
        Action::ListMembers { kinds, namespaces } => {
            let kinds: Vec<String> = kinds.iter().map(|kind| kind.kind.clone()).collect();
            let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
            format!("list {} in {}", kinds.join(","), namespaces.join(","))
        }
        Action::Delete { object, wave, .. } => format!("delete {} (wave {wave})", short(object)),
        Action::RemoveFinalizer => "remove the finalizer".to_owned(),
    }
}

fn describe_end(text: &mut String, world: &World, step: &Step) {
    let Some(instance) = &world.instance else {
        let _ = writeln!(text, "the instance is gone");
        return;
    };
    for report in &step.nodes {
        let node = &world.graph.node(report.node).id;
        let _ = writeln!(text, "{node}: {:?}", report.progress);
    }
    let status = &instance["status"];
    let _ = writeln!(text, "state {}", status["state"].as_str().unwrap_or("–"));
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let field = |key: &str| condition[key].as_str().unwrap_or("–").to_owned();
        // The two that are always the same when all goes well say nothing.
        let expected = ["InstanceManaged", "GraphResolved", "Ready"];
        if field("status") == "True" && expected.contains(&field("type").as_str()) {
            continue;
        }
        let _ = writeln!(
            text,
            "{} {} {} {}",
            field("type"),
            field("status"),
            field("reason"),
            field("message")
        );
    }
    for (field, value) in status.as_object().into_iter().flatten() {
        if !["state", "conditions"].contains(&field.as_str()) {
            let _ = writeln!(text, "status.{field} = {value}");
        }
    }
}
