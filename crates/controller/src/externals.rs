//! What external references point at: one metadata watch per kind, and the objects themselves,
//! each fetched once whenever it changes (DESIGN.md, decision 4).
//!
//! A kind of which instances are watched needs neither: its objects are there, whole.

use crate::api::{Api, ApiError};
use crate::observation::{Labels, Observation};
use crate::shared::{Shared, key_of, object_id};
use crate::watching::Watching;
use futures::future::join_all;
use graph::ReadPaths;
use kube::Client;
use kube::core::ApiResource;
use plan::object::GroupKind;
use plan::{ObjectId, Reference, Referenced, Target};
use runtime::shutdown::Tasks;
use runtime::store::{
    Change, Entry, ObjectKey, Projected, Projection, Store, TooManyWatches, WatchOptions,
    WatchSpec, Watches,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Turn;

/// How many kinds may be watched at once.
const MAX_WATCHES: usize = 500;
/// How long a watch may take to deliver its first list before an instance says that it can't.
const SYNC: Duration = Duration::from_secs(5);

/// The objects that external references point at, and who reads them.
pub(crate) struct Externals {
    watches: Watches<Source, ObjectId, Labels>,
    table: Arc<Mutex<Table>>,
}

/// A kind as it is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    kind: GroupKind,
    version: String,
    plural: String,
}

#[derive(Default)]
struct Table {
    readers: BTreeMap<Source, Readers>,
    /// What was read of each object, and whose turn it is to read it.
    fetched: BTreeMap<(Source, ObjectKey), Arc<Slot>>,
}

/// What was read of an object. One request per change, however many instances wait for it.
#[derive(Default)]
struct Slot {
    /// Whose turn it is to read the object.
    turn: Turn<()>,
    /// What was read last. Apart from the turn: of many instances that look whether it is still
    /// good, each would find another one's turn, and none what was read.
    fetched: Mutex<Option<Fetched>>,
}

/// Who reads objects of a kind.
#[derive(Default)]
struct Readers {
    /// By the name of the object.
    named: BTreeMap<ObjectKey, BTreeSet<ObjectId>>,
    /// By what selects the objects.
    selecting: BTreeMap<Reference, BTreeSet<ObjectId>>,
    /// What expressions read of them.
    reads: ReadPaths,
}

/// An object as it was read.
#[derive(Clone)]
struct Fetched {
    uid: String,
    resource_version: u64,
    /// The parts that some expression reads; `None` when it was gone already.
    object: Option<Arc<Value>>,
}

/// The watch of a kind, while it is waited for.
enum Watched {
    Whole(Store<Observation>),
    Metadata(Store<Labels>),
}

/// Why a reference can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Watch(#[from] runtime::store::SyncError),
    #[error(transparent)]
    TooMany(#[from] TooManyWatches),
    #[error(transparent)]
    Api(#[from] ApiError),
}

// === impl Externals ===

impl Externals {
    /// `wake` is called with every instance that reads something that changed.
    pub(crate) fn new(
        client: Client,
        options: WatchOptions,
        tasks: &Tasks,
        wake: impl Fn(&ObjectId) + Send + Sync + 'static,
    ) -> Self {
        let table: Arc<Mutex<Table>> = Arc::default();
        let readers = table.clone();
        let on_change = move |source: &Source, change: &Change<Labels>| {
            let affected = lock(&readers).changed(source, change);
            affected.iter().for_each(&wake);
        };
        let watches = Watches::new(client, options, tasks, MAX_WATCHES, Arc::new(on_change));
        Self { watches, table }
    }

    /// Makes `instance` a reader of `reference`, and reads what is not known of it yet.
    ///
    /// # Flow
    ///
    /// The watch comes first, so that no change is missed; then every object that is referenced
    /// is read, unless somebody has read that version already, or the watch delivers it whole.
    ///
    /// # Errors
    ///
    /// The watch delivers nothing, or an object can't be read.
    pub(crate) async fn observe(
        &self,
        shared: &Shared,
        instance: &ObjectId,
        reference: &Reference,
        reads: &ReadPaths,
    ) -> Result<(), ReadError> {
        let Shared { api, watching, .. } = shared;
        let source = Source::of(reference);
        let watched = {
            // One lock around both tables, as in `release`.
            let mut table = self.lock();
            let watched = match source.whole(watching) {
                Some(store) => Watched::Whole(store),
                None => Watched::Metadata(
                    self.watches.need(&source, instance.clone(), || source.watch())?,
                ),
            };
            table.read(&source, reference, instance, reads);
            watched
        };
        let store = match watched {
            Watched::Whole(store) => return Ok(store.synced(SYNC).await?),
            Watched::Metadata(store) => store,
        };
        store.synced(SYNC).await?;
        let resource = source.resource();
        let fetches = referenced(&store, reference).into_iter().map(|entry| {
            let (slot, reads) = self.lock().slot(&source, &entry.key);
            let resource = &resource;
            async move { fetch(api, resource, &entry, &slot, &reads).await }
        });
        join_all(fetches).await.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(())
    }

    /// What `reference` points at; `None` when some of it has to be read first.
    pub(crate) fn look(&self, watching: &Watching, reference: &Reference) -> Option<Referenced> {
        let source = Source::of(reference);
        let found = match source.whole(watching) {
            Some(store) => self.seen(&source, &store, reference)?,
            None => self.read(&source, reference)?,
        };
        Some(match &reference.target {
            Target::Object { .. } => {
                found.into_values().next().map_or(Referenced::Absent, Referenced::Object)
            }
            Target::Matching { .. } => Referenced::Objects(found),
        })
    }

    /// The parts that are read of the objects of `store`; `None` before its first list, and before
    /// it is known which parts these are.
    fn seen(
        &self,
        source: &Source,
        store: &Store<Observation>,
        reference: &Reference,
    ) -> Option<BTreeMap<ObjectId, Arc<Value>>> {
        if !store.is_synced() {
            return None;
        }
        let reads = self.lock().readers.get(source)?.reads.clone();
        let resource = source.resource();
        let entries = referenced(store, reference).into_iter();
        let object = |entry: Arc<Entry<Observation>>| {
            let whole = entry.data.whole.as_ref()?.read();
            let reduced = Arc::new(reduce(&whole, &resource, &reads));
            Some((object_id(&source.kind, &entry), reduced))
        };
        Some(entries.filter_map(object).collect())
    }

    /// The objects as they were read; `None` when some have changed since then.
    fn read(
        &self,
        source: &Source,
        reference: &Reference,
    ) -> Option<BTreeMap<ObjectId, Arc<Value>>> {
        let store = self.watches.get(source).filter(Store::is_synced)?;
        let mut found = BTreeMap::new();
        for entry in referenced(&store, reference) {
            let slot = self.lock().fetched.get(&(source.clone(), entry.key.clone())).cloned()?;
            let fetched = slot.current(&entry.uid, entry.resource_version)?;
            let id = object_id(&source.kind, &entry);
            found.extend(fetched.object.map(|object| (id, object)));
        }
        Some(found)
    }

    /// `instance` reads only those references for which `keep` holds.
    pub(crate) fn release(&self, instance: &ObjectId, keep: impl Fn(&Reference) -> bool) {
        let mut table = self.lock();
        let sources: Vec<Source> = table.readers.keys().cloned().collect();
        for source in sources {
            if !table.forget(&source, instance, &keep) {
                self.watches.release(&source, instance);
                if table.readers.get(&source).is_some_and(Readers::is_empty) {
                    table.readers.remove(&source);
                    table.unfetch(&source);
                }
            }
        }
    }

    /// The instances of `kind` are watched from now on: no other watch of them is needed.
    ///
    /// Readers are told of every object in the first list of that watch.
    pub(crate) fn share(&self, watching: &Watching, kind: &GroupKind) {
        let mut table = self.lock();
        for source in table.of_kind(kind) {
            if source.whole(watching).is_some() {
                for reader in self.watches.owners(&source) {
                    self.watches.release(&source, &reader);
                }
                table.unfetch(&source);
            }
        }
    }

    /// The instances that read what changed, where instances of `kind` are watched.
    pub(crate) fn affected(
        &self,
        kind: &GroupKind,
        change: &Change<Observation>,
    ) -> BTreeSet<ObjectId> {
        let mut table = self.lock();
        let sources = table.of_kind(kind).into_iter();
        sources.flat_map(|source| table.changed(&source, change)).collect()
    }

    /// The instances that read something of `kind`.
    pub(crate) fn readers(&self, kind: &GroupKind) -> BTreeSet<ObjectId> {
        let table = self.lock();
        let sources = table.of_kind(kind);
        let readers = sources.iter().filter_map(|source| table.readers.get(source));
        readers.flat_map(Readers::all).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a watch keeps, as far as selectors go.
trait Labelled: Send + Sync + 'static {
    fn label(&self, key: &str) -> Option<&str>;
}

impl Labelled for Labels {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key)
    }
}

impl Labelled for Observation {
    fn label(&self, key: &str) -> Option<&str> {
        self.whole.as_ref()?.labels.get(key)
    }
}

/// The entries that `reference` points at.
fn referenced<E: Labelled>(store: &Store<E>, reference: &Reference) -> Vec<Arc<Entry<E>>> {
    match &reference.target {
        Target::Object { namespace, name } => {
            store.get(&key_of(namespace, name)).into_iter().collect()
        }
        Target::Matching { .. } => {
            let mut list = store.list();
            list.retain(|entry| selects(reference, &entry.key, &entry.data));
            list
        }
    }
}

fn selects(reference: &Reference, key: &ObjectKey, labelled: &impl Labelled) -> bool {
    let namespace = key.namespace.as_deref().unwrap_or("");
    reference.selects(namespace, &key.name, |label| labelled.label(label))
}

/// Reads the object of `entry` unless that version was read already.
async fn fetch(
    api: &Api,
    resource: &ApiResource,
    entry: &Entry<Labels>,
    slot: &Slot,
    reads: &ReadPaths,
) -> Result<(), ApiError> {
    if slot.current(&entry.uid, entry.resource_version).is_some() {
        return Ok(());
    }
    let _turn = slot.turn.lock().await;
    // Whoever had the turn before may have read it.
    if slot.current(&entry.uid, entry.resource_version).is_some() {
        return Ok(());
    }
    let namespace = entry.key.namespace.as_deref().unwrap_or("");
    let found = api.get(resource, namespace, &entry.key.name).await?;
    slot.keep(match found {
        Some(object) => Fetched {
            uid: plan::object::text(&object, &["metadata", "uid"]).to_owned(),
            resource_version: resource_version(&object).max(entry.resource_version),
            object: Some(Arc::new(reduce(&object, resource, reads))),
        },
        None => Fetched {
            uid: entry.uid.clone(),
            resource_version: entry.resource_version,
            object: None,
        },
    });
    Ok(())
}

fn resource_version(object: &Value) -> u64 {
    let text = plan::object::text(object, &["metadata", "resourceVersion"]);
    text.parse().unwrap_or(0)
}

/// The parts of `object` that are read, with what it is called.
fn reduce(object: &Value, resource: &ApiResource, reads: &ReadPaths) -> Value {
    let mut seen = reads.project(object);
    if !seen.is_object() {
        seen = json!({});
    }
    seen["apiVersion"] = resource.api_version.clone().into();
    seen["kind"] = resource.kind.clone().into();
    seen
}

// === impl Slot ===

impl Slot {
    /// What was read, if it is at least as new as what the watch has seen.
    fn current(&self, uid: &str, resource_version: u64) -> Option<Fetched> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.clone().filter(|fetched| fetched.is_current(uid, resource_version))
    }

    fn keep(&self, read: Fetched) {
        *self.fetched.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
    }
}

// === impl Fetched ===

impl Fetched {
    /// Whether it is at least as new as what the watch has seen. Another object of the same name
    /// that was read before the watch has seen it is newer, too.
    fn is_current(&self, uid: &str, resource_version: u64) -> bool {
        self.resource_version >= resource_version
            && (self.uid == uid || self.resource_version > resource_version)
    }
}

// === impl Table ===

impl Table {
    /// Notes that `instance` reads `reference`. When more is read than before, everything of that
    /// kind has to be read anew.
    fn read(
        &mut self,
        source: &Source,
        reference: &Reference,
        instance: &ObjectId,
        reads: &ReadPaths,
    ) {
        let readers = self.readers.entry(source.clone()).or_default();
        let instances = match &reference.target {
            Target::Object { namespace, name } => {
                readers.named.entry(key_of(namespace, name)).or_default()
            }
            Target::Matching { .. } => readers.selecting.entry(reference.clone()).or_default(),
        };
        instances.insert(instance.clone());
        if !readers.reads.covers(reads) {
            readers.reads.merge(reads);
            self.unfetch(source);
        }
    }

    /// Forgets what was read of `source`.
    fn unfetch(&mut self, source: &Source) {
        self.fetched.retain(|(known, _), _| known != source);
    }

    /// What is read of `kind`, in all versions.
    fn of_kind(&self, kind: &GroupKind) -> Vec<Source> {
        self.readers.keys().filter(|source| source.kind == *kind).cloned().collect()
    }

    /// Forgets what `instance` no longer reads of `source`; says whether it still reads some.
    fn forget(
        &mut self,
        source: &Source,
        instance: &ObjectId,
        keep: impl Fn(&Reference) -> bool,
    ) -> bool {
        let Some(readers) = self.readers.get_mut(source) else { return false };
        let mut reading = false;
        readers.named.retain(|key, instances| {
            let target = Target::Object {
                namespace: key.namespace.clone().unwrap_or_default(),
                name: key.name.clone(),
            };
            let kept = instances.contains(instance) && keep(&source.reference(target));
            reading |= kept;
            if !kept {
                instances.remove(instance);
            }
            !instances.is_empty()
        });
        readers.selecting.retain(|reference, instances| {
            let kept = instances.contains(instance) && keep(reference);
            reading |= kept;
            if !kept {
                instances.remove(instance);
            }
            !instances.is_empty()
        });
        reading
    }

    /// Where the object `key` is kept once it is read, and what has to be read of it.
    fn slot(&mut self, source: &Source, key: &ObjectKey) -> (Arc<Slot>, ReadPaths) {
        let reads = self.readers.get(source).map(|readers| readers.reads.clone());
        let slot = self.fetched.entry((source.clone(), key.clone())).or_default().clone();
        (slot, reads.unwrap_or_default())
    }

    /// The instances that read what changed. An object that is gone is forgotten.
    fn changed<E: Labelled>(&mut self, source: &Source, change: &Change<E>) -> BTreeSet<ObjectId> {
        if change.new.is_none() {
            self.fetched.remove(&(source.clone(), change.key.clone()));
        }
        let Some(readers) = self.readers.get(source) else { return BTreeSet::new() };
        let mut affected = readers.named.get(&change.key).cloned().unwrap_or_default();
        for (reference, instances) in &readers.selecting {
            let mut entries = [&change.old, &change.new].into_iter().flatten();
            if entries.any(|entry| selects(reference, &entry.key, &entry.data)) {
                affected.extend(instances.iter().cloned());
            }
        }
        affected
    }
}

// === impl Readers ===

impl Readers {
    fn all(&self) -> impl Iterator<Item = &ObjectId> {
        self.named.values().chain(self.selecting.values()).flatten()
    }

    fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }
}

// === impl Source ===

impl Source {
    fn of(reference: &Reference) -> Self {
        let Reference { kind, version, plural, .. } = reference;
        Self { kind: kind.clone(), version: version.clone(), plural: plural.clone() }
    }

    fn reference(&self, target: Target) -> Reference {
        let Self { kind, version, plural } = self.clone();
        Reference { kind, version, plural, target }
    }

    fn resource(&self) -> ApiResource {
        let Self { kind: GroupKind { group, kind }, version, plural } = self.clone();
        let api_version =
            if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
        ApiResource { group, version, api_version, kind, plural }
    }

    /// The watch that delivers whole objects of the kind, in this version, if there is one.
    fn whole(&self, watching: &Watching) -> Option<Store<Observation>> {
        watching.whole(&self.kind, &self.version)
    }

    /// Every object of the kind, by its metadata; its labels are kept.
    fn watch(&self) -> (WatchSpec, Projection<Labels>) {
        let spec = WatchSpec::all(self.resource()).metadata_only();
        let projection: Projection<Labels> =
            Arc::new(|_, object| Projected { data: Labels::of(&object), index: Vec::new() });
        (spec, projection)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fetched, Slot};

    #[tokio::test]
    async fn what_was_read_is_seen_whosever_turn_it_is() {
        let slot = Slot::default();
        assert!(slot.current("it", 7).is_none(), "nothing was read");
        slot.keep(Fetched { uid: "it".to_owned(), resource_version: 7, object: None });
        let _turn = slot.turn.lock().await;
        assert!(slot.current("it", 7).is_some());
        assert!(slot.current("it", 8).is_none(), "the watch has seen a newer one");
    }
}
