//! `kro diff`: what would happen to the objects that are there.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use clap::Args;
use graph::Graph;
use plan::{Action, ObjectId};
use serde_json::{Value, json};

use crate::commands::diff::changes::{Change, Kind as ChangeKind, changes};
use crate::commands::render::{Waiting, stop_at_mistakes, waiting};
use crate::definitions::{FileArgs, load};
use crate::emit::{self, DataOutput};
use crate::input;
use crate::instances::{self, Served};
use crate::kinds::KindArgs;
use crate::manifest::{ManifestArgs, is_secret, shown};
use crate::terminal::Stream;
use crate::world::{Round, Server, World};
use crate::{Exit, Failure, Terminal};

mod changes;
#[cfg(feature = "cluster")]
mod live;

/// Arguments of `kro diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl get buckets,tables,stores -o yaml > live.yaml
  kro diff -f store.yaml -f orders.yaml --against live.yaml
  kro diff -f definitions/ --against dump/ -o json | jq .plans
  kro diff -f store.yaml -f orders.yaml --cluster

The files hold definitions and instances as they are to be; --against names the objects that are
there now, the instances among them. Fields are compared as a server-side apply would merge them:
what somebody else set stays, what kro owned and no longer asks for goes. With --cluster the
objects are those of a cluster, which answers for every apply as a dry run; nothing is written.

Exit codes: 0 nothing would change, 1 something would, or mistakes were found, 2 wrong use.")]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Files or directories with the objects that are there; may be repeated.
    #[arg(long, value_name = "FILE")]
    against: Vec<String>,
    /// The form of the plan.
    #[arg(long, short, value_enum, default_value = "text")]
    output: DataOutput,
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    kinds: KindArgs,
}

/// What would happen to one object.
struct Fate {
    /// The resource; `None` for the instance itself, and for what no resource wants any more.
    node: Option<String>,
    id: ObjectId,
    what: What,
    changes: Vec<Change>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Create,
    Change,
    Prune,
    Keep,
}

/// What would happen to an instance's objects.
struct Plan {
    instance: ObjectId,
    fates: Vec<Fate>,
    blocked: Vec<Waiting>,
}

pub(crate) fn run(args: &DiffArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if args.against.is_empty() && !args.kinds.asks_cluster() {
        return Err(Failure::usage("say what is there: --against FILE, or --cluster"));
    }
    let mut loaded = load(args.files.names()?, &args.kinds)?;
    let served = instances::check(&mut loaded).served;
    let against = input::read(&args.against, &mut loaded.findings)?;
    if let Some(exit) = stop_at_mistakes(&loaded.findings, terminal)? {
        return Ok(exit);
    }
    if served.is_empty() {
        return Err(Failure::usage("the files hold no instance of a definition"));
    }
    let live: Vec<Value> =
        against.into_iter().flat_map(|input| items(input.document.value)).collect();
    let mut plans = Vec::new();
    for index in served {
        let served = instances::serve(&loaded, &loaded.others[index])
            .expect("invariant: it was found to be served above");
        #[cfg(feature = "cluster")]
        if let Some(cluster) = &loaded.kinds.cluster {
            plans.push(live::plan(&served, cluster, args.manifests)?);
            continue;
        }
        plans.push(plan(&served, &live, None, args.manifests)?);
    }
    let out = &mut terminal.out;
    match args.output {
        DataOutput::Text => plans.iter().try_for_each(|plan| plan.write(out))?,
        DataOutput::Json => emit::json(out, &to_json(&plans))?,
        DataOutput::Yaml => emit::yaml(out, &to_json(&plans))?,
    }
    let differs = plans.iter().any(Plan::differs);
    Ok(if differs { Exit::Mistakes } else { Exit::Good })
}

/// The objects of a document: those of a list, or itself.
fn items(document: Value) -> Vec<Value> {
    let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Object(mut list) if is_list => match list.remove("items") {
            Some(Value::Array(items)) => items,
            Some(_) | None => Vec::new(),
        },
        object => vec![object],
    }
}

/// Lets the instance settle among the objects that are there, and compares.
///
/// # Errors
/// When `server` can't be asked.
fn plan(
    served: &Served<'_>,
    live: &[Value],
    server: Option<&dyn Server>,
    args: ManifestArgs,
) -> Result<Plan, Failure> {
    let graph = served.graph;
    let id = ObjectId::of(&served.object);
    let old = live.iter().find(|object| ObjectId::of(object) == id);
    let instance = old.map_or_else(|| served.object.clone(), |old| updated(old, &served.object));
    let others = live.iter().filter(|object| ObjectId::of(object) != id && object.is_object());
    let mut world = World::new(graph, &served.definition.name, instance, others.cloned());
    if let Some(server) = server {
        world.serve(server);
    }
    let known = world.objects.clone();
    let rounds = world.settle();
    if let Some(failure) = world.take_failure() {
        return Err(failure);
    }
    let found = std::mem::take(&mut world.found);
    let before = defaulted(graph, found.into_iter().chain(known));
    let mut fates = vec![instance_fate(old, &served.object, &id, args)];
    fates.extend(fates_of(graph, &before, &world.objects, &rounds, args));
    let blocked = rounds.last().map_or_else(Vec::new, |round| waiting(graph, &round.step.nodes));
    let blocked = blocked.into_iter().filter(|waiting| waiting.progress != "skipped");
    // What waits but is there already was compared like everything else.
    let blocked = blocked.filter(|waiting| {
        waiting.fatal || !fates.iter().any(|fate| fate.node.as_ref() == Some(&waiting.node))
    });
    let blocked = blocked.collect();
    Ok(Plan { instance: id, blocked, fates })
}

/// The live instance with the new spec, labels and annotations.
fn updated(old: &Value, new: &Value) -> Value {
    let mut instance = old.clone();
    instance["spec"] = new["spec"].clone();
    for slot in ["labels", "annotations"] {
        for (key, value) in new["metadata"][slot].as_object().into_iter().flatten() {
            instance["metadata"][slot][key] = value.clone();
        }
    }
    instance
}

/// The objects with the defaults that an API server fills in, so that these are no difference.
fn defaulted(
    graph: &Graph,
    objects: impl Iterator<Item = (ObjectId, Value)>,
) -> BTreeMap<ObjectId, Value> {
    let mut objects: BTreeMap<ObjectId, Value> = objects.collect();
    for (id, object) in &mut objects {
        if let Some(schema) = schema_of(graph, id) {
            schema::apply_defaults(schema, object);
        }
    }
    objects
}

fn schema_of<'a>(graph: &'a Graph, id: &ObjectId) -> Option<&'a schema::Schema> {
    let mut kinds = graph.nodes.iter().map(|node| &node.kind);
    let kind = kinds.find(|kind| kind.gvk.group == id.kind.group && kind.gvk.kind == id.kind.kind);
    kind.map(|kind| &kind.schema)
}

fn instance_fate(old: Option<&Value>, new: &Value, id: &ObjectId, args: ManifestArgs) -> Fate {
    let spec = |object: &Value| json!({ "spec": object["spec"] });
    let (what, changes) = match old {
        None => (What::Create, Vec::new()),
        Some(old) => {
            let changes = changes(None, &shown(&spec(old), args), &shown(&spec(new), args), false);
            (if changes.is_empty() { What::Keep } else { What::Change }, changes)
        }
    };
    Fate { node: None, id: id.clone(), what, changes }
}

/// What became of the objects: those that were applied in their order, then those that went.
fn fates_of(
    graph: &Graph,
    before: &BTreeMap<ObjectId, Value>,
    after: &BTreeMap<ObjectId, Value>,
    rounds: &[Round],
    args: ManifestArgs,
) -> Vec<Fate> {
    let mut fates = Vec::new();
    let mut seen = Vec::new();
    for action in rounds.iter().flat_map(|round| &round.step.actions) {
        match action {
            Action::Apply { key, id, .. } if !seen.contains(id) => {
                seen.push(id.clone());
                let Some(new) = after.get(id) else { continue };
                let node = Some(graph.node(key.node).id.clone());
                fates.push(match before.get(id) {
                    None => Fate { node, id: id.clone(), what: What::Create, changes: Vec::new() },
                    Some(old) => compared(graph, node, id, old, new, args),
                });
            }
            Action::Delete { object: id, .. } => {
                let label = |object| plan::object::label(object, plan::names::NODE_ID).to_owned();
                let node = before.get(id).map(label).filter(|node| !node.is_empty());
                fates.push(Fate { node, id: id.clone(), what: What::Prune, changes: Vec::new() });
            }
            Action::Apply { .. }
            | Action::Manage { .. }
            | Action::RecordInventory { .. }
            | Action::Observe { .. }
            | Action::Acquire { .. }
            | Action::ListMembers { .. }
            | Action::RemoveFinalizer => {}
        }
    }
    fates
}

fn compared(
    graph: &Graph,
    node: Option<String>,
    id: &ObjectId,
    old: &Value,
    new: &Value,
    args: ManifestArgs,
) -> Fate {
    let schema = schema_of(graph, id);
    // Values of Secrets are compared, but not shown.
    let visible = ManifestArgs { show_secrets: true, ..args };
    let hidden = is_secret(new) && !args.show_secrets;
    let changes = changes(schema, &shown(old, visible), &shown(new, visible), hidden);
    let what = if changes.is_empty() { What::Keep } else { What::Change };
    Fate { node, id: id.clone(), what, changes }
}

// === impl What ===

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Prune => "prune",
            Self::Keep => "keep",
        }
    }
}

// === impl Plan ===

impl Plan {
    fn differs(&self) -> bool {
        self.fates.iter().any(|fate| fate.what != What::Keep)
            || self.blocked.iter().any(|waiting| waiting.fatal)
    }

    fn count(&self, what: What) -> usize {
        self.fates.iter().filter(|fate| fate.what == what).count()
    }

    fn write(&self, out: &mut Stream) -> io::Result<()> {
        writeln!(out, "{}", self.instance)?;
        for fate in self.fates.iter().filter(|fate| fate.what != What::Keep) {
            let name = match &fate.node {
                Some(node) => format!("{node} ({})", fate.id),
                None if fate.id == self.instance => "the instance".to_owned(),
                None => fate.id.to_string(),
            };
            let line = match fate.what {
                What::Create => out.green(&format!("+ create {name}")),
                What::Change => out.yellow(&format!("~ change {name}")),
                What::Prune => out.red(&format!("- prune {name}")),
                What::Keep => continue,
            };
            writeln!(out, "  {line}")?;
            for change in &fate.changes {
                let Change { path, before, after, .. } = change;
                let line = match change.kind() {
                    ChangeKind::Added => out.green(&format!("+ {path}: {}", text(after.as_ref()))),
                    ChangeKind::Removed => out.red(&format!("- {path}: {}", text(before.as_ref()))),
                    ChangeKind::Changed => format!(
                        "~ {path}: {} → {}",
                        out.red(&text(before.as_ref())),
                        out.green(&text(after.as_ref()))
                    ),
                };
                writeln!(out, "      {line}")?;
            }
        }
        for Waiting { node, progress, message, .. } in &self.blocked {
            writeln!(out, "  {}", out.yellow(&format!("! {node} is {progress}: {message}")))?;
        }
        let counts = [
            (self.count(What::Create), "to create"),
            (self.count(What::Change), "to change"),
            (self.count(What::Prune), "to prune"),
            (self.blocked.len(), "blocked"),
        ];
        let counts: Vec<String> = (counts.into_iter())
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        match counts.is_empty() {
            true => writeln!(out, "  {}", out.green("nothing would change")),
            false => writeln!(out, "  {}", counts.join(", ")),
        }
    }
}

/// A value in one line.
fn text(value: Option<&Value>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

fn to_json(plans: &[Plan]) -> Value {
    let plans: Vec<Value> = plans
        .iter()
        .map(|plan| {
            let objects: Vec<Value> = plan.fates.iter().map(fate_json).collect();
            let blocked: Vec<Value> = plan
                .blocked
                .iter()
                .map(|waiting| {
                    json!({
                        "resource": waiting.node,
                        "progress": waiting.progress,
                        "message": waiting.message,
                    })
                })
                .collect();
            json!({
                "instance": plan.instance.to_string(),
                "create": plan.count(What::Create),
                "change": plan.count(What::Change),
                "prune": plan.count(What::Prune),
                "objects": objects,
                "blocked": blocked,
            })
        })
        .collect();
    let differs = plans
        .iter()
        .any(|plan| ["create", "change", "prune"].iter().any(|count| plan[*count] != 0));
    json!({ "differs": differs, "plans": plans })
}

fn fate_json(fate: &Fate) -> Value {
    let mut value = json!({
        "action": fate.what.name(),
        "kind": fate.id.kind.kind,
        "group": fate.id.kind.group,
        "name": fate.id.name,
    });
    if !fate.id.namespace.is_empty() {
        value["namespace"] = fate.id.namespace.as_str().into();
    }
    if let Some(node) = &fate.node {
        value["resource"] = node.as_str().into();
    }
    if fate.what == What::Change {
        let changes = fate.changes.iter().map(|change| {
            let mut value = json!({ "path": change.path });
            if let Some(before) = &change.before {
                value["before"] = before.clone();
            }
            if let Some(after) = &change.after {
                value["after"] = after.clone();
            }
            value
        });
        value["changes"] = changes.collect::<Vec<_>>().into();
    }
    value
}
