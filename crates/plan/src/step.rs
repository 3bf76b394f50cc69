//! The step of a living instance.

use crate::action::{Action, NodeReport, Progress, Report, State, Step, Wanted, inventory_patch};
use crate::conditions::{Condition, Status, reasons, types};
use crate::instance::Instance;
use crate::inventory::Inventory;
use crate::object::{ObjectId, text};
use crate::observed::{Listed, Member, Observed};
use crate::pass::{Pass, evaluate};
use graph::{Graph, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SUSPENDED: &str = "reconciliation suspended via kro.run/reconcile annotation";
const MANAGED: &str = "instance is properly managed with finalizers and labels";
const RESOLVED: &str = "runtime graph created and all resources resolved";

/// What to do next for an instance that is not being deleted, and what to say about it.
///
/// # Flow
///
/// Finalizer and labels come first; then every resource whose dependencies are satisfied is
/// acquired and applied, once the inventory on the instance covers it; when nothing is pending or
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
        return Step::say(unmanaged(why), true);
    }
    if let Some(patch) = instance.manage() {
        return Step::only(Action::Manage { patch });
    }
    if instance.is_suspended() {
        return Step::say(suspended(), false);
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
        status: Some(round.report(busy)),
        nodes: round.nodes(),
        retry,
        wanted: pass.wanted().map_or(Wanted::All, Wanted::These),
    }
}

/// What to say about an instance whose graph can't be served.
#[must_use]
pub fn unresolved_graph(why: &str) -> Report {
    Report {
        state: State::Error,
        conditions: vec![Condition::new(
            types::GRAPH_RESOLVED,
            Status::False,
            reasons::RESOLUTION_FAILED,
            why,
        )],
        fields: None,
    }
}

fn unmanaged(why: &str) -> Report {
    Report {
        state: State::Error,
        conditions: vec![Condition::new(
            types::INSTANCE_MANAGED,
            Status::False,
            reasons::MANAGEMENT_FAILED,
            why,
        )],
        fields: None,
    }
}

fn preconditions() -> [Condition; 2] {
    [
        Condition::new(types::INSTANCE_MANAGED, Status::True, reasons::MANAGED, MANAGED),
        Condition::new(types::GRAPH_RESOLVED, Status::True, reasons::RESOLVED, RESOLVED),
    ]
}

fn suspended() -> Report {
    let mut conditions = preconditions().to_vec();
    conditions.push(Condition::new(
        types::RESOURCES_READY,
        Status::False,
        reasons::SUSPENDED,
        SUSPENDED,
    ));
    Report { state: State::Active, conditions, fields: None }
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
    fn namespace(&self) -> &str {
        text(self.instance.object, &["metadata", "namespace"])
    }

    fn record(&self, inventory: &Inventory) -> Action {
        Action::RecordInventory {
            patch: inventory_patch(
                &self.instance.identity(),
                &self.instance.applyset_id(),
                inventory,
                self.instance.kro_version,
            ),
        }
    }

    /// Acquires and applies, after the inventory has grown.
    fn actions(&self) -> Vec<Action> {
        let recorded = Inventory::of(self.instance.object);
        let batch = self.pass.inventory(self.graph, self.namespace());
        let mut actions = self.pass.actions(self.observed, &recorded, self.namespace());
        if !actions.is_empty() || !recorded.covers(&batch) {
            let valid =
                Inventory::validate(self.instance.object, &self.instance.applyset_id()).is_ok();
            if (!valid || !recorded.covers(&batch)) && self.observed.unrecorded.is_none() {
                actions.push(self.record(&recorded.union(&batch)));
            }
        }
        actions
    }

    /// What no resource wants any more goes, when nothing is pending or failed.
    fn prune(&self) -> Pruning {
        let settled = self.pass.nodes.iter().all(|node| match node.progress {
            Progress::Skipped | Progress::Synced => true,
            Progress::Waiting(_) => node.desired.is_some(),
            Progress::Working
            | Progress::Unresolved(_)
            | Progress::Duplicate(_)
            | Progress::Deleting(_)
            | Progress::Refused(_)
            | Progress::Fatal(_) => false,
        });
        let blocked = self.observed.undeletable.contains_key(&self.instance.id());
        let Some(wanted) = self.pass.wanted().filter(|_| settled && !blocked) else {
            return Pruning::Idle;
        };
        let is_orphan = |id: &ObjectId| !wanted.contains(id);
        let recorded = Inventory::of(self.instance.object);
        let batch = self.pass.inventory(self.graph, self.namespace());
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
                Pruning::Act(vec![self.record(&batch)])
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
            namespaces: member_namespaces(self.namespace(), inventory),
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

    fn report(&self, busy: bool) -> Report {
        let (resources, state) = self.resources_ready(busy);
        let mut conditions = preconditions().to_vec();
        conditions.push(resources);
        let fields = self.graph.status.project(&self.pass.scope);
        let (fields, state, conditions) = match fields {
            Ok(fields) => (Some(fields), state, conditions),
            Err(fatal) => {
                let message = format!("resource reconciliation failed: status: {fatal}");
                conditions.pop();
                conditions.push(not_ready(message));
                (None, State::Error, conditions)
            }
        };
        Report { state, conditions, fields }
    }

    /// The condition ResourcesReady and the state (kro-controller facts, 5.6); errors come
    /// before deletions, and these before waiting (DESIGN.md, decision 7).
    fn resources_ready(&self, busy: bool) -> (Condition, State) {
        let progress = || self.graph.order.iter().map(|id| &self.pass.nodes[id.index()].progress);
        let all = |pick: fn(&Progress) -> Option<&String>| {
            let messages: Vec<&str> = progress().filter_map(pick).map(String::as_str).collect();
            (!messages.is_empty()).then(|| unique(&messages))
        };
        let failed = |text: String| (not_ready(text), State::Error);
        let waiting = |text: String| (not_ready(text), State::InProgress);
        let prefix = "resource reconciliation failed";
        let fatal = all(|p| if let Progress::Fatal(text) = p { Some(text) } else { None });
        if let Some(text) = fatal {
            return failed(format!("{prefix}: {text}"));
        }
        let refused = all(|p| if let Progress::Refused(text) = p { Some(text) } else { None });
        if let Some(text) = refused {
            return failed(format!("{prefix}: apply results contain errors: {text}"));
        }
        let unrecorded = self.observed.unrecorded.iter().chain(self.observed.undeletable.values());
        if let Some(text) = unrecorded.into_iter().next() {
            return failed(format!("{prefix}: {text}"));
        }
        let duplicate = all(|p| if let Progress::Duplicate(text) = p { Some(text) } else { None });
        if let Some(text) = duplicate {
            return waiting(format!("{prefix}: {text}"));
        }
        let deleting = all(|p| if let Progress::Deleting(text) = p { Some(text) } else { None });
        if let Some(text) = deleting {
            let kind = types::RESOURCES_READY;
            let reason = reasons::RESOURCE_DELETING;
            return (Condition::new(kind, Status::False, reason, text), State::InProgress);
        }
        let unready = all(|p| if let Progress::Waiting(text) = p { Some(text) } else { None });
        if let Some(text) = unready {
            return waiting(format!("{prefix}: apply results contain errors: {text}"));
        }
        let unresolved =
            all(|p| if let Progress::Unresolved(text) = p { Some(text) } else { None });
        if let Some(text) = unresolved {
            return waiting(format!("{prefix}: waiting for unresolved resource: {text}"));
        }
        if busy {
            return waiting(format!("{prefix}: cluster mutated"));
        }
        let message = "all resources are created and ready";
        let ready = Condition::new(
            types::RESOURCES_READY,
            Status::True,
            reasons::ALL_RESOURCES_READY,
            message,
        );
        (ready, State::Active)
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

fn not_ready(message: String) -> Condition {
    Condition::new(types::RESOURCES_READY, Status::False, reasons::NOT_READY, message)
}

/// The messages without repetitions, in their order.
fn unique(messages: &[&str]) -> String {
    let mut seen = BTreeSet::new();
    let fresh: Vec<&str> =
        messages.iter().filter(|message| seen.insert(**message)).copied().collect();
    fresh.join("; ")
}
