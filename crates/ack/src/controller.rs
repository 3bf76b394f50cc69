//! Watches, queues and workers: one set per kind.
//!
//! ```text
//! watch of the kind ──► store ──► queue ──► workers ──► reconcile::run ──► AWS
//! watch of namespaces ──► store ─────────────┘ scope        └──► patches ──► API server ─► store
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::Client;
use kube::core::ApiResource;
use kube::core::Selector;
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
use tokio::time::Instant;

use crate::aws::Aws;
use crate::aws::on_behalf_of;
use crate::export;
use crate::kind::Kind;
use crate::kind::VERSION;
use crate::object::Object;
use crate::reconcile::Known;
use crate::reconcile::refuse;
use crate::reconcile::run;
use crate::resource::Resource;
use crate::scope::Scope;
use crate::scope::Settings;
use crate::scope::Surroundings;

mod events;
mod exports;
mod kept;
mod live;
mod memory;
mod pace;
mod role_stores;

use events::Events;
use exports::Exports;
use kept::Kept;
use live::Live;
use memory::Memory;
use pace::Api;
use pace::Paces;
use role_stores::RoleStores;

/// How long a store may take until its first list before a line in the log says so.
const PATIENCE: Duration = Duration::from_secs(30);

/// The list of kinds: adding a kind is adding it here.
macro_rules! for_each_kind {
    ($macro:ident) => {
        $macro!(
            crate::s3::Bucket,
            crate::dynamodb::Backup,
            crate::dynamodb::GlobalTable,
            crate::dynamodb::Table,
            crate::sqs::Queue
        )
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
    /// Whether labels of namespaces and IAMRoleSelectors count.
    pub role_selectors: bool,
    /// The namespace of the maps of roles; `None` if they do not count.
    pub role_maps: Option<String>,
    /// Gates `TeamLevelCARM` and `ServiceLevelCARM`.
    pub role_maps_by: (bool, bool),
    /// Labels of objects to watch.
    pub labels: Selector,
    /// Whether FieldExports are carried out.
    pub exports: bool,
    /// AWS services to serve; all if empty.
    pub services: Vec<String>,
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
    let needed = options.namespace_annotations || options.role_selectors;
    let namespaces = needed.then(|| namespaces(client, options, tasks));
    let roles = RoleStores::start(client, options, tasks);
    let shared = Shared {
        client: client.clone(),
        aws: Arc::clone(aws),
        settings: Arc::new(options.settings.clone()),
        namespaces,
        roles,
        events: Events::start(client, tasks),
        paces: Arc::default(),
        exports: options.exports.then(|| Exports::start(client, options, tasks)),
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
    let mut all: Vec<(String, Json)> = for_each_kind!(crds);
    let shared = [(export::PLURAL, export::crd()), ("iamroleselectors", crate::roles::crd())];
    all.extend(shared.map(|(plural, crd)| (format!("{}_{plural}.yaml", export::GROUP), crd)));
    all
}

/// One request for one object: GET, or PATCH with a merge patch; `None` if there is no such object.
async fn request(
    client: &Client,
    method: &str,
    url: &str,
    patch: Option<&Json>,
) -> Result<Option<Json>, String> {
    let request = http::Request::builder().method(method).uri(url);
    let request = match patch {
        Some(patch) => request
            .header("content-type", "application/merge-patch+json")
            .body(patch.to_string().into_bytes()),
        None => request.body(Vec::new()),
    };
    match client.request::<Json>(request.map_err(|error| error.to_string())?).await {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        // The message may quote values of the object.
        Err(kube::Error::Api(status)) => Err(format!("{} {}", status.code, status.reason)),
        Err(error) => Err(error.to_string()),
    }
}

/// What all kinds share.
#[derive(Clone)]
struct Shared {
    client: Client,
    aws: Arc<Aws>,
    settings: Arc<Settings>,
    namespaces: Option<Store<Namespace>>,
    roles: RoleStores,
    exports: Option<Exports>,
    events: Events,
    paces: Arc<Paces>,
}

/// What a store keeps of a namespace.
type Namespace = (BTreeMap<String, String>, BTreeMap<String, String>);

fn namespaces(client: &Client, options: &Options, tasks: &Tasks) -> Store<Namespace> {
    let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Namespace>(&());
    let projection: Projection<_> = Arc::new(|_, object| {
        let map = |path: &str, wanted: fn(&str) -> bool| {
            let entries = object.pointer(path).and_then(Json::as_object);
            let wanted = entries.into_iter().flatten().filter(|(key, _)| wanted(key));
            wanted
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        let annotations = map("/metadata/annotations", |key| key.contains("services.k8s.aws/"));
        Projected { data: (annotations, map("/metadata/labels", |_| true)), index: Vec::new() }
    });
    let spec = WatchSpec::all(resource).metadata_only();
    Store::start(client.clone(), spec, projection, options.watch.clone(), tasks, |_| ())
}

/// The stores of a kind: one for all namespaces, or one for each that is watched.
#[derive(Clone)]
struct Stores(Vec<(Option<String>, Store<Kept>)>);

impl Stores {
    /// Starts them.
    fn start(namespaces: &[String], mut start: impl FnMut(Option<String>) -> Store<Kept>) -> Self {
        let scopes: Vec<Option<String>> = if namespaces.is_empty() {
            vec![None]
        } else {
            namespaces.iter().cloned().map(Some).collect()
        };
        Self(scopes.into_iter().map(|scope| (scope.clone(), start(scope))).collect())
    }

    fn of(&self, key: &ObjectKey) -> Option<&Store<Kept>> {
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
    if !options.services.is_empty() && !options.services.iter().any(|s| s == kind.service) {
        return;
    }
    if !options.kinds.is_empty() && !options.kinds.iter().any(|k| k.eq_ignore_ascii_case(&name)) {
        return;
    }
    let queue = Queue::new(QueueOptions {
        backoff: Backoff::new(Duration::from_millis(5), Duration::from_secs(1000)),
        metrics: options.queue_metrics.as_ref().map(|metrics| metrics.queue(&name)),
        ..QueueOptions::default()
    });
    let stores = Stores::start(&options.namespaces, |scope| {
        let mut spec = WatchSpec::all(resource(&kind));
        spec.namespace = scope;
        spec.labels = options.labels.clone();
        let (queue, exports) = (queue.clone(), shared.exports.clone());
        let on_change = move |change: &Change<Kept>| {
            if let Some(exports) = &exports {
                exports.source_changed(&kind.group(), kind.kind, &change.key);
            }
            if is_due(change) {
                queue.add(change.key.clone());
            }
        };
        let client = shared.client.clone();
        Store::start(client, spec, kept::projection(), options.watch.clone(), tasks, on_change)
    });
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
        let course = Course { resync, memory: Arc::default() };
        begin::<R>(shared, stores, queue, workers, course, gate, own).await;
        Ok(())
    });
}

/// What the passes of a kind share.
#[derive(Clone)]
struct Course {
    /// When a synced object is read again.
    resync: Duration,
    memory: Arc<Memory>,
}

async fn begin<R: Resource>(
    shared: Shared,
    stores: Stores,
    queue: Queue<ObjectKey>,
    workers: Workers<ObjectKey>,
    course: Course,
    gate: Gate,
    tasks: Tasks,
) {
    // The place of a resource must be known before anything is asked about it.
    if let Some(namespaces) = &shared.namespaces {
        synced(namespaces, &tasks).await;
    }
    shared.roles.synced(&tasks).await;
    stores.synced(&tasks).await;
    if tasks.token().is_cancelled() {
        return;
    }
    gate.open();
    tracing::info!(kind = R::KIND.kind, resync = ?course.resync, "started");
    workers.start(&queue, &tasks, move |key| {
        let (shared, stores, course) = (shared.clone(), stores.clone(), course.clone());
        async move { reconcile::<R>(&shared, &stores, &key, &course).await }
    });
}

async fn reconcile<R: Resource>(
    shared: &Shared,
    stores: &Stores,
    key: &ObjectKey,
    course: &Course,
) -> Requeue {
    let Course { resync, memory } = course;
    let Some(store) = stores.of(key) else { return Requeue::Done };
    let Some(entry) = store.get(key) else {
        memory.forget(key);
        return Requeue::Done;
    };
    let object = Object::<R::Spec>::parse(&entry.data.object());
    if let Some(left) = memory.rests(&object, *resync, Instant::now()) {
        return Requeue::After(left);
    }
    let (annotations, labels) = match &shared.namespaces {
        Some(store) => match store.get(&ObjectKey::cluster(object.namespace.as_str())) {
            Some(namespace) => namespace.data.clone(),
            // The watch of namespaces is behind. A guess could make the resource in a region that
            // it can't leave any more.
            None => return Requeue::RateLimited,
        },
        None => Namespace::default(),
    };
    let around = Surroundings { annotations, labels, roles: shared.roles.now() };
    let scope = Scope::resolve(&R::KIND, &object, &around, &shared.settings);
    let api = scope.as_ref().ok().map(|scope| Api {
        account: scope.place.account.clone(),
        region: scope.place.region.clone(),
        service: R::KIND.service,
    });
    if let Some(api) = &api
        && let Some(wait) = shared.paces.wait(api, R::KIND.kind, key, Instant::now())
    {
        tracing::debug!(?wait, account = api.account, "AWS throttles");
        return Requeue::After(wait);
    }
    // The clients of some region: where there is no scope, AWS is not asked.
    let (region, endpoint, role) = match &scope {
        Ok(scope) => (
            scope.place.region.as_str(),
            scope.endpoint.as_ref(),
            scope.role.as_ref().map(|role| role.arn.as_str()),
        ),
        Err(_) => (shared.settings.region.as_str(), shared.settings.endpoint.as_ref(), None),
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
        aws: shared.aws.regional(region, endpoint, role),
        place: scope.as_ref().ok().map(|scope| scope.place.clone()),
        memory,
        events: &shared.events,
        throttled: AtomicBool::new(false),
        unknown: AtomicBool::new(false),
    };
    let agent = user_agent::<R>(&object, shared.settings.version);
    let requeue = match scope {
        Ok(scope) => {
            let depth = memory.depth(&object);
            let known = Known::<R> { depth, ..Known::new(object, scope, *resync) };
            on_behalf_of(agent, run(&live, known)).await
        }
        Err(reason) => refuse::<R>(&live, &object, &reason).await,
    };
    if live.unknown.load(Ordering::Relaxed) {
        shared.aws.renew(&live.aws);
    }
    if let Some(api) = &api {
        if live.throttled.load(Ordering::Relaxed) {
            shared.paces.throttled(api, Instant::now());
        } else {
            shared.paces.went_well(api);
        }
    }
    requeue
}

/// What requests for an object say of whom they come from, as those of the published controllers.
fn user_agent<R: Resource>(object: &Object<R::Spec>, version: &str) -> Arc<str> {
    let kind = R::KIND;
    let mut agent = format!(
        "aws-controllers-k8s/{}-{version} (CRDKind/{}; CRDVersion/{VERSION}",
        kind.group(),
        kind.kind
    );
    let label = |key: &str| object.labels.get(key).map(String::as_str);
    if label("app.kubernetes.io/managed-by") == Some("kro") {
        let version = label("kro.run/kro-version").unwrap_or_default();
        agent += &format!("; ManagedBy/kro; KROVersion/{version}");
    }
    (agent + ")").into()
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

/// Whether a change is a reason to look at the object: it is new, or another one, or its spec or
/// its deletion has changed. What we wrote ourselves is none: a pass knows what it has written, and
/// it writes only to the version that it has seen.
fn is_due(change: &Change<Kept>) -> bool {
    let Some(new) = &change.new else { return false };
    if change.origin == Origin::Write {
        return false;
    }
    let Some(old) = &change.old else { return true };
    old.uid != new.uid
        || old.is_terminating() != new.is_terminating()
        || old.data.generation() != new.data.generation()
}
