//! A world in memory: stores objects, performs actions, answers as an API server would.

use graph::{Graph, Kind, Kinds, RgdSpec};
use plan::{
    Acquired, Action, Applied, GroupKind, Instance, Inventory, Listed, Member, ObjectId, Observed,
    Report, Step, desired, names, next_status, step, teardown,
};
use schema::openapi::GroupVersionKind;
use schema::{ContentHash, Schema, Type};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A kind of namespaced objects with a free spec and status.
pub(crate) fn kind(name: &str, plural: &str) -> (GroupVersionKind, Arc<Kind>) {
    let gvk = GroupVersionKind::new("test.example.com", "v1", name);
    let text = || Schema::of(Type::String);
    let condition = Schema::object([
        ("type", text()),
        ("status", text()),
        ("reason", text()),
        ("message", text()),
    ]);
    let status = Schema::object([
        ("arn", text()),
        ("phase", text()),
        ("conditions", Schema::array(condition)),
    ]);
    let spec = Schema::object([("a", text()), ("b", text())]);
    let schema =
        schema::openapi::with_metadata(Schema::object([("spec", spec), ("status", status)]));
    let kind = Kind { gvk: gvk.clone(), plural: plural.to_owned(), namespaced: true, schema };
    (gvk, Arc::new(kind))
}

/// The graph of a definition in YAML, over the kinds `Thing` and `Other`.
#[track_caller]
pub(crate) fn graph(yaml: &str) -> Graph {
    let kinds: Kinds = [kind("Thing", "things"), kind("Other", "others")].into();
    let spec: RgdSpec = serde_saphyr::from_str(yaml).expect("a definition");
    let (graph, diagnostics) = graph::compile(&spec, &kinds);
    graph.unwrap_or_else(|| panic!("{diagnostics}"))
}

/// An instance and everything that was made for it.
pub(crate) struct World {
    pub(crate) graph: Graph,
    pub(crate) instance: Option<Value>,
    pub(crate) objects: BTreeMap<ObjectId, Value>,
    /// Objects whose apply is refused, with the words.
    pub(crate) refuse: BTreeMap<ObjectId, String>,
    /// Every action that was performed, in order.
    pub(crate) history: Vec<String>,
    observed: Observed,
    next_uid: u32,
}

/// What the planner was answered last.
pub(crate) struct Settled {
    pub(crate) status: Value,
    pub(crate) retry: bool,
}

impl World {
    pub(crate) fn new(graph: Graph, spec: &Value) -> Self {
        let instance = json!({
            "apiVersion": graph.instance.gvk.api_version(),
            "kind": graph.instance.gvk.kind,
            "metadata": {
                "name": "one", "namespace": "default", "uid": "instance-uid", "generation": 1,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": spec,
        });
        Self {
            graph,
            instance: Some(instance),
            objects: BTreeMap::new(),
            refuse: BTreeMap::new(),
            history: Vec::new(),
            observed: Observed::default(),
            next_uid: 1,
        }
    }

    pub(crate) fn id(kind: &str, name: &str) -> ObjectId {
        let kind = GroupKind { group: "test.example.com".into(), kind: kind.into() };
        ObjectId { kind, namespace: "default".into(), name: name.into() }
    }

    /// The process is started anew: nothing is remembered.
    pub(crate) fn restart(&mut self) {
        self.observed = Observed::default();
    }

    /// Time passes: what was refused is tried again.
    pub(crate) fn retry(&mut self) {
        self.observed.refused.clear();
        self.observed.undeletable.clear();
        self.observed.acquired.retain(|_, acquired| *acquired == Acquired::Held);
    }

    pub(crate) fn set_status(&mut self, id: &ObjectId, status: Value) {
        self.objects.get_mut(id).expect("the object exists")["status"] = status;
    }

    /// One call of the planner.
    pub(crate) fn step(&mut self) -> Step {
        self.observed.members = self.members();
        let object = self.instance.as_ref().expect("the instance exists");
        let instance =
            Instance { object, rgd_name: "rgd", rgd_uid: "rgd-uid", kro_version: "1.0.0" };
        let step = if plan::object::is_deleting(object) {
            teardown(&instance, &self.observed)
        } else {
            step(&self.graph, &instance, &self.observed)
        };
        self.observed.listed = None;
        step
    }

    /// Steps and performs until nothing is asked for; fails beyond the bound.
    #[track_caller]
    pub(crate) fn settle(&mut self) -> Settled {
        let bound = self.graph.nodes.len() + 12;
        for _ in 0..=bound {
            if self.instance.is_none() {
                return Settled { status: Value::Null, retry: false };
            }
            let Step { actions, status, retry, .. } = self.step();
            if actions.is_empty() {
                if let Some(report) = status {
                    self.write_status(&report);
                }
                let status = self.instance.as_ref().map_or(Value::Null, |i| i["status"].clone());
                return Settled { status, retry };
            }
            for action in actions {
                self.perform(action);
            }
        }
        panic!("no end after {bound} steps: {:#?}", self.history);
    }

    fn write_status(&mut self, report: &Report) {
        let instance = self.instance.as_mut().expect("the instance exists");
        if let Some(status) = next_status(instance, report, "2026-01-01T00:00:01Z") {
            instance["status"] = status;
            let again = next_status(instance, report, "2026-01-01T00:00:02Z");
            assert_eq!(again, None, "a status that was written is written again");
        }
    }

    fn set(&self) -> String {
        plan::applyset_id(&ObjectId::of(self.instance.as_ref().expect("the instance exists")))
    }

    fn members(&self) -> BTreeMap<ObjectId, Arc<Member>> {
        let set = self.set();
        let ours = self
            .objects
            .iter()
            .filter(|(_, object)| plan::object::label(object, names::PART_OF) == set);
        ours.map(|(id, object)| (id.clone(), Arc::new(member(object)))).collect()
    }

    /// Performs one action as an API server would.
    pub(crate) fn perform(&mut self, action: Action) {
        match action {
            Action::Manage { patch } => {
                self.history.push("manage".into());
                self.patch_instance(&patch, names::MANAGER_LABELLER);
            }
            Action::RecordInventory { patch } => {
                self.history.push("record".into());
                self.patch_instance(&patch, names::MANAGER_PARENT);
            }
            Action::Acquire { object, .. } => {
                let acquired = match self.objects.get(&object) {
                    Some(live) if plan::object::is_deleting(live) => Acquired::Terminating,
                    Some(live) if !plan::object::label(live, names::PART_OF).is_empty() => {
                        let part_of = plan::object::label(live, names::PART_OF).to_owned();
                        Acquired::Foreign { part_of }
                    }
                    Some(_) | None => Acquired::Held,
                };
                self.observed.acquired.insert(object, acquired);
            }
            Action::Apply { id, object, desired, .. } => self.apply(id, object, desired),
            Action::ListMembers { kinds, .. } => {
                let listed = self.members().into_iter().filter(|(id, _)| kinds.contains(&id.kind));
                let listed = listed.map(|(id, member)| (id, Listed::from(&*member))).collect();
                self.observed.listed = Some(listed);
            }
            Action::Delete { object, uid, .. } => {
                let live = self.objects.get(&object).expect("only what exists is deleted");
                assert_eq!(live["metadata"]["uid"], uid.as_str());
                self.history.push(format!("delete {}", object.name));
                self.objects.remove(&object);
                self.observed.applied.remove(&object);
            }
            Action::RemoveFinalizer => {
                self.history.push("finalizer removed".into());
                self.instance = None;
            }
        }
    }

    fn apply(&mut self, id: ObjectId, object: Value, desired: ContentHash) {
        if let Some(words) = self.refuse.get(&id) {
            let refused = plan::Refused { desired: Some(desired), message: words.clone() };
            self.observed.refused.insert(id, refused);
            return;
        }
        let inventory = Inventory::of(self.instance.as_ref().expect("the instance exists"));
        assert!(inventory.kinds.contains(&id.kind), "applied before the inventory has grown");
        self.history.push(format!("apply {}", id.name));
        let mut next = object.clone();
        let old = self.objects.get(&id);
        let uid = old.map_or_else(
            || format!("uid-{}", self.next_uid).into(),
            |old| old["metadata"]["uid"].clone(),
        );
        self.next_uid += 1;
        next["metadata"]["uid"] = uid;
        if let Some(status) = old.and_then(|old| old.get("status")) {
            next["status"] = status.clone();
        }
        // Stands for managedFields: what we own is what we applied.
        next["owned"] = object;
        let entry = member(&next).entry;
        self.objects.insert(id.clone(), next);
        self.observed.applied.insert(id, Applied { desired, entry });
    }

    fn patch_instance(&mut self, patch: &Value, manager: &str) {
        let instance = self.instance.as_mut().expect("the instance exists");
        for part in ["labels", "annotations", "finalizers"] {
            match &patch["metadata"][part] {
                Value::Object(entries) => {
                    for (key, value) in entries {
                        instance["metadata"][part][key] = value.clone();
                    }
                }
                Value::Null => {}
                list => instance["metadata"][part] = list.clone(),
            }
        }
        let managers = instance["metadata"]["managedFields"].as_array().cloned();
        let mut managers = managers.unwrap_or_default();
        managers.push(json!({ "manager": manager }));
        instance["metadata"]["managedFields"] = Value::Array(managers);
    }
}

fn member(object: &Value) -> Member {
    Member {
        uid: plan::object::text(object, &["metadata", "uid"]).to_owned(),
        deleting: plan::object::is_deleting(object),
        node: plan::object::label(object, names::NODE_ID).to_owned(),
        apply_order: plan::object::annotation(object, names::APPLY_ORDER)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        entry: object.get("owned").map(ContentHash::of),
        owned: object.get("owned").map(desired::hash),
        object: Arc::new(object.clone()),
    }
}

/// The names of the objects that exist.
pub(crate) fn names_of(world: &World) -> BTreeSet<String> {
    world.objects.keys().map(|id| id.name.clone()).collect()
}
