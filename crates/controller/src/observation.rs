//! What is kept of an object that a watch delivers (DESIGN.md, decision 4).

use graph::ReadPaths;
use plan::{Member, desired, names, object};
use schema::ContentHash;
use schema::managed_fields::{self, FieldSet};
use serde_json::{Value, json};
use std::sync::Arc;

/// What is kept of one object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    /// The object as a member of an ApplySet, with that set's id.
    pub(crate) member: Option<(String, Arc<Member>)>,
    /// The whole object, where instances are watched; of who manages which field only who.
    pub(crate) whole: Option<Arc<Value>>,
}

/// Reduces `object`; `reads` is what expressions read of its kind, `keep` whether it may be an
/// instance.
pub(crate) fn observe(object: Value, reads: &ReadPaths, keep: bool) -> Observation {
    let part_of = object::label(&object, names::PART_OF);
    let member =
        (!part_of.is_empty()).then(|| (part_of.to_owned(), Arc::new(member(&object, reads))));
    Observation { member, whole: keep.then(|| Arc::new(without_field_sets(object))) }
}

/// The object without which fields its managers manage: half of what an instance takes.
fn without_field_sets(mut object: Value) -> Value {
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut() {
            entry.retain(|key, _| key == "manager");
        }
    }
    object
}

/// `object` as a member.
pub(crate) fn member(object: &Value, reads: &ReadPaths) -> Member {
    let mut seen = reads.project(object);
    if !seen.is_object() {
        seen = json!({});
    }
    for field in ["apiVersion", "kind"] {
        seen[field] = object[field].clone();
    }
    Member {
        uid: object::text(object, &["metadata", "uid"]).to_owned(),
        deleting: object::is_deleting(object),
        node: object::label(object, names::NODE_ID).to_owned(),
        apply_order: apply_order(object),
        entry: managed_fields::entry_hash(object, names::MANAGER_APPLYSET),
        owned: owned(object),
        object: Arc::new(seen),
    }
}

/// The apply-order annotation; what is missing or no positive number is 0.
pub(crate) fn apply_order(object: &Value) -> u32 {
    let text = object::annotation(object, names::APPLY_ORDER);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A hash of the fields that our manager owns.
fn owned(object: &Value) -> Option<ContentHash> {
    let entry = managed_fields::own_entry(object, names::MANAGER_APPLYSET)?;
    let fields = FieldSet::from_fields_v1(&entry["fieldsV1"])?;
    Some(desired::hash(&managed_fields::project(object, &fields)))
}
