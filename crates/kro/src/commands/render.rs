//! `kro render`: what an instance becomes.

use std::io::{self, Write as _};

use clap::Args;
use graph::Graph;
use plan::{Action, NodeReport, ObjectId, Progress};
use serde_json::{Map, Value, json};

use crate::definitions::{FileArgs, load};
use crate::emit::{self, DataOutput};
use crate::input;
use crate::instances::{self, Served};
use crate::kinds::KindArgs;
use crate::manifest::{ManifestArgs, shown};
use crate::report::Findings;
use crate::terminal::Stream;
use crate::world::{Round, World};
use crate::{Exit, Failure, Terminal};

/// Arguments of `kro render`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro render -f rgd.yaml -f instance.yaml
  kro render -f rgd.yaml -f instance.yaml --observed bucket.yaml
  kro render -f rgd.yaml -f instance.yaml --trace
  kro render -f rgd.yaml -f instance.yaml -o json | jq .status

The files hold definitions and instances. What --observed names stands for objects that exist in
the cluster: give their status there, as far as it matters; fields that the definition sets are
merged into them. The manifests come in the order in which kro applies them.")]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Files with objects that exist already; may be repeated.
    #[arg(long, value_name = "FILE")]
    observed: Vec<String>,
    /// Show every step on the way, and what each resource waits for.
    #[arg(long)]
    trace: bool,
    /// The form of the result.
    #[arg(long, short, value_enum, default_value = "text")]
    output: DataOutput,
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    kinds: KindArgs,
}

/// What an instance becomes.
pub(crate) struct Rendering {
    /// The applied objects, in order, with the resource that each belongs to.
    pub(crate) manifests: Vec<Manifest>,
    /// The instance's status, without times.
    pub(crate) status: Value,
    /// Resources that are not done, and why.
    pub(crate) waiting: Vec<Waiting>,
    rounds: Vec<Round>,
}

/// An applied object.
pub(crate) struct Manifest {
    /// The resource.
    pub(crate) node: String,
    /// The item of a collection.
    pub(crate) item: Option<u32>,
    pub(crate) object: Value,
}

/// A resource that is not done.
pub(crate) struct Waiting {
    pub(crate) node: String,
    /// `waiting`, `skipped`, `refused`, …
    pub(crate) progress: &'static str,
    pub(crate) message: String,
    /// Whether only a person can change it.
    pub(crate) fatal: bool,
}

impl Waiting {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "resource": self.node, "progress": self.progress, "message": self.message })
    }
}

pub(crate) fn run(args: &RenderArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut loaded = load(args.files.names()?, &args.kinds)?;
    let served = instances::check(&mut loaded).served;
    let observed = input::read(&args.observed, &mut loaded.findings)?;
    if let Some(exit) = stop_at_mistakes(&loaded.findings, terminal)? {
        return Ok(exit);
    }
    if served.is_empty() {
        let kinds: Vec<String> =
            loaded.definitions.iter().map(|definition| definition.gvk.to_string()).collect();
        return Err(Failure::Usage(match kinds.is_empty() {
            true => "the files hold no ResourceGraphDefinition".to_owned(),
            false => format!(
                "the files hold no instance of {}; `kro generate instance` writes one",
                kinds.join(", ")
            ),
        }));
    }
    let observed: Vec<Value> = observed.into_iter().map(|input| input.document.value).collect();
    let mut results = Vec::new();
    let mut failed = false;
    for index in served {
        let instance = instances::serve(&loaded, &loaded.others[index])
            .expect("invariant: it was found to be served above");
        let rendering = render(&instance, &observed);
        for waiting in rendering.waiting.iter().filter(|waiting| waiting.fatal) {
            let level = terminal.err.red("error:");
            let Waiting { node, progress, message, .. } = waiting;
            writeln!(terminal.err, "{level} resource `{node}` {progress}: {message}")?;
            failed = true;
        }
        match args.output {
            DataOutput::Text => write_text(&mut terminal.out, &instance, &rendering, args)?,
            DataOutput::Json | DataOutput::Yaml => {
                results.push(to_json(&instance, &rendering, args));
            }
        }
    }
    let result = match results.len() {
        1 => results.remove(0),
        _ => Value::Array(results),
    };
    match args.output {
        DataOutput::Text => {}
        DataOutput::Json => emit::json(&mut terminal.out, &result)?,
        DataOutput::Yaml => emit::yaml(&mut terminal.out, &result)?,
    }
    Ok(if failed { Exit::Mistakes } else { Exit::Good })
}

/// Lets an instance come up in a world in which `observed` exists.
pub(crate) fn render(served: &Served<'_>, observed: &[Value]) -> Rendering {
    let objects = observed.iter().filter(|object| object.is_object()).cloned();
    let mut world =
        World::new(served.graph, &served.definition.name, served.object.clone(), objects);
    let rounds = world.settle();
    Rendering {
        manifests: applied(served.graph, &rounds),
        status: without_times(&world.instance["status"]),
        waiting: rounds
            .last()
            .map_or_else(Vec::new, |round| waiting(served.graph, &round.step.nodes)),
        rounds,
    }
}

/// What was applied, in order; an object that was applied twice counts as it was in the end.
pub(crate) fn applied(graph: &Graph, rounds: &[Round]) -> Vec<Manifest> {
    let mut order: Vec<ObjectId> = Vec::new();
    let mut manifests: Vec<Manifest> = Vec::new();
    for action in rounds.iter().flat_map(|round| &round.step.actions) {
        let Action::Apply { key, id, object, .. } = action else { continue };
        let manifest = Manifest {
            node: graph.node(key.node).id.clone(),
            item: key.item,
            object: object.clone(),
        };
        match order.iter().position(|known| known == id) {
            Some(at) => manifests[at] = manifest,
            None => {
                order.push(id.clone());
                manifests.push(manifest);
            }
        }
    }
    manifests
}

/// The resources that are not done.
pub(crate) fn waiting(graph: &Graph, nodes: &[NodeReport]) -> Vec<Waiting> {
    let waiting = nodes.iter().filter_map(|report| {
        let (progress, message, fatal) = progress(&report.progress)?;
        let node = graph.node(report.node).id.clone();
        // A condition names kind and resource; here they are named already.
        let prefix = format!("node \"{node}\": ");
        let message = match message.split_once(&prefix) {
            Some((before, rest)) if before.is_empty() || before.starts_with("gvr ") => {
                rest.to_owned()
            }
            Some(_) | None => message,
        };
        Some(Waiting { node, progress, message, fatal })
    });
    waiting.collect()
}

/// What people call the progress of a resource that is not done, why, and whether it is for good.
fn progress(progress: &Progress) -> Option<(&'static str, String, bool)> {
    Some(match progress {
        Progress::Synced => return None,
        Progress::Skipped => ("skipped", "`includeWhen` leaves it out".to_owned(), false),
        Progress::Working => ("working", String::new(), false),
        Progress::Unresolved(why) | Progress::Waiting(why) => ("waiting", why.clone(), false),
        Progress::Duplicate(why) => ("duplicate", why.clone(), true),
        Progress::Deleting(why) => ("deleting", why.clone(), false),
        Progress::Refused(why) => ("refused", why.clone(), true),
        Progress::Fatal(why) => ("failed", why.clone(), true),
    })
}

/// A status without the times of its conditions, which mean nothing here.
pub(crate) fn without_times(status: &Value) -> Value {
    let mut status = status.clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if let Some(condition) = condition.as_object_mut() {
            condition.remove("lastTransitionTime");
            condition.remove("observedGeneration");
        }
    }
    status
}

fn write_text(
    out: &mut Stream,
    served: &Served<'_>,
    rendering: &Rendering,
    args: &RenderArgs,
) -> io::Result<()> {
    let title = |out: &mut Stream, text: &str| {
        let text = out.dim(&format!("# {text}"));
        writeln!(out, "{text}")
    };
    if args.trace {
        for (number, round) in rendering.rounds.iter().enumerate() {
            for line in trace(served.graph, number + 1, round) {
                title(out, &line)?;
            }
        }
    }
    for manifest in &rendering.manifests {
        writeln!(out, "---")?;
        title(out, &heading(manifest))?;
        emit::yaml(out, &shown(&manifest.object, args.manifests))?;
    }
    writeln!(out, "---")?;
    let id = ObjectId::of(&served.object);
    title(out, &format!("{id}: {}", text(&rendering.status["state"])))?;
    let status = &rendering.status;
    let declared = without_conditions(status);
    if !declared.is_empty() {
        for line in emit::yaml_text(&Value::Object(declared)).lines() {
            title(out, &format!("  {line}"))?;
        }
    }
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let word = |name: &str| text(&condition[name]);
        let mut line = format!("  {} is {}", word("type"), word("status"));
        // Who waits for what is said below; only what is not needs the message.
        let more =
            [word("reason"), if rendering.waiting.is_empty() { word("message") } else { "" }];
        let more: Vec<&str> = more.into_iter().filter(|word| !word.is_empty()).collect();
        if word("status") != "True" && !more.is_empty() {
            line = format!("{line}: {}", more.join(", "));
        }
        title(out, &line)?;
    }
    for waiting in &rendering.waiting {
        title(out, &format!("{} is {}: {}", waiting.node, waiting.progress, waiting.message))?;
    }
    Ok(())
}

/// Which resource a manifest is of.
pub(crate) fn heading(manifest: &Manifest) -> String {
    let item = manifest.item.map_or_else(String::new, |item| format!("[{item}]"));
    format!("{}{item}", manifest.node)
}

/// The fields of a status that the definition's author declared.
fn without_conditions(status: &Value) -> Map<String, Value> {
    let fields = status.as_object().into_iter().flatten();
    let declared = fields.filter(|(name, _)| !matches!(name.as_str(), "state" | "conditions"));
    declared.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One step: what was done, then where each resource stands.
fn trace(graph: &Graph, number: usize, round: &Round) -> Vec<String> {
    let mut lines = Vec::new();
    let actions: Vec<String> =
        round.step.actions.iter().map(|action| told(graph, action)).collect();
    match actions.is_empty() {
        true => lines.push(format!("step {number}: nothing left to do")),
        false => lines.push(format!("step {number}: {}", actions.join("; "))),
    }
    for waiting in waiting(graph, &round.step.nodes) {
        if waiting.progress != "working" {
            lines.push(format!("  {} is {}: {}", waiting.node, waiting.progress, waiting.message));
        }
    }
    lines
}

/// An action in words.
fn told(graph: &Graph, action: &Action) -> String {
    match action {
        Action::Manage { .. } => "put finalizer and labels on the instance".to_owned(),
        Action::RecordInventory { .. } => "record the inventory on the instance".to_owned(),
        Action::Observe { node, .. } => {
            format!("look at what {} refers to", graph.node(*node).id)
        }
        Action::Apply { key, id, .. } => format!("apply {} ({id})", graph.node(key.node).id),
        Action::ListMembers { .. } => "list the members, before pruning".to_owned(),
        Action::Delete { object, .. } => format!("delete {object}"),
        Action::RemoveFinalizer => "take the finalizer off the instance".to_owned(),
    }
}

fn to_json(served: &Served<'_>, rendering: &Rendering, args: &RenderArgs) -> Value {
    let manifests: Vec<Value> = rendering
        .manifests
        .iter()
        .map(|manifest| {
            let mut value = json!({
                "resource": manifest.node,
                "object": shown(&manifest.object, args.manifests),
            });
            if let Some(item) = manifest.item {
                value["item"] = item.into();
            }
            value
        })
        .collect();
    let waiting: Vec<Value> = rendering.waiting.iter().map(Waiting::to_json).collect();
    let mut value = json!({
        "instance": ObjectId::of(&served.object).to_string(),
        "manifests": manifests,
        "status": rendering.status,
        "waiting": waiting,
    });
    if args.trace {
        let steps = rendering.rounds.iter();
        let steps: Vec<Value> = steps
            .map(|round| {
                let actions = round.step.actions.iter().map(|action| told(served.graph, action));
                actions.collect::<Vec<_>>().into()
            })
            .collect();
        value["steps"] = steps.into();
    }
    value
}

/// Shows what is wrong and says how the command ends, if something is.
pub(crate) fn stop_at_mistakes(
    findings: &Findings,
    terminal: &mut Terminal,
) -> Result<Option<Exit>, Failure> {
    findings.show_text(&mut terminal.err)?;
    if !findings.has_errors() {
        return Ok(None);
    }
    let summary = findings.summary(&terminal.err);
    writeln!(terminal.err, "{summary}")?;
    Ok(Some(Exit::Mistakes))
}
