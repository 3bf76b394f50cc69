//! The reconcile of a ResourceGraphDefinition: compile, install the kind, serve its instances.

use crate::api::ApiError;
use crate::crd::{self, CrdError};
use crate::instance::now;
use crate::kinds::LookupError;
use crate::shared::{Shared, enqueue, object_id};
use crate::watching::Owner;
use diagnostics::{Code, Diagnostics};
use graph::{Graph, RgdSpec};
use kube::core::ApiResource;
use plan::conditions::{Condition, Stamp, Status, carry_forward, is_true, reasons, types};
use plan::object::{GroupKind, generation, get, is_deleting, text};
use plan::{DEFAULT_PATH, names};
use runtime::store::ObjectKey;
use runtime::workers::Requeue;
use schema::ContentHash;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How the API server calls definitions.
pub(crate) fn resource() -> ApiResource {
    ApiResource {
        group: "kro.run".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "kro.run/v1alpha1".to_owned(),
        kind: "ResourceGraphDefinition".to_owned(),
        plural: "resourcegraphdefinitions".to_owned(),
    }
}

/// Why a definition is not served.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Its author has to mend it, or a kind has to appear.
    #[error("{0}")]
    Invalid(Diagnostics),
    #[error("{0}")]
    Shape(String),
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    Crd(#[from] CrdError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Watch(#[from] runtime::store::TooManyWatches),
}

// === impl Failure ===

impl Failure {
    /// Whether the same definition may compile later, without anybody changing it. A kind that
    /// appears is announced by its CRD, but served a little later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Invalid(found) => found.iter().any(|mistake| mistake.code == Code::UnknownKind),
            Self::Shape(_) => false,
            Self::Lookup(_) | Self::Crd(_) | Self::Api(_) | Self::Watch(_) => true,
        }
    }
}

/// Brings one definition as far as it can be brought now.
///
/// # Flow
///
/// Finalizer; compile; issue a revision when the spec changed; install the CRD; watch the kinds;
/// serve; write the status. A deleted definition stops serving; its CRD stays unless
/// `--allow-crd-deletion` is set.
///
/// # Guarantees
///
/// A spec that does not compile leaves the revision before it serving.
pub(crate) async fn reconcile(shared: &Arc<Shared>, name: String) -> Requeue {
    let Some(rgd) = shared.rgds.get(&ObjectKey::cluster(name.as_str())) else {
        // Somebody took its finalizer off.
        stop_serving(shared, &name, None);
        return Requeue::Done;
    };
    let rgd = Value::clone(&rgd.data);
    let result =
        if is_deleting(&rgd) { remove(shared, &rgd).await } else { serve(shared, rgd).await };
    match result {
        Ok(requeue) => requeue,
        Err(error) => {
            tracing::warn!(rgd = name, %error, "a definition could not be brought on");
            Requeue::RateLimited
        }
    }
}

async fn serve(shared: &Arc<Shared>, mut rgd: Value) -> Result<Requeue, ApiError> {
    if let Some(patch) = finalizer_patch(&rgd, true) {
        let name = text(&rgd, &["metadata", "name"]).to_owned();
        rgd = shared.api.merge_patch(&resource(), "", &name, "", &patch).await?;
        observe(shared, &rgd);
    }
    let name = text(&rgd, &["metadata", "name"]).to_owned();
    let mut requeue = Requeue::Done;
    let (mut conditions, compiled) = match compile(shared, &rgd).await {
        Ok(compiled) => (accepted(compiled.revision), Some(compiled)),
        // The world failed, not the author: what is said stays, and it is tried again.
        Err(Failure::Lookup(LookupError::Api(_) | LookupError::Request(_))) => {
            return Ok(Requeue::RateLimited);
        }
        Err(failure) => {
            report_to_instances(shared, &rgd, &failure);
            if failure.may_pass() {
                requeue = Requeue::RateLimited;
            }
            (vec![rejected(&failure)], None)
        }
    };
    if let Some(compiled) = &compiled {
        match install(shared, &name, &rgd, compiled).await {
            Ok(()) => conditions.extend(serving(&compiled.graph)),
            Err(failure) => {
                conditions.push(Condition::new(
                    types::KIND_READY,
                    Status::False,
                    reasons::FAILED,
                    failure.to_string(),
                ));
                requeue = Requeue::RateLimited;
            }
        }
    }
    write_status(shared, &rgd, &conditions, compiled.as_ref()).await?;
    Ok(requeue)
}

/// A compiled definition and the number of its revision.
struct Compiled {
    graph: Arc<Graph>,
    revision: i64,
}

async fn compile(shared: &Shared, rgd: &Value) -> Result<Compiled, Failure> {
    let name = text(rgd, &["metadata", "name"]);
    let uid = text(rgd, &["metadata", "uid"]);
    let spec: RgdSpec = serde::Deserialize::deserialize(&rgd["spec"])
        .map_err(|error: serde_json::Error| Failure::Shape(format!("spec: {error}")))?;
    let hash = ContentHash::of(&rgd["spec"]);
    let kinds = shared.kinds.resolve(&graph::kinds(&spec), &crd_names(shared)).await?;
    let latest = shared.registry.latest(name, uid);
    if let Some((revision, graph)) = latest
        .as_ref()
        .filter(|(_, latest)| latest.spec_hash == hash)
        .map(|(number, latest)| (*number, latest.graph.clone()))
        && graph
            .nodes
            .iter()
            .all(|node| kinds.get(&node.kind.gvk).is_some_and(|kind| Arc::ptr_eq(kind, &node.kind)))
    {
        return Ok(Compiled { graph, revision });
    }
    let (graph, diagnostics) = graph::compile(&spec, &kinds);
    let Some(graph) = graph.filter(|_| !diagnostics.has_errors()) else {
        return Err(Failure::Invalid(diagnostics));
    };
    let graph = Arc::new(graph);
    let revision = match latest {
        Some((number, latest)) if latest.spec_hash == hash => number,
        Some((number, _)) => number + 1,
        None => first_revision(rgd),
    };
    shared.registry.issue(name, uid, revision, hash, graph.clone());
    tracing::info!(rgd = name, revision, nodes = graph.nodes.len(), "revision issued");
    Ok(Compiled { graph, revision })
}

/// The number of the first revision that this process issues: the last one again, if the status
/// says that it accepted this generation.
fn first_revision(rgd: &Value) -> i64 {
    let last = get(rgd, &["status", "lastIssuedRevision"]).and_then(Value::as_i64).unwrap_or(0);
    let conditions = rgd["status"]["conditions"].as_array();
    let same = conditions.into_iter().flatten().any(|entry| {
        entry["type"] == types::GRAPH_ACCEPTED
            && entry["status"] == "True"
            && entry["observedGeneration"] == generation(rgd)
    });
    if same && last > 0 { last } else { last + 1 }
}

/// Installs the CRD, watches the kinds, and lets the graph serve.
async fn install(
    shared: &Shared,
    name: &str,
    rgd: &Value,
    compiled: &Compiled,
) -> Result<(), Failure> {
    let Compiled { graph, .. } = compiled;
    let crd = crd::ensure(shared, rgd, graph).await?;
    for node in &graph.nodes {
        let mut reads = node.read.clone();
        reads.add(DEFAULT_PATH);
        shared.watching.children(Owner::Definition(name.to_owned()), &node.kind, &reads)?;
    }
    crd::watch_instances(shared, &crd)?;
    let gvk = &graph.instance.gvk;
    let kind = GroupKind { group: gvk.group.clone(), kind: gvk.kind.clone() };
    let fresh = shared.registry.serve(name, kind.clone());
    let uses: BTreeSet<GroupKind> = graph.nodes.iter().map(|node| group_kind(&node.kind)).collect();
    shared.watching.release(&Owner::Definition(name.to_owned()), |kind| uses.contains(kind));
    if fresh {
        wake_instances(shared, &kind);
    }
    Ok(())
}

fn group_kind(kind: &graph::Kind) -> GroupKind {
    GroupKind { group: kind.gvk.group.clone(), kind: kind.gvk.kind.clone() }
}

/// All instances of `kind` have something new to look at.
fn wake_instances(shared: &Shared, kind: &GroupKind) {
    let Some(store) = shared.watching.store(kind) else { return };
    for entry in store.list() {
        enqueue(&shared.instances, object_id(kind, &entry));
    }
}

/// A definition that never compiled in this process: its instances say so.
fn report_to_instances(shared: &Shared, rgd: &Value, failure: &Failure) {
    let name = text(rgd, &["metadata", "name"]);
    if shared.registry.latest(name, text(rgd, &["metadata", "uid"])).is_some() {
        return;
    }
    let schema = &rgd["spec"]["schema"];
    let (Some(kind), group) = (schema["kind"].as_str(), schema["group"].as_str()) else { return };
    let kind = GroupKind { group: group.unwrap_or("kro.run").to_owned(), kind: kind.to_owned() };
    tracing::debug!(rgd = name, %failure, "instances have no graph");
    shared.registry.fail(
        name,
        kind.clone(),
        "latest issued graph revision not available".to_owned(),
    );
    wake_instances(shared, &kind);
}

fn accepted(revision: i64) -> Vec<Condition> {
    let resolved = format!("revision {revision} compiled and active");
    let valid = "resource graph and schema are valid";
    vec![
        Condition::new(types::GRAPH_REVISIONS_RESOLVED, Status::True, reasons::RESOLVED, resolved),
        Condition::new(types::GRAPH_ACCEPTED, Status::True, reasons::VALID, valid),
    ]
}

fn rejected(failure: &Failure) -> Condition {
    Condition::new(types::GRAPH_ACCEPTED, Status::False, reasons::INVALID, failure.to_string())
}

fn serving(graph: &Graph) -> [Condition; 2] {
    let kind = &graph.instance.gvk.kind;
    let ready = format!("kind {kind} has been accepted and ready");
    let running = "controller is running";
    [
        Condition::new(types::KIND_READY, Status::True, reasons::READY, ready),
        Condition::new(types::CONTROLLER_READY, Status::True, reasons::RUNNING, running),
    ]
}

/// Writes the status by merge patch if it differs.
async fn write_status(
    shared: &Shared,
    rgd: &Value,
    conditions: &[Condition],
    compiled: Option<&Compiled>,
) -> Result<(), ApiError> {
    let now = now();
    let stamp = Stamp {
        now: &now,
        created: text(rgd, &["metadata", "creationTimestamp"]),
        generation: generation(rgd),
    };
    let current = &rgd["status"];
    let conditions = carry_forward(&current["conditions"], types::DEFINITION, conditions, stamp);
    let needed = [types::GRAPH_ACCEPTED, types::KIND_READY, types::CONTROLLER_READY];
    let active = needed.iter().all(|kind| is_true(&conditions, kind));
    let mut status = json!({
        "conditions": conditions,
        "state": if active { "Active" } else { "Inactive" },
        "topologicalOrder": null,
        "resources": null,
    });
    if let Some(Compiled { graph, revision, .. }) = compiled {
        let id = |node: &graph::NodeId| json!(graph.node(*node).id);
        status["topologicalOrder"] = graph.order.iter().map(id).collect();
        status["resources"] = graph
            .order
            .iter()
            .map(|node| graph.node(*node))
            .filter(|node| !node.dependencies.is_empty())
            .map(|node| {
                let dependencies: Vec<Value> =
                    node.dependencies.iter().map(|dep| json!({ "id": id(dep) })).collect();
                json!({ "id": node.id, "dependencies": dependencies })
            })
            .collect();
        status["lastIssuedRevision"] = json!(revision);
    }
    let differs = status.as_object().into_iter().flatten().any(|(key, value)| {
        let have = current.get(key).unwrap_or(&Value::Null);
        have != value && !(is_empty(have) && is_empty(value))
    });
    if !differs {
        return Ok(());
    }
    let name = text(rgd, &["metadata", "name"]);
    let patch = json!({ "status": status });
    match shared.api.merge_patch(&resource(), "", name, "/status", &patch).await {
        Ok(answer) => observe(shared, &answer),
        Err(error) if error.code() == 404 => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Stops serving, and lets the definition go.
async fn remove(shared: &Shared, rgd: &Value) -> Result<Requeue, ApiError> {
    let name = text(rgd, &["metadata", "name"]);
    stop_serving(shared, name, Some(text(rgd, &["metadata", "uid"])));
    if shared.options.allow_crd_deletion {
        crd::delete_of(shared, name).await?;
    }
    let Some(patch) = finalizer_patch(rgd, false) else { return Ok(Requeue::Done) };
    match shared.api.merge_patch(&resource(), "", name, "", &patch).await {
        Ok(_) => Ok(Requeue::Done),
        Err(error) if error.code() == 404 => Ok(Requeue::Done),
        Err(error) => Err(error),
    }
}

/// Instances of the definition get nothing but deletion from now on.
fn stop_serving(shared: &Shared, name: &str, uid: Option<&str>) {
    let served = shared.registry.remove(name, uid);
    shared.watching.release(&Owner::Definition(name.to_owned()), |_| false);
    if let Some(kind) = &served {
        wake_instances(shared, kind);
    }
}

/// The merge patch after which the finalizer is there, or is not; `None` when that is so.
fn finalizer_patch(rgd: &Value, wanted: bool) -> Option<Value> {
    let have = get(rgd, &["metadata", "finalizers"]).and_then(Value::as_array);
    let have: Vec<&Value> = have.into_iter().flatten().collect();
    let ours = |name: &&&Value| **name == names::FINALIZER;
    if have.iter().any(|name| ours(&name)) == wanted {
        return None;
    }
    let mut next: Vec<Value> =
        have.iter().filter(|name| !ours(name)).map(|name| Value::clone(name)).collect();
    if wanted {
        next.push(names::FINALIZER.into());
    }
    Some(json!({"metadata": {
        "finalizers": next,
        "resourceVersion": rgd["metadata"]["resourceVersion"],
    }}))
}

fn observe(shared: &Shared, answer: &Value) {
    if let Err(error) = shared.rgds.observe_write(answer.clone()) {
        tracing::warn!(%error, "the answer to a write is no object");
    }
}

/// The names of all CRDs.
fn crd_names(shared: &Shared) -> BTreeSet<String> {
    shared.crds.list().iter().map(|entry| entry.key.name.clone()).collect()
}
