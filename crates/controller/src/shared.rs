//! What the reconcilers share.

use crate::api::Api;
use crate::claims::Claims;
use crate::compile::Compiled;
use crate::externals::Externals;
use crate::kinds::Kinds;
use crate::listing::Listing;
use crate::memory::Memories;
use crate::metrics::Metrics;
use crate::observation::Observation;
use crate::registry::Registry;
use crate::standing::Standings;
use crate::watching::{Owner, Watching};
use crate::writing::Writing;
use plan::ObjectId;
use plan::object::GroupKind;
use runtime::queue::Queue;
use runtime::store::{Entry, ObjectKey, Store};
use serde_json::Value;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// How many writes may be under way at once, over all instances. Each has a connection of its own:
/// an API server that answers in 10 ms takes 6,400 a second over so many, and more only cost both
/// sides handshakes and memory.
const WRITES: usize = 64;

/// The parts of one running controller.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) kinds: Kinds,
    pub(crate) watching: Watching,
    pub(crate) listing: Listing,
    pub(crate) externals: Externals,
    pub(crate) registry: Registry,
    pub(crate) claims: Claims,
    pub(crate) memories: Memories,
    /// Instances to reconcile.
    pub(crate) instances: Queue<ObjectId>,
    /// Definitions to reconcile, by name.
    pub(crate) definitions: Queue<String>,
    /// Revisions to reconcile, by name.
    pub(crate) revision_queue: Queue<String>,
    pub(crate) compiled: Compiled,
    pub(crate) metrics: Metrics,
    pub(crate) standings: Standings,
    /// Events to be written.
    pub(crate) events: mpsc::Sender<Value>,
    /// All definitions, whole.
    pub(crate) rgds: Store<Arc<Value>>,
    /// All revisions, whole, by the definition that they are of.
    pub(crate) revisions: Store<Arc<Value>>,
    /// All CRDs, by their metadata.
    pub(crate) crds: Store<Arc<Value>>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) writing: Writing,
    pub(crate) options: Options,
}

/// What the user decides about a controller.
#[derive(Debug, Clone)]
pub struct Options {
    /// Our version as a label value; see `kro.run/kro-version`.
    pub kro_version: String,
    /// Whether deleting a definition deletes its CRD, and with it all instances.
    pub allow_crd_deletion: bool,
    /// Instances that are reconciled at once.
    pub concurrent_instances: usize,
    /// How many revisions of a definition are kept; all with 0 or less.
    pub max_graph_revisions: i64,
    /// After which time a definition that waits for its revisions looks again by itself.
    pub progress_delay: Duration,
    /// How often all instances are looked at again, if at all; this causes no request.
    pub resync: Option<Duration>,
    /// How many objects a collection may have.
    pub max_collection_size: usize,
    /// How many dimensions a collection may have.
    pub max_collection_dimensions: usize,
    /// Parts of kro that are not settled yet.
    pub gates: Gates,
}

/// Parts of kro that are not settled yet, off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates {
    /// `omit()` in expressions.
    pub cel_omit_function: bool,
    /// An event for each change of an instance's condition.
    pub instance_condition_events: bool,
    /// A metric for the age of each condition of each instance.
    pub instance_condition_metrics: bool,
}

/// Permits for writes.
pub(crate) fn permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(WRITES))
}

/// How the stores call an object.
pub(crate) fn store_key(id: &ObjectId) -> ObjectKey {
    key_of(&id.namespace, &id.name)
}

/// How the stores call the object of a name; `namespace` is empty for a cluster-scoped one.
pub(crate) fn key_of(namespace: &str, name: &str) -> ObjectKey {
    match namespace {
        "" => ObjectKey::cluster(name),
        namespace => ObjectKey::namespaced(namespace, name),
    }
}

/// How the planner calls the object of an entry of `kind`.
pub(crate) fn object_id<E>(kind: &GroupKind, entry: &Entry<E>) -> ObjectId {
    object_of(kind, &entry.key)
}

/// How the planner calls the object of `kind` that the stores call `key`.
pub(crate) fn object_of(kind: &GroupKind, key: &ObjectKey) -> ObjectId {
    ObjectId::new(kind.clone(), key.namespace.as_deref().unwrap_or(""), key.name.as_str())
}

/// Adds `key` to `queue`, which says itself when it is full; the next change of the object, or the
/// next start, adds the key again.
pub(crate) fn enqueue<K: Ord + Clone + Display>(queue: &Queue<K>, key: K) {
    let _ = queue.add(key);
}

// === impl Shared ===

impl Shared {
    /// The instance as last observed; `None` when it is gone or its kind is not watched.
    pub(crate) fn instance(&self, id: &ObjectId) -> Option<Value> {
        Some(self.entry(id)?.data.whole.as_ref()?.read())
    }

    /// Whether [`Shared::instance`] has it.
    pub(crate) fn is_there(&self, id: &ObjectId) -> bool {
        self.entry(id).is_some_and(|entry| entry.data.whole.is_some())
    }

    fn entry(&self, id: &ObjectId) -> Option<Arc<Entry<Observation>>> {
        self.watching.store(&id.kind)?.get(&store_key(id))
    }

    /// `instance` is to look at the world again.
    pub(crate) fn wake(&self, instance: &ObjectId) {
        self.memories.wake(instance);
        enqueue(&self.instances, instance.clone());
    }

    /// `owner` needs no watch of a kind for which `keep` is false. Whoever reads objects of a kind
    /// that is not watched any more has to look for another way.
    pub(crate) fn unwatch(&self, owner: &Owner, keep: impl Fn(&GroupKind) -> bool) {
        for kind in self.watching.release(owner, keep) {
            self.externals.readers(&kind).iter().for_each(|reader| self.wake(reader));
        }
    }
}
