//! One look at every resource of an instance: what it should be, and how far it is.

mod external;
mod items;

use crate::action::{Action, Claim, Progress};
use crate::decorate::labels;
use crate::instance::Instance;
use crate::inventory::Inventory;
use crate::object::{GroupKind, ObjectId};
use crate::observed::{Acquired, Observed};
use crate::readiness::DEFAULT_PATH;
use crate::reference::Reference;
use graph::{Expression, Graph, Node, NodeId, NodeKey, ReadPaths, Scope, Source, Stop, Unresolved};
use schema::ContentHash;
use serde_json::{Map, Value};
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
    /// The objects that it wants, once they are known: none for a resource that is left out, for
    /// an empty collection, and for an external reference.
    pub(crate) items: Option<Vec<Item>>,
    /// What an external reference points at.
    reference: Option<Reference>,
    /// Whether everything it wants exists and passes `readyWhen`; `Err` says why not.
    ready: Result<(), String>,
    /// Why dependents must not be created yet, see [`crate::readiness::creation_gate`].
    gate: Option<String>,
    /// Whether what its dependents read may be about to change: it, or something that it depends
    /// on, has to be written. Who applied them now would have to apply them again.
    passing: bool,
}

/// An object that a resource wants.
pub(crate) struct Item {
    pub(crate) key: NodeKey,
    pub(crate) id: ObjectId,
    pub(crate) object: Value,
    pub(crate) hash: ContentHash,
    pub(crate) progress: Progress,
}

/// What keeps a resource from being written although it can be evaluated.
#[derive(Clone, Copy)]
struct Held<'a> {
    /// Why nothing new may be created.
    gate: Option<&'a str>,
    /// A dependency of which other data may come in a moment: what exists is not changed before.
    passing: Option<&'a Node>,
}

/// What the evaluation of every resource reads.
struct Ctx<'a> {
    graph: &'a Graph,
    instance: &'a Instance<'a>,
    observed: &'a Observed,
    /// What all objects are labelled with.
    labels: Map<String, Value>,
    /// The `node-id` labels of all members.
    present: BTreeSet<&'a str>,
    /// Objects that more than one resource wants, and what to say about each.
    conflicts: BTreeMap<ObjectId, String>,
}

/// Evaluates the resources of `graph` in topological order.
///
/// Which resources want one object is known only at the end, but holds back their dependents: so
/// it starts over, knowing them, until no new one is found.
pub(crate) fn evaluate<'a>(
    graph: &'a Graph,
    instance: &'a Instance<'a>,
    observed: &'a Observed,
) -> Pass<'a> {
    let present = observed.members.values().map(|member| member.node.as_str()).collect();
    let labels = labels(instance);
    let conflicts = BTreeMap::new();
    let mut ctx = Ctx { graph, instance, observed, labels, present, conflicts };
    loop {
        let pass = ctx.evaluate();
        let known = ctx.conflicts.len();
        for (object, message) in shared(graph, &pass.nodes) {
            ctx.conflicts.entry(object).or_insert(message);
        }
        if ctx.conflicts.len() == known {
            return pass;
        }
    }
}

/// The objects that more than one resource wants.
fn shared(graph: &Graph, nodes: &[NodePass]) -> Vec<(ObjectId, String)> {
    let mut owners: BTreeMap<&ObjectId, Vec<NodeId>> = BTreeMap::new();
    for item in nodes.iter().filter_map(|node| node.items.as_ref()).flatten() {
        owners.entry(&item.id).or_default().push(item.key.node);
    }
    owners
        .into_iter()
        .filter(|(_, owners)| owners.len() > 1)
        .map(|(object, owners)| {
            let names: Vec<String> = owners
                .into_iter()
                .map(|owner| format!("resourceID: {}", graph.node(owner).id))
                .collect();
            let names = names.join(" conflicts with ");
            (object.clone(), format!("found resources with conflicts: {names}"))
        })
        .collect()
}

// === impl Ctx ===

impl<'a> Ctx<'a> {
    fn evaluate(&self) -> Pass<'a> {
        let mut scope = Scope::new(self.graph, self.instance.object);
        let mut done: BTreeMap<NodeId, NodePass> = BTreeMap::new();
        for &id in &self.graph.order {
            let result = self.node(id, &done, &mut scope);
            done.insert(id, result);
        }
        Pass { scope, nodes: done.into_values().collect() }
    }

    fn node(
        &self,
        id: NodeId,
        done: &BTreeMap<NodeId, NodePass>,
        scope: &mut Scope<'a>,
    ) -> NodePass {
        let node = self.graph.node(id);
        let dependencies = || node.dependencies.iter().filter_map(|dep| done.get(dep));
        if dependencies().any(|dep| dep.progress == Progress::Skipped) {
            return NodePass::skipped();
        }
        let mut asked = node.include_when.iter().flat_map(Expression::nodes);
        if let Some(held) = asked.find_map(|dep| done.get(dep)?.holds_back()) {
            return NodePass::unknown(held);
        }
        match included(node, scope) {
            Ok(true) => {}
            Ok(false) => return NodePass::skipped(),
            Err(progress) => return NodePass::unknown(progress),
        }
        if let Some(held) = dependencies().find_map(NodePass::holds_back) {
            return NodePass::unknown(held);
        }
        let passing =
            node.dependencies.iter().find(|dep| done.get(dep).is_some_and(|it| it.passing));
        let mut pass = match &node.source {
            Source::External(external) => self.external(id, external, scope),
            Source::Template(template) => {
                let gate = dependencies().find_map(|dep| dep.gate.as_deref());
                match gate {
                    Some(why) if !self.present.contains(node.id.as_str()) => {
                        NodePass::unknown(Progress::Waiting(why.to_owned()))
                    }
                    Some(_) | None => {
                        let passing = passing.map(|dep| self.graph.node(*dep));
                        self.items(id, template, Held { gate, passing }, scope)
                    }
                }
            }
        };
        pass.passing |= passing.is_some();
        pass
    }
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

fn stopped(node: &Node, stop: Stop) -> Progress {
    match stop {
        Stop::Unresolved(unresolved) => Progress::Unresolved(unresolved_text(node, &unresolved)),
        Stop::Fatal(fatal) => Progress::Fatal(format!("node \"{}\": {fatal}", node.id)),
    }
}

fn unresolved_text(node: &Node, unresolved: &Unresolved) -> String {
    format!("gvr \"{}\": node \"{}\": {unresolved}", node.kind.gvr(), node.id)
}

// === impl NodePass ===

impl NodePass {
    /// A resource that is left out.
    fn skipped() -> Self {
        Self {
            progress: Progress::Skipped,
            items: Some(Vec::new()),
            reference: None,
            ready: Ok(()),
            gate: None,
            passing: false,
        }
    }

    /// A resource whose objects are not known.
    fn unknown(progress: Progress) -> Self {
        let ready = Err(progress.message().unwrap_or("").to_owned());
        Self { progress, items: None, reference: None, ready, gate: None, passing: false }
    }

    /// Where its dependents stand while it is not ready: what waits for data makes them wait for
    /// data, too, so that an instance says `unresolved` only when nothing else is amiss.
    fn holds_back(&self) -> Option<Progress> {
        let why = self.ready.as_ref().err()?.clone();
        Some(match &self.progress {
            Progress::Unresolved(_) => Progress::Unresolved(why),
            Progress::Skipped
            | Progress::Synced
            | Progress::Working
            | Progress::Waiting(_)
            | Progress::Duplicate(_)
            | Progress::Deleting(_)
            | Progress::Refused(_)
            | Progress::Fatal(_) => Progress::Waiting(why),
        })
    }

    /// Whether it stands in nobody's way: everything that it wants is known, and nothing of it
    /// has to be written or was refused.
    pub(crate) fn is_settled(&self) -> bool {
        let calm = |progress: &Progress| match progress {
            Progress::Skipped | Progress::Synced | Progress::Waiting(_) => true,
            Progress::Working
            | Progress::Unresolved(_)
            | Progress::Duplicate(_)
            | Progress::Deleting(_)
            | Progress::Refused(_)
            | Progress::Fatal(_) => false,
        };
        let Some(items) = &self.items else { return false };
        calm(&self.progress) && items.iter().all(|item| calm(&item.progress))
    }
}

// === impl Pass ===

impl Pass<'_> {
    fn all_items(&self) -> impl Iterator<Item = &Item> {
        self.nodes.iter().filter_map(|node| node.items.as_ref()).flatten()
    }

    /// Kinds and namespaces of everything that is wanted, as far as it is known.
    pub(crate) fn inventory(&self, graph: &Graph, own_namespace: &str) -> Inventory {
        let mut inventory = Inventory::default();
        for (at, pass) in self.nodes.iter().enumerate() {
            let node = graph.node(NodeId::from_index(at));
            let wants_none = pass.items.as_ref().is_some_and(Vec::is_empty);
            if node.is_external() || wants_none {
                continue;
            }
            let gvk = &node.kind.gvk;
            inventory.kinds.insert(GroupKind { group: gvk.group.clone(), kind: gvk.kind.clone() });
        }
        let namespaces = self.all_items().map(|item| &item.id.namespace);
        let others = namespaces.filter(|name| !name.is_empty() && *name != own_namespace);
        inventory.namespaces.extend(others.cloned());
        inventory
    }

    /// Whether some object has to be written.
    pub(crate) fn is_working(&self) -> bool {
        self.working().next().is_some()
    }

    /// Whether `recorded` covers every object that has to be written.
    pub(crate) fn is_covered(&self, recorded: &Inventory, own_namespace: &str) -> bool {
        self.working().all(|item| covers(recorded, own_namespace, &item.id))
    }

    fn working(&self) -> impl Iterator<Item = &Item> {
        self.all_items().filter(|item| item.progress == Progress::Working)
    }

    /// The objects that are wanted; `None` while some resource can't be evaluated.
    pub(crate) fn wanted(&self) -> Option<BTreeSet<ObjectId>> {
        self.nodes
            .iter()
            .all(|node| node.items.is_some())
            .then(|| self.all_items().map(|item| item.id.clone()).collect())
    }

    /// What external references point at, and what is read of it.
    pub(crate) fn references(&self, graph: &Graph) -> BTreeMap<Reference, ReadPaths> {
        let mut references: BTreeMap<Reference, ReadPaths> = BTreeMap::new();
        for (at, pass) in self.nodes.iter().enumerate() {
            let Some(reference) = &pass.reference else { continue };
            let reads = references.entry(reference.clone()).or_default();
            reads.merge(&graph.node(NodeId::from_index(at)).read);
            reads.add(DEFAULT_PATH);
        }
        references
    }

    /// The actions that bring resources on; applies only of what `recorded` covers.
    pub(crate) fn actions(
        &self,
        observed: &Observed,
        recorded: &Inventory,
        own_namespace: &str,
    ) -> Vec<Action> {
        let unseen = self.nodes.iter().enumerate().filter_map(|(at, pass)| {
            let reference = pass.reference.clone()?;
            let node = NodeId::from_index(at);
            let known = observed.referenced.contains_key(&reference);
            (!known).then_some(Action::Observe { node, reference })
        });
        let actions = self.working().filter_map(|Item { key, id, object, hash, .. }| {
            let held = observed.members.contains_key(id)
                || observed.acquired.get(id) == Some(&Acquired::Held);
            let claim = if held { Claim::Held } else { Claim::Take };
            let covered = covers(recorded, own_namespace, id);
            let (key, id, object, desired) = (*key, id.clone(), object.clone(), *hash);
            covered.then_some(Action::Apply { key, id, object, desired, claim })
        });
        unseen.chain(actions).collect()
    }
}

/// Whether an inventory has the kind and the namespace of `id`.
fn covers(inventory: &Inventory, own_namespace: &str, id: &ObjectId) -> bool {
    let namespace = &id.namespace;
    let here = namespace.is_empty()
        || namespace == own_namespace
        || inventory.namespaces.contains(namespace);
    here && inventory.kinds.contains(&id.kind)
}
