//! Watches, queues and workers: one set per kind.
//!
//! ```text
//! watch of the kind ──► store ──► queue ──► workers ──► reconcile::run ──► AWS
//! watch of namespaces ──► store ─────────────┘ scope        └──► patches ──► API server ─► store
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::core::ApiResource;
use runtime::backoff::Backoff;
use runtime::probes::Gate;
use runtime::probes::Readiness;
use runtime::queue::Queue;
use runtime::queue::QueueMetricsVec;
use runtime::queue::QueueOptions;
use runtime::shutdown::Tasks;
use runtime::store::Change;
use runtime::store::ObjectKey;
use runtime::store::Origin;
use runtime::store::Projected;
use runtime::store::Projection;
use runtime::store::Store;
use runtime::store::WatchOptions;
use runtime::store::WatchSpec;
use runtime::workers::Requeue;
use runtime::workers::Workers;
use serde_json::Value as Json;

use crate::aws::Aws;
use crate::kind::Kind;
use crate::kind::VERSION;
use crate::object::Object;
use crate::reconcile::Known;
use crate::reconcile::refuse;
use crate::reconcile::run;
use crate::resource::Resource;
use crate::scope::Scope;
use crate::scope::Settings;

mod live;

use live::Live;

/// How long a store may take until its first list before a line in the log says so.
const PATIENCE: Duration = Duration::from_secs(30);

/// The list of kinds: adding a kind is adding it here.
macro_rules! for_each_kind {
    ($macro:ident) => {
        $macro!(crate::s3::Bucket, crate::dynamodb::Table)
    };
}

/// The kinds that there are.
pub const KINDS: &[Kind] = {
    macro_rules! kinds {
        ($($kind:ty),+) => { &[$( <$kind as Resource>::KIND ),+] };
    }
    for_each_kind!(kinds)
};

/// What the controller runs with.
#[derive(Clone)]
pub struct Options {
    /// What holds for all objects unless they say else.
    pub settings: Settings,
    /// Namespaces to watch; all if empty.
    pub namespaces: Vec<String>,
    /// Whether annotations of namespaces count.
    pub namespace_annotations: bool,
    /// Kinds to reconcile; all if empty.
    pub kinds: Vec<String>,
    /// How often a synced object is read again, unless its kind is in `kind_resync`.
    pub resync: Duration,
    /// The same by kind, in lower case.
    pub kind_resync: BTreeMap<String, Duration>,
    /// How many objects of a kind are reconciled at a time, unless the kind is in `kind_workers`.
    pub workers: usize,
    /// The same by kind, in lower case.
    pub kind_workers: BTreeMap<String, usize>,
    /// How the watches behave.
    pub watch: WatchOptions,
    /// Where the queues count, if anywhere.
    pub queue_metrics: Option<QueueMetricsVec>,
}

/// Starts to reconcile all kinds, as tasks of `tasks`.
///
/// # Flow
///
/// Each kind starts when its own list is there, so that a CRD that is not installed holds up no
/// other kind. Objects are taken up when they appear, when their spec changes (their generation
/// does) and when their deletion is asked for; not when only labels, annotations or the status
/// change.
///
/// # Guarantees
///
/// An object whose status says all there is to say causes one read of AWS after a start, and then
/// none until it changes or is due for its resync.
pub fn start(
    client: &Client,
    aws: &Arc<Aws>,
    options: &Options,
    readiness: &Readiness,
    tasks: &Tasks,
) {
    let namespaces = options.namespace_annotations.then(|| namespaces(client, options, tasks));
    let shared = Shared {
        client: client.clone(),
        aws: Arc::clone(aws),
        settings: Arc::new(options.settings.clone()),
        namespaces,
    };
    macro_rules! start {
        ($($kind:ty),+) => { $( start_kind::<$kind>(&shared, options, readiness, tasks); )+ };
    }
    for_each_kind!(start);
}

/// The CRDs of all kinds, generated from the shape tables, by the name of their file.
pub fn crds() -> Vec<(String, Json)> {
    fn crd<R: Resource>() -> (String, Json) {
        let kind = R::KIND;
        (format!("{}_{}.yaml", kind.group(), kind.plural), kind.crd::<R::Spec, R::Status>())
    }
    macro_rules! crds {
        ($($kind:ty),+) => { vec![$( crd::<$kind>() ),+] };
    }
    for_each_kind!(crds)
}

/// What all kinds share.
#[derive(Clone)]
struct Shared {
    client: Client,
    aws: Arc<Aws>,
    settings: Arc<Settings>,
    namespaces: Option<Store<BTreeMap<String, String>>>,
}

fn namespaces(
    client: &Client,
    options: &Options,
    tasks: &Tasks,
) -> Store<BTreeMap<String, String>> {
    let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Namespace>(&());
    let projection: Projection<_> = Arc::new(|_, object| {
        let annotations = object.pointer("/metadata/annotations").and_then(Json::as_object);
        let ours =
            annotations.into_iter().flatten().filter(|(key, _)| key.contains("services.k8s.aws/"));
        let data = ours
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        Projected { data, index: Vec::new() }
    });
    let spec = WatchSpec::all(resource).metadata_only();
    Store::start(client.clone(), spec, projection, options.watch.clone(), tasks, |_| ())
}

/// The stores of a kind: one for all namespaces, or one for each that is watched.
#[derive(Clone)]
struct Stores(Vec<(Option<String>, Store<Arc<Json>>)>);

impl Stores {
    fn of(&self, key: &ObjectKey) -> Option<&Store<Arc<Json>>> {
        let holds = |scope: &Option<String>| scope.is_none() || *scope == key.namespace;
        self.0.iter().find(|(scope, _)| holds(scope)).map(|(_, store)| store)
    }

    async fn synced(&self, tasks: &Tasks) {
        for (_, store) in &self.0 {
            synced(store, tasks).await;
        }
    }
}

async fn synced<E: Send + Sync + 'static>(store: &Store<E>, tasks: &Tasks) {
    while !tasks.token().is_cancelled() {
        let waited = tokio::select! {
            waited = store.synced(PATIENCE) => waited,
            () = tasks.token().cancelled() => return,
        };
        match waited {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(kind = store.spec().resource.kind, %error, "waiting for the first list");
            }
        }
    }
}

fn start_kind<R: Resource>(
    shared: &Shared,
    options: &Options,
    readiness: &Readiness,
    tasks: &Tasks,
) {
    let kind = R::KIND;
    let name = kind.kind.to_lowercase();
    if !options.kinds.is_empty() && !options.kinds.iter().any(|k| k.eq_ignore_ascii_case(&name)) {
        return;
    }
    let queue = Queue::new(QueueOptions {
        backoff: Backoff::new(Duration::from_millis(5), Duration::from_secs(1000)),
        metrics: options.queue_metrics.as_ref().map(|metrics| metrics.queue(&name)),
        ..QueueOptions::default()
    });
    let scopes: Vec<Option<String>> = if options.namespaces.is_empty() {
        vec![None]
    } else {
        options.namespaces.iter().cloned().map(Some).collect()
    };
    let watch = |scope: Option<String>| {
        let mut spec = WatchSpec::all(resource(&kind));
        spec.namespace.clone_from(&scope);
        let queue = queue.clone();
        let on_change = move |change: &Change<Arc<Json>>| {
            if is_due(change) {
                queue.add(change.key.clone());
            }
        };
        let client = shared.client.clone();
        let store = Store::start(client, spec, whole(), options.watch.clone(), tasks, on_change);
        (scope, store)
    };
    let stores = Stores(scopes.into_iter().map(watch).collect());
    let workers = Workers::new(
        name.as_str(),
        options.kind_workers.get(&name).copied().unwrap_or(options.workers),
    )
    .span(move |key: &ObjectKey| {
        tracing::info_span!(
            "reconcile",
            kind = kind.kind,
            namespace = key.namespace.as_deref().unwrap_or_default(),
            name = key.name
        )
    });
    let resync = options.kind_resync.get(&name).copied().unwrap_or(options.resync);
    let gate = readiness.gate(kind.plural);
    let (shared, own) = (shared.clone(), tasks.clone());
    tasks.spawn_job(format!("{name}-start"), async move {
        begin::<R>(shared, stores, queue, workers, resync, gate, own).await;
        Ok(())
    });
}

async fn begin<R: Resource>(
    shared: Shared,
    stores: Stores,
    queue: Queue<ObjectKey>,
    workers: Workers<ObjectKey>,
    resync: Duration,
    gate: Gate,
    tasks: Tasks,
) {
    // The place of a resource must be known before anything is asked about it.
    if let Some(namespaces) = &shared.namespaces {
        synced(namespaces, &tasks).await;
    }
    stores.synced(&tasks).await;
    if tasks.token().is_cancelled() {
        return;
    }
    gate.open();
    tracing::info!(kind = R::KIND.kind, resync = ?resync, "started");
    workers.start(&queue, &tasks, move |key| {
        let (shared, stores) = (shared.clone(), stores.clone());
        async move { reconcile::<R>(&shared, &stores, &key, resync).await }
    });
}

async fn reconcile<R: Resource>(
    shared: &Shared,
    stores: &Stores,
    key: &ObjectKey,
    resync: Duration,
) -> Requeue {
    let Some(store) = stores.of(key) else { return Requeue::Done };
    let Some(entry) = store.get(key) else { return Requeue::Done };
    let object = Object::<R::Spec>::parse(&entry.data);
    let annotations = match &shared.namespaces {
        Some(store) => match store.get(&ObjectKey::cluster(object.namespace.as_str())) {
            Some(namespace) => namespace.data.clone(),
            // The watch of namespaces is behind. A guess could make the resource in a region that
            // it can't leave any more.
            None => return Requeue::RateLimited,
        },
        None => BTreeMap::new(),
    };
    let scope = Scope::resolve(&R::KIND, &object, &annotations, &shared.settings);
    // The clients of some region: where there is no scope, AWS is not asked.
    let (region, endpoint) = match &scope {
        Ok(scope) => (scope.place.region.as_str(), scope.endpoint.as_ref()),
        Err(_) => (shared.settings.region.as_str(), shared.settings.endpoint.as_ref()),
    };
    let live = Live {
        client: &shared.client,
        store,
        url: format!(
            "/apis/{}/{VERSION}/namespaces/{}/{}",
            R::KIND.group(),
            object.namespace,
            R::KIND.plural
        ),
        name: object.name.clone(),
        aws: shared.aws.regional(region, endpoint),
        place: scope.as_ref().ok().map(|scope| scope.place.clone()),
    };
    match scope {
        Ok(scope) => run(&live, Known::<R>::new(object, scope, resync)).await,
        Err(reason) => refuse::<R>(&live, &object, &reason).await,
    }
}

fn resource(kind: &Kind) -> ApiResource {
    ApiResource {
        group: kind.group(),
        version: VERSION.to_owned(),
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
    }
}

/// Keeps the object without who manages which field, the larger part of many objects.
fn whole() -> Projection<Arc<Json>> {
    Arc::new(|_, mut object| {
        if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.remove("managedFields");
        }
        Projected { data: Arc::new(object), index: Vec::new() }
    })
}

/// Whether a change is a reason to look at the object: it is new, or another one, or its spec or
/// its deletion has changed. What we wrote ourselves is none: a pass knows what it has written, and
/// it writes only to the version that it has seen.
fn is_due(change: &Change<Arc<Json>>) -> bool {
    let Some(new) = &change.new else { return false };
    if change.origin == Origin::Write {
        return false;
    }
    let Some(old) = &change.old else { return true };
    let generation = |object: &Json| object.pointer("/metadata/generation").cloned();
    old.uid != new.uid
        || old.is_terminating() != new.is_terminating()
        || generation(&old.data) != generation(&new.data)
}
