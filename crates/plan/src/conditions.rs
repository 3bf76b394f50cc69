//! Condition types, their reasons, and how a list of conditions is carried forward.
//!
//! Source: kro-controller facts, 3.3 (condition engine) and 5.6 (instance conditions).

use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Condition types.
pub mod types {
    /// Finalizer and labels are in place.
    pub const INSTANCE_MANAGED: &str = "InstanceManaged";
    /// A compiled graph serves the instance.
    pub const GRAPH_RESOLVED: &str = "GraphResolved";
    /// All resources are as desired, and ready.
    pub const RESOURCES_READY: &str = "ResourcesReady";
    /// Everything above; also the root of a definition's conditions.
    pub const READY: &str = "Ready";

    /// What `Ready` of an instance depends on.
    pub const INSTANCE: &[&str] = &[INSTANCE_MANAGED, GRAPH_RESOLVED, RESOURCES_READY];

    /// A definition's revision was issued and resolved.
    pub const GRAPH_REVISIONS_RESOLVED: &str = "GraphRevisionsResolved";
    /// A definition's spec compiles.
    pub const GRAPH_ACCEPTED: &str = "GraphAccepted";
    /// A definition's CRD is established.
    pub const KIND_READY: &str = "KindReady";
    /// Instances of a definition are being served.
    pub const CONTROLLER_READY: &str = "ControllerReady";

    /// A revision compiles.
    pub const GRAPH_VERIFIED: &str = "GraphVerified";

    /// What `Ready` of a revision depends on.
    pub const REVISION: &[&str] = &[GRAPH_VERIFIED];

    /// What `Ready` of a definition depends on.
    pub const DEFINITION: &[&str] =
        &[GRAPH_REVISIONS_RESOLVED, GRAPH_ACCEPTED, KIND_READY, CONTROLLER_READY];
}

/// Reasons of conditions.
pub mod reasons {
    /// A condition that nothing was said about yet.
    pub const AWAITING: &str = "AwaitingReconciliation";
    /// InstanceManaged is True.
    pub const MANAGED: &str = "Managed";
    /// InstanceManaged is False.
    pub const MANAGEMENT_FAILED: &str = "ManagementFailed";
    /// GraphResolved or GraphRevisionsResolved is True.
    pub const RESOLVED: &str = "Resolved";
    /// GraphResolved is False.
    pub const RESOLUTION_FAILED: &str = "ResolutionFailed";
    /// ResourcesReady is True.
    pub const ALL_RESOURCES_READY: &str = "AllResourcesReady";
    /// ResourcesReady is False.
    pub const NOT_READY: &str = "NotReady";
    /// ResourcesReady is False: a resource is going away.
    pub const RESOURCE_DELETING: &str = "ResourceDeleting";
    /// ResourcesReady is False: the instance is suspended.
    pub const SUSPENDED: &str = "ReconciliationSuspended";
    /// ResourcesReady is Unknown: the instance is being deleted.
    pub const UNDER_DELETION: &str = "UnderDeletion";
    /// GraphAccepted is True.
    pub const VALID: &str = "Valid";
    /// GraphAccepted is False.
    pub const INVALID: &str = "InvalidResourceGraph";
    /// Ready or KindReady is True.
    pub const READY: &str = "Ready";
    /// GraphRevisionsResolved is Unknown: revisions are going away.
    pub const SETTLING: &str = "WaitingForGraphRevisionSettlement";
    /// GraphRevisionsResolved is Unknown: the process has just started.
    pub const WARMING: &str = "WaitingForGraphRevisionWarmup";
    /// GraphRevisionsResolved is Unknown: a revision was issued.
    pub const COMPILING: &str = "WaitingForGraphRevisionCompilation";
    /// GraphVerified is True.
    pub const VERIFIED: &str = "Verified";
    /// GraphVerified is False.
    pub const INVALID_GRAPH: &str = "InvalidGraph";
    /// KindReady or GraphRevisionsResolved is False.
    pub const FAILED: &str = "Failed";
    /// ControllerReady is True.
    pub const RUNNING: &str = "Running";
}

/// A condition's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`
    Unknown,
}

/// What is now known about one condition. It has no time: whoever writes it stamps transitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// One of [`types`].
    pub kind: &'static str,
    /// Its status.
    pub status: Status,
    /// One of [`reasons`].
    pub reason: Cow<'static, str>,
    /// For people.
    pub message: String,
}

/// When, and of which object, conditions are written.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// Now, RFC 3339.
    pub now: &'a str,
    /// The object's creation time, RFC 3339.
    pub created: &'a str,
    /// The object's generation.
    pub generation: i64,
}

// === impl Status ===

impl Status {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

// === impl Condition ===

impl Condition {
    /// A condition of type `kind`.
    pub fn new(
        kind: &'static str,
        status: Status,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, status, reason: reason.into(), message: message.into() }
    }
}

/// Carries the list `existing` forward: sets `conditions`, adds the `dependents` that are missing
/// as Unknown, and derives `Ready` from the dependents.
///
/// `lastTransitionTime` moves only when a status changes; every condition that is set observes
/// the current generation; the list is sorted by transition time with `Ready` last. Entries of
/// other types are dropped.
#[must_use]
pub fn carry_forward(
    existing: &Value,
    dependents: &[&'static str],
    conditions: &[Condition],
    stamp: Stamp<'_>,
) -> Value {
    let previous =
        |kind: &str| existing.as_array().into_iter().flatten().find(|entry| entry["type"] == kind);
    let mut list: Vec<Value> = dependents
        .iter()
        .map(|kind| match conditions.iter().find(|condition| condition.kind == *kind) {
            Some(condition) => set(previous(kind), condition, stamp),
            None => previous(kind).cloned().unwrap_or_else(|| awaiting(kind, stamp)),
        })
        .collect();
    list.sort_by(|a, b| transition_time(a).cmp(transition_time(b)));
    let ready = ready(&list, stamp.generation);
    list.push(set(previous(types::READY), &ready, stamp));
    Value::Array(list)
}

/// Whether the list says that everything is ready at `generation`.
#[must_use]
pub fn is_ready(conditions: &Value, generation: i64) -> bool {
    conditions.as_array().into_iter().flatten().any(|entry| {
        entry["type"] == types::READY
            && entry["status"] == "True"
            && entry["observedGeneration"] == generation
    })
}

/// Whether the list has `kind` with the status `True`.
#[must_use]
pub fn is_true(conditions: &Value, kind: &str) -> bool {
    let mut entries = conditions.as_array().into_iter().flatten();
    entries.any(|entry| entry["type"] == kind && entry["status"] == "True")
}

fn set(previous: Option<&Value>, condition: &Condition, stamp: Stamp<'_>) -> Value {
    let status = condition.status.as_str();
    let time = previous
        .filter(|entry| entry["status"] == status)
        .map_or(stamp.now, transition_time)
        .to_owned();
    json!({
        "type": condition.kind,
        "status": status,
        "reason": &*condition.reason,
        "message": condition.message,
        "lastTransitionTime": time,
        "observedGeneration": stamp.generation,
    })
}

fn awaiting(kind: &str, stamp: Stamp<'_>) -> Value {
    let mut entry = Map::new();
    entry.insert("type".into(), kind.into());
    entry.insert("status".into(), Status::Unknown.as_str().into());
    entry.insert("reason".into(), reasons::AWAITING.into());
    entry.insert(
        "message".into(),
        format!("condition \"{kind}\" is awaiting reconciliation").into(),
    );
    entry.insert("lastTransitionTime".into(), stamp.created.into());
    Value::Object(entry)
}

fn transition_time(entry: &Value) -> &str {
    entry["lastTransitionTime"].as_str().unwrap_or("")
}

/// `list` is sorted by transition time, so the last match is the most recent one.
fn ready(list: &[Value], generation: i64) -> Condition {
    let current =
        |entry: &&Value| entry["status"] == "True" && entry["observedGeneration"] == generation;
    if list.iter().all(|entry| current(&entry)) {
        return Condition::new(types::READY, Status::True, reasons::READY, "");
    }
    let failed = list.iter().rev().find(|entry| entry["status"] == "False");
    let waiting = || list.iter().rev().find(|entry| !current(entry));
    let (status, source) = match failed {
        Some(entry) => (Status::False, Some(entry)),
        None => (Status::Unknown, waiting()),
    };
    let field = |name| source.and_then(|entry| entry[name].as_str()).unwrap_or("").to_owned();
    Condition::new(types::READY, status, field("reason"), field("message"))
}
