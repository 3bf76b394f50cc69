//! A world in memory: stores objects, performs actions, answers as an API server would.

use graph::{Graph, Kind, Kinds, Options, RgdSpec};
use plan::{
    Acquired, Action, Applied, Claim, GroupKind, Instance, Inventory, Listed, Member, ObjectId,
    Observed, Reference, Referenced, Refused, Report, Step, Target, desired, names, next_status,
    step, teardown,
};
use schema::openapi::GroupVersionKind;
use schema::{ContentHash, Schema, Type};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rounds that a run may need beside one for every resource: labels, inventory and claims at the
/// start; list, delete, list again and shrink at the end.
pub(crate) const SPARE_ROUNDS: usize = 8;

/// A kind of objects with a free spec and status.
fn kind(name: &str, plural: &str, namespaced: bool) -> (GroupVersionKind, Arc<Kind>) {
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
    let spec = Schema::object([
        ("a", text()),
        ("b", text()),
        ("count", Schema::of(Type::Integer)),
        ("list", Schema::array(text())),
    ]);
    let schema =
        schema::openapi::with_metadata(Schema::object([("spec", spec), ("status", status)]));
    let kind = Kind { gvk: gvk.clone(), plural: plural.to_owned(), namespaced, schema };
    (gvk, Arc::new(kind))
}

/// Compiles a definition over the kinds `Thing`, `Other` and the cluster-scoped `Zone`.
pub(crate) fn compile(spec: &RgdSpec) -> (Option<Graph>, diagnostics::Diagnostics) {
    let kinds: Kinds = [
        kind("Thing", "things", true),
        kind("Other", "others", true),
        kind("Zone", "zones", false),
    ]
    .into();
    graph::compile_with(spec, &kinds, &Options { omit: true, ..Options::default() })
}

/// The graph of a definition's spec in YAML.
#[track_caller]
pub(crate) fn graph(yaml: &str) -> Graph {
    let spec: RgdSpec = serde_saphyr::from_str(yaml).expect("a definition");
    let (graph, diagnostics) = compile(&spec);
    graph.unwrap_or_else(|| panic!("{diagnostics}\n{yaml}"))
}

/// An instance and everything that was made for it.
pub(crate) struct World {
    pub(crate) graph: Arc<Graph>,
    pub(crate) instance: Option<Value>,
    /// What the API server has.
    pub(crate) objects: BTreeMap<ObjectId, Value>,
    /// What the watches have delivered, and each as a member.
    seen: BTreeMap<ObjectId, (Value, Arc<Member>)>,
    /// Changes made by others don't reach the watches.
    pub(crate) deaf: bool,
    /// Objects whose apply is refused, with the words.
    pub(crate) refuse: BTreeMap<ObjectId, String>,
    /// Why nothing can be written on the instance.
    pub(crate) refuse_parent: Option<String>,
    /// Why nothing can be deleted.
    pub(crate) refuse_deletion: Option<String>,
    /// Why external references can't be read.
    pub(crate) unreadable: Option<String>,
    /// What is deleted stays with a deletion timestamp until [`World::reap`].
    pub(crate) linger: bool,
    /// How many items a collection may have.
    pub(crate) max_collection_size: usize,
    /// Every write that was performed, in order.
    pub(crate) history: Vec<String>,
    observed: Observed,
    /// The references that are watched.
    watched: BTreeSet<Reference>,
    next_uid: u32,
    steps: u32,
}

/// What the planner was answered last.
pub(crate) struct Settled {
    pub(crate) status: Value,
    pub(crate) retry: bool,
}

impl World {
    pub(crate) fn new(graph: impl Into<Arc<Graph>>, spec: &Value) -> Self {
        let instance = json!({
            "metadata": {"name": "one", "namespace": "default"},
            "spec": spec,
        });
        Self::with_instance(graph, instance)
    }

    /// A world with this instance, which gets what an API server would set.
    pub(crate) fn with_instance(graph: impl Into<Arc<Graph>>, mut instance: Value) -> Self {
        let graph = graph.into();
        instance["apiVersion"] = json!(graph.instance.gvk.api_version());
        instance["kind"] = json!(graph.instance.gvk.kind);
        instance["metadata"]["uid"] = json!("instance-uid");
        instance["metadata"]["generation"] = json!(1);
        instance["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        Self {
            graph,
            instance: Some(instance),
            objects: BTreeMap::new(),
            seen: BTreeMap::new(),
            deaf: false,
            refuse: BTreeMap::new(),
            refuse_parent: None,
            refuse_deletion: None,
            unreadable: None,
            linger: false,
            max_collection_size: 5,
            history: Vec::new(),
            observed: Observed::default(),
            watched: BTreeSet::new(),
            next_uid: 1,
            steps: 0,
        }
    }

    pub(crate) fn id(kind: &str, name: &str) -> ObjectId {
        let namespace = if kind == "Zone" { "" } else { "default" };
        let kind = GroupKind { group: "test.example.com".into(), kind: kind.into() };
        ObjectId::new(kind, namespace, name)
    }

    /// The process is started anew: nothing is remembered, everything is listed.
    pub(crate) fn restart(&mut self) {
        self.observed = Observed::default();
        self.watched.clear();
        self.listen();
    }

    /// The watches deliver everything that they missed.
    pub(crate) fn listen(&mut self) {
        self.deaf = false;
        self.seen.clear();
        let ids: Vec<ObjectId> = self.objects.keys().cloned().collect();
        ids.iter().for_each(|id| self.deliver(id));
    }

    /// Time passes: what was refused is tried again.
    pub(crate) fn retry(&mut self) {
        self.observed.refused.clear();
        self.observed.undeletable.clear();
        self.observed.unmanageable = None;
        self.observed.unrecorded = None;
        self.observed.acquired.retain(|_, acquired| *acquired == Acquired::Held);
    }

    /// Somebody else creates or replaces an object, or deletes it.
    pub(crate) fn change(&mut self, id: &ObjectId, object: Option<Value>) {
        if let Some(mut object) = object {
            if object["metadata"]["uid"].is_null() {
                object["metadata"]["uid"] = json!(format!("uid-{}", self.next_uid));
                self.next_uid += 1;
            }
            self.objects.insert(id.clone(), object);
        } else {
            self.objects.remove(id);
        }
        if !self.deaf {
            self.deliver(id);
        }
    }

    fn deliver(&mut self, id: &ObjectId) {
        match self.objects.get(id) {
            Some(object) => {
                let seen = (object.clone(), Arc::new(member(object)));
                self.seen.insert(id.clone(), seen);
            }
            None => drop(self.seen.remove(id)),
        }
    }

    pub(crate) fn set_status(&mut self, id: &ObjectId, status: Value) {
        let mut object = self.objects.get(id).expect("the object exists").clone();
        object["status"] = status;
        self.change(id, Some(object));
    }

    /// Somebody changes a field that we own.
    pub(crate) fn drift(&mut self, id: &ObjectId) {
        let Some(mut object) = self.objects.get(id).cloned() else { return };
        object["owned"]["spec"] = json!({});
        object["spec"]["a"] = json!("drifted");
        self.change(id, Some(object));
    }

    pub(crate) fn set_spec(&mut self, spec: Value) {
        let Some(instance) = &mut self.instance else { return };
        instance["spec"] = spec;
        let generation = plan::object::generation(instance) + 1;
        instance["metadata"]["generation"] = json!(generation);
    }

    /// Somebody deletes the instance.
    pub(crate) fn delete_instance(&mut self) {
        let Some(instance) = &mut self.instance else { return };
        match instance["metadata"]["finalizers"].as_array() {
            Some(finalizers) if !finalizers.is_empty() => {
                instance["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
            }
            Some(_) | None => self.instance = None,
        }
    }

    /// What was deleted is gone.
    pub(crate) fn reap(&mut self) -> bool {
        let going = |object: &Value| plan::object::is_deleting(object);
        let gone: Vec<ObjectId> =
            self.objects.iter().filter(|(_, o)| going(o)).map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.change(id, None));
        !gone.is_empty()
    }

    /// One call of the planner.
    pub(crate) fn step(&mut self) -> Step {
        self.observed.members = self.members();
        self.observed.referenced =
            self.watched.iter().map(|r| (r.clone(), self.referenced(r))).collect();
        let object = self.instance.as_ref().expect("the instance exists");
        let instance = Instance {
            object,
            rgd_name: "rgd",
            rgd_uid: "rgd-uid",
            kro_version: "1.0.0",
            max_collection_size: self.max_collection_size,
        };
        let ask = || {
            if plan::object::is_deleting(object) {
                teardown(&instance, &self.observed)
            } else {
                step(&self.graph, &instance, &self.observed)
            }
        };
        let step = ask();
        self.steps += 1;
        if self.steps.is_multiple_of(4) {
            assert_eq!(step, ask(), "the same input, another output");
        }
        self.observed.listed = None;
        self.watched.retain(|reference| step.references.contains_key(reference));
        step
    }

    /// Steps and performs until nothing is asked for; fails beyond the bound.
    #[track_caller]
    pub(crate) fn settle(&mut self) -> Settled {
        self.settle_with(|_, _| ())
    }

    /// As [`World::settle`]; `watch` sees the steps.
    #[track_caller]
    pub(crate) fn settle_with(&mut self, mut watch: impl FnMut(&Self, &Step)) -> Settled {
        let bound = self.graph.nodes.len() + SPARE_ROUNDS;
        for _ in 0..=bound {
            if self.instance.is_none() {
                return Settled { status: Value::Null, retry: false };
            }
            let step = self.step();
            watch(self, &step);
            let Step { actions, status, retry, .. } = step;
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

    pub(crate) fn write_status(&mut self, report: &Report) {
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

    /// The members that the watches show.
    fn members(&self) -> BTreeMap<ObjectId, Arc<Member>> {
        let set = self.set();
        let ours = self
            .seen
            .iter()
            .filter(|(_, (object, _))| plan::object::label(object, names::PART_OF) == set);
        ours.map(|(id, (_, member))| (id.clone(), member.clone())).collect()
    }

    /// The members that the API server has.
    fn list(&self) -> BTreeMap<ObjectId, Listed> {
        let set = self.set();
        let ours = self
            .objects
            .iter()
            .filter(|(_, object)| plan::object::label(object, names::PART_OF) == set);
        ours.map(|(id, object)| (id.clone(), Listed::from(&member(object)))).collect()
    }

    fn referenced(&self, reference: &Reference) -> Referenced {
        if let Some(words) = &self.unreadable {
            return Referenced::Unreadable(words.clone());
        }
        let found = self.seen.iter().filter(|(id, (object, _))| {
            let label = |key: &str| object["metadata"]["labels"][key].as_str();
            id.kind == reference.kind && reference.selects(&id.namespace, &id.name, label)
        });
        let mut found = found.map(|(id, (object, _))| (id.clone(), Arc::new(object.clone())));
        match &reference.target {
            Target::Object { .. } => {
                found.next().map_or(Referenced::Absent, |(_, object)| Referenced::Object(object))
            }
            Target::Matching { .. } => Referenced::Objects(found.collect()),
        }
    }

    /// Performs one action as a driver and an API server would.
    pub(crate) fn perform(&mut self, action: Action) {
        match action {
            Action::Manage { patch } => match self.refuse_parent.clone() {
                Some(words) => self.observed.unmanageable = Some(words),
                None => {
                    self.history.push("manage".into());
                    self.patch_instance(&patch);
                }
            },
            Action::RecordInventory { patch } => match self.refuse_parent.clone() {
                Some(words) => self.observed.unrecorded = Some(words),
                None => {
                    self.history.push("record".into());
                    self.patch_instance(&patch);
                }
            },
            Action::Observe { reference, .. } => drop(self.watched.insert(reference)),
            Action::Apply { id, object, desired, claim, .. } => {
                let held = match claim {
                    Claim::Held => true,
                    Claim::Take => self.acquire(id.clone()) == Acquired::Held,
                };
                if held {
                    self.apply(id, object, desired);
                }
            }
            Action::ListMembers { kinds, namespaces } => {
                let here =
                    |id: &ObjectId| id.namespace.is_empty() || namespaces.contains(&id.namespace);
                let listed = self.list().into_iter();
                let listed = listed.filter(|(id, _)| kinds.contains(&id.kind) && here(id));
                self.observed.listed = Some(listed.collect());
            }
            Action::Delete { object, uid, .. } => self.delete(object, &uid),
            Action::RemoveFinalizer => {
                let left = self.list();
                assert!(left.is_empty(), "the finalizer goes before {:?}", left.keys());
                self.history.push("finalizer removed".into());
                self.instance = None;
            }
        }
    }

    fn acquire(&mut self, object: ObjectId) -> Acquired {
        let set = self.set();
        let acquired = match self.objects.get(&object) {
            Some(live) if !["", &set].contains(&plan::object::label(live, names::PART_OF)) => {
                let part_of = plan::object::label(live, names::PART_OF).to_owned();
                Acquired::Foreign { part_of }
            }
            Some(live) if plan::object::is_deleting(live) => Acquired::Terminating,
            Some(_) | None => Acquired::Held,
        };
        self.observed.acquired.insert(object, acquired.clone());
        acquired
    }

    fn apply(&mut self, id: ObjectId, object: Value, desired: ContentHash) {
        if let Some(words) = self.refuse.get(&id) {
            let refused = Refused { desired: Some(desired), message: words.clone() };
            self.observed.refused.insert(id, refused);
            return;
        }
        let instance = self.instance.as_ref().expect("the instance exists");
        let inventory = Inventory::of(instance);
        assert!(inventory.kinds.contains(&id.kind), "applied before the inventory has grown");
        let own = plan::object::text(instance, &["metadata", "namespace"]);
        assert!(
            id.namespace.is_empty()
                || id.namespace == own
                || inventory.namespaces.contains(&id.namespace),
            "applied in a namespace that the inventory lacks"
        );
        let old = self.objects.get(&id);
        let owner = old.map_or("", |old| plan::object::label(old, names::PART_OF));
        assert!(owner.is_empty() || owner == self.set(), "somebody else's object is written");
        self.history.push(format!("apply {}", id.name));
        let mut next = object.clone();
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
        self.deliver(&id);
        self.observed.applied.insert(id, Applied { desired, entry });
    }

    fn delete(&mut self, object: ObjectId, uid: &str) {
        let live = self.objects.get(&object);
        let fits = live.is_none_or(|live| live["metadata"]["uid"] == uid);
        let refused = match &self.refuse_deletion {
            Some(words) => Some(words.clone()),
            None => (!fits).then(|| "the UID does not match".to_owned()),
        };
        if let Some(words) = refused {
            self.observed.undeletable.insert(object, words);
            return;
        }
        self.history.push(format!("delete {}", object.name));
        if self.linger {
            if let Some(live) = self.objects.get_mut(&object) {
                live["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
            }
        } else {
            self.objects.remove(&object);
        }
        self.deliver(&object);
        self.observed.applied.remove(&object);
    }

    fn patch_instance(&mut self, patch: &Value) {
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
