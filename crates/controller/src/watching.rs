//! One watch per kind, for children and instances (DESIGN.md, decision 4).

use crate::kinds::api_resource;
use crate::observation::{Observation, observe};
use graph::{Kind, ReadPaths};
use kube::Client;
use kube::core::ApiResource;
use plan::names;
use plan::object::GroupKind;
use runtime::shutdown::Tasks;
use runtime::store::{
    Change, Projection, Store, SyncError, TooManyWatches, WatchOptions, WatchSpec, Watches,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many kinds may be watched at once.
const MAX_WATCHES: usize = 2_000;
/// How long a watch may take to deliver its first list.
const SYNC: Duration = Duration::from_secs(30);

/// Who needs the watch of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A definition whose resources are of this kind.
    Definition(String),
    /// A CRD of ours: the kind has instances.
    Instances(String),
    /// An instance whose inventory has this kind.
    Inventory(plan::ObjectId),
}

/// The watches of all kinds, and how wide each is.
pub(crate) struct Watching {
    watches: Watches<GroupKind, Owner, Observation>,
    widths: Mutex<BTreeMap<GroupKind, Width>>,
}

/// What a watch selects and keeps.
#[derive(Clone)]
struct Width {
    resource: ApiResource,
    /// Instances of the kind are watched: no selector, whole objects.
    instances: bool,
    reads: ReadPaths,
}

// === impl Watching ===

impl Watching {
    pub(crate) fn new(
        client: Client,
        options: WatchOptions,
        tasks: &Tasks,
        on_change: impl Fn(&GroupKind, &Change<Observation>) + Send + Sync + 'static,
    ) -> Self {
        let watches = Watches::new(client, options, tasks, MAX_WATCHES, Arc::new(on_change));
        Self { watches, widths: Mutex::default() }
    }

    /// Watches the members of ApplySets that have this kind; `reads` is what expressions read.
    pub(crate) fn children(
        &self,
        owner: Owner,
        kind: &Kind,
        reads: &ReadPaths,
    ) -> Result<(), TooManyWatches> {
        let resource = api_resource(&kind.gvk, &kind.plural);
        self.widen(owner, Width { resource, instances: false, reads: reads.clone() })
    }

    /// Watches the members of ApplySets that have this kind, of which nothing is read.
    pub(crate) fn members(
        &self,
        owner: Owner,
        resource: &ApiResource,
    ) -> Result<(), TooManyWatches> {
        let resource = resource.clone();
        self.widen(owner, Width { resource, instances: false, reads: ReadPaths::default() })
    }

    /// Watches all objects of a kind that has instances.
    pub(crate) fn instances(
        &self,
        owner: Owner,
        resource: ApiResource,
    ) -> Result<(), TooManyWatches> {
        self.widen(owner, Width { resource, instances: true, reads: ReadPaths::default() })
    }

    /// Starts the watch, or starts it anew where it is too narrow. It never gets narrower while
    /// somebody needs it.
    fn widen(&self, owner: Owner, wanted: Width) -> Result<(), TooManyWatches> {
        let kind =
            GroupKind { group: wanted.resource.group.clone(), kind: wanted.resource.kind.clone() };
        let mut widths = self.lock();
        let Some(width) = widths.get_mut(&kind).filter(|_| self.watches.get(&kind).is_some())
        else {
            self.watches.need(&kind, owner, || wanted.watch())?;
            widths.insert(kind, wanted);
            return Ok(());
        };
        self.watches.need(&kind, owner, || wanted.watch())?;
        let wide = (width.instances || !wanted.instances) && width.reads.covers(&wanted.reads);
        if !wide {
            width.instances |= wanted.instances;
            width.reads.merge(&wanted.reads);
            let (spec, projection) = width.watch();
            self.watches.restart(&kind, spec, projection);
        }
        Ok(())
    }

    /// Waits until the watch of `kind` has delivered its first list.
    pub(crate) async fn synced(&self, kind: &GroupKind) -> Result<(), SyncError> {
        match self.watches.get(kind) {
            Some(store) => store.synced(SYNC).await,
            None => Ok(()),
        }
    }

    /// What is known of the objects of `kind`.
    pub(crate) fn store(&self, kind: &GroupKind) -> Option<Store<Observation>> {
        self.watches.get(kind)
    }

    /// How many watches there are.
    pub(crate) fn count(&self) -> usize {
        self.watches.keys().len()
    }

    /// The kinds of which instances are watched, and how the API server calls them.
    pub(crate) fn instance_kinds(&self) -> Vec<(GroupKind, ApiResource)> {
        let widths = self.lock();
        let kinds = widths.iter().filter(|(_, width)| width.instances);
        kinds.map(|(kind, width)| (kind.clone(), width.resource.clone())).collect()
    }

    /// How the API server calls `kind`, if it is watched.
    pub(crate) fn resource(&self, kind: &GroupKind) -> Option<ApiResource> {
        self.lock().get(kind).map(|width| width.resource.clone())
    }

    /// What is known of all objects of `kind`, which are kept whole, if instances of that kind and
    /// version are watched.
    pub(crate) fn whole(&self, kind: &GroupKind, version: &str) -> Option<Store<Observation>> {
        let is_whole = |width: &Width| width.instances && width.resource.version == version;
        let watched = self.lock().get(kind).is_some_and(is_whole);
        watched.then(|| self.watches.get(kind)).flatten()
    }

    /// `owner` needs no watch of a kind for which `keep` is false; returns the kinds that are not
    /// watched any more.
    #[must_use = "somebody may read objects of these kinds"]
    pub(crate) fn release(
        &self,
        owner: &Owner,
        keep: impl Fn(&GroupKind) -> bool,
    ) -> Vec<GroupKind> {
        // One lock around both tables, as in `widen`.
        let mut widths = self.lock();
        let mut kinds = self.watches.keys();
        kinds.retain(|kind| !keep(kind) && self.watches.release(kind, owner));
        for kind in &kinds {
            widths.remove(kind);
        }
        kinds
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GroupKind, Width>> {
        self.widths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Width ===

impl Width {
    fn watch(&self) -> (WatchSpec, Projection<Observation>) {
        let spec = WatchSpec::all(self.resource.clone());
        let spec = if self.instances {
            spec
        } else {
            spec.labelled(kube::core::Expression::Exists(names::PART_OF.to_owned()))
        };
        let (reads, instances) = (self.reads.clone(), self.instances);
        let type_meta = (self.resource.api_version.clone(), self.resource.kind.clone());
        let projection: Projection<Observation> = Arc::new(move |_, mut object| {
            // Items of a list come without them.
            object["apiVersion"] = type_meta.0.clone().into();
            object["kind"] = type_meta.1.clone().into();
            observe(object, &reads, instances)
        });
        (spec, projection)
    }
}
