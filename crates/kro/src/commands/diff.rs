//! `kro diff`: what would happen to the objects that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use clap::Args;
use graph::{Graph, Kind};
use plan::{Action, ObjectId};
use schema::openapi::GroupVersionKind;
use serde_json::{Value, json};

use crate::commands::diff::api::Api;
use crate::commands::diff::changes::{Change, changes};
use crate::commands::render::{Waiting, stop_at_mistakes, waiting};
use crate::commands::validate;
use crate::definitions::{Definition, FileArgs, Loaded, load};
use crate::emit::{self, DataOutput};
use crate::input;
use crate::instances::{self, Served};
use crate::kinds::KindArgs;
use crate::manifest::{ManifestArgs, is_secret, shown};
use crate::world::{Round, Server, World};
use crate::{Exit, Failure, Terminal};

mod api;
mod changes;
#[cfg(feature = "cluster")]
mod live;
mod show;

/// Arguments of `kro diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl get buckets,tables,stores -o yaml > live.yaml
  kro diff -f store.yaml -f orders.yaml --against live.yaml
  kro diff -f definitions/ --against dump/ -o json | jq .plans
  kro diff -f store.yaml -f orders.yaml --cluster
  kro diff -f store.yaml --cluster

The files hold definitions and instances as they are to be; --against names the objects that are
there now, the instances among them. A definition without an instance in the files is compared
for all of its instances that are there. Fields are compared as a server-side apply would merge
them: what somebody else set stays, what kro owned and no longer asks for goes. With --cluster the
objects are those of a cluster, which answers for every apply as a dry run; nothing is written.

Where the CRD of a definition, or the definition itself, is among what is there, the changes of
its API are shown as well, and which of them the controller would refuse because they break
instances.

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
    let live: Vec<Value> =
        against.into_iter().flat_map(|input| items(input.document.value)).collect();
    let apis = api::compare(&mut loaded, &live)?;
    let mut wanted: Vec<Served<'_>> = served
        .into_iter()
        .filter_map(|index| instances::serve(&loaded, &loaded.others[index]))
        .collect();
    let given: BTreeSet<&GroupVersionKind> =
        wanted.iter().map(|served| &served.definition.gvk).collect();
    let others = loaded.definitions.iter().filter(|definition| !given.contains(&definition.gvk));
    let others: Vec<&Definition> = others.collect();
    for definition in others {
        wanted.extend(instances_there(&loaded, definition, &live)?);
    }
    let misfits = |served: &Served<'_>| match loaded.kinds.own(&served.definition.gvk) {
        Some(kind) => misfits(&served.object, kind),
        None => Vec::new(),
    };
    if wanted.is_empty() && apis.is_empty() {
        return Err(Failure::usage(
            "there is nothing to compare: the files hold no instance of a definition, and what is there holds neither instances nor the definition",
        ));
    }
    let mut plans = Vec::new();
    for served in &wanted {
        #[cfg(feature = "cluster")]
        if let Some(cluster) = &loaded.kinds.cluster {
            plans.push(live::plan(served, cluster, args.manifests)?.after(misfits(served)));
            continue;
        }
        plans.push(plan(served, &live, None, args.manifests)?.after(misfits(served)));
    }
    let differs = apis.iter().any(Api::differs) || plans.iter().any(Plan::differs);
    let out = &mut terminal.out;
    let data = || show::to_json(&apis, &plans);
    match args.output {
        DataOutput::Text => {
            apis.iter().try_for_each(|api| api.write(out))?;
            plans.iter().try_for_each(|plan| plan.write(out))?;
            if plans.is_empty() && !differs {
                writeln!(out, "{}", out.green("nothing would change"))?;
            }
        }
        DataOutput::Json => emit::json(out, &data())?,
        DataOutput::Yaml => emit::yaml(out, &data())?,
    }
    Ok(if differs { Exit::Mistakes } else { Exit::Good })
}

/// What of an instance that is there does not fit the new API: it can't be changed any more before
/// that is mended. Instances in files were checked before.
fn misfits(instance: &Value, kind: &Kind) -> Vec<Waiting> {
    let found = validate::check_object(instance, kind);
    let found = found.errors().map(|mistake| Waiting {
        node: "the instance".to_owned(),
        progress: "invalid",
        message: format!("{}: {}", mistake.place.path, mistake.message),
        fatal: true,
    });
    found.collect()
}

/// The instances of a definition that are there now, as it would serve them.
fn instances_there<'a>(
    loaded: &'a Loaded,
    definition: &'a Definition,
    live: &[Value],
) -> Result<Vec<Served<'a>>, Failure> {
    let (Some(graph), Some(kind)) = (&definition.graph, loaded.kinds.own(&definition.gvk)) else {
        return Ok(Vec::new());
    };
    #[cfg(feature = "cluster")]
    let listed = match &loaded.kinds.cluster {
        Some(cluster) => cluster.list(kind, "", "")?,
        None => Vec::new(),
    };
    #[cfg(not(feature = "cluster"))]
    let listed: Vec<Value> = Vec::new();
    let of_kind = |object: &&Value| validate::gvk_of(object).as_ref() == Some(&definition.gvk);
    let objects = live.iter().filter(of_kind).chain(&listed);
    // What is being deleted is not brought up to anything.
    let objects = objects.filter(|object| !plan::object::is_deleting(object));
    let served = objects.map(|object| Served {
        definition,
        graph,
        object: instances::stored(object, graph, &kind.schema),
    });
    Ok(served.collect())
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
