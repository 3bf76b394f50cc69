//! One look at every resource of an instance: what it should be, and how far it is.

use crate::action::{Action, Progress};
use crate::decorate::decorate;
use crate::desired;
use crate::instance::Instance;
use crate::inventory::Inventory;
use crate::object::{GroupKind, ObjectId};
use crate::observed::{Acquired, Member, Observed};
use crate::readiness::{creation_gate, unready};
use graph::{Graph, Node, NodeId, NodeKey, Scope, Source, Stop, Unresolved};
use schema::ContentHash;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The result of evaluating all resources.
pub(crate) struct Pass<'a> {
    /// What expressions see.
    pub(crate) scope: Scope<'a>,
    /// Per resource, indexed by [`NodeId`].
    pub(crate) nodes: Vec<NodePass>,
}

/// The result of evaluating one resource.
pub(crate) struct NodePass {
    pub(crate) progress: Progress,
    /// What is wanted, once it can be evaluated.
    pub(crate) desired: Option<Desired>,
    /// Whether its object exists and passes `readyWhen`; `Err` says why not.
    ready: Result<(), String>,
    /// Why dependents must not be created yet, see [`creation_gate`].
    gate: Option<String>,
}

/// The object that a resource wants.
pub(crate) struct Desired {
    pub(crate) id: ObjectId,
    pub(crate) object: Value,
    pub(crate) hash: ContentHash,
}

/// Evaluates the resources of `graph` in topological order.
pub(crate) fn evaluate<'a>(
    graph: &'a Graph,
    instance: &Instance<'a>,
    observed: &'a Observed,
) -> Pass<'a> {
    let mut pass = Pass { scope: Scope::new(graph, instance.object), nodes: Vec::new() };
    let mut done: BTreeMap<NodeId, NodePass> = BTreeMap::new();
    for &id in &graph.order {
        let result = node(graph, id, instance, observed, &done, &mut pass.scope);
        done.insert(id, result);
    }
    pass.nodes = done.into_values().collect();
    refuse_duplicates(graph, &mut pass.nodes);
    pass
}

fn node<'a>(
    graph: &'a Graph,
    id: NodeId,
    instance: &Instance<'a>,
    observed: &'a Observed,
    done: &BTreeMap<NodeId, NodePass>,
    scope: &mut Scope<'a>,
) -> NodePass {
    let node = graph.node(id);
    let dependencies = || node.dependencies.iter().filter_map(|dep| done.get(dep));
    if dependencies().any(|dep| dep.progress == Progress::Skipped) {
        return NodePass::without_object(Progress::Skipped);
    }
    let unready = dependencies().find_map(|dep| dep.ready.as_ref().err());
    if let Some(why) = unready
        && node.include_when.iter().any(graph::Expression::reads_resources)
    {
        return NodePass::without_object(Progress::Waiting(why.clone()));
    }
    match included(node, scope) {
        Ok(true) => {}
        Ok(false) => return NodePass::without_object(Progress::Skipped),
        Err(progress) => return NodePass::without_object(progress),
    }
    let exists = observed.members.values().any(|member| member.node == node.id);
    let gate = dependencies().find_map(|dep| dep.gate.as_ref()).filter(|_| !exists);
    if let Some(why) = gate.or(unready) {
        return NodePass::without_object(Progress::Waiting(why.clone()));
    }
    let desired = match want(node, instance, scope) {
        Ok(desired) => desired,
        Err(progress) => return NodePass::without_object(progress),
    };
    let member = observed.members.get(&desired.id).map(|member| &**member);
    let mut progress = progress(node, &desired, member, observed);
    let live = member.filter(|member| !member.deleting);
    let mut ready = Err(format!("waiting for node \"{}\": it does not exist yet", node.id));
    let mut gate = None;
    if let Some(member) = live {
        scope.bind(id, &member.object);
        gate = creation_gate(node, &member.object);
        ready = match readiness(node, scope) {
            Ok(ready) => ready,
            Err(fatal) => {
                progress = Progress::Fatal(fatal.clone());
                Err(fatal)
            }
        };
        if let (Progress::Synced, Err(why)) = (&progress, &ready) {
            progress = Progress::Waiting(why.clone());
        }
    }
    NodePass { progress, desired: Some(desired), ready, gate }
}

/// Whether every `includeWhen` of `node` holds; false and null leave it out.
fn included(node: &Node, scope: &Scope<'_>) -> Result<bool, Progress> {
    for condition in &node.include_when {
        match condition.eval(scope) {
            Ok(Value::Bool(true)) => {}
            Ok(_) => return Ok(false),
            Err(Stop::Unresolved(unresolved)) if unresolved.only_instance => {
                return Err(Progress::Fatal(format!(
                    "node \"{}\": includeWhen: {unresolved}",
                    node.id
                )));
            }
            Err(stop) => return Err(stopped(node, stop)),
        }
    }
    Ok(true)
}

/// Renders the template of `node` and makes it this instance's object.
fn want(node: &Node, instance: &Instance<'_>, scope: &Scope<'_>) -> Result<Desired, Progress> {
    let template = match &node.source {
        Source::Template(template) if !node.is_collection() => template,
        Source::Template(_) | Source::External(_) => {
            return Err(Progress::Fatal(format!(
                "node \"{}\": collections and external references are not supported yet",
                node.id
            )));
        }
    };
    let rendered = template.render(scope).map_err(|stop| stopped(node, stop))?;
    let object = decorate(rendered, node, instance).map_err(Progress::Fatal)?;
    let hash = desired::hash(&object);
    Ok(Desired { id: ObjectId::of(&object), object, hash })
}

fn stopped(node: &Node, stop: Stop) -> Progress {
    match stop {
        Stop::Unresolved(unresolved) => Progress::Unresolved(unresolved_text(node, &unresolved)),
        Stop::Fatal(fatal) => Progress::Fatal(format!("node \"{}\": {fatal}", node.id)),
    }
}

fn unresolved_text(node: &Node, unresolved: &Unresolved) -> String {
    format!("gvr \"{}\": node \"{}\": {unresolved}", node.kind.gvr(), node.id)
}

fn readiness(node: &Node, scope: &Scope<'_>) -> Result<Result<(), String>, String> {
    match unready(node, scope) {
        Ok(None) => Ok(Ok(())),
        Ok(Some(why)) => Ok(Err(why)),
        Err(stop) => Err(format!("node \"{}\": readyWhen: {stop}", node.id)),
    }
}

fn progress(
    node: &Node,
    desired: &Desired,
    member: Option<&Member>,
    observed: &Observed,
) -> Progress {
    let deleting = || {
        Progress::Deleting(format!(
            "resource \"{}\" for node \"{}\" is currently being deleted; waiting for deletion to complete before continuing reconciliation",
            desired.id.qualified_name(),
            node.id
        ))
    };
    if member.is_some_and(|member| member.deleting) {
        return deleting();
    }
    if member.is_some_and(|member| is_as_desired(desired, member, observed)) {
        return Progress::Synced;
    }
    match observed.refused.get(&desired.id) {
        Some(refused) if refused.desired.is_none_or(|hash| hash == desired.hash) => {
            return Progress::Refused(refused.message.clone());
        }
        Some(_) | None => {}
    }
    match observed.acquired.get(&desired.id) {
        Some(Acquired::Foreign { part_of }) => Progress::Refused(format!(
            "resource belongs to a different ApplySet: {} ({}) belongs to ApplySet \"{part_of}\", cannot reassign to \"{}\"",
            desired.id.qualified_name(),
            node.kind.gvk,
            crate::object::label(&desired.object, crate::names::PART_OF),
        )),
        Some(Acquired::Terminating) if member.is_none() => deleting(),
        Some(Acquired::Held | Acquired::Terminating) | None => Progress::Working,
    }
}

/// Whether nothing would change if `desired` were applied (DESIGN.md, decision 3): what we
/// applied last is what is wanted and our managedFields entry is the one of that response; or,
/// when this process has not applied it yet, the fields that we own are exactly those wanted.
fn is_as_desired(desired: &Desired, member: &Member, observed: &Observed) -> bool {
    match observed.applied.get(&desired.id) {
        Some(applied) => applied.desired == desired.hash && applied.entry == member.entry,
        None => member.owned == Some(desired.hash),
    }
}

/// Two resources that want one object: neither is written.
fn refuse_duplicates(graph: &Graph, nodes: &mut [NodePass]) {
    let mut owners: BTreeMap<&ObjectId, Vec<usize>> = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        if let Some(desired) = &node.desired {
            owners.entry(&desired.id).or_default().push(at);
        }
    }
    let duplicates: Vec<Vec<usize>> = owners.into_values().filter(|list| list.len() > 1).collect();
    for list in duplicates {
        let conflicts: Vec<String> = list
            .iter()
            .map(|&at| format!("resourceID: {}", graph.node(NodeId::from_index(at)).id))
            .collect();
        let message =
            format!("found resources with conflicts: {}", conflicts.join(" conflicts with "));
        for at in list {
            nodes[at].progress = Progress::Duplicate(message.clone());
        }
    }
}

// === impl NodePass ===

impl NodePass {
    fn without_object(progress: Progress) -> Self {
        let ready = Err(match &progress {
            Progress::Unresolved(why) | Progress::Waiting(why) | Progress::Fatal(why) => {
                why.clone()
            }
            Progress::Skipped
            | Progress::Synced
            | Progress::Working
            | Progress::Duplicate(_)
            | Progress::Deleting(_)
            | Progress::Refused(_) => String::new(),
        });
        Self { progress, desired: None, ready, gate: None }
    }
}

// === impl Pass ===

impl Pass<'_> {
    /// Kinds and namespaces of everything that is wanted, as far as it is known.
    pub(crate) fn inventory(&self, graph: &Graph, own_namespace: &str) -> Inventory {
        let mut inventory = Inventory::default();
        for (at, node) in self.nodes.iter().enumerate() {
            if node.progress == Progress::Skipped {
                continue;
            }
            let gvk = &graph.node(NodeId::from_index(at)).kind.gvk;
            inventory.kinds.insert(GroupKind { group: gvk.group.clone(), kind: gvk.kind.clone() });
            let namespace = node.desired.as_ref().map_or("", |desired| &desired.id.namespace);
            if !namespace.is_empty() && namespace != own_namespace {
                inventory.namespaces.insert(namespace.to_owned());
            }
        }
        inventory
    }

    /// The objects that are wanted; `None` while some resource can't be evaluated.
    pub(crate) fn wanted(&self) -> Option<BTreeSet<ObjectId>> {
        let known = |node: &&NodePass| node.progress != Progress::Skipped;
        let ids = self.nodes.iter().filter(known);
        ids.map(|node| node.desired.as_ref().map(|desired| desired.id.clone())).collect()
    }

    /// The actions that bring resources on; applies only of what `recorded` covers.
    pub(crate) fn actions(
        &self,
        observed: &Observed,
        recorded: &Inventory,
        own_namespace: &str,
    ) -> Vec<Action> {
        let working = self.nodes.iter().enumerate().filter_map(|(at, node)| {
            let desired = node.desired.as_ref()?;
            (node.progress == Progress::Working).then_some((NodeId::from_index(at), desired))
        });
        working
            .filter_map(|(node, Desired { id, object, hash })| {
                let held = observed.members.contains_key(id)
                    || observed.acquired.get(id) == Some(&Acquired::Held);
                if !held {
                    return Some(Action::Acquire { node, object: id.clone() });
                }
                let here = id.namespace.is_empty()
                    || id.namespace == own_namespace
                    || recorded.namespaces.contains(&id.namespace);
                (here && recorded.kinds.contains(&id.kind)).then(|| Action::Apply {
                    key: NodeKey { node, item: None },
                    id: id.clone(),
                    object: object.clone(),
                    desired: *hash,
                })
            })
            .collect()
    }
}
