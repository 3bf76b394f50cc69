//! What a step says about an instance.

use crate::action::{Authored, Progress, Report, State, Surface};
use crate::conditions::{self, Condition, Status, reasons, types};
use crate::instance::Instance;
use crate::observed::Observed;
use crate::pass::Pass;
use graph::{AuthorCondition, Graph, Scope, Stop};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SUSPENDED: &str = "reconciliation suspended via kro.run/reconcile annotation";
const MANAGED: &str = "instance is properly managed with finalizers and labels";
const RESOLVED: &str = "runtime graph created and all resources resolved";
const ALL_READY: &str = "all resources are created and ready";

/// What to say about an instance whose graph can't be served.
#[must_use]
pub fn unresolved_graph(why: &str) -> Report {
    let condition =
        Condition::new(types::GRAPH_RESOLVED, Status::False, reasons::RESOLUTION_FAILED, why);
    Report {
        state: State::Error,
        conditions: vec![condition],
        surface: Surface::Unknown,
        fields: None,
    }
}

/// What to say about an instance whose finalizer and labels can't be put in place.
pub(crate) fn unmanaged(graph: &Graph, instance: &Instance<'_>, why: &str) -> Report {
    let kind = types::INSTANCE_MANAGED;
    let condition = Condition::new(kind, Status::False, reasons::MANAGEMENT_FAILED, why);
    let mut scope = Scope::new(graph, instance.object);
    let conditions = vec![condition];
    let surface = surface(graph, &mut scope, instance, &conditions);
    Report { state: State::Error, conditions, surface, fields: None }
}

/// What to say about an instance that is left alone.
pub(crate) fn suspended(graph: &Graph, instance: &Instance<'_>) -> Report {
    let mut conditions = preconditions().to_vec();
    let kind = types::RESOURCES_READY;
    conditions.push(Condition::new(kind, Status::False, reasons::SUSPENDED, SUSPENDED));
    let mut scope = Scope::new(graph, instance.object);
    let surface = surface(graph, &mut scope, instance, &conditions);
    Report { state: State::Active, conditions, surface, fields: None }
}

/// What to say after `pass`; `busy` says that something is on its way.
pub(crate) fn report(
    graph: &Graph,
    instance: &Instance<'_>,
    observed: &Observed,
    pass: &Pass<'_>,
    busy: bool,
) -> Report {
    let (mut resources, mut state) = resources_ready(graph, observed, pass, busy);
    let fields = match graph.status.project(&pass.scope) {
        Ok(fields) => Some(fields),
        Err(fatal) => {
            let message = format!("resource reconciliation failed: status: {fatal}");
            (resources, state) = (not_ready(message), State::Error);
            None
        }
    };
    let mut conditions = preconditions().to_vec();
    conditions.push(resources);
    let mut scope = pass.scope.clone();
    let surface = surface(graph, &mut scope, instance, &conditions);
    Report { state, conditions, surface, fields }
}

fn preconditions() -> [Condition; 2] {
    [
        Condition::new(types::INSTANCE_MANAGED, Status::True, reasons::MANAGED, MANAGED),
        Condition::new(types::GRAPH_RESOLVED, Status::True, reasons::RESOLVED, RESOLVED),
    ]
}

/// The condition ResourcesReady and the state (kro-controller facts, 5.6); errors come before
/// deletions, and these before waiting (DESIGN.md, decision 7).
fn resources_ready(
    graph: &Graph,
    observed: &Observed,
    pass: &Pass<'_>,
    busy: bool,
) -> (Condition, State) {
    let progress = || graph.order.iter().map(|id| &pass.nodes[id.index()].progress);
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
    let unrecorded = observed.unrecorded.iter().chain(observed.undeletable.values());
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
    let unresolved = all(|p| if let Progress::Unresolved(text) = p { Some(text) } else { None });
    if let Some(text) = unresolved {
        return waiting(format!("{prefix}: waiting for unresolved resource: {text}"));
    }
    if busy {
        return waiting(format!("{prefix}: cluster mutated"));
    }
    let reason = reasons::ALL_RESOURCES_READY;
    let ready = Condition::new(types::RESOURCES_READY, Status::True, reason, ALL_READY);
    (ready, State::Active)
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

/// Evaluates the author's conditions, which see `conditions` as kro's own ones.
///
/// Expressions stand for themselves: one that waits for data or fails keeps no other from being
/// shown. A type that comes more than once is dropped altogether.
///
/// Source: kro-controller facts, 5.8.
fn surface(
    graph: &Graph,
    scope: &mut Scope<'_>,
    instance: &Instance<'_>,
    conditions: &[Condition],
) -> Surface {
    let Some(sources) = &graph.conditions else { return Surface::BuiltIn };
    scope.bind_runtime(runtime(conditions, instance));
    let mut authored = Authored::default();
    for source in sources {
        match source.expression.conditions(scope) {
            Ok(conditions) => authored.conditions.extend(conditions),
            Err(Stop::Unresolved(_)) => authored.incomplete = true,
            Err(Stop::Fatal(fatal)) => authored.problems.push(fatal.to_string()),
        }
    }
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for AuthorCondition { kind, .. } in &authored.conditions {
        *count.entry(kind.clone()).or_default() += 1;
    }
    authored.conditions.retain(|condition| count.get(&condition.kind) == Some(&1));
    let twice = count.into_iter().filter(|(_, times)| *times > 1);
    authored.problems.extend(
        twice.map(|(kind, times)| format!("condition type \"{kind}\" is declared {times} times")),
    );
    authored.incomplete |= !authored.problems.is_empty();
    Surface::Author(authored)
}

/// kro's own conditions, as `runtime.condition(schema, …)` reads them.
fn runtime(conditions: &[Condition], instance: &Instance<'_>) -> Value {
    let stamp = conditions::Stamp { now: "", created: "", generation: instance.generation() };
    let all = conditions::carry_forward(&json!([]), types::INSTANCE, conditions, stamp);
    let seen = |entry: &Value| {
        json!({
            "type": entry["type"],
            "status": entry["status"],
            "reason": entry["reason"],
            "message": entry["message"],
        })
    };
    all.as_array().into_iter().flatten().map(seen).collect()
}
