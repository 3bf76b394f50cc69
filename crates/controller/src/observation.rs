//! What is kept of an object that a watch delivers (DESIGN.md, decision 4).
//!
//! Most objects are at rest most of the time, so they are kept as [`Text`].

use graph::ReadPaths;
use plan::object::{annotation, generation, label};
use plan::{Member, desired, names, object};
use runtime::store::{Entry, Projected, Text};
use schema::ContentHash;
use schema::managed_fields::{self, FieldSet};
use serde_json::{Value, json};
use std::sync::Arc;

/// What is kept of one object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    /// The object as a member of an ApplySet.
    pub(crate) member: Option<Box<KeptMember>>,
    /// The whole object, where instances are watched.
    pub(crate) whole: Option<Box<Whole>>,
}

/// A member of an ApplySet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptMember {
    node: Box<str>,
    apply_order: u32,
    entry: Option<ContentHash>,
    owned: Option<ContentHash>,
    /// What expressions read of the object.
    seen: Text,
}

/// An instance, or what may be one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Whole {
    /// `metadata.labels`.
    pub(crate) labels: Labels,
    /// `metadata.generation`.
    pub(crate) generation: i64,
    /// The annotation that suspends it, in lower case.
    pub(crate) suspension: Option<Box<str>>,
    /// `status.state`.
    pub(crate) state: Box<str>,
    /// Whether it says that it is ACTIVE with the spec that it has.
    pub(crate) is_active: bool,
    /// The object, without the field sets of its managers.
    object: Text,
}

/// The labels of an object: name and value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Labels(Box<[(Box<str>, Box<str>)]>);

/// Reduces `object`, a member of an ApplySet by that set's id; `reads` is what expressions read of
/// its kind, `keep` whether it may be an instance.
pub(crate) fn observe(object: Value, reads: &ReadPaths, keep: bool) -> Projected<Observation> {
    let set = label(&object, names::PART_OF).to_owned();
    let member = (!set.is_empty()).then(|| Box::new(KeptMember::of(&object, reads)));
    let index = if set.is_empty() { Vec::new() } else { vec![set] };
    let whole = keep.then(|| Box::new(Whole::of(object)));
    Projected { data: Observation { member, whole }, index }
}

/// The apply-order annotation; what is missing or no positive number is 0.
pub(crate) fn apply_order(object: &Value) -> u32 {
    let text = annotation(object, names::APPLY_ORDER);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

// === impl Labels ===

impl Labels {
    /// The labels of `object`; what is no text is none.
    pub(crate) fn of(object: &Value) -> Self {
        let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
        let label =
            |(name, value): (&String, &Value)| Some((name.as_str().into(), value.as_str()?.into()));
        Self(labels.filter_map(label).collect())
    }

    /// The value of a label.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| **found == *name).map(|(_, value)| &**value)
    }
}

// === impl KeptMember ===

impl KeptMember {
    fn of(object: &Value, reads: &ReadPaths) -> Self {
        let mut seen = reads.project(object);
        if !seen.is_object() {
            seen = json!({});
        }
        for field in ["apiVersion", "kind"] {
            seen[field] = object[field].clone();
        }
        Self {
            node: label(object, names::NODE_ID).into(),
            apply_order: apply_order(object),
            entry: managed_fields::entry_hash(object, names::MANAGER_APPLYSET),
            owned: owned(object),
            seen: Text::of(&seen),
        }
    }

    /// The member, for the planner; `entry` is what keeps it.
    pub(crate) fn read(&self, entry: &Entry<Observation>) -> Member {
        Member {
            uid: entry.uid.clone(),
            deleting: entry.is_terminating(),
            node: self.node.to_string(),
            apply_order: self.apply_order,
            entry: self.entry,
            owned: self.owned,
            object: Arc::new(self.seen.read()),
        }
    }
}

/// A hash of the fields that our manager owns.
fn owned(object: &Value) -> Option<ContentHash> {
    let entry = managed_fields::own_entry(object, names::MANAGER_APPLYSET)?;
    let fields = FieldSet::from_fields_v1(&entry["fieldsV1"])?;
    Some(desired::hash(&managed_fields::project(object, &fields)))
}

// === impl Whole ===

impl Whole {
    fn of(mut object: Value) -> Self {
        forget_field_sets(&mut object);
        let suspension = annotation(&object, names::RECONCILE);
        let conditions = &object["status"]["conditions"];
        let state = object::text(&object, &["status", "state"]);
        Self {
            labels: Labels::of(&object),
            generation: generation(&object),
            suspension: suspension.map(|value| value.to_ascii_lowercase().into()),
            state: state.into(),
            is_active: state == "ACTIVE"
                && plan::conditions::is_ready(conditions, generation(&object)),
            object: Text::of(&object),
        }
    }

    /// The object.
    pub(crate) fn read(&self) -> Value {
        self.object.read()
    }
}

/// Which fields managers manage is half of what an object takes.
fn forget_field_sets(object: &mut Value) {
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("fieldsV1");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::observe;
    use graph::ReadPaths;
    use serde_json::json;

    #[test]
    fn an_instance_is_read_as_it_was_without_field_sets() {
        let mut object = json!({
            "apiVersion": "kro.run/v1alpha1",
            "kind": "App",
            "metadata": {
                "name": "app",
                "generation": 2,
                "labels": {"team": "é", "tier": ""},
                "annotations": {"kro.run/reconcile": "Suspended"},
                "managedFields": [{
                    "manager": "kubectl", "operation": "Apply", "time": "2026-01-02T03:04:05Z",
                    "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}},
                }],
            },
            "spec": {"big": u64::MAX, "small": i64::MIN, "part": 0.1, "tiny": 5e-324, "none": null},
            "status": {"state": "ACTIVE", "conditions": [
                {"type": "Ready", "status": "True", "observedGeneration": 1},
            ]},
        });
        let kept = observe(object.clone(), &ReadPaths::default(), true);
        assert_eq!(kept.index, Vec::<String>::new());
        assert_eq!(kept.data.member, None);
        let whole = kept.data.whole.expect("instances are watched");
        let manager = &mut object["metadata"]["managedFields"][0];
        manager.as_object_mut().expect("an entry").remove("fieldsV1");
        assert_eq!(whole.read(), object);
        assert_eq!(whole.labels.get("team"), Some("é"));
        assert_eq!(whole.labels.get("tier"), Some(""));
        assert_eq!(whole.labels.get("kind"), None);
        assert_eq!(whole.suspension.as_deref(), Some("suspended"));
        assert_eq!((whole.generation, &*whole.state), (2, "ACTIVE"));
        assert!(!whole.is_active, "it is ACTIVE with the spec before this one");
    }
}
