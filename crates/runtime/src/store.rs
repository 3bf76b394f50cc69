//! A cache of the objects of one kind, fed by list and watch.
//!
//! ```text
//! list, watch events ──► projection ──► table ──► changes ──► you (add keys to a queue)
//! observe_write/_delete ─► projection ──┘ │
//!                                         └──► get, list, indexed
//! ```
//!
//! A [`Projection`] reduces every object to what its reader needs, and only that is kept.
//! Our own writes are visible at once: their responses are entered with
//! [`Store::observe_write`], and what the watch delivers later is dropped as long as it is older.
//! Resource versions are compared as numbers, which Kubernetes guarantees within one kind
//! (KEP-5504).
//!
//! Differs from `kube::runtime::watcher`: that hides the resource version of a list and the
//! bookmarks, and without them nobody can say whether an object that a list lacks was deleted or
//! is younger than the list. So list and watch are driven here, over `kube::core::Request` and
//! `kube::Client`.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;
use std::time::Duration;

use kube::Client;
use kube::core::ApiResource;
use kube::core::Selector;
use kube::core::SelectorExt;
use serde_json::Value;
use tokio::sync::watch as latest;

use crate::backoff::Backoff;
use crate::shutdown::Tasks;

mod metrics;
mod object;
mod table;
mod text;
mod watch;
mod watches;

pub use metrics::WatchMetrics;
pub use metrics::WatchMetricsVec;
pub use object::Malformed;
pub use object::Meta;
pub use object::ObjectKey;
pub use table::Change;
pub use table::Entry;
pub use table::Origin;
pub use text::Text;
pub use watches::OnChange;
pub use watches::TooManyWatches;
pub use watches::Watches;

use table::Table;

/// Which objects to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchSpec {
    /// The kind.
    pub resource: ApiResource,
    /// Only this namespace; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// Only objects with matching labels; the default selects all.
    pub labels: Selector,
    /// How much of each object the server sends.
    pub scope: Scope,
}

/// How much of each object the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Only `apiVersion`, `kind` and `metadata`.
    Metadata,
    /// Everything.
    Full,
}

impl WatchSpec {
    /// All objects of a kind, whole, in the whole cluster.
    pub fn all(resource: ApiResource) -> WatchSpec {
        WatchSpec { resource, namespace: None, labels: Selector::default(), scope: Scope::Full }
    }

    /// Only the metadata of the objects.
    #[must_use]
    pub fn metadata_only(self) -> WatchSpec {
        WatchSpec { scope: Scope::Metadata, ..self }
    }

    /// Only objects in `namespace`.
    #[must_use]
    pub fn within(self, namespace: impl Into<String>) -> WatchSpec {
        WatchSpec { namespace: Some(namespace.into()), ..self }
    }

    /// Only objects that `labels` selects.
    #[must_use]
    pub fn labelled(self, labels: impl Into<Selector>) -> WatchSpec {
        WatchSpec { labels: labels.into(), ..self }
    }

    /// Whether an object is one that this watch delivers.
    fn selects(&self, meta: &Meta) -> bool {
        let elsewhere = self.namespace.is_some() && self.namespace != meta.key.namespace;
        !elsewhere && self.labels.matches(&meta.labels)
    }
}

/// What a projection makes of an object: what is kept, and the index keys to find it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projected<E> {
    /// What [`Entry::data`] will be.
    pub data: E,
    /// Keys for [`Store::indexed`]. An object can have several; several objects can share one.
    pub index: Vec<String>,
}

/// Reduces an object to what is kept of it. It gets the whole object (with [`Scope::Metadata`]:
/// type and metadata) and may take it apart.
///
/// It must not panic: a panic here ends the process.
pub type Projection<E> = Arc<dyn Fn(&Meta, Value) -> Projected<E> + Send + Sync>;

/// How a watch behaves; the defaults suit production.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Delays between attempts when list or watch fail.
    pub backoff: Backoff,
    /// Objects per page of a list.
    pub page_size: u32,
    /// For how long one watch request lasts; the server ends it, we start the next.
    pub watch_timeout: Duration,
    /// Where to count, if anywhere.
    pub metrics: Option<WatchMetricsVec>,
}

impl Default for WatchOptions {
    fn default() -> WatchOptions {
        WatchOptions {
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(10)),
            page_size: 500,
            watch_timeout: Duration::from_secs(290),
            metrics: None,
        }
    }
}

/// Why a store is not synced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The first list did not succeed in time.
    #[error("not synced in time{}", last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
    TimedOut {
        /// What the latest attempt failed with, if one failed.
        last_error: Option<String>,
    },
    /// The watch was stopped.
    #[error("the watch was stopped")]
    Stopped,
}

/// A handle to a cache; clones share it.
pub struct Store<E> {
    shared: Arc<Shared<E>>,
}

/// Told about every change.
type Report<E> = dyn Fn(&Change<E>) + Send + Sync;

struct Shared<E> {
    client: Client,
    options: WatchOptions,
    config: RwLock<Config<E>>,
    table: RwLock<Table<E>>,
    status: latest::Sender<Status>,
    on_change: Box<Report<E>>,
    /// The branch of the running watch task.
    branch: Mutex<Tasks>,
    parent: Tasks,
}

struct Config<E> {
    spec: WatchSpec,
    projection: Projection<E>,
    metrics: Option<WatchMetrics>,
    /// Grows with each restart; what an earlier watch task still delivers is dropped.
    generation: u64,
}

#[derive(Debug, Clone, Default)]
struct Status {
    synced: bool,
    stopped: bool,
    last_error: Option<String>,
}

impl<E> Clone for Store<E> {
    fn clone(&self) -> Store<E> {
        Store { shared: Arc::clone(&self.shared) }
    }
}

impl<E> fmt::Debug for Store<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl<E: Send + Sync + 'static> Store<E> {
    /// Starts to list and watch, as a task of `tasks`.
    ///
    /// # Flow
    /// Lists all pages, enters them at once, then watches from the list's version on. A watch that
    /// ends is resumed where it was; one that the server no longer can resume (410) is followed by
    /// a new list, and what was deleted meanwhile is found by comparison. Failures are retried
    /// with backoff, without end.
    ///
    /// # Guarantees
    /// `on_change` is called after the change is visible, for every change of an entry, by whatever
    /// route it came. Two changes that come by different routes at the same time may be reported
    /// in either order: read the store for what is, use the change for what to look at.
    /// An object that cannot be read is logged and skipped.
    ///
    /// # Assumptions
    /// `on_change` is quick and does not block: it runs in the watch task or in the caller of
    /// [`Store::observe_write`].
    pub fn start(
        client: Client,
        spec: WatchSpec,
        projection: Projection<E>,
        options: WatchOptions,
        tasks: &Tasks,
        on_change: impl Fn(&Change<E>) + Send + Sync + 'static,
    ) -> Store<E> {
        let metrics = options.metrics.as_ref().map(|metrics| metrics.watch(&spec.resource));
        let shared = Arc::new(Shared {
            client,
            options,
            config: RwLock::new(Config { spec, projection, metrics, generation: 0 }),
            table: RwLock::new(Table::new()),
            status: latest::Sender::new(Status::default()),
            on_change: Box::new(on_change),
            branch: Mutex::new(tasks.child()),
            parent: tasks.clone(),
        });
        let store = Store { shared };
        let branch = store.branch().clone();
        watch::spawn(&store, &branch, 0);
        store
    }

    /// Starts anew with another selection or projection, in place: every handle sees it.
    ///
    /// Entries stay readable as they are until the new list is there; until then the store counts
    /// as not synced. Everything in the new list is reported as changed, since what is kept of it
    /// may differ.
    pub fn restart(&self, spec: WatchSpec, projection: Projection<E>) {
        let mut branch = self.branch();
        branch.cancel();
        let generation = {
            let mut config = self.config_mut();
            let metrics = &self.shared.options.metrics;
            config.metrics = metrics.as_ref().map(|metrics| metrics.watch(&spec.resource));
            config.spec = spec;
            config.projection = projection;
            config.generation += 1;
            self.table_mut().restart(config.generation);
            config.generation
        };
        self.shared.status.send_replace(Status::default());
        *branch = self.shared.parent.child();
        watch::spawn(self, &branch, generation);
    }

    /// Stops watching. Entries stay readable as they were last.
    pub fn stop(&self) {
        self.branch().cancel();
        self.mark_stopped();
    }

    /// The watch task was cancelled. If all tasks are, no other takes its place, and whoever waits
    /// for the first list must not wait for nothing.
    fn ended(&self) {
        if self.shared.parent.token().is_cancelled() {
            self.mark_stopped();
        }
    }

    fn mark_stopped(&self) {
        let stopped = self.shared.status.send_if_modified(|status| {
            let news = !status.stopped;
            status.stopped = true;
            news
        });
        if stopped && let Some(metrics) = &self.config().metrics {
            metrics.objects.sub(i64::try_from(self.len()).unwrap_or(i64::MAX));
        }
    }

    /// What is being watched.
    pub fn spec(&self) -> WatchSpec {
        self.config().spec.clone()
    }

    /// Whether the first list (since the last restart) has been entered.
    pub fn is_synced(&self) -> bool {
        self.shared.status.borrow().synced
    }

    /// Waits until [`Store::is_synced`], at most for `bound`.
    ///
    /// # Errors
    /// [`SyncError`]. The watch goes on trying after a timeout.
    pub async fn synced(&self, bound: Duration) -> Result<(), SyncError> {
        let mut status = self.shared.status.subscribe();
        let waited =
            tokio::time::timeout(bound, status.wait_for(|status| status.synced || status.stopped));
        let failed = match waited.await {
            Ok(Ok(status)) if status.synced => return Ok(()),
            Ok(Ok(_) | Err(_)) => SyncError::Stopped,
            Err(_) => SyncError::TimedOut { last_error: self.last_error() },
        };
        Err(failed)
    }

    /// What the latest attempt to list or watch failed with; `None` while all is well.
    /// Of an answer of the API server it holds status code and reason, not the message.
    pub fn last_error(&self) -> Option<String> {
        self.shared.status.borrow().last_error.clone()
    }

    /// The entry of an object.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<Entry<E>>> {
        self.table().get(key)
    }

    /// All entries, sorted by key.
    pub fn list(&self) -> Vec<Arc<Entry<E>>> {
        self.table().list()
    }

    /// The entries whose projection named this index key, sorted by key.
    pub fn indexed(&self, index_key: &str) -> Vec<Arc<Entry<E>>> {
        self.table().indexed(index_key)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Enters the response of a write of ours, or of a live read.
    ///
    /// # Guarantees
    /// The object is the newest observation until the watch passes its version. It changes nothing
    /// when the store knows a newer version, or when the object is known to be deleted. An object
    /// that this watch does not select is removed, as the watch would.
    /// A change is reported with [`Origin::Write`].
    ///
    /// # Caveats
    /// The response holds what others changed before it, too, and the watch will not report that
    /// again: look at the store once more after a write.
    ///
    /// # Errors
    /// When the object has no valid identity or version; the store is unchanged then.
    pub fn observe_write(&self, object: Value) -> Result<(), Malformed> {
        let meta = Meta::read(&object)?;
        let Made { entry, selected } = project(self, meta, object);
        let version = entry.resource_version;
        let metrics = self.config().metrics.clone();
        let change = {
            let mut table = self.table_mut();
            let change = table.observe_write(entry, selected);
            // A version that the watch has passed changes nothing, and says nothing about its lag.
            // Under the lock: the watch comes to this version only after that.
            if let (true, Some(_), Some(metrics)) = (selected, &change, &metrics) {
                metrics.wrote(version);
            }
            change
        };
        self.report(change);
        Ok(())
    }

    /// Enters that the object `key` with this uid is gone for good, as the response to our own
    /// deletion (without finalizers) or a live read said.
    ///
    /// What the watch still delivers of that uid is dropped. Nothing happens when another uid, or
    /// nothing, has this key.
    pub fn observe_delete(&self, key: &ObjectKey, uid: &str) {
        let change = self.table_mut().observe_delete(key, uid);
        self.report(change);
    }

    fn report(&self, changes: impl IntoIterator<Item = Change<E>>) {
        let metrics = self.config().metrics.clone();
        for change in changes {
            match (&metrics, &change.old, &change.new) {
                (Some(metrics), None, Some(_)) => metrics.objects.inc(),
                (Some(metrics), Some(_), None) => metrics.objects.dec(),
                (_, _, _) => {}
            }
            (self.shared.on_change)(&change);
        }
    }

    fn config(&self) -> RwLockReadGuard<'_, Config<E>> {
        self.shared.config.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn config_mut(&self) -> RwLockWriteGuard<'_, Config<E>> {
        self.shared.config.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> RwLockReadGuard<'_, Table<E>> {
        self.shared.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn table_mut(&self) -> RwLockWriteGuard<'_, Table<E>> {
        self.shared.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn branch(&self) -> MutexGuard<'_, Tasks> {
        self.shared.branch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry, and whether the watch selects the object that it was made from.
struct Made<E> {
    entry: Entry<E>,
    selected: bool,
}

/// Reduces an object to its entry.
fn project<E>(store: &Store<E>, meta: Meta, object: Value) -> Made<E> {
    // Taken out of the lock, so that a projection may look at the store.
    let (projection, generation, selected) = {
        let config = store.shared.config.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&config.projection), config.generation, config.spec.selects(&meta))
    };
    let Projected { data, mut index } = projection(&meta, object);
    index.sort_unstable();
    index.dedup();
    let entry = Entry {
        key: meta.key,
        uid: meta.uid,
        resource_version: meta.resource_version,
        deletion_timestamp: meta.deletion_timestamp,
        data,
        index,
        generation,
    };
    Made { entry, selected }
}
