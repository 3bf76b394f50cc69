//! The driver of an instance: performs what the planner asks for until nothing is left to do.

use crate::memory::Memory;
use crate::perform::{Done, Job, JobKey, perform};
use crate::registry::{Lookup, Served};
use crate::shared::{Shared, enqueue, object_id};
use crate::standing;
use crate::watching::Owner;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use graph::NodeId;
use plan::object::{GroupKind, is_deleting, label, text};
use plan::{
    Acquired, Applied, Instance, Inventory, ObjectId, Observed, Progress, Reference, Referenced,
    Refused, Report, Step, Surface, Wanted, names, next_status, step, teardown, unresolved_graph,
};
use runtime::workers::Requeue;
use schema::{ContentHash, managed_fields};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Jobs of one instance that may be under way at once.
pub(crate) const CONCURRENT_JOBS: usize = 32;
/// After this time a reconcile that is under way is worth a word in the status. What waits for the
/// world and not for an answer says so at once.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is worth another one.
const REPEAT: Duration = Duration::from_secs(30);
/// After an answer others are awaited for so many times as long as the last step took: a step looks
/// at all resources, and with one for every answer a large collection would cost the square of its
/// size.
const REST: u32 = 4;
/// A timer does not wait for less than this.
const GRAIN: Duration = Duration::from_millis(1);
/// Steps of one reconcile, beside those that the number of resources explains.
const SPARE_STEPS: usize = 64;
/// Attempts to write a status that somebody else keeps changing.
const STATUS_ATTEMPTS: usize = 5;

/// Brings one instance as far as it can be brought now.
///
/// # Flow
///
/// Observe, step, perform; each answer is an observation, and the next step follows at once. It
/// ends when a step asks for nothing and nothing is under way; then the status is written.
///
/// # Guarantees
///
/// Everything is read from watches, except what an action asks for. What another instance holds
/// is not written. Restarting at any point leads to the same end.
///
/// # Errors
///
/// None: what fails is said in the status, and tried again with backoff.
pub(crate) async fn reconcile(shared: &Arc<Shared>, id: ObjectId) -> Requeue {
    let set = plan::applyset_id(&id);
    if shared.watching.synced(&id.kind).await.is_err() {
        return Requeue::RateLimited;
    }
    let memory = shared.memories.recall(&id);
    let mut run = Run {
        shared,
        id,
        set,
        memory,
        refused: BTreeMap::new(),
        undeletable: BTreeMap::new(),
        unmanageable: None,
        unrecorded: None,
        unreadable: BTreeMap::new(),
        listed: None,
        members: BTreeSet::new(),
        judged: (String::new(), 0),
        failed: false,
        rest: Duration::ZERO,
        due: Instant::now() + PATIENCE,
        in_flight: FuturesUnordered::new(),
        running: BTreeMap::new(),
        queued: VecDeque::new(),
    };
    // What was refused may be free by now.
    run.memory.acquired.retain(|_, acquired| *acquired == Acquired::Held);
    let requeue = run.go().await;
    let Run { id, set, memory, failed, .. } = run;
    if let Some(resource) = shared.watching.resource(&id.kind).filter(|_| failed) {
        shared.metrics.reconcile_failed(&resource);
    }
    if shared.is_there(&id) {
        shared.memories.remember(&id, memory);
    } else {
        shared.memories.forget(&set, &id);
        let waiters = shared.claims.release(&id, |_| false);
        waiters.into_iter().for_each(|waiter| enqueue(&shared.instances, waiter));
        shared.externals.release(&id, |_| false);
        shared.unwatch(&Owner::Inventory(id), |_| false);
    }
    requeue
}

struct Run<'a> {
    shared: &'a Arc<Shared>,
    id: ObjectId,
    set: String,
    memory: Memory,
    refused: BTreeMap<ObjectId, Refused>,
    undeletable: BTreeMap<ObjectId, String>,
    unmanageable: Option<String>,
    unrecorded: Option<String>,
    unreadable: BTreeMap<Reference, String>,
    listed: Option<BTreeMap<ObjectId, plan::Listed>>,
    /// The members that were observed last.
    members: BTreeSet<ObjectId>,
    /// Which version of the instance the last step was about.
    judged: (String, i64),
    /// Whether it can't go on, other than because an object can't be written yet.
    failed: bool,
    /// For how long more answers are awaited after the first.
    rest: Duration,
    /// When what is under way is worth a word.
    due: Instant,
    in_flight: FuturesUnordered<BoxFuture<'static, Done>>,
    /// What is under way, and the resource whose object it applies.
    running: BTreeMap<JobKey, Option<NodeId>>,
    /// What the last step asked for and what has not begun.
    queued: VecDeque<Job>,
}

// === impl Run ===

impl Run<'_> {
    async fn go(&mut self) -> Requeue {
        let mut steps = 0;
        loop {
            let Some(object) = self.shared.instance(&self.id) else { return Requeue::Done };
            self.judged = version(&object);
            self.queued.clear();
            let deleting = is_deleting(&object);
            let served = match self.shared.registry.lookup(&self.id.kind) {
                Lookup::Served(served) => Some(served),
                Lookup::Failed(why) if !deleting => {
                    return self.say(&unresolved_graph(&why), Requeue::Done).await;
                }
                Lookup::Failed(_) => None,
                Lookup::Unknown if !deleting => return Requeue::Done,
                Lookup::Unknown => None,
            };
            if deleting && self.is_writing() {
                // What is still being written has to be seen before anything is called gone.
                self.next_answer(None).await;
                continue;
            }
            if steps > SPARE_STEPS + 4 * served.as_ref().map_or(0, |s| s.graph.nodes.len()) {
                tracing::warn!(instance = %self.id, "no end in sight, starting over");
                self.failed = true;
                return Requeue::RateLimited;
            }
            let kinds = Self::kinds(served.as_ref(), &object);
            if !self.watched(&kinds).await {
                self.failed = true;
                return Requeue::RateLimited;
            }
            let began = Instant::now();
            let mut step = self.step(served.as_ref(), &object, deleting, &kinds);
            self.rest = began.elapsed() * REST;
            let jobs = Job::of(&mut step);
            let Step { status, retry, wanted, references, nodes, .. } = step;
            if let Some(served) = &served {
                self.shared.standings.note(&self.id, &served.rgd_name, &nodes);
            }
            self.release(&wanted);
            let started = self.start(jobs);
            steps += usize::from(started > 0);
            if started == 0 && self.in_flight.is_empty() {
                // Only now: what is not read for a moment must not be read anew for that.
                self.unwatch(|reference| references.contains_key(reference));
                if let Some(served) = &served {
                    let synced = nodes.iter().filter(|one| one.progress == Progress::Synced);
                    self.shared.metrics.saved(&served.rgd_name, synced.count());
                }
                let requeue = if retry { Requeue::RateLimited } else { Requeue::Done };
                self.failed = if nodes.is_empty() {
                    retry
                } else {
                    nodes.iter().any(|one| one.progress.is_fault())
                };
                return match status {
                    Some(report) => self.say(&report, requeue).await,
                    None => requeue,
                };
            }
            self.next_answer(status).await;
        }
    }

    /// Whether something is being written for the instance, or on it.
    fn is_writing(&self) -> bool {
        self.running.keys().any(|key| match key {
            JobKey::Manage | JobKey::Record | JobKey::Object(_) => true,
            JobKey::List | JobKey::Delete | JobKey::RemoveFinalizer | JobKey::Reference(_) => false,
        })
    }

    fn step(
        &mut self,
        served: Option<&Served>,
        object: &Value,
        deleting: bool,
        kinds: &BTreeSet<GroupKind>,
    ) -> Step {
        let observed = self.observe(kinds);
        let whole = match served {
            Some(served) if !deleting => served.defaults.fill(object),
            Some(_) | None => Cow::Borrowed(object),
        };
        let mut instance = Instance {
            object: &whole,
            rgd_name: label(object, names::RGD_NAME),
            rgd_uid: label(object, names::RGD_ID),
            kro_version: &self.shared.options.kro_version,
            max_collection_size: self.shared.options.max_collection_size,
        };
        match served {
            Some(served) if !deleting => {
                instance.rgd_name = &served.rgd_name;
                instance.rgd_uid = &served.rgd_uid;
                step(&served.graph, &instance, &observed)
            }
            Some(_) | None => teardown(&instance, &observed),
        }
    }

    /// The kinds whose objects matter: those of the graph and those of the inventory.
    fn kinds(served: Option<&Served>, object: &Value) -> BTreeSet<GroupKind> {
        let mut kinds = Inventory::of(object).kinds;
        let nodes = served.iter().flat_map(|served| &served.graph.nodes);
        for node in nodes.filter(|node| !node.is_external()) {
            let gvk = &node.kind.gvk;
            kinds.insert(GroupKind { group: gvk.group.clone(), kind: gvk.kind.clone() });
        }
        kinds
    }

    /// Makes sure that all of `kinds` are watched and have been listed. A kind that the API
    /// server does not have, has no objects.
    async fn watched(&mut self, kinds: &BTreeSet<GroupKind>) -> bool {
        for kind in kinds {
            if self.shared.watching.store(kind).is_none() {
                let found = self.shared.kinds.preferred(kind).await;
                let started = match &found {
                    Ok(Some(resource)) => {
                        let owner = Owner::Inventory(self.id.clone());
                        self.shared.watching.members(owner, resource).is_ok()
                    }
                    Ok(None) => true,
                    Err(_) => false,
                };
                if !started {
                    tracing::warn!(instance = %self.id, %kind, "can't watch a kind");
                    return false;
                }
            }
            if let Err(error) = self.shared.watching.synced(kind).await {
                tracing::warn!(instance = %self.id, %kind, %error, "a watch has not caught up");
                return false;
            }
        }
        true
    }

    fn observe(&mut self, kinds: &BTreeSet<GroupKind>) -> Observed {
        let mut members = BTreeMap::new();
        for kind in kinds {
            let Some(store) = self.shared.watching.store(kind) else { continue };
            for entry in store.indexed(&self.set) {
                if let Some(member) = &entry.data.member {
                    let object = object_id(kind, &entry);
                    // Nobody else may claim what is ours already.
                    if self.shared.claims.claim(&object, &self.id).is_err() {
                        tracing::warn!(instance = %self.id, %object, "a member is claimed by another instance");
                    }
                    members.insert(object, Arc::new(member.read(&entry)));
                }
            }
        }
        // A member is ours by its label; should it go and another take its place, that one has to
        // be looked at first.
        self.memory.acquired.retain(|object, _| !members.contains_key(object));
        self.members = members.keys().cloned().collect();
        Observed {
            members,
            acquired: self.memory.acquired.clone(),
            referenced: self.referenced(),
            applied: self.memory.applied.clone(),
            refused: self.refused.clone(),
            undeletable: self.undeletable.clone(),
            unmanageable: self.unmanageable.clone(),
            unrecorded: self.unrecorded.clone(),
            listed: self.listed.take(),
        }
    }

    /// What is known of external references; what has to be read first is left out.
    fn referenced(&self) -> BTreeMap<Reference, Referenced> {
        let unreadable = self
            .unreadable
            .iter()
            .map(|(reference, words)| (reference.clone(), Referenced::Unreadable(words.clone())));
        let known = self.memory.references.iter().filter_map(|reference| {
            let look = self.shared.externals.look(&self.shared.watching, reference);
            Some((reference.clone(), look?))
        });
        known.chain(unreadable).collect()
    }

    /// Stops watching for the instance what it does not refer to any more.
    fn unwatch(&mut self, keep: impl Fn(&Reference) -> bool) {
        if self.memory.references.iter().all(&keep) {
            return;
        }
        self.memory.references.retain(&keep);
        self.shared.externals.release(&self.id, keep);
    }

    /// Lets go of names that are no longer wanted.
    fn release(&mut self, wanted: &Wanted) {
        let Wanted::These(wanted) = wanted else { return };
        self.memory.acquired.retain(|object, _| wanted.contains(object));
        self.memory.applied.retain(|object, _| wanted.contains(object));
        let waiters = self.shared.claims.release(&self.id, |object| {
            wanted.contains(object)
                || self.members.contains(object)
                || self.running.contains_key(&JobKey::Object(object.clone()))
        });
        waiters.into_iter().for_each(|waiter| enqueue(&self.shared.instances, waiter));
    }

    /// Starts what is not under way yet, as far as there is room; returns how much that is.
    fn start(&mut self, jobs: Vec<Job>) -> usize {
        // What is under way now is not to be done once more when it is answered.
        let new = |job: &Job| !self.running.contains_key(&job.key());
        self.queued = jobs.into_iter().filter(new).collect();
        self.fill()
    }

    fn fill(&mut self) -> usize {
        let mut started = 0;
        while self.in_flight.len() < CONCURRENT_JOBS
            && let Some(job) = self.queued.pop_front()
        {
            self.running.insert(job.key(), job.node());
            started += 1;
            let (shared, id, set) = (self.shared.clone(), self.id.clone(), self.set.clone());
            self.in_flight.push(Box::pin(perform(shared, id, set, job)));
        }
        started
    }

    /// Waits until another step may find more to do: for an answer, or for the world to change.
    /// Says how things stand if that takes long. What else is answered by then, or soon after, is
    /// taken in with it.
    async fn next_answer(&mut self, status: Option<Report>) {
        let wake = self.memory.wake.clone();
        let mut status = status;
        loop {
            tokio::select! {
                answer = self.in_flight.next() => {
                    if !answer.is_some_and(|done| self.note(done)) && !self.in_flight.is_empty() {
                        continue;
                    }
                    break;
                }
                () = wake.notified() => {
                    // It was asked for in another world.
                    self.queued.clear();
                    break;
                }
                () = tokio::time::sleep_until(self.due), if status.is_some() => {
                    if let Some(report) = status.take() {
                        self.say(&report, Requeue::Done).await;
                    }
                    self.due = Instant::now() + REPEAT;
                }
            }
        }
        let until = Instant::now() + self.rest;
        while !self.in_flight.is_empty() {
            let answer = if self.rest < GRAIN {
                self.in_flight.next().now_or_never().flatten()
            } else {
                timeout_at(until, self.in_flight.next()).await.ok().flatten()
            };
            let Some(done) = answer else { return };
            self.note(done);
        }
    }

    /// Takes an answer in, and starts what was queued in its place. Returns whether another step
    /// may find more to do: not as long as other objects of the same resource are on their way,
    /// because who reads one of a collection reads all.
    fn note(&mut self, done: Done) -> bool {
        let node = self.running.remove(&done.key()).flatten();
        let applied = matches!(&done, Done::Applied { result: Ok(_), .. });
        self.take_in(done);
        self.fill();
        let mut others = self.running.values().copied().chain(self.queued.iter().map(Job::node));
        !(applied && others.any(|other| other == node))
    }

    /// Turns an answer into an observation.
    fn take_in(&mut self, done: Done) {
        match done {
            Done::Managed(result) => {
                self.unmanageable = self.parent_written(result);
            }
            Done::Recorded(result) => {
                self.unrecorded = self.parent_written(result);
            }
            Done::Observed { reference, result } => {
                if let Err(error) = result {
                    tracing::warn!(instance = %self.id, %reference, %error, "can't read what an external reference points at");
                    self.unreadable.insert(reference.clone(), error.to_string());
                }
                self.memory.references.insert(reference);
            }
            Done::Acquired { object, result } => match result {
                Ok(acquired) => drop(self.memory.acquired.insert(object, acquired)),
                Err(error) => {
                    tracing::warn!(instance = %self.id, %object, %error, "can't read an object");
                    self.refuse(object, None, error.to_string());
                }
            },
            Done::Applied { object, desired, result } => match result {
                Ok(answer) => self.applied(&object, desired, answer),
                Err(error) => {
                    tracing::info!(instance = %self.id, %object, code = error.code(), "an apply was refused");
                    self.refuse(object, Some(desired), error.to_string());
                }
            },
            Done::Listed(result) => match result {
                Ok(listed) => self.listed = Some(listed),
                Err(error) => {
                    self.undeletable
                        .insert(self.id.clone(), format!("can't list members: {error}"));
                }
            },
            Done::Deleted(results) => {
                for (object, result) in results {
                    match result {
                        Ok(()) => drop(self.memory.applied.remove(&object)),
                        Err(error) => drop(self.undeletable.insert(object, error.to_string())),
                    }
                }
            }
            Done::FinalizerRemoved(result) => {
                if let Err(error) = result {
                    self.undeletable.insert(self.id.clone(), error.to_string());
                }
            }
        }
    }

    fn refuse(&mut self, object: ObjectId, desired: Option<ContentHash>, message: String) {
        self.refused.insert(object, Refused { desired, message });
    }

    fn applied(&mut self, object: &ObjectId, desired: ContentHash, answer: Value) {
        let entry = managed_fields::entry_hash(&answer, names::MANAGER_APPLYSET);
        self.memory.acquired.insert(object.clone(), Acquired::Held);
        self.memory.applied.insert(object.clone(), Applied { desired, entry });
        if let Some(store) = self.shared.watching.store(&object.kind)
            && let Err(error) = store.observe_write(answer)
        {
            tracing::warn!(%object, %error, "the answer to an apply is no object");
        }
    }

    /// Takes over the instance as the API server answered it; returns why it did not.
    fn parent_written(&mut self, result: Result<Value, crate::api::ApiError>) -> Option<String> {
        match result {
            Ok(answer) => {
                self.observe_instance(answer);
                None
            }
            Err(error) => Some(error.to_string()),
        }
    }

    fn observe_instance(&self, answer: Value) {
        if let Some(store) = self.shared.watching.store(&self.id.kind)
            && let Err(error) = store.observe_write(answer)
        {
            tracing::warn!(instance = %self.id, %error, "the answer to a write is no object");
        }
    }

    /// Writes the status if it differs.
    async fn say(&mut self, report: &Report, requeue: Requeue) -> Requeue {
        if let Surface::Author(authored) = &report.surface {
            for problem in &authored.problems {
                tracing::warn!(instance = %self.id, problem, "an author's condition was dropped");
            }
        }
        let Some(resource) = self.shared.watching.resource(&self.id.kind) else { return requeue };
        let mut fresh = None;
        for _ in 0..STATUS_ATTEMPTS {
            let Some(object) = fresh.take().or_else(|| self.shared.instance(&self.id)) else {
                return requeue;
            };
            if version(&object) != self.judged {
                return Requeue::Now;
            }
            let now = now();
            let Some(status) = next_status(&object, report, &now) else { return requeue };
            let mut next = object.clone();
            next["status"] = status;
            match self.shared.api.replace_status(&resource, next).await {
                Ok(answer) => {
                    let state = text(&answer, &["status", "state"]);
                    tracing::info!(instance = %self.id, state, "status written");
                    standing::written(self.shared, &self.id, &object, &answer);
                    self.observe_instance(answer);
                    return requeue;
                }
                Err(error) if error.code() == 404 => return requeue,
                Err(error) if error.code() == 409 => {
                    let id = &self.id;
                    match self.shared.api.get(&resource, &id.namespace, &id.name).await {
                        Ok(Some(object)) => fresh = Some(object),
                        Ok(None) => return requeue,
                        Err(_) => return Requeue::RateLimited,
                    }
                }
                Err(error) => {
                    tracing::warn!(instance = %self.id, %error, "can't write a status");
                    self.failed = true;
                    return Requeue::RateLimited;
                }
            }
        }
        Requeue::RateLimited
    }
}

/// What a status is about: the instance and the generation of its spec.
fn version(object: &Value) -> (String, i64) {
    (text(object, &["metadata", "uid"]).to_owned(), plan::object::generation(object))
}

/// Now, as Kubernetes writes times.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
