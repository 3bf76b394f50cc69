//! The step of a living instance.

use crate::action::{Action, NodeReport, Progress, Step, Wanted, inventory_patch};
use crate::instance::Instance;
use crate::inventory::Inventory;
use crate::names;
use crate::object::{ObjectId, annotation};
use crate::observed::{Listed, Member, Observed};
use crate::pass::{NodePass, Pass, evaluate};
use crate::report::{report, suspended, unmanaged};
use graph::{Graph, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What to do next for an instance that is not being deleted, and what to say about it.
///
/// # Flow
///
/// Finalizer and labels come first, with the inventory of what is going to be applied; then every
/// resource whose dependencies are satisfied is acquired and applied, once the inventory on the
/// instance covers it, or watched if it belongs to somebody else; when nothing is pending or
/// failed, objects that are no longer wanted are pruned, and the inventory shrinks.
///
/// # Guarantees
///
/// Same input, same output. Once observations show its actions, they do not recur; in a fair
/// world the actions are empty after at most (number of resources + a constant) rounds.
///
/// # Assumptions
///
/// `observed.members` has caught up with our own writes, for every kind of the graph and of the
/// recorded inventory.
#[must_use]
pub fn step(graph: &Graph, instance: &Instance<'_>, observed: &Observed) -> Step {
    if let Some(why) = &observed.unmanageable {
        return Step::say(unmanaged(graph, instance, why), true);
    }
    if let Some(why) = instance.foreign_inventory() {
        let why = format!("cannot install finalizer with invalid ApplySet inventory; {why}");
        return Step::say(unmanaged(graph, instance, &why), true);
    }
    if let Some(patch) = instance.manage(|| first_inventory(graph, instance, observed)) {
        return Step::only(Action::Manage { patch });
    }
    if instance.is_suspended() {
        return Step::say(suspended(graph, instance), false);
    }
    let pass = evaluate(graph, instance, observed);
    let round = Round { graph, instance, observed, pass: &pass };
    let mut actions = round.actions();
    let pruning = if actions.is_empty() { round.prune() } else { Pruning::Idle };
    let busy = !actions.is_empty() || pruning != Pruning::Idle;
    if let Pruning::Act(prune) = pruning {
        actions = prune;
    }
    let refused = |progress: &Progress| match progress {
        Progress::Refused(_) | Progress::Duplicate(_) | Progress::Fatal(_) => true,
        // An object that is no member is not watched: nobody tells when it is gone.
        Progress::Deleting(_) => !observed.acquired.is_empty(),
        Progress::Skipped
        | Progress::Synced
        | Progress::Working
        | Progress::Unresolved(_)
        | Progress::Waiting(_) => false,
    };
    let retry = observed.unrecorded.is_some()
        || !observed.undeletable.is_empty()
        || pass.nodes.iter().any(|node| refused(&node.progress));
    Step {
        actions,
        status: Some(report(graph, instance, observed, &pass, busy)),
        nodes: round.nodes(),
        retry,
        wanted: pass.wanted().map_or(Wanted::All, Wanted::These),
        references: pass.references(graph),
    }
}

/// What is recorded, and all that may come: a new instance then needs no second write for its
/// inventory.
fn first_inventory(graph: &Graph, instance: &Instance<'_>, observed: &Observed) -> Inventory {
    let recorded = Inventory::of(instance.object);
    if instance.is_suspended() {
        return recorded;
    }
    let pass = evaluate(graph, instance, observed);
    recorded.union(&pass.inventory(graph, instance.namespace()))
}

fn record(instance: &Instance<'_>, inventory: &Inventory) -> Action {
    let (identity, id) = (instance.identity(), instance.applyset_id());
    Action::RecordInventory {
        patch: inventory_patch(&identity, &id, inventory, instance.kro_version),
    }
}

/// What pruning comes to in one step.
#[derive(PartialEq)]
enum Pruning {
    /// Nothing to prune, or not the time for it.
    Idle,
    /// Objects that were deleted are not gone yet.
    Awaiting,
    /// These actions come next.
    Act(Vec<Action>),
}

struct Round<'a> {
    graph: &'a Graph,
    instance: &'a Instance<'a>,
    observed: &'a Observed,
    pass: &'a Pass<'a>,
}

// === impl Round ===

impl Round<'_> {
    /// Acquires and applies, after the inventory has grown. It grows by everything that may come,
    /// so that it is written once, but only when something has to be applied: what is merely not
    /// known for a moment, as after a start, changes nothing.
    fn actions(&self) -> Vec<Action> {
        let recorded = Inventory::of(self.instance.object);
        let mut actions = self.pass.actions(self.observed, &recorded, self.instance.namespace());
        // What an earlier release wrote has no hash.
        let hashed = annotation(self.instance.object, names::INVENTORY_HASH).is_some();
        let valid = || {
            hashed
                && Inventory::validate(self.instance.object, &self.instance.applyset_id()).is_ok()
        };
        let missing = self.pass.is_working()
            && (!self.pass.is_covered(&recorded, self.instance.namespace()) || !valid());
        if missing && self.observed.unrecorded.is_none() {
            let batch = self.pass.inventory(self.graph, self.instance.namespace());
            actions.push(record(self.instance, &recorded.union(&batch)));
        }
        actions
    }

    /// What no resource wants any more goes, when nothing is pending or failed.
    fn prune(&self) -> Pruning {
        let settled = self.pass.nodes.iter().all(NodePass::is_settled);
        let blocked = self.observed.undeletable.contains_key(&self.instance.id());
        let Some(wanted) = self.pass.wanted().filter(|_| settled && !blocked) else {
            return Pruning::Idle;
        };
        let is_orphan = |id: &ObjectId| !wanted.contains(id);
        let recorded = Inventory::of(self.instance.object);
        let batch = self.pass.inventory(self.graph, self.instance.namespace());
        let stale = recorded != batch && self.observed.unrecorded.is_none();
        let mut orphans = self.observed.members.iter().filter(|(id, _)| is_orphan(id)).peekable();
        if orphans.peek().is_none() && !stale {
            return Pruning::Idle;
        }
        let doomed = |(id, member): (&ObjectId, &Arc<Member>)| {
            member.deleting || self.observed.undeletable.contains_key(id)
        };
        if orphans.peek().is_some() && orphans.all(doomed) {
            return Pruning::Awaiting;
        }
        let Some(listed) = &self.observed.listed else {
            return Pruning::Act(vec![self.list(&recorded)]);
        };
        let orphans: BTreeMap<&ObjectId, &Listed> =
            listed.iter().filter(|(id, _)| is_orphan(id)).collect();
        if orphans.is_empty() {
            // While the cache shows one that the list did not, the list was no proof.
            let cached = self.observed.members.keys().any(is_orphan);
            let shrink = stale && !cached;
            return if shrink {
                Pruning::Act(vec![record(self.instance, &batch)])
            } else {
                Pruning::Awaiting
            };
        }
        let waves = self.prune_waves(&orphans);
        if waves.is_empty() { Pruning::Awaiting } else { Pruning::Act(waves) }
    }

    fn list(&self, inventory: &Inventory) -> Action {
        Action::ListMembers {
            kinds: inventory.kinds.clone(),
            namespaces: member_namespaces(self.instance.namespace(), inventory),
        }
    }

    /// Deletions of `orphans`: resources that the graph does not know first, then from the last
    /// resource of the topological order to the first.
    fn prune_waves(&self, orphans: &BTreeMap<&ObjectId, &Listed>) -> Vec<Action> {
        let position =
            |node: &str| self.graph.order.iter().position(|id| self.graph.node(*id).id == node);
        let count = self.graph.order.len();
        let wave = |node: &str| position(node).map_or(0, |at| count - at);
        let doomed = orphans.iter().filter(|(id, listed)| {
            !listed.deleting && !self.observed.undeletable.contains_key(**id)
        });
        doomed
            .map(|(id, listed)| Action::Delete {
                object: (*id).clone(),
                uid: listed.uid.clone(),
                wave: u32::try_from(wave(&listed.node)).unwrap_or(u32::MAX),
            })
            .collect()
    }

    fn nodes(&self) -> Vec<NodeReport> {
        let report = |&node: &NodeId| NodeReport {
            node,
            progress: self.pass.nodes[node.index()].progress.clone(),
        };
        self.graph.order.iter().map(report).collect()
    }
}

/// The namespaces in which members may live: `default` stands in for the namespace of a
/// cluster-scoped instance.
pub(crate) fn member_namespaces(own: &str, inventory: &Inventory) -> BTreeSet<String> {
    let own = if own.is_empty() { "default" } else { own };
    let mut namespaces = inventory.namespaces.clone();
    namespaces.insert(own.to_owned());
    namespaces
}
