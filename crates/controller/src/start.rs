//! Puts the parts together and routes changes to queues.

use crate::api::Api;
use crate::claims::Claims;
use crate::compile::Compiled;
use crate::externals::Externals;
use crate::kinds::Kinds;
use crate::listing::Listing;
use crate::memory::Memories;
use crate::metrics::{Gauges, Metrics};
use crate::observation::{KeptMember, Observation};
use crate::registry::Registry;
use crate::shared::{Options, Shared, enqueue, object_id, object_of, permits};
use crate::standing::Standings;
use crate::watching::Watching;
use crate::writing::Writing;
use crate::{crd, definition, events, instance, revision};
use kube::Client;
use plan::object::{GroupKind, annotation, generation, label};
use plan::{ObjectId, names};
use runtime::backoff::Backoff;
use runtime::probes::Readiness;
use runtime::queue::{Queue, QueueMetricsVec, QueueOptions};
use runtime::shutdown::Tasks;
use runtime::store::{
    Change, Entry, Origin, Projected, Projection, Store, WatchMetricsVec, WatchOptions, WatchSpec,
};
use runtime::workers::{Requeue, Workers};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How soon, and how late at most, an instance is tried again after something was refused.
const MIN_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(30);
/// Definitions that are reconciled at once.
const DEFINITION_WORKERS: usize = 4;
/// Revisions that are compiled at once.
const REVISION_WORKERS: usize = 2;
/// How late at most a definition is tried again.
const MAX_PATIENT: Duration = Duration::from_secs(60);

/// What the parts of a controller are measured by.
#[derive(Debug, Clone)]
pub struct Instruments {
    registry: prometheus::Registry,
    queues: QueueMetricsVec,
    watches: WatchMetricsVec,
    metrics: Metrics,
}

// === impl Instruments ===

impl Instruments {
    /// Registers all metrics of a controller.
    ///
    /// # Errors
    ///
    /// One of the names is already registered.
    pub fn register(registry: &prometheus::Registry) -> prometheus::Result<Self> {
        Ok(Self {
            registry: registry.clone(),
            queues: QueueMetricsVec::register(registry)?,
            watches: WatchMetricsVec::register(registry)?,
            metrics: Metrics::register(registry)?,
        })
    }
}

/// Starts the controller: its watches, queues and workers become tasks of `tasks`.
///
/// It sends requests from now on; the caller supervises `tasks`. `readiness` opens when
/// definitions, revisions and CRDs have been listed.
///
/// # Errors
///
/// The instruments serve another controller already.
pub fn start(
    client: Client,
    options: Options,
    instruments: &Instruments,
    tasks: &Tasks,
    readiness: &Readiness,
) -> prometheus::Result<()> {
    let hub: Arc<OnceLock<Arc<Shared>>> = Arc::new(OnceLock::new());
    let named = |name| QueueOptions {
        metrics: Some(instruments.queues.queue(name)),
        ..QueueOptions::default()
    };
    // What waits for a kind is told when it appears; this is for what nobody announces.
    let patient =
        |name| QueueOptions { backoff: Backoff::new(MIN_RETRY, MAX_PATIENT), ..named(name) };
    let watch =
        WatchOptions { metrics: Some(instruments.watches.clone()), ..WatchOptions::default() };
    let crd_queue: Queue<String> = Queue::new(named("crd"));
    let workers = options.concurrent_instances;
    let definitions: Queue<String> = Queue::new(patient("resourcegraphdefinition"));
    let revision_queue: Queue<String> = Queue::new(patient("graphrevision"));
    let queue = definitions.clone();
    let rgds = Store::start(
        client.clone(),
        WatchSpec::all(definition::resource()),
        whole(definition::resource(), |_| Vec::new()),
        watch.clone(),
        tasks,
        move |change| {
            if definition_matters(change) {
                enqueue(&queue, change.key.name.clone());
            }
        },
    );
    let revisions = {
        let (hub, queue) = (hub.clone(), revision_queue.clone());
        let resource = revision::object::resource();
        Store::start(
            client.clone(),
            WatchSpec::all(resource.clone()),
            whole(resource, revision::object::index),
            watch.clone(),
            tasks,
            move |change| {
                if revision::matters(change) {
                    enqueue(&queue, change.key.name.clone());
                }
                if let Some(shared) = hub.get() {
                    revision::changed(shared, change);
                }
            },
        )
    };
    let crds = {
        let (hub, queue) = (hub.clone(), crd_queue.clone());
        Store::start(
            client.clone(),
            WatchSpec::all(crd::resource()).metadata_only(),
            labels_and_generation(),
            watch.clone(),
            tasks,
            move |change| {
                enqueue(&queue, change.key.name.clone());
                if let Some(shared) = hub.get() {
                    crd_changed(shared, change);
                }
            },
        )
    };
    let watching = {
        let hub = hub.clone();
        Watching::new(client.clone(), watch.clone(), tasks, move |kind, change| {
            if let Some(shared) = hub.get() {
                object_changed(shared, kind, change);
            }
        })
    };
    let (events, to_send) = mpsc::channel(events::CAPACITY);
    let externals = {
        let hub = hub.clone();
        Externals::new(client.clone(), watch, tasks, move |instance| {
            if let Some(shared) = hub.get() {
                shared.wake(instance);
            }
        })
    };
    let shared = Arc::new(Shared {
        api: Api::new(client.clone()),
        kinds: Kinds::new(client),
        watching,
        listing: Listing::default(),
        externals,
        registry: Registry::default(),
        claims: Claims::default(),
        memories: Memories::default(),
        instances: Queue::new(QueueOptions {
            backoff: Backoff::new(MIN_RETRY, MAX_RETRY),
            ..named("dynamic-controller-queue")
        }),
        definitions,
        revision_queue,
        compiled: Compiled::default(),
        metrics: instruments.metrics.clone(),
        standings: Standings::default(),
        events,
        rgds,
        revisions,
        crds,
        permits: permits(),
        writing: Writing::default(),
        options,
    });
    instruments.registry.register(Box::new(Gauges::of(&shared)))?;
    // Changes from before this line need no routing: nothing was reconciled yet, and what the
    // stores hold is looked at below.
    drop(hub.set(shared.clone()));
    events::send(&shared, to_send, tasks);
    run(&shared, &crd_queue, workers, tasks, readiness);
    Ok(())
}

fn run(
    shared: &Arc<Shared>,
    crd_queue: &Queue<String>,
    workers: usize,
    tasks: &Tasks,
    readiness: &Readiness,
) {
    let gate = readiness.gate("definitions");
    let hub = shared.clone();
    let stop = tasks.token().clone();
    let branch = tasks.clone();
    let (crd_queue, crd_hub) = (crd_queue.clone(), shared.clone());
    tasks.spawn("start", async move {
        // Kinds are looked up in the list of CRDs, so it comes first.
        let listed = async {
            let bound = Duration::from_secs(3600);
            hub.crds.synced(bound).await?;
            // A definition that looks for its revisions has to find them.
            hub.revisions.synced(bound).await?;
            hub.rgds.synced(bound).await
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            result = listed => result?,
        }
        gate.open();
        Workers::new("crd", 1).start(&crd_queue, &branch, move |name| {
            let shared = crd_hub.clone();
            async move {
                match crd::reconcile(&shared, &name).await {
                    Ok(()) => Requeue::Done,
                    Err(error) => {
                        tracing::warn!(crd = name, %error, "a CRD can't be read");
                        Requeue::RateLimited
                    }
                }
            }
        });
        let definitions = hub.clone();
        Workers::new("definition", DEFINITION_WORKERS).start(
            &hub.definitions,
            &branch,
            move |name| {
                let shared = definitions.clone();
                async move { definition::reconcile(&shared, name).await }
            },
        );
        let revisions = hub.clone();
        Workers::new("revision", REVISION_WORKERS).start(
            &hub.revision_queue,
            &branch,
            move |name| {
                let shared = revisions.clone();
                async move { revision::reconcile(&shared, name).await }
            },
        );
        let (instances, observed) = (hub.clone(), hub.clone());
        Workers::new("instance", workers)
            .observe(move |id: &ObjectId, outcome| {
                if let Some(resource) = observed.watching.resource(&id.kind) {
                    observed.metrics.reconciled(&resource, outcome);
                }
            })
            .start(&hub.instances, &branch, move |id| {
                let shared = instances.clone();
                if let Some(resource) = shared.watching.resource(&id.kind) {
                    shared.metrics.graph_resolved(&resource, &shared.registry.lookup(&id.kind));
                }
                async move { instance::reconcile(&shared, id).await }
            });
        resync(&hub, &stop).await;
        Ok(())
    });
}

/// Looks at all instances again from time to time, until the controller stops.
async fn resync(shared: &Shared, stop: &CancellationToken) {
    let Some(period) = shared.options.resync else { return stop.cancelled().await };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        for (kind, _) in shared.watching.instance_kinds() {
            let Some(store) = shared.watching.store(&kind) else { continue };
            for entry in store.list() {
                enqueue(&shared.instances, object_id(&kind, &entry));
            }
        }
    }
}

/// Keeps whole objects, which are found by what `index` names.
fn whole(
    resource: kube::core::ApiResource,
    index: fn(&Value) -> Vec<String>,
) -> Projection<Arc<Value>> {
    Arc::new(move |_, mut object| {
        object["apiVersion"] = resource.api_version.clone().into();
        object["kind"] = resource.kind.clone().into();
        let index = index(&object);
        Projected { data: Arc::new(object), index }
    })
}

fn labels_and_generation() -> Projection<Arc<Value>> {
    Arc::new(|_, object| {
        let metadata = &object["metadata"];
        let kept = json!({"labels": metadata["labels"], "generation": metadata["generation"]});
        Projected { data: Arc::new(json!({ "metadata": kept })), index: Vec::new() }
    })
}

/// Creation, a changed spec, the start of a deletion, and the permission to break instances.
fn definition_matters(change: &Change<Arc<Value>>) -> bool {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return true };
    let allows = |rgd: &Value| annotation(rgd, names::ALLOW_BREAKING) == Some("true");
    old.uid != new.uid
        || old.is_terminating() != new.is_terminating()
        || generation(&old.data) != generation(&new.data)
        || allows(&old.data) != allows(&new.data)
}

/// A CRD came, changed or went: the graphs that use its kinds are compiled again, definitions that
/// wait for a kind of its group look again, and its owner repairs it.
fn crd_changed(shared: &Shared, change: &Change<Arc<Value>>) {
    let crd = change.key.name.as_str();
    let Some((plural, group)) = crd.split_once('.') else { return };
    let spec_changed = match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            old.uid != new.uid || generation(&old.data) != generation(&new.data)
        }
        (None | Some(_), None) | (None, Some(_)) => true,
    };
    if spec_changed {
        shared.kinds.invalidate(crd);
        let uses = |graph: &graph::Graph| {
            let of_crd =
                |node: &graph::Node| node.kind.gvk.group == group && node.kind.plural == plural;
            graph.nodes.iter().any(of_crd)
        };
        for (rgd, number) in shared.registry.users_of(uses) {
            enqueue(&shared.revision_queue, revision::object::name(&rgd, number));
            enqueue(&shared.definitions, rgd);
        }
        for entry in [&change.old, &change.new].into_iter().flatten() {
            let owner = label(&entry.data, names::RGD_NAME);
            if !owner.is_empty() {
                enqueue(&shared.definitions, owner.to_owned());
            }
        }
    }
    // A kind is served a little after its CRD appears, which then changes its status.
    for (rgd, failed) in shared.registry.waiting_for(|gvk| gvk.group == group) {
        for number in failed {
            enqueue(&shared.revision_queue, revision::object::name(&rgd, number));
        }
        enqueue(&shared.definitions, rgd);
    }
    if change.new.is_none() {
        // Its name is free for definitions that could not have it.
        let inactive = shared.rgds.list();
        let inactive = inactive.iter().filter(|entry| entry.data["status"]["state"] != "Active");
        inactive.for_each(|entry| enqueue(&shared.definitions, entry.key.name.clone()));
    }
}

/// An object of a watched kind changed: as an instance, as a member, or as both.
fn object_changed(shared: &Shared, kind: &GroupKind, change: &Change<Observation>) {
    if let Some(entry) = change.new.as_ref().or(change.old.as_ref())
        && entry.data.whole.is_some()
    {
        let id = object_id(kind, entry);
        shared.memories.introduce(plan::applyset_id(&id), &id);
        if instance_matters(change) {
            let event = match (&change.old, &change.new) {
                (None, _) => "add",
                (Some(_), Some(_)) => "update",
                (Some(_), None) => "delete",
            };
            if let Some(resource) = shared.watching.resource(kind) {
                shared.metrics.instance_changed(&resource, event);
            }
            match change.new.as_ref().map(|new| &new.data.whole) {
                // What is ACTIVE when it is first seen was so before this process started.
                Some(Some(whole)) if whole.is_active => {}
                Some(_) => shared.standings.changed(&id),
                None => shared.standings.forget(&id),
            }
            shared.wake(&id);
        }
        let readers = shared.externals.affected(kind, change);
        readers.iter().for_each(|reader| shared.wake(reader));
    }
    let (old, new) = (as_member(&change.old), as_member(&change.new));
    if old == new {
        return;
    }
    let sets = [&change.old, &change.new].into_iter().flatten().flat_map(|entry| entry.index());
    let mut sets: Vec<&String> = sets.collect();
    sets.dedup();
    // Whoever writes to a member takes the answer in itself and then looks at all there is, so it
    // need not be told, neither by the answer nor by what the watch delivers before; but an
    // instance that is a member writes its own status, too.
    let is_instance =
        [&change.old, &change.new].into_iter().flatten().any(|entry| entry.data.whole.is_some());
    let own =
        || change.origin == Origin::Write || shared.writing.has(&object_of(kind, &change.key));
    if !is_instance && sets.len() == 1 && own() {
        return;
    }
    let instances: Vec<ObjectId> =
        sets.iter().filter_map(|set| shared.memories.of_set(set)).collect();
    if let Some(resource) = shared.watching.resource(kind) {
        shared.metrics.child_changed(&resource, instances.len());
    }
    instances.iter().for_each(|instance| shared.wake(instance));
}

/// What an instance has to know of a member: which object it is, whether it is being deleted, which
/// ApplySets it is in, and what is kept of it.
fn as_member(
    entry: &Option<Arc<Entry<Observation>>>,
) -> Option<(&str, bool, &[String], &KeptMember)> {
    let entry = entry.as_ref()?;
    Some((&entry.uid, entry.is_terminating(), entry.index(), entry.data.member.as_deref()?))
}

/// Creation, deletion, a changed spec, and suspension; not status, labels or annotations.
fn instance_matters(change: &Change<Observation>) -> bool {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return true };
    let (Some(was), Some(is)) = (&old.data.whole, &new.data.whole) else { return true };
    old.uid != new.uid
        || old.is_terminating() != new.is_terminating()
        || was.generation != is.generation
        || was.suspension != is.suspension
}
