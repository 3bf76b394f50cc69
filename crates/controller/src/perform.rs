//! Performs single actions of the planner.

use crate::api::{ApiError, Deleted};
use crate::externals::ReadError;
use crate::instance::CONCURRENT_JOBS;
use crate::observation::apply_order;
use crate::shared::{Shared, store_key};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream;
use graph::{NodeId, ReadPaths};
use kube::core::ApiResource;
use plan::object::{GroupKind, get, is_deleting, label, text};
use plan::{Acquired, Action, Claim, Listed, ObjectId, Reference, Step, names};
use schema::ContentHash;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Attempts to remove a finalizer from an object that somebody else keeps changing.
const FINALIZER_ATTEMPTS: usize = 5;
/// A request that takes longer does not count among those that are under way.
const SLOW: Duration = Duration::from_secs(1);
/// A resourceVersion that no object has: etcd's first revision is that of the empty store.
const NO_VERSION: &str = "1";

/// What runs as one future: an action, or all deletions of a step.
pub(crate) enum Job {
    Manage(Value),
    Record(Value),
    Observe {
        reference: Reference,
        reads: ReadPaths,
    },
    Apply {
        node: NodeId,
        id: ObjectId,
        object: Value,
        desired: ContentHash,
        claim: Claim,
    },
    List {
        kinds: BTreeSet<GroupKind>,
        namespaces: BTreeSet<String>,
    },
    /// Wave → objects with their UIDs.
    Delete(BTreeMap<u32, Vec<(ObjectId, String)>>),
    RemoveFinalizer,
}

/// Jobs with the same key don't run at the same time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JobKey {
    Manage,
    Record,
    List,
    Delete,
    RemoveFinalizer,
    Object(ObjectId),
    Reference(Reference),
}

/// The answer to a job.
pub(crate) enum Done {
    Managed(Result<Value, ApiError>),
    Recorded(Result<Value, ApiError>),
    Observed { reference: Reference, result: Result<(), ReadError> },
    Acquired { object: ObjectId, result: Result<Acquired, ApiError> },
    Applied { object: ObjectId, desired: ContentHash, result: Result<Value, ApiError> },
    Listed(Result<BTreeMap<ObjectId, Listed>, Arc<ApiError>>),
    Deleted(Vec<(ObjectId, Result<(), ApiError>)>),
    FinalizerRemoved(Result<(), ApiError>),
}

// === impl Job ===

impl Job {
    /// The jobs of a step's actions; takes them out of the step.
    pub(crate) fn of(step: &mut Step) -> Vec<Self> {
        let mut jobs = Vec::new();
        let mut waves: BTreeMap<u32, Vec<(ObjectId, String)>> = BTreeMap::new();
        for action in std::mem::take(&mut step.actions) {
            jobs.push(match action {
                Action::Manage { patch } => Self::Manage(patch),
                Action::RecordInventory { patch } => Self::Record(patch),
                Action::Apply { key, id, object, desired, claim } => {
                    Self::Apply { node: key.node, id, object, desired, claim }
                }
                Action::Observe { reference, .. } => {
                    let reads = step.references.get(&reference).cloned().unwrap_or_default();
                    Self::Observe { reference, reads }
                }
                Action::ListMembers { kinds, namespaces } => Self::List { kinds, namespaces },
                Action::RemoveFinalizer => Self::RemoveFinalizer,
                Action::Delete { object, uid, wave } => {
                    waves.entry(wave).or_default().push((object, uid));
                    continue;
                }
            });
        }
        if !waves.is_empty() {
            jobs.push(Self::Delete(waves));
        }
        jobs
    }

    /// The resource whose object it applies.
    pub(crate) fn node(&self) -> Option<NodeId> {
        match self {
            Self::Apply { node, .. } => Some(*node),
            Self::Manage(_)
            | Self::Record(_)
            | Self::Observe { .. }
            | Self::List { .. }
            | Self::Delete(_)
            | Self::RemoveFinalizer => None,
        }
    }

    /// Its key.
    pub(crate) fn key(&self) -> JobKey {
        match self {
            Self::Manage(_) => JobKey::Manage,
            Self::Record(_) => JobKey::Record,
            Self::Apply { id, .. } => JobKey::Object(id.clone()),
            Self::Observe { reference, .. } => JobKey::Reference(reference.clone()),
            Self::List { .. } => JobKey::List,
            Self::Delete(_) => JobKey::Delete,
            Self::RemoveFinalizer => JobKey::RemoveFinalizer,
        }
    }
}

// === impl Done ===

impl Done {
    /// The key of the job that this answers.
    pub(crate) fn key(&self) -> JobKey {
        match self {
            Self::Managed(_) => JobKey::Manage,
            Self::Recorded(_) => JobKey::Record,
            Self::Acquired { object, .. } | Self::Applied { object, .. } => {
                JobKey::Object(object.clone())
            }
            Self::Observed { reference, .. } => JobKey::Reference(reference.clone()),
            Self::Listed(_) => JobKey::List,
            Self::Deleted(_) => JobKey::Delete,
            Self::FinalizerRemoved(_) => JobKey::RemoveFinalizer,
        }
    }
}

/// Performs `job` for the instance `id`, whose ApplySet is `set`.
pub(crate) async fn perform(shared: Arc<Shared>, id: ObjectId, set: String, job: Job) -> Done {
    match job {
        Job::Manage(patch) => Done::Managed(in_turn(&shared, manage(&shared, &id, &patch)).await),
        Job::Record(patch) => Done::Recorded(in_turn(&shared, record(&shared, &id, &patch)).await),
        Job::Observe { reference, reads } => {
            let request = shared.externals.observe(&shared, &id, &reference, &reads);
            let result = in_turn(&shared, request).await;
            Done::Observed { reference, result }
        }
        Job::Apply { id: object, object: body, desired, claim, .. } => {
            let request = async {
                match claim {
                    Claim::Held => Taken::Applied(apply(&shared, &object, &body).await),
                    Claim::Take => take(&shared, &id, &set, &object, body).await,
                }
            };
            match in_turn(&shared, request).await {
                Taken::Applied(result) => Done::Applied { object, desired, result },
                Taken::Left(result) => Done::Acquired { object, result },
            }
        }
        Job::List { kinds, namespaces } => {
            Done::Listed(in_turn(&shared, list(&shared, &set, &kinds, &namespaces)).await)
        }
        Job::Delete(waves) => {
            let mut results = Vec::new();
            for (_, wave) in waves {
                let deletion = |(object, uid)| in_turn(&shared, delete(&shared, object, uid));
                let deletions = stream::iter(wave).map(deletion).buffer_unordered(CONCURRENT_JOBS);
                results.extend(deletions.collect::<Vec<_>>().await);
            }
            Done::Deleted(results)
        }
        Job::RemoveFinalizer => {
            Done::FinalizerRemoved(in_turn(&shared, remove_finalizer(&shared, &id)).await)
        }
    }
}

/// Waits for the turn of a request. One that takes long, as behind a webhook that does not answer,
/// lets others have their turn meanwhile.
async fn in_turn<T>(shared: &Shared, request: impl Future<Output = T>) -> T {
    let permit = shared.permits.acquire().await;
    let mut request = pin!(request);
    if let Ok(answer) = timeout(SLOW, &mut request).await {
        return answer;
    }
    drop(permit);
    request.await
}

/// How the API server calls a kind. A kind that nobody watches any more is as good as unknown.
fn resource(shared: &Shared, kind: &GroupKind) -> Result<ApiResource, ApiError> {
    shared.watching.resource(kind).ok_or_else(|| ApiError::UnknownKind(kind.clone()))
}

/// The resource in the version that a body has; a kind may be watched in another one.
fn in_version(mut resource: ApiResource, api_version: &str) -> ApiResource {
    api_version.rsplit('/').next().unwrap_or("").clone_into(&mut resource.version);
    api_version.clone_into(&mut resource.api_version);
    resource
}

/// Labels the instance. One that has changed meanwhile is read instead.
async fn manage(shared: &Shared, id: &ObjectId, patch: &Value) -> Result<Value, ApiError> {
    let resource = resource(shared, &id.kind)?;
    match shared.api.label(&resource, &id.namespace, &id.name, patch).await {
        Err(error) if error.code() == 409 => {
            shared.api.get(&resource, &id.namespace, &id.name).await?.ok_or(error)
        }
        result => result,
    }
}

async fn record(shared: &Shared, id: &ObjectId, patch: &Value) -> Result<Value, ApiError> {
    shared.api.apply(&resource(shared, &id.kind)?, names::MANAGER_PARENT, patch).await
}

/// Applies an object whose name is claimed.
async fn apply(shared: &Shared, object: &ObjectId, body: &Value) -> Result<Value, ApiError> {
    let _write = shared.writing.begin(object);
    let resource = in_version(resource(shared, &object.kind)?, text(body, &["apiVersion"]));
    shared.api.apply(&resource, names::MANAGER_APPLYSET, body).await
}

/// What became of an object that was not ours yet.
enum Taken {
    Applied(Result<Value, ApiError>),
    /// It was not written to.
    Left(Result<Acquired, ApiError>),
}

/// Claims the name, then applies the object, provided that there is none yet; one that is there is
/// read first (DESIGN.md, decision 6).
///
/// # Flow
///
/// The apply carries a resourceVersion that no object has: the API server creates what does not
/// exist, and answers with a conflict, in the same transaction, where something does. So there is
/// one request for each new object, and nothing between looking and writing.
async fn take(
    shared: &Shared,
    id: &ObjectId,
    set: &str,
    object: &ObjectId,
    mut body: Value,
) -> Taken {
    if let Err(holder) = shared.claims.claim(object, id) {
        let part_of = plan::applyset_id(&holder);
        return Taken::Left(Ok(Acquired::Foreign { part_of }));
    }
    body["metadata"]["resourceVersion"] = NO_VERSION.into();
    match apply(shared, object, &body).await {
        Err(error) if error.code() == 409 => {}
        result => return Taken::Applied(result),
    }
    match look(shared, id, set, object).await {
        Ok(None) => {}
        Ok(Some(Acquired::Held)) => {
            if let Some(metadata) = body["metadata"].as_object_mut() {
                metadata.remove("resourceVersion");
            }
        }
        Ok(Some(acquired)) => return Taken::Left(Ok(acquired)),
        Err(error) => return Taken::Left(Err(error)),
    }
    Taken::Applied(apply(shared, object, &body).await)
}

/// Reads an object whose name is claimed, if there is one: a foreign owner is respected, an object
/// that goes away is waited for.
async fn look(
    shared: &Shared,
    id: &ObjectId,
    set: &str,
    object: &ObjectId,
) -> Result<Option<Acquired>, ApiError> {
    let resource = resource(shared, &object.kind)?;
    let live = shared.api.get_metadata(&resource, &object.namespace, &object.name).await?;
    let Some(live) = live else { return Ok(None) };
    let part_of = label(&live, names::PART_OF);
    if !part_of.is_empty() && part_of != set {
        shared.claims.wait_for(object, id);
        return Ok(Some(Acquired::Foreign { part_of: part_of.to_owned() }));
    }
    Ok(Some(if is_deleting(&live) { Acquired::Terminating } else { Acquired::Held }))
}

/// Lists the members at the API server; kinds that it does not have are skipped.
async fn list(
    shared: &Shared,
    set: &str,
    kinds: &BTreeSet<GroupKind>,
    namespaces: &BTreeSet<String>,
) -> Result<BTreeMap<ObjectId, Listed>, Arc<ApiError>> {
    let lists = kinds.iter().map(|kind| async move {
        let resource = match shared.watching.resource(kind) {
            Some(resource) => Some(resource),
            None => shared.kinds.preferred(kind).await.map_err(ApiError::from)?,
        };
        let Some(resource) = resource else { return Ok((kind.clone(), Vec::new())) };
        let found = shared.listing.members(&shared.api, &resource, set).await?;
        Ok::<_, Arc<ApiError>>((kind.clone(), found))
    });
    let mut members = BTreeMap::new();
    for result in join_all(lists).await {
        let (kind, found) = result?;
        for object in found {
            let namespace = text(&object, &["metadata", "namespace"]).to_owned();
            if !namespace.is_empty() && !namespaces.contains(&namespace) {
                continue;
            }
            let name = text(&object, &["metadata", "name"]).to_owned();
            members.insert(ObjectId::new(kind.clone(), namespace, name), listed(&object));
        }
    }
    Ok(members)
}

fn listed(object: &Value) -> Listed {
    Listed {
        uid: text(object, &["metadata", "uid"]).to_owned(),
        deleting: is_deleting(object),
        node: label(object, names::NODE_ID).to_owned(),
        apply_order: apply_order(object),
    }
}

async fn delete(
    shared: &Shared,
    object: ObjectId,
    uid: String,
) -> (ObjectId, Result<(), ApiError>) {
    let resource = match resource(shared, &object.kind) {
        Ok(resource) => resource,
        Err(error) => return (object, Err(error)),
    };
    let result = shared.api.delete(&resource, &object.namespace, &object.name, &uid).await;
    let store = shared.watching.store(&object.kind);
    let result = result.map(|deleted| match (deleted, store) {
        (Deleted::Gone, Some(store)) => store.observe_delete(&store_key(&object), &uid),
        (Deleted::Going(answer), Some(store)) => {
            if let Err(error) = store.observe_write(answer) {
                tracing::warn!(%object, %error, "the answer to a deletion is no object");
            }
        }
        (Deleted::Gone | Deleted::Going(_), None) => {}
    });
    (object, result)
}

/// Takes our finalizer off; the resourceVersion guards the other finalizers. An instance that is
/// gone already is what was wanted.
async fn remove_finalizer(shared: &Shared, id: &ObjectId) -> Result<(), ApiError> {
    let resource = resource(shared, &id.kind)?;
    let mut object = shared.instance(id);
    for attempt in 1.. {
        let Some(live) = object else { return Ok(()) };
        let finalizers = get(&live, &["metadata", "finalizers"]).and_then(Value::as_array);
        let kept: Vec<&Value> =
            finalizers.into_iter().flatten().filter(|name| *name != names::FINALIZER).collect();
        let patch = json!({"metadata": {
            "finalizers": kept,
            "resourceVersion": live["metadata"]["resourceVersion"],
        }});
        let result = shared.api.merge_patch(&resource, &id.namespace, &id.name, "", &patch).await;
        match result {
            Ok(_) if kept.is_empty() => {
                if let Some(store) = shared.watching.store(&id.kind) {
                    store.observe_delete(&store_key(id), text(&live, &["metadata", "uid"]));
                }
                return Ok(());
            }
            Ok(answer) => {
                if let Some(store) = shared.watching.store(&id.kind)
                    && let Err(error) = store.observe_write(answer)
                {
                    tracing::warn!(instance = %id, %error, "the answer to a patch is no object");
                }
                return Ok(());
            }
            Err(error) if error.code() == 404 => {
                if let Some(store) = shared.watching.store(&id.kind) {
                    store.observe_delete(&store_key(id), text(&live, &["metadata", "uid"]));
                }
                return Ok(());
            }
            Err(error) if error.code() == 409 && attempt < FINALIZER_ATTEMPTS => {
                object = shared.api.get(&resource, &id.namespace, &id.name).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
