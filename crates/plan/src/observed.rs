//! What the driver knows of the world when it asks for the next step.

use crate::object::ObjectId;
use crate::reference::{Reference, Referenced};
use schema::ContentHash;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything about one instance's objects that [`crate::step`] and [`crate::teardown`] read.
///
/// It comes from watches and from the responses to our own writes, never from reads made for the
/// sake of a step; the exceptions are [`Acquired`] and [`Observed::listed`], which answer the
/// actions of the same name.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Objects that carry this instance's part-of label.
    pub members: BTreeMap<ObjectId, Arc<Member>>,
    /// Answers to [`crate::Claim::Take`]; an object that is a member needs none.
    pub acquired: BTreeMap<ObjectId, Acquired>,
    /// Answers to [`crate::Action::Observe`], kept current.
    pub referenced: BTreeMap<Reference, Referenced>,
    /// What we applied last, since this process started.
    pub applied: BTreeMap<ObjectId, Applied>,
    /// Applies that the API server refused, since the last retry.
    pub refused: BTreeMap<ObjectId, Refused>,
    /// Deletions that the API server refused, in its words, since the last retry; under the
    /// instance's own name, why members can't be listed or the finalizer can't be removed.
    pub undeletable: BTreeMap<ObjectId, String>,
    /// Why the last [`crate::Action::Manage`] failed, since the last retry.
    pub unmanageable: Option<String>,
    /// Why the last [`crate::Action::RecordInventory`] failed, since the last retry.
    pub unrecorded: Option<String>,
    /// The answer to [`crate::Action::ListMembers`], valid for the one step that follows it.
    pub listed: Option<BTreeMap<ObjectId, Listed>>,
}

/// A member of the instance's ApplySet.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// `metadata.uid`.
    pub uid: String,
    /// Whether it has a deletion timestamp.
    pub deleting: bool,
    /// Its `kro.run/node-id` label, or "".
    pub node: String,
    /// Its apply-order annotation; missing or not a positive number is 0.
    pub apply_order: u32,
    /// [`schema::managed_fields::entry_hash`] of our entry; `None` when we own no field.
    pub entry: Option<ContentHash>,
    /// Hash of the fields that we own, comparable with [`Applied::desired`].
    pub owned: Option<ContentHash>,
    /// The parts of the object that some expression reads, with `apiVersion`, `kind`, `metadata`.
    pub object: Arc<Value>,
}

/// What we know of an object that we want to apply and that is not a member yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// The name is claimed for this instance; the object is absent or may be adopted.
    Held,
    /// The object exists and is going away.
    Terminating,
    /// The object belongs to, or is claimed by, another ApplySet.
    Foreign {
        /// That ApplySet's id.
        part_of: String,
    },
}

/// An apply that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Hash of what we asked for.
    pub desired: ContentHash,
    /// Our managedFields entry in the response.
    pub entry: Option<ContentHash>,
}

/// An apply that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Hash of what we asked for; `None` when not even the object that is there could be read.
    pub desired: Option<ContentHash>,
    /// The API server's words.
    pub message: String,
}

/// A member as a live list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `metadata.uid`.
    pub uid: String,
    /// Whether it has a deletion timestamp.
    pub deleting: bool,
    /// Its `kro.run/node-id` label, or "".
    pub node: String,
    /// Its apply-order annotation, see [`Member::apply_order`].
    pub apply_order: u32,
}

// === impl Listed ===

impl From<&Member> for Listed {
    fn from(member: &Member) -> Self {
        Self {
            uid: member.uid.clone(),
            deleting: member.deleting,
            node: member.node.clone(),
            apply_order: member.apply_order,
        }
    }
}
