//! What a step asks the driver to do, and what it says about the instance.

use crate::conditions::Condition;
use crate::inventory::Inventory;
use crate::object::{GroupKind, ObjectId};
use crate::reference::Reference;
use graph::{AuthorCondition, NodeId, NodeKey, ReadPaths};
use schema::ContentHash;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// One thing to do. Actions of one step are independent of each other and may run concurrently,
/// except deletions, which run wave by wave.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// JSON merge patch of the instance, as [`crate::names::MANAGER_LABELLER`]. Where the instance
    /// has changed meanwhile, nothing is written, and the change is observed.
    Manage {
        /// Labels, finalizers, and with ours the inventory of what is going to be applied.
        patch: Value,
    },
    /// Server-side apply of `patch` to the instance as [`crate::names::MANAGER_PARENT`].
    RecordInventory {
        /// The four ApplySet annotations.
        patch: Value,
    },
    /// Watch what an external reference points at; the answer is an entry of
    /// [`crate::Observed::referenced`], which from then on follows the world.
    Observe {
        /// The resource that reads it.
        node: NodeId,
        /// What to watch.
        reference: Reference,
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
        /// Whether the name is ours already.
        claim: Claim,
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

/// What has to happen before an object is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The name is ours.
    Held,
    /// Claim the name for this ApplySet first. An object that is there already is read before it
    /// is written to; when it is not [`crate::Acquired::Held`], nothing is applied. Either way the
    /// answer is an entry of [`crate::Observed::acquired`].
    Take,
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
    /// Everything that external references point at, and what expressions read of it: nothing
    /// else has to be watched for the instance's sake.
    pub references: BTreeMap<Reference, ReadPaths>,
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
    /// Whose conditions the instance shows.
    pub surface: Surface,
    /// The fields that the definition's author declared; `None` keeps those that are there.
    pub fields: Option<Map<String, Value>>,
}

/// Whose conditions an instance shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surface {
    /// Those of [`Report::conditions`], and `Ready`.
    BuiltIn,
    /// Those that the definition's author declared, and no others.
    Author(Authored),
    /// There is no graph that could tell: conditions of an author stay as they are, except that
    /// `ResourcesReady` of [`Report::conditions`] is shown beside them.
    Unknown,
}

/// What became of an author's conditions in one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authored {
    /// The conditions, each type once.
    pub conditions: Vec<AuthorCondition>,
    /// Some expression gave none, because it waits for data or failed: conditions of other types
    /// that are there stay.
    pub incomplete: bool,
    /// Why an expression's conditions were dropped; makes the state ERROR.
    pub problems: Vec<String>,
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

// === impl Progress ===

impl Progress {
    /// Whether only a change of the definition or of the spec helps. What the API server refuses
    /// today it may take tomorrow.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Duplicate(_) | Self::Fatal(_) => true,
            Self::Skipped
            | Self::Synced
            | Self::Working
            | Self::Unresolved(_)
            | Self::Waiting(_)
            | Self::Deleting(_)
            | Self::Refused(_) => false,
        }
    }

    /// The worst of several, with the messages of all that are equally bad.
    pub(crate) fn worst<'p>(all: impl IntoIterator<Item = &'p Self>) -> Self {
        let mut worst = Self::Skipped;
        for progress in all {
            match progress.rank().cmp(&worst.rank()) {
                Ordering::Less => {}
                Ordering::Greater => worst = progress.clone(),
                Ordering::Equal => worst.add(progress),
            }
        }
        worst
    }

    /// Its message, if it has one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Skipped | Self::Synced | Self::Working => None,
            Self::Unresolved(text)
            | Self::Waiting(text)
            | Self::Duplicate(text)
            | Self::Deleting(text)
            | Self::Refused(text)
            | Self::Fatal(text) => Some(text),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::Synced => 1,
            Self::Working => 2,
            Self::Unresolved(_) => 3,
            Self::Waiting(_) => 4,
            Self::Duplicate(_) => 5,
            Self::Deleting(_) => 6,
            Self::Refused(_) => 7,
            Self::Fatal(_) => 8,
        }
    }

    /// Adds the message of `other`, which is equally bad.
    fn add(&mut self, other: &Self) {
        let Some(more) = other.message() else { return };
        match self {
            Self::Skipped | Self::Synced | Self::Working => {}
            Self::Unresolved(text)
            | Self::Waiting(text)
            | Self::Duplicate(text)
            | Self::Deleting(text)
            | Self::Refused(text)
            | Self::Fatal(text) => {
                if !text.split("; ").any(|part| part == more) {
                    *text = format!("{text}; {more}");
                }
            }
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
            references: BTreeMap::new(),
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
            references: BTreeMap::new(),
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
