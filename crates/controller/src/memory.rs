//! What the driver remembers of each instance between reconciles. All of it can be lost.

use plan::{Acquired, Applied, ObjectId, Reference};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Memory of all instances, and the way from an ApplySet's id to its instance.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    memories: HashMap<ObjectId, Memory>,
    /// ApplySet id → instance.
    sets: HashMap<String, ObjectId>,
}

/// What is remembered of one instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// What was applied.
    pub(crate) applied: BTreeMap<ObjectId, Applied>,
    /// What is held.
    pub(crate) acquired: BTreeMap<ObjectId, Acquired>,
    /// What external references point at, as far as it is watched for the instance.
    pub(crate) references: BTreeSet<Reference>,
    /// Tells a reconcile that is under way that something changed.
    pub(crate) wake: Arc<Notify>,
}

// === impl Memories ===

impl Memories {
    /// Makes the instance of an ApplySet findable.
    pub(crate) fn introduce(&self, set: String, instance: &ObjectId) {
        let mut table = self.lock();
        table.sets.entry(set).or_insert_with(|| instance.clone());
    }

    /// The instance of an ApplySet.
    pub(crate) fn of_set(&self, set: &str) -> Option<ObjectId> {
        self.lock().sets.get(set).cloned()
    }

    /// Tells a reconcile of the instance that is under way to look again.
    pub(crate) fn wake(&self, instance: &ObjectId) {
        if let Some(memory) = self.lock().memories.get(instance) {
            memory.wake.notify_one();
        }
    }

    /// A copy of what is remembered.
    pub(crate) fn recall(&self, instance: &ObjectId) -> Memory {
        self.lock().memories.entry(instance.clone()).or_default().clone()
    }

    /// Remembers.
    pub(crate) fn remember(&self, instance: &ObjectId, memory: Memory) {
        self.lock().memories.insert(instance.clone(), memory);
    }

    /// Forgets an instance that is gone.
    pub(crate) fn forget(&self, set: &str, instance: &ObjectId) {
        let mut table = self.lock();
        table.memories.remove(instance);
        table.sets.remove(set);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
