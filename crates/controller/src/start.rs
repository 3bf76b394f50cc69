//! Puts the parts together and routes changes to queues.

use crate::api::Api;
use crate::claims::Claims;
use crate::kinds::Kinds;
use crate::memory::Memories;
use crate::observation::Observation;
use crate::registry::Registry;
use crate::shared::{Options, Shared, enqueue, object_id, permits};
use crate::watching::Watching;
use crate::{crd, definition, instance};
use kube::Client;
use plan::object::{GroupKind, annotation, generation, label};
use plan::{ObjectId, names};
use runtime::backoff::Backoff;
use runtime::probes::Readiness;
use runtime::queue::{Queue, QueueMetricsVec, QueueOptions};
use runtime::shutdown::Tasks;
use runtime::store::{Change, Projected, Projection, Store, WatchOptions, WatchSpec};
use runtime::workers::{Requeue, Workers};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How soon, and how late at most, an instance is tried again after something was refused.
const MIN_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(30);
/// Definitions that are reconciled at once.
const DEFINITION_WORKERS: usize = 4;

/// Starts the controller: its watches, queues and workers become tasks of `tasks`.
///
/// It sends requests from now on; the caller supervises `tasks`. `readiness` opens when
/// definitions and CRDs have been listed.
pub fn start(
    client: Client,
    options: Options,
    watch: WatchOptions,
    metrics: &QueueMetricsVec,
    tasks: &Tasks,
    readiness: &Readiness,
) {
    let hub: Arc<OnceLock<Arc<Shared>>> = Arc::new(OnceLock::new());
    let named =
        |name| QueueOptions { metrics: Some(metrics.queue(name)), ..QueueOptions::default() };
    let crd_queue: Queue<String> = Queue::new(named("crd"));
    let workers = options.concurrent_instances;
    let definitions: Queue<String> = Queue::new(named("definition"));
    let queue = definitions.clone();
    let rgds = Store::start(
        client.clone(),
        WatchSpec::all(definition::resource()),
        whole(definition::resource()),
        watch.clone(),
        tasks,
        move |change| {
            if definition_matters(change) {
                enqueue(&queue, change.key.name.clone());
            }
        },
    );
    let crds = {
        let (hub, queue) = (hub.clone(), crd_queue.clone());
        Store::start(
            client.clone(),
            WatchSpec::all(crd::resource()).metadata_only(),
            labels_only(),
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
        Watching::new(client.clone(), watch, tasks, move |kind, change| {
            if let Some(shared) = hub.get() {
                object_changed(shared, kind, change);
            }
        })
    };
    let shared = Arc::new(Shared {
        api: Api::new(client.clone()),
        kinds: Kinds::new(client),
        watching,
        registry: Registry::default(),
        claims: Claims::default(),
        memories: Memories::default(),
        instances: Queue::new(QueueOptions {
            backoff: Backoff::new(MIN_RETRY, MAX_RETRY),
            ..named("dynamic-controller-queue")
        }),
        definitions,
        rgds,
        crds,
        permits: permits(),
        options,
    });
    // Changes from before this line need no routing: nothing was reconciled yet, and what the
    // stores hold is looked at below.
    drop(hub.set(shared.clone()));
    run(&shared, &crd_queue, workers, tasks, readiness);
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
        let instances = hub.clone();
        Workers::new("instance", workers).start(&hub.instances, &branch, move |id| {
            let shared = instances.clone();
            async move { instance::reconcile(&shared, id).await }
        });
        stop.cancelled().await;
        Ok(())
    });
}

/// Keeps whole objects.
fn whole(resource: kube::core::ApiResource) -> Projection<Arc<Value>> {
    Arc::new(move |_, mut object| {
        object["apiVersion"] = resource.api_version.clone().into();
        object["kind"] = resource.kind.clone().into();
        Projected { data: Arc::new(object), index: Vec::new() }
    })
}

fn labels_only() -> Projection<Arc<Value>> {
    Arc::new(|_, object| {
        let data = json!({"metadata": {"labels": object["metadata"]["labels"]}});
        Projected { data: Arc::new(data), index: Vec::new() }
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

/// A CRD came, changed or went: definitions that use its group are looked at again, as are its
/// owner and those that wait for a kind.
fn crd_changed(shared: &Shared, change: &Change<Arc<Value>>) {
    let Some((_, group)) = change.key.name.split_once('.') else { return };
    shared.kinds.invalidate(group);
    let uses = |graph: &graph::Graph| graph.nodes.iter().any(|node| node.kind.gvk.group == group);
    let mut affected = shared.registry.users_of(uses);
    for entry in [&change.old, &change.new].into_iter().flatten() {
        affected.push(label(&entry.data, names::RGD_NAME).to_owned());
    }
    let inactive = shared.rgds.list();
    let inactive = inactive.iter().filter(|entry| entry.data["status"]["state"] != "Active");
    affected.extend(inactive.map(|entry| entry.key.name.clone()));
    affected.retain(|name| !name.is_empty());
    affected.sort_unstable();
    affected.dedup();
    affected.into_iter().for_each(|name| enqueue(&shared.definitions, name));
}

/// An object of a watched kind changed: as an instance, as a member, or as both.
fn object_changed(shared: &Shared, kind: &GroupKind, change: &Change<Observation>) {
    if let Some(entry) = change.new.as_ref().or(change.old.as_ref())
        && entry.data.whole.is_some()
    {
        let id = object_id(kind, entry);
        shared.memories.introduce(plan::applyset_id(&id), &id);
        if instance_matters(change) {
            wake(shared, &id);
        }
    }
    let member = |entry: &Option<Arc<runtime::store::Entry<Observation>>>| {
        entry.as_ref().and_then(|entry| entry.data.member.clone())
    };
    let (old, new) = (member(&change.old), member(&change.new));
    if old == new {
        return;
    }
    let sets = [old, new].into_iter().flatten().map(|(set, _)| set);
    let mut sets: Vec<String> = sets.collect();
    sets.dedup();
    for set in sets {
        if let Some(instance) = shared.memories.of_set(&set) {
            wake(shared, &instance);
        }
    }
}

fn wake(shared: &Shared, instance: &ObjectId) {
    shared.memories.wake(instance);
    enqueue(&shared.instances, instance.clone());
}

/// Creation, deletion, a changed spec, and suspension; not status, labels or annotations.
fn instance_matters(change: &Change<Observation>) -> bool {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return true };
    let (Some(was), Some(is)) = (&old.data.whole, &new.data.whole) else { return true };
    let suspended =
        |object: &Value| annotation(object, names::RECONCILE).map(str::to_ascii_lowercase);
    old.uid != new.uid
        || old.is_terminating() != new.is_terminating()
        || generation(was) != generation(is)
        || suspended(was) != suspended(is)
}
