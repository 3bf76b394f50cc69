//! What a step asks the driver to do, and what it says about the instance.

use crate::conditions::Condition;
use crate::inventory::Inventory;
use crate::object::{GroupKind, ObjectId};
use graph::{NodeId, NodeKey};
use schema::ContentHash;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// One thing to do. Actions of one step are independent of each other and may run concurrently,
/// except deletions, which run wave by wave.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Server-side apply of `patch` to the instance as [`crate::names::MANAGER_LABELLER`].
    Manage {
        /// Finalizer and labels, on a first apply also the empty inventory.
        patch: Value,
    },
    /// Server-side apply of `patch` to the instance as [`crate::names::MANAGER_PARENT`].
    RecordInventory {
        /// The four ApplySet annotations.
        patch: Value,
    },
    /// Claim the object's name for this ApplySet, then read the object once.
    Acquire {
        /// The resource that wants the object.
        node: NodeId,
        /// The object.
        object: ObjectId,
    },
    /// Forced server-side apply as [`crate::names::MANAGER_APPLYSET`].
    Apply {
        /// The resource, and the item of a collection.
        key: NodeKey,
        /// The object's identity.
        id: ObjectId,
        /// The object as it is sent.
        object: Value,
        /// Hash of what is asked for; goes into [`crate::Applied::desired`].
        desired: ContentHash,
    },
    /// List the members of the ApplySet at the API server, past every cache.
    ListMembers {
        /// Kinds to list.
        kinds: BTreeSet<GroupKind>,
        /// Namespaces to list namespaced kinds in.
        namespaces: BTreeSet<String>,
    },
    /// Delete with a precondition on the UID.
    Delete {
        /// The object.
        object: ObjectId,
        /// Its UID.
        uid: String,
        /// Deletions with a lower wave come first.
        wave: u32,
    },
    /// Take [`crate::names::FINALIZER`] off the instance.
    RemoveFinalizer,
}

/// The answer of [`crate::step`] and [`crate::teardown`].
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do; empty when only the world can bring progress.
    pub actions: Vec<Action>,
    /// What to say in the instance's status; `None` leaves it as it is.
    pub status: Option<Report>,
    /// Where each resource stands, in topological order.
    pub nodes: Vec<NodeReport>,
    /// Something was refused that no watch will report on: clear the refusals and step again,
    /// after a growing delay.
    pub retry: bool,
    /// Every name that the instance wants, or may still hold: other claims can be released.
    pub wanted: Wanted,
}

/// Which claims of an instance must stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Some resource could not be evaluated: keep all claims.
    All,
    /// Exactly these objects.
    These(BTreeSet<ObjectId>),
}

/// What the instance's status becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// `status.state`, unless `Ready` is True.
    pub state: State,
    /// Conditions that are set; `Ready` follows from them.
    pub conditions: Vec<Condition>,
    /// The fields that the definition's author declared; `None` keeps those that are there.
    pub fields: Option<Map<String, Value>>,
}

/// An instance's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Something is on its way or awaited.
    InProgress,
    /// All resources are as desired.
    Active,
    /// The instance is being deleted.
    Deleting,
    /// A person has to look.
    Error,
}

/// Where one resource stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReport {
    /// The resource.
    pub node: NodeId,
    /// Its progress.
    pub progress: Progress,
}

/// How far a resource is, worst last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// `includeWhen` leaves it out, or something it depends on.
    Skipped,
    /// As desired.
    Synced,
    /// An action of this step brings it on.
    Working,
    /// Data that it reads is not there yet.
    Unresolved(String),
    /// It, or something it depends on, is not ready.
    Waiting(String),
    /// Two resources of the definition name one object.
    Duplicate(String),
    /// Its object is going away.
    Deleting(String),
    /// The API server, or the owner of the name, refuses it.
    Refused(String),
    /// An expression can't be evaluated, whatever else happens.
    Fatal(String),
}

// === impl State ===

impl State {
    /// As it is written to `status.state`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
            Self::Error => "ERROR",
        }
    }
}

// === impl Step ===

impl Step {
    /// A step that performs `action` and says nothing.
    pub(crate) fn only(action: Action) -> Self {
        Self {
            actions: vec![action],
            status: None,
            nodes: Vec::new(),
            retry: false,
            wanted: Wanted::All,
        }
    }

    /// A step that only says `report`.
    pub(crate) fn say(report: Report, retry: bool) -> Self {
        Self {
            actions: Vec::new(),
            status: Some(report),
            nodes: Vec::new(),
            retry,
            wanted: Wanted::All,
        }
    }
}

/// The patch that records `inventory` on the instance.
pub(crate) fn inventory_patch(
    identity: &Value,
    id: &str,
    inventory: &Inventory,
    kro_version: &str,
) -> Value {
    let mut patch = identity.clone();
    patch["metadata"]["annotations"] = inventory.annotations(id, kro_version);
    patch["metadata"]["labels"] = serde_json::json!({ crate::names::APPLYSET_ID: id });
    patch
}
