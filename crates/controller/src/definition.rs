//! The reconcile of a ResourceGraphDefinition: issue a revision, install the kind, serve.
//!
//! Source: kro-controller facts, 3.

use crate::api::{ApiError, Deleted};
use crate::compile::{CompileError, compile};
use crate::crd::{self, CrdError};
use crate::finalizer;
use crate::registry::State;
use crate::revision::object::{self as wire, Revisions};
use crate::revision::spec_hash::spec_hash;
use crate::revision::{self};
use crate::shared::{Shared, enqueue, object_id};
use crate::watching::Owner;
use graph::Graph;
use kube::core::ApiResource;
use plan::object::{GroupKind, is_deleting, label, text};
use plan::{DEFAULT_PATH, names};
use runtime::store::ObjectKey;
use runtime::workers::Requeue;
use serde_json::Value;
use status::{Order, Said};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

mod status;

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
    #[error(transparent)]
    Crd(#[from] CrdError),
    #[error(transparent)]
    Watch(#[from] runtime::store::TooManyWatches),
}

/// What the stored revisions of a definition mean for it.
enum Resolution {
    /// A newer revision is going away.
    Settling,
    /// The latest revision was not looked at by this process yet.
    Warming,
    /// The latest revision is being compiled.
    Compiling(i64),
    /// The latest revision does not compile.
    Failed(i64, String),
    /// The latest revision is the spec as it is, and compiles.
    Serve(i64, Arc<Graph>),
    /// There is no revision of the spec as it is.
    Issue(Option<i64>),
}

/// Brings one definition as far as it can be brought now.
///
/// # Flow
///
/// Finalizer; adopt revisions without an owner; compare the spec with the latest revision; issue
/// a new one if it differs and compiles; once that is verified, install the CRD, watch the kinds,
/// serve, and delete revisions beyond the limit. The status is written last. A deleted definition
/// stops serving; its CRD stays unless `--allow-crd-deletion` is set.
///
/// # Guarantees
///
/// A spec that does not compile leaves the last good revision serving, also over restarts. No
/// revision is issued twice for one spec: before one is created, those that exist are listed at
/// the API server, and its name holds its number.
///
/// # Errors
///
/// None: what fails is said in the status, and tried again with backoff.
pub(crate) async fn reconcile(shared: &Arc<Shared>, name: String) -> Requeue {
    let Some(rgd) = shared.rgds.get(&ObjectKey::cluster(name.as_str())) else {
        // Somebody took its finalizer off.
        stop_serving(shared, &name, None);
        return Requeue::Done;
    };
    let rgd = Value::clone(&rgd.data);
    let result =
        if is_deleting(&rgd) { remove(shared, &rgd).await } else { bring_on(shared, rgd).await };
    result.unwrap_or_else(|error| {
        tracing::warn!(rgd = name, %error, "a definition could not be brought on");
        Requeue::RateLimited
    })
}

async fn bring_on(shared: &Arc<Shared>, mut rgd: Value) -> Result<Requeue, ApiError> {
    let name = text(&rgd, &["metadata", "name"]).to_owned();
    if let Some(patch) = finalizer::patch(&rgd, true) {
        rgd = shared.api.merge_patch(&resource(), "", &name, "", &patch).await?;
        observe(shared, &rgd);
    }
    let revisions = Revisions::stored(shared, &name);
    adopt(shared, &rgd, &revisions).await?;
    if revisions.live.is_empty() && revisions.terminating.is_empty() {
        shared.registry.purge(&name);
    }
    let resolution = resolve(shared, &name, &spec_hash(&rgd["spec"]), &revisions);
    shared.metrics.resolved(match resolution {
        Resolution::Settling | Resolution::Warming | Resolution::Compiling(_) => "wait",
        Resolution::Failed(..) => "failed",
        Resolution::Serve(..) => "serve",
        Resolution::Issue(_) => "issue",
    });
    let mut said = Said::new(&rgd);
    let requeue = match resolution {
        Resolution::Settling => {
            shared.metrics.waited("settling");
            said.settling();
            Requeue::After(shared.options.progress_delay)
        }
        Resolution::Warming => {
            shared.metrics.waited("warming_up");
            shared.metrics.cold("latest_not_warmed");
            if said.is_resolved() {
                // It was good before this process started and will be again in no time.
                return Ok(Requeue::After(shared.options.progress_delay));
            }
            said.warming();
            Requeue::After(shared.options.progress_delay)
        }
        Resolution::Compiling(number) => {
            shared.metrics.waited("compiling");
            if said.is_resolved() {
                return Ok(Requeue::After(shared.options.progress_delay));
            }
            said.compiling(number);
            Requeue::After(shared.options.progress_delay)
        }
        Resolution::Failed(number, why) => {
            said.failed(number, &why);
            let why = format!("latest issued graph revision {number} failed");
            report_to_instances(shared, &rgd, why);
            // Its revision is tried again, and says when it compiles.
            Requeue::Done
        }
        Resolution::Serve(number, graph) => {
            said.resolved(number);
            said.accepted();
            said.order = Order::Of(graph.clone());
            said.issued = Some(number);
            let requeue = serve(shared, &rgd, number, &graph, &revisions, &mut said).await;
            collect(shared, &name, &revisions).await;
            requeue
        }
        Resolution::Issue(latest) => issue(shared, &rgd, latest, &revisions, &mut said).await?,
    };
    status::write(shared, &rgd, &said).await?;
    Ok(requeue)
}

fn resolve(shared: &Shared, name: &str, hash: &str, revisions: &Revisions) -> Resolution {
    if revisions.settling() {
        return Resolution::Settling;
    }
    let Some(latest) = revisions.latest() else { return Resolution::Issue(None) };
    let number = latest.number;
    let state = shared.registry.state(name, number);
    if state.is_none() {
        return Resolution::Warming;
    }
    // The stored label is not read: another algorithm may have made it.
    if spec_hash(&latest.object["spec"]["snapshot"]["spec"]) != hash {
        return Resolution::Issue(Some(number));
    }
    match state {
        None | Some(State::Pending) => Resolution::Compiling(number),
        Some(State::Active(graph)) => Resolution::Serve(number, graph),
        Some(State::Failed(why)) => Resolution::Failed(number, why),
    }
}

/// Makes revisions that no living definition owns belong to this one, so that they go with it.
async fn adopt(shared: &Shared, rgd: &Value, revisions: &Revisions) -> Result<(), ApiError> {
    for revision in &revisions.live {
        let Some(patch) = wire::adoption(&revision.object, rgd) else { continue };
        let name = text(&revision.object, &["metadata", "name"]);
        tracing::info!(revision = name, "revision adopted");
        let adopted = shared.api.merge_patch(&wire::resource(), "", name, "", &patch).await?;
        revision::observe(shared, &adopted);
    }
    Ok(())
}

/// Checks the spec as it is, and issues a revision of it. Until that serves, and if the spec is no
/// good, the latest good revision serves.
async fn issue(
    shared: &Arc<Shared>,
    rgd: &Value,
    latest: Option<i64>,
    revisions: &Revisions,
    said: &mut Said,
) -> Result<Requeue, ApiError> {
    let name = text(rgd, &["metadata", "name"]);
    if let Some(latest) = latest {
        said.resolved(latest);
    }
    let started = Instant::now();
    let compiled = compile(shared, &rgd["spec"]).await;
    let world = compiled.as_ref().err().is_some_and(CompileError::is_of_the_world);
    shared.metrics.built(name, started.elapsed(), compiled.is_ok());
    match compiled {
        Err(error) if world => {
            tracing::warn!(rgd = name, %error, "a definition can't be compiled now");
            Ok(Requeue::RateLimited)
        }
        Err(error) => {
            said.rejected(error.to_string());
            said.order = Order::Clear;
            shared.registry.miss(name, error.missing());
            let requeue = if error.may_pass() { Requeue::RateLimited } else { Requeue::Done };
            let good = revisions.latest().and_then(|latest| {
                match shared.registry.state(name, latest.number)? {
                    State::Active(graph) => Some((latest.number, graph)),
                    State::Pending | State::Failed(_) => None,
                }
            });
            match good {
                Some((number, graph)) => {
                    match serve(shared, rgd, number, &graph, revisions, said).await {
                        Requeue::Done => Ok(requeue),
                        again => Ok(again),
                    }
                }
                None => {
                    let why = match latest {
                        None => "latest issued graph revision not available".to_owned(),
                        Some(number) => format!("latest issued graph revision {number} failed"),
                    };
                    report_to_instances(shared, rgd, why);
                    Ok(requeue)
                }
            }
        }
        Ok(graph) => {
            shared.registry.miss(name, BTreeSet::new());
            create(shared, rgd, &graph, said).await
        }
    }
}

/// Creates the next revision, after a look at those that the API server has.
async fn create(
    shared: &Shared,
    rgd: &Value,
    graph: &Arc<Graph>,
    said: &mut Said,
) -> Result<Requeue, ApiError> {
    let name = text(rgd, &["metadata", "name"]);
    let selector = format!("spec.snapshot.name={name}");
    let listed = shared.api.list_selected(&wire::resource(), &selector).await?;
    listed.iter().for_each(|object| revision::observe(shared, object));
    let revisions = Revisions::sorted(listed.into_iter().map(Arc::new));
    let hash = spec_hash(&rgd["spec"]);
    let known = revisions
        .latest()
        .is_some_and(|latest| spec_hash(&latest.object["spec"]["snapshot"]["spec"]) == hash);
    if known || revisions.settling() {
        // A predecessor of this process issued it, and the watch had not seen it yet.
        return Ok(Requeue::Now);
    }
    let issued = rgd["status"]["lastIssuedRevision"].as_i64().unwrap_or(0);
    let number = revisions.next(issued);
    let reason = if revisions.live.is_empty() { "no_revision" } else { "spec_changed" };
    let object = wire::build(rgd, number, &hash, &shared.options.kro_version);
    let created = match shared.api.create(&wire::resource(), &object).await {
        Ok(created) => created,
        Err(error) if error.code() == 409 => return Ok(Requeue::RateLimited),
        Err(error) => {
            said.rejected(format!("failed to create graph revision {number}: {error}"));
            return Ok(Requeue::RateLimited);
        }
    };
    shared.registry.expect(name, number);
    tracing::info!(rgd = name, revision = number, nodes = graph.nodes.len(), "revision issued");
    shared.metrics.issued(reason);
    said.accepted();
    said.issued(number);
    said.order = Order::Of(graph.clone());
    revision::observe(shared, &created);
    Ok(Requeue::Done)
}

/// Deletes revisions beyond the limit, but not the one that serves. What fails is tried again the
/// next time.
async fn collect(shared: &Shared, rgd: &str, revisions: &Revisions) {
    let serving = shared.registry.serving(rgd);
    let excess = revisions.excess(shared.options.max_graph_revisions).iter();
    for revision in excess.filter(|revision| Some(revision.number) != serving) {
        let metadata = |key| text(&revision.object, &["metadata", key]);
        let (name, uid) = (metadata("name"), metadata("uid"));
        match shared.api.delete(&wire::resource(), "", name, uid).await {
            Ok(deleted) => {
                shared.metrics.collected();
                match deleted {
                    Deleted::Gone => {
                        shared.revisions.observe_delete(&ObjectKey::cluster(name), uid);
                    }
                    Deleted::Going(object) => revision::observe(shared, &object),
                }
            }
            Err(error) => {
                shared.metrics.not_collected();
                tracing::warn!(revision = name, %error, "an old revision can't be deleted");
            }
        }
    }
}

/// Installs the kind and serves it, and says so.
async fn serve(
    shared: &Arc<Shared>,
    rgd: &Value,
    number: i64,
    graph: &Arc<Graph>,
    revisions: &Revisions,
    said: &mut Said,
) -> Requeue {
    match install(shared, rgd, number, graph).await {
        Ok(()) => {
            said.serving(&graph.instance.gvk.kind);
            Requeue::Done
        }
        Err(failure) => {
            if matches!(&failure, Failure::Crd(CrdError::Breaking(..))) {
                resume(shared, rgd, number, revisions).await;
            }
            said.not_serving(failure.to_string());
            Requeue::RateLimited
        }
    }
}

/// After a start: revision `blocked` would break instances, so the newest before it whose kind is
/// installed serves on.
async fn resume(shared: &Arc<Shared>, rgd: &Value, blocked: i64, revisions: &Revisions) {
    let name = text(rgd, &["metadata", "name"]);
    if shared.registry.serving(name).is_some() {
        return;
    }
    for revision in revisions.live.iter().rev().filter(|revision| revision.number < blocked) {
        let number = revision.number;
        match compile(shared, &revision.object["spec"]["snapshot"]["spec"]).await {
            Ok(graph) => match install(shared, rgd, number, &graph).await {
                Ok(()) => {
                    tracing::info!(rgd = name, revision = number, blocked, "serving an older one");
                    return;
                }
                // It was blocked itself.
                Err(Failure::Crd(CrdError::Breaking(..))) => {}
                Err(error) => {
                    tracing::warn!(rgd = name, revision = number, %error, "can't serve");
                    return;
                }
            },
            Err(error) if error.is_of_the_world() => {
                tracing::warn!(rgd = name, revision = number, %error, "can't be compiled now");
                return;
            }
            Err(_) => {}
        }
    }
}

/// Installs the CRD, watches the kinds, and lets the graph serve.
async fn install(
    shared: &Shared,
    rgd: &Value,
    number: i64,
    graph: &Arc<Graph>,
) -> Result<(), Failure> {
    let name = text(rgd, &["metadata", "name"]);
    let crd = crd::ensure(shared, rgd, graph).await?;
    let applied = || graph.nodes.iter().filter(|node| !node.is_external());
    for node in applied() {
        let mut reads = node.read.clone();
        reads.add(DEFAULT_PATH);
        shared.watching.children(Owner::Definition(name.to_owned()), &node.kind, &reads)?;
    }
    crd::watch_instances(shared, &crd)?;
    let gvk = &graph.instance.gvk;
    let kind = GroupKind { group: gvk.group.clone(), kind: gvk.kind.clone() };
    let uid = text(rgd, &["metadata", "uid"]);
    let fresh = shared.registry.serve((name, uid), kind.clone(), number, graph);
    let uses: BTreeSet<GroupKind> = applied().map(|node| group_kind(&node.kind)).collect();
    shared.unwatch(&Owner::Definition(name.to_owned()), |kind| uses.contains(kind));
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

/// A definition without a graph: its instances say so.
fn report_to_instances(shared: &Shared, rgd: &Value, why: String) {
    let name = text(rgd, &["metadata", "name"]);
    let schema = &rgd["spec"]["schema"];
    let (Some(kind), group) = (schema["kind"].as_str(), schema["group"].as_str()) else { return };
    let kind = GroupKind { group: group.unwrap_or("kro.run").to_owned(), kind: kind.to_owned() };
    let crd = format!("{}.{}", schema::pluralize(&kind.kind), kind.group);
    let owner = shared.crds.get(&ObjectKey::cluster(crd));
    let others = owner.is_some_and(|crd| {
        let owner = label(&crd.data, names::RGD_NAME);
        !owner.is_empty() && owner != name
    });
    if !others && shared.registry.fail(name, kind.clone(), why) {
        wake_instances(shared, &kind);
    }
}

/// Stops serving, and lets the definition go.
async fn remove(shared: &Shared, rgd: &Value) -> Result<Requeue, ApiError> {
    let started = Instant::now();
    let name = text(rgd, &["metadata", "name"]);
    stop_serving(shared, name, Some(text(rgd, &["metadata", "uid"])));
    if shared.options.allow_crd_deletion {
        crd::delete_of(shared, name).await?;
    }
    let Some(patch) = finalizer::patch(rgd, false) else { return Ok(Requeue::Done) };
    match shared.api.merge_patch(&resource(), "", name, "", &patch).await {
        Ok(_) => {}
        Err(error) if error.code() == 404 => {}
        Err(error) => return Err(error),
    }
    shared.metrics.definition_removed(name, started.elapsed());
    Ok(Requeue::Done)
}

/// Instances of the definition get nothing but deletion from now on.
fn stop_serving(shared: &Shared, name: &str, uid: Option<&str>) {
    let served = shared.registry.stop(name, uid);
    shared.unwatch(&Owner::Definition(name.to_owned()), |_| false);
    if let Some(kind) = &served {
        wake_instances(shared, kind);
    }
}

fn observe(shared: &Shared, answer: &Value) {
    if let Err(error) = shared.rgds.observe_write(answer.clone()) {
        tracing::warn!(%error, "the answer to a write is no object");
    }
}
