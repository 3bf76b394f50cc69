//! A cluster in memory: it stores objects and does what the planner asks for.
//!
//! It stands in for what a person can't have on a desk. Nothing in it makes progress by itself:
//! what a controller of another kind would write (a status, say) comes from files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use graph::{Graph, Kind};
use plan::{
    Acquired, Action, Applied, Claim, Instance, Listed, MAX_COLLECTION_SIZE, Member, ObjectId,
    Observed, Reference, Referenced, Refused, Report, Step, Target, desired, names, next_status,
};
use schema::{ContentHash, managed_fields};
use serde_json::{Map, Value};

use crate::Failure;
use crate::instances::EPOCH;

/// How many steps may follow each other, beside three for every resource: the planner promises
/// to be done sooner.
const SPARE_STEPS: usize = 20;

/// The objects of one instance, and everything beside them.
pub(crate) struct World<'a> {
    graph: &'a Graph,
    rgd_name: String,
    /// The instance.
    pub(crate) instance: Value,
    /// All other objects.
    pub(crate) objects: BTreeMap<ObjectId, Value>,
    observed: Observed,
    /// What external references point at.
    watched: BTreeSet<Reference>,
    made: u32,
    server: Option<&'a dyn Server>,
    /// The objects that the server knew.
    pub(crate) found: BTreeMap<ObjectId, Value>,
    /// The first question that the server could not be asked.
    failure: Option<Failure>,
}

/// Somebody who knows more objects than the world, and what an API server makes of an apply.
pub(crate) trait Server {
    /// An object that the world does not have.
    fn get(&self, kind: &Kind, id: &ObjectId) -> Result<Option<Value>, Failure>;

    /// The objects that a reference points at.
    fn refer(&self, kind: &Kind, reference: &Reference) -> Result<Vec<Value>, Failure>;

    /// What would be stored.
    ///
    /// `Ok(Err(…))`: the API server's words when it refuses.
    fn apply(&self, kind: &Kind, object: &Value) -> Result<Result<Value, String>, Failure>;
}

/// One call of the planner, and what was done because of it.
pub(crate) struct Round {
    pub(crate) step: Step,
}

// === impl World ===

impl<'a> World<'a> {
    /// A world in which `objects` exist.
    pub(crate) fn new(
        graph: &'a Graph,
        rgd_name: &str,
        instance: Value,
        objects: impl IntoIterator<Item = Value>,
    ) -> Self {
        let mut world = Self {
            graph,
            rgd_name: rgd_name.to_owned(),
            instance,
            objects: BTreeMap::new(),
            observed: Observed::default(),
            watched: BTreeSet::new(),
            made: 0,
            server: None,
            found: BTreeMap::new(),
            failure: None,
        };
        objects.into_iter().for_each(|object| world.observe(object));
        world
    }

    /// From now on `server` is asked for objects and applies.
    pub(crate) fn serve(&mut self, server: &'a dyn Server) {
        self.server = Some(server);
    }

    /// Why the server could not be asked, if so.
    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// Keeps an answer of the server; the first failure is remembered.
    fn answered<T>(&mut self, answer: Result<T, Failure>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(failure) => {
                self.failure.get_or_insert(failure);
                None
            }
        }
    }

    /// Takes in an object that the server knows.
    fn discover(&mut self, object: Value) {
        let id = ObjectId::of(&object);
        self.found.entry(id.clone()).or_insert_with(|| object.clone());
        self.objects.entry(id).or_insert(object);
    }

    /// Somebody else deletes an object; its identity is read from `object`.
    pub(crate) fn forget(&mut self, object: &Value) {
        let id = self.identity(object);
        self.objects.remove(&id);
    }

    /// Whether the instance was deleted, and nothing holds it any more.
    pub(crate) fn is_gone(&self) -> bool {
        let finalizers = self.instance["metadata"]["finalizers"].as_array();
        plan::object::is_deleting(&self.instance) && finalizers.is_none_or(Vec::is_empty)
    }

    /// Somebody else writes `object`: its fields are merged into those that are there.
    pub(crate) fn observe(&mut self, mut object: Value) {
        let id = self.identity(&object);
        if !id.namespace.is_empty() {
            object["metadata"]["namespace"] = id.namespace.as_str().into();
        }
        if let Some(stored) = self.objects.get_mut(&id) {
            overlay(stored, &object);
        } else {
            self.default_metadata(&mut object);
            self.objects.insert(id, object);
        }
    }

    /// What an object is called; one of a namespaced kind without a namespace is in that of the
    /// instance.
    fn identity(&self, object: &Value) -> ObjectId {
        let id = ObjectId::of(object);
        let mut kinds = self.graph.nodes.iter().map(|node| &node.kind);
        let kind =
            kinds.find(|kind| kind.gvk.group == id.kind.group && kind.gvk.kind == id.kind.kind);
        if id.namespace.is_empty() && kind.is_some_and(|kind| kind.namespaced) {
            let namespace = plan::object::text(&self.instance, &["metadata", "namespace"]);
            return ObjectId::new(id.kind.clone(), namespace, id.name.as_str());
        }
        id
    }

    /// Lets the planner work until it has nothing to do.
    ///
    /// Refusals of earlier calls are forgotten: time has passed.
    pub(crate) fn settle(&mut self) -> Vec<Round> {
        self.observed.refused.clear();
        self.observed.acquired.clear();
        let mut rounds = Vec::new();
        for _ in 0..SPARE_STEPS + 3 * self.graph.nodes.len() {
            let step = self.step();
            if let Some(report) = &step.status {
                self.report(report);
            }
            for action in &step.actions {
                self.perform(action);
            }
            let done = step.actions.is_empty() || self.is_gone() || self.failure.is_some();
            rounds.push(Round { step });
            if done {
                break;
            }
        }
        rounds
    }

    fn step(&mut self) -> Step {
        self.observed.members = self.members();
        let referenced = |reference: &Reference| (reference.clone(), self.referenced(reference));
        self.observed.referenced = self.watched.iter().map(referenced).collect();
        let instance = Instance {
            object: &self.instance,
            rgd_name: &self.rgd_name,
            rgd_uid: "",
            kro_version: env!("CARGO_PKG_VERSION"),
            max_collection_size: MAX_COLLECTION_SIZE,
        };
        let step = match plan::object::is_deleting(&self.instance) {
            true => plan::teardown(&instance, &self.observed),
            false => plan::step(self.graph, &instance, &self.observed),
        };
        self.observed.listed = None;
        self.watched.retain(|reference| step.references.contains_key(reference));
        step
    }

    /// The objects that carry the part-of label of the instance.
    fn members(&self) -> BTreeMap<ObjectId, Arc<Member>> {
        let applyset = plan::applyset_id(&ObjectId::of(&self.instance));
        let own = self
            .objects
            .iter()
            .filter(|(_, object)| plan::object::label(object, names::PART_OF) == applyset);
        own.map(|(id, object)| (id.clone(), Arc::new(member(object)))).collect()
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::Manage { patch } | Action::RecordInventory { patch } => {
                overlay(&mut self.instance, patch);
            }
            Action::Observe { node, reference } => {
                if let Some(server) = self.server {
                    let answer = server.refer(&self.graph.node(*node).kind, reference);
                    let objects = self.answered(answer).unwrap_or_default();
                    objects.into_iter().for_each(|object| self.discover(object));
                }
                self.watched.insert(reference.clone());
            }
            Action::Apply { key, id, object, desired, claim } => {
                let held = match claim {
                    Claim::Held => true,
                    Claim::Take => {
                        self.acquire(&self.graph.node(key.node).kind, id) == Acquired::Held
                    }
                };
                if !held {
                    return;
                }
                self.apply(&self.graph.node(key.node).kind, id, object, *desired);
            }
            Action::ListMembers { .. } => {
                let members = self.members();
                let listed =
                    members.iter().map(|(id, member)| (id.clone(), Listed::from(&**member)));
                self.observed.listed = Some(listed.collect());
            }
            Action::Delete { object, .. } => {
                self.objects.remove(object);
            }
            Action::RemoveFinalizer => {
                if let Some(metadata) = self.instance["metadata"].as_object_mut() {
                    metadata.remove("finalizers");
                }
            }
        }
    }

    fn apply(&mut self, kind: &Kind, id: &ObjectId, object: &Value, desired: ContentHash) {
        let manager = names::MANAGER_APPLYSET;
        let answer = self.server.map(|server| server.apply(kind, object));
        let stored = match answer.map(|answer| self.answered(answer)) {
            Some(Some(Ok(stored))) => stored,
            Some(Some(Err(message))) => {
                let refused = Refused { desired: Some(desired), message };
                self.observed.refused.insert(id.clone(), refused);
                return;
            }
            Some(None) => return,
            None => {
                let schema = &kind.schema;
                let live = self.objects.get(id);
                let mut stored = managed_fields::apply(schema, live, object, manager);
                schema::apply_defaults(schema, &mut stored);
                self.default_metadata(&mut stored);
                stored
            }
        };
        let entry = managed_fields::entry_hash(&stored, manager);
        self.objects.insert(id.clone(), stored);
        self.observed.applied.insert(id.clone(), Applied { desired, entry });
    }

    /// Claims a name: nobody else's object may have it.
    fn acquire(&mut self, kind: &Kind, id: &ObjectId) -> Acquired {
        if let Some(server) = self.server.filter(|_| !self.objects.contains_key(id)) {
            let answer = server.get(kind, id);
            if let Some(Some(object)) = self.answered(answer) {
                self.discover(object);
            }
        }
        let own = plan::applyset_id(&ObjectId::of(&self.instance));
        let answer = match self.objects.get(id) {
            None => Acquired::Held,
            Some(object) => match plan::object::label(object, names::PART_OF) {
                _ if plan::object::is_deleting(object) => Acquired::Terminating,
                part_of if part_of.is_empty() || part_of == own => Acquired::Held,
                part_of => Acquired::Foreign { part_of: part_of.to_owned() },
            },
        };
        self.observed.acquired.insert(id.clone(), answer.clone());
        answer
    }

    /// What an external reference points at.
    fn referenced(&self, reference: &Reference) -> Referenced {
        let found = self.objects.iter().filter(|(id, object)| {
            let label = |key: &str| object["metadata"]["labels"][key].as_str();
            id.kind == reference.kind && reference.selects(&id.namespace, &id.name, label)
        });
        let mut found = found.map(|(id, object)| (id.clone(), Arc::new(object.clone())));
        match &reference.target {
            Target::Object { .. } => {
                found.next().map_or(Referenced::Absent, |(_, object)| Referenced::Object(object))
            }
            Target::Matching { .. } => Referenced::Objects(found.collect()),
        }
    }

    fn report(&mut self, report: &Report) {
        if let Some(status) = next_status(&self.instance, report, EPOCH) {
            self.instance["status"] = status;
        }
    }

    fn default_metadata(&mut self, object: &mut Value) {
        if object["metadata"]["uid"].is_null() {
            self.made += 1;
            object["metadata"]["uid"] = format!("00000000-0000-0000-0001-{:012}", self.made).into();
        }
    }
}

fn member(object: &Value) -> Member {
    let order = plan::object::annotation(object, names::APPLY_ORDER);
    Member {
        uid: plan::object::text(object, &["metadata", "uid"]).to_owned(),
        deleting: plan::object::is_deleting(object),
        node: plan::object::label(object, names::NODE_ID).to_owned(),
        apply_order: order.and_then(|order| order.parse().ok()).unwrap_or(0),
        entry: managed_fields::entry_hash(object, names::MANAGER_APPLYSET),
        owned: managed_fields::own_entry(object, names::MANAGER_APPLYSET)
            .and_then(|entry| managed_fields::FieldSet::from_fields_v1(&entry["fieldsV1"]))
            .map(|set| desired::hash(&managed_fields::project(object, &set))),
        object: Arc::new(object.clone()),
    }
}

/// Merges the fields of `patch` into `value`: objects field by field, everything else as a whole;
/// null removes.
pub(crate) fn overlay(value: &mut Value, patch: &Value) {
    match patch {
        Value::Object(patch) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            let Some(fields) = value.as_object_mut() else { return };
            for (name, patch) in patch {
                if patch.is_null() {
                    fields.remove(name);
                } else {
                    overlay(fields.entry(name.clone()).or_insert(Value::Null), patch);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            value.clone_from(patch);
        }
    }
}
