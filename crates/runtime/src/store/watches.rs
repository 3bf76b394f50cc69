//! Several watches with owners: started on first need, stopped when the last owner leaves.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use kube::Client;

use crate::shutdown::Tasks;

use super::Change;
use super::Projection;
use super::Store;
use super::WatchOptions;
use super::WatchSpec;

/// Called for each change, with the key of the watch that it came from.
pub type OnChange<K, E> = Arc<dyn Fn(&K, &Change<E>) + Send + Sync>;

/// There are as many watches as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are already {limit} watches")]
pub struct TooManyWatches {
    /// The bound that was given to [`Watches::new`].
    pub limit: usize,
}

/// A set of watches. `K` names a watch (a kind, or a kind and a purpose), `O` an owner.
pub struct Watches<K, O, E> {
    client: Client,
    tasks: Tasks,
    options: WatchOptions,
    limit: usize,
    on_change: OnChange<K, E>,
    watches: Mutex<BTreeMap<K, Watch<O, E>>>,
}

struct Watch<O, E> {
    store: Store<E>,
    owners: BTreeSet<O>,
}

impl<K: fmt::Debug, O, E> fmt::Debug for Watches<K, O, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(watches.keys()).finish()
    }
}

impl<K, O, E> Watches<K, O, E>
where
    K: Ord + Clone + Send + Sync + 'static,
    O: Ord + Clone,
    E: Send + Sync + 'static,
{
    /// No watches yet, at most `limit` of them; their tasks become tasks of `tasks`.
    pub fn new(
        client: Client,
        options: WatchOptions,
        tasks: &Tasks,
        limit: usize,
        on_change: OnChange<K, E>,
    ) -> Watches<K, O, E> {
        let watches = Mutex::new(BTreeMap::new());
        Watches { client, tasks: tasks.clone(), options, limit, on_change, watches }
    }

    /// The store of the watch `key`, started with `spec` and `projection` if nobody needed it yet.
    ///
    /// A watch that runs keeps its own selection and projection, and is joined: whoever needs more
    /// of it calls [`Watches::restart`].
    ///
    /// # Errors
    /// When the watch would be one too many.
    pub fn need(
        &self,
        key: &K,
        owner: O,
        spec: impl FnOnce() -> (WatchSpec, Projection<E>),
    ) -> Result<Store<E>, TooManyWatches> {
        let mut watches = self.lock();
        if let Some(watch) = watches.get_mut(key) {
            watch.owners.insert(owner);
            return Ok(watch.store.clone());
        }
        if watches.len() >= self.limit {
            return Err(TooManyWatches { limit: self.limit });
        }
        let (spec, projection) = spec();
        let (on_change, watch_key) = (Arc::clone(&self.on_change), key.clone());
        let store = Store::start(
            self.client.clone(),
            spec,
            projection,
            self.options.clone(),
            &self.tasks,
            move |change| on_change(&watch_key, change),
        );
        watches
            .insert(key.clone(), Watch { store: store.clone(), owners: BTreeSet::from([owner]) });
        Ok(store)
    }

    /// Starts the watch `key` anew with another selection or projection, see [`Store::restart`].
    /// `None` when there is no such watch.
    pub fn restart(&self, key: &K, spec: WatchSpec, projection: Projection<E>) -> Option<Store<E>> {
        let store = self.get(key)?;
        store.restart(spec, projection);
        Some(store)
    }

    /// `owner` no longer needs the watch `key`. Returns whether that stopped it.
    pub fn release(&self, key: &K, owner: &O) -> bool {
        let mut watches = self.lock();
        let Some(watch) = watches.get_mut(key) else { return false };
        if !watch.owners.remove(owner) || !watch.owners.is_empty() {
            return false;
        }
        watch.store.stop();
        watches.remove(key);
        true
    }

    /// `owner` no longer needs any watch. Returns the watches that were stopped, sorted.
    pub fn release_owner(&self, owner: &O) -> Vec<K> {
        let owned: Vec<K> = {
            let watches = self.lock();
            let owned = watches.iter().filter(|(_, watch)| watch.owners.contains(owner));
            owned.map(|(key, _)| key.clone()).collect()
        };
        owned.into_iter().filter(|key| self.release(key, owner)).collect()
    }

    /// The store of a watch that somebody needs.
    pub fn get(&self, key: &K) -> Option<Store<E>> {
        self.lock().get(key).map(|watch| watch.store.clone())
    }

    /// The owners of a watch, sorted.
    pub fn owners(&self, key: &K) -> Vec<O> {
        let watches = self.lock();
        watches.get(key).into_iter().flat_map(|watch| watch.owners.iter().cloned()).collect()
    }

    /// The watches that run, sorted.
    pub fn keys(&self) -> Vec<K> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Watch<O, E>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
