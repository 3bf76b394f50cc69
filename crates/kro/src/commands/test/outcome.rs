//! Runs one test and says what is not as expected.

use std::fmt;
use std::path::{Path, PathBuf};

use graph::Graph;
use plan::{Action, ObjectId};
use serde_json::{Map, Value, json};

use crate::commands::render::{Manifest, Waiting, applied, heading, waiting, without_times};
use crate::commands::test::case::{Case, Expect, StepSpec};
use crate::commands::validate::{check_object, gvk_of};
use crate::definitions::Loaded;
use crate::emit::yaml_text;
use crate::manifest::{ManifestArgs, shown};
use crate::world::{World, overlay};
use crate::{Failure, input, instances};

/// Something that is not as expected.
pub(super) struct Problem {
    /// Which step, from 1; `None` for the test as a whole.
    step: Option<usize>,
    /// What, and what was found.
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "step {step}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// What a step came to.
struct Settled {
    applied: Vec<Manifest>,
    deleted: Vec<String>,
    unfinished: Vec<Waiting>,
    status: Value,
    /// Whether the instance is gone.
    gone: bool,
}

/// Runs `case`, which stands in `file`.
///
/// # Errors
/// When a file that it names can't be read, or a snapshot can't be written.
pub(super) fn check(
    case: &Case,
    file: &Path,
    loaded: &Loaded,
    update: bool,
) -> Result<Vec<Problem>, Failure> {
    let instance = instance_of(case, file)?;
    let whole = |message: String| Ok(vec![Problem { step: None, message }]);
    let Some(gvk) = gvk_of(&instance) else {
        return whole("the instance has no apiVersion and kind".to_owned());
    };
    let definition = loaded.definitions.iter().find(|definition| definition.gvk == gvk);
    let (Some(definition), Some(kind)) = (definition, loaded.kinds.own(&gvk)) else {
        return whole(format!("no definition declares the kind of the instance, {gvk}"));
    };
    let Some(graph) = &definition.graph else {
        return whole(format!("the definition `{}` has mistakes", definition.name));
    };
    let mistakes = check_object(&instance, kind);
    if mistakes.has_errors() {
        let messages = mistakes.errors().map(|mistake| format!("the instance: {mistake}"));
        return Ok(messages.map(|message| Problem { step: None, message }).collect());
    }
    let stored = instances::stored(&instance, graph, &kind.schema);
    let mut world = World::new(graph, &definition.name, stored, []);
    let mut problems = Vec::new();
    let mut snapshot = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let result = run_step(step, &mut world, graph, &kind.schema);
        for message in compare(&step.expect, &result, graph) {
            problems.push(Problem { step: Some(index + 1), message });
        }
        snapshot.push(result.snapshot());
    }
    if case.snapshot {
        problems.extend(compare_snapshot(case, file, &snapshot.into(), update)?);
    }
    Ok(problems)
}

fn instance_of(case: &Case, file: &Path) -> Result<Value, Failure> {
    let Value::String(name) = &case.instance else { return Ok(case.instance.clone()) };
    let path = beside(file, name);
    let (documents, _) = diagnostics::yaml::read(&input::read_file(&path)?);
    Ok(documents.into_iter().next().map_or(Value::Null, |document| document.value))
}

fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().map_or_else(|| PathBuf::from(name), |directory| directory.join(name))
}

fn run_step(
    step: &StepSpec,
    world: &mut World<'_>,
    graph: &Graph,
    schema: &schema::Schema,
) -> Settled {
    if let Some(patch) = &step.instance {
        let mut instance = world.instance.clone();
        overlay(&mut instance, patch);
        instance["metadata"]["generation"] = (plan::object::generation(&instance) + 1).into();
        world.instance = instances::stored(&instance, graph, schema);
    }
    step.observe.iter().for_each(|object| world.observe(object.clone()));
    step.delete.iter().for_each(|object| world.forget(object));
    if step.delete_instance {
        world.instance["metadata"]["deletionTimestamp"] = instances::EPOCH.into();
    }
    let rounds = world.settle();
    let actions = rounds.iter().flat_map(|round| &round.step.actions);
    let deleted = actions.filter_map(|action| match action {
        Action::Delete { object, .. } => Some(object_name(object)),
        Action::Manage { .. }
        | Action::RecordInventory { .. }
        | Action::Observe { .. }
        | Action::Apply { .. }
        | Action::ListMembers { .. }
        | Action::RemoveFinalizer => None,
    });
    Settled {
        deleted: deleted.collect(),
        applied: applied(graph, &rounds),
        unfinished: rounds.last().map_or_else(Vec::new, |round| waiting(graph, &round.step.nodes)),
        status: without_times(&world.instance["status"]),
        gone: world.is_gone(),
    }
}

fn object_name(id: &ObjectId) -> String {
    format!("{} {}", id.kind.kind, id.name)
}

/// Everything that is not as expected.
fn compare(expect: &Expect, result: &Settled, graph: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    let state = if result.gone { "GONE" } else { result.status["state"].as_str().unwrap_or("") };
    if let Some(expected) = expect.state.as_ref().filter(|expected| *expected != state) {
        wrong.push(format!("state: expected {expected}, found {state}"));
    }
    let applied: Vec<String> = result.applied.iter().map(heading).collect();
    let of = |words: &[&str]| -> Vec<String> {
        let unfinished = result.unfinished.iter();
        let of = unfinished.filter(|waiting| words.contains(&waiting.progress));
        of.map(|waiting| waiting.node.clone()).collect()
    };
    let lists = [
        ("applied", &expect.applied, applied),
        ("deleted", &expect.deleted, result.deleted.clone()),
        ("waiting", &expect.waiting, of(&["waiting", "deleting", "working"])),
        ("skipped", &expect.skipped, of(&["skipped"])),
        ("failed", &expect.failed, of(&["failed", "refused", "duplicate"])),
    ];
    let mut stuck = false;
    for (what, expected, found) in lists {
        let Some(expected) = expected else { continue };
        if *expected == found {
            continue;
        }
        let list = |names: &[String]| format!("[{}]", names.join(", "));
        wrong.push(format!("{what}: expected {}, found {}", list(expected), list(&found)));
        stuck |= what != "skipped" && what != "deleted";
    }
    let unfinished =
        result.unfinished.iter().filter(|waiting| stuck && waiting.progress != "skipped");
    for Waiting { node, progress, message, .. } in unfinished {
        wrong.push(format!("  {node} is {progress}: {message}"));
    }
    if let Some(expected) = &expect.status {
        differences("status", expected, &result.status, &mut wrong);
    }
    for (kind, expected) in &expect.conditions {
        compare_condition(kind, expected, &result.status, &mut wrong);
    }
    for (name, expected) in &expect.manifests {
        let place = format!("manifests.{name}");
        match result.applied.iter().find(|manifest| heading(manifest) == *name) {
            Some(manifest) => differences(&place, expected, &manifest.object, &mut wrong),
            None if graph.find(name.split('[').next().unwrap_or(name)).is_none() => {
                wrong.push(format!("{place}: the definition has no such resource"));
            }
            None => wrong.push(format!("{place}: nothing was applied for it in this step")),
        }
    }
    wrong
}

fn compare_condition(kind: &str, expected: &Value, status: &Value, wrong: &mut Vec<String>) {
    let place = format!("conditions.{kind}");
    let conditions = status["conditions"].as_array();
    let found = conditions.into_iter().flatten().find(|condition| condition["type"] == *kind);
    let Some(found) = found else {
        wrong.push(format!("{place}: there is no such condition"));
        return;
    };
    match expected {
        Value::Object(_) => differences(&place, expected, found, wrong),
        // YAML reads True without quotes as a boolean.
        Value::Bool(expected) => {
            let expected = if *expected { "True" } else { "False" };
            differences(&place, &expected.into(), &found["status"], wrong);
        }
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            differences(&place, expected, &found["status"], wrong);
        }
    }
}

/// Where `found` lacks something that `expected` names. Lists are compared as a whole, element by
/// element; null means that the field must not be there.
fn differences(place: &str, expected: &Value, found: &Value, wrong: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, expected) in expected {
                let found = found.get(name).unwrap_or(&Value::Null);
                differences(&format!("{place}.{name}"), expected, found, wrong);
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(&format!("{place}[{index}]"), expected, found, wrong);
            }
        }
        (expected, found) if schema::same(expected, found) => {}
        (expected, Value::Null) => {
            wrong.push(format!("{place}: expected {expected}, found nothing"));
        }
        (Value::Null, found) => wrong.push(format!("{place}: expected nothing, found {found}")),
        (expected, found) => wrong.push(format!("{place}: expected {expected}, found {found}")),
    }
}

impl Settled {
    /// Everything about a step, for a snapshot.
    fn snapshot(&self) -> Value {
        let args = ManifestArgs { all_labels: false, show_secrets: false };
        let applied: Vec<Value> = self
            .applied
            .iter()
            .map(|manifest| json!({ (heading(manifest)): shown(&manifest.object, args) }))
            .collect();
        let unfinished: Map<String, Value> = self
            .unfinished
            .iter()
            .map(|Waiting { node, progress, message, .. }| {
                (node.clone(), format!("{progress}: {message}").into())
            })
            .collect();
        json!({
            "applied": applied,
            "deleted": self.deleted,
            "unfinished": unfinished,
            "status": self.status,
        })
    }
}

fn compare_snapshot(
    case: &Case,
    file: &Path,
    fresh: &Value,
    update: bool,
) -> Result<Option<Problem>, Failure> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name: String = case
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let path = beside(file, "snapshots").join(format!("{}-{name}.yaml", stem.unwrap_or_default()));
    let text = yaml_text(fresh);
    if update {
        let write = |source| Failure::Write { path: path.clone(), source };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(write)?;
        }
        std::fs::write(&path, text).map_err(write)?;
        return Ok(None);
    }
    let problem = |message: String| Ok(Some(Problem { step: None, message }));
    if !path.exists() {
        return problem(format!(
            "there is no snapshot yet; `kro test --update` writes {}",
            input::shown(&path)
        ));
    }
    let expected = input::read_file(&path)?;
    if expected == text {
        return Ok(None);
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), text.lines().collect());
    let at = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let line = |lines: &[&str]| lines.get(at).copied().unwrap_or("the end").trim().to_owned();
    problem(format!(
        "the snapshot {} differs from line {} on: expected `{}`, found `{}`",
        input::shown(&path),
        at + 1,
        line(&old),
        line(&new)
    ))
}
