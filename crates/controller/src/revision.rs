//! The reconcile of a GraphRevision: compile it, say so, and let it serve.
//!
//! Source: kro-controller facts, 4.

use crate::api::ApiError;
use crate::compile::{CompileError, compile};
use crate::finalizer;
use crate::instance::now;
use crate::registry::State;
use crate::shared::{Shared, enqueue};
use graph::Graph;
use object::{Revisions, definition_of, number_of, resource};
use plan::conditions::{Condition, Stamp, Status, carry_forward, is_true, reasons, types};
use plan::object::{generation, is_deleting, text};
use runtime::store::{Change, ObjectKey};
use runtime::workers::Requeue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

pub(crate) mod object;
pub(crate) mod spec_hash;

/// Brings one revision as far as it can be brought now.
///
/// # Flow
///
/// Finalizer; compile the snapshot; write the status; only then the graph may serve. Revisions
/// that were verified before and are not the latest serve nobody, and are left alone.
///
/// # Guarantees
///
/// A revision becomes active only after its status says so. What was active and compiles no
/// longer, because a kind went away, is failed; it is active again when the kind is back.
///
/// # Errors
///
/// None: what fails is said in the status, and tried again with backoff.
pub(crate) async fn reconcile(shared: &Arc<Shared>, name: String) -> Requeue {
    let Some(entry) = shared.revisions.get(&ObjectKey::cluster(name.as_str())) else {
        return Requeue::Done;
    };
    let object = entry.data.clone();
    let result = if is_deleting(&object) {
        let_go(shared, &object).await.map(|()| Requeue::Done)
    } else {
        verify(shared, &object).await
    };
    result.unwrap_or_else(|error| {
        tracing::warn!(revision = name, %error, "a revision could not be brought on");
        Requeue::RateLimited
    })
}

/// What a change of a revision means for others: its definition looks at it.
pub(crate) fn changed(shared: &Shared, change: &Change<Arc<Value>>) {
    let Some(entry) = change.new.as_ref().or(change.old.as_ref()) else { return };
    let (rgd, number) = (definition_of(&entry.data), number_of(&entry.data));
    if change.new.is_none() && shared.registry.evict(rgd, number) {
        shared.metrics.evicted();
    }
    let owners = |object: &Value| object["metadata"]["ownerReferences"].clone();
    let matters = match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            old.uid != new.uid
                || old.is_terminating() != new.is_terminating()
                || owners(&old.data) != owners(&new.data)
        }
        (None | Some(_), None) | (None, Some(_)) => true,
    };
    if matters {
        enqueue(&shared.definitions, rgd.to_owned());
    }
}

/// Whether the revision itself has to be looked at: creation, and the start of its deletion.
pub(crate) fn matters(change: &Change<Arc<Value>>) -> bool {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            old.uid != new.uid || old.is_terminating() != new.is_terminating()
        }
        (None, Some(_)) => true,
        (None | Some(_), None) => false,
    }
}

async fn verify(shared: &Arc<Shared>, object: &Arc<Value>) -> Result<Requeue, ApiError> {
    let name = text(object, &["metadata", "name"]).to_owned();
    let (rgd, number) = (definition_of(object).to_owned(), number_of(object));
    let mut object = object.clone();
    if let Some(patch) = finalizer::patch(&object, true) {
        object = Arc::new(shared.api.merge_patch(&resource(), "", &name, "", &patch).await?);
        observe(shared, &object);
    }
    let revisions = Revisions::stored(shared, &rgd);
    let latest = revisions.latest().is_some_and(|latest| latest.number == number);
    if !latest && is_true(&object["status"]["conditions"], types::GRAPH_VERIFIED) {
        return Ok(Requeue::Done);
    }
    let before = shared.registry.state(&rgd, number);
    if before.is_none() {
        note(shared, &rgd, number, State::Pending);
    }
    let started = Instant::now();
    let compiled = compile(shared, &object["spec"]["snapshot"]["spec"]).await;
    shared.metrics.compiled(started.elapsed(), compiled.is_ok());
    match compiled {
        Ok(graph) => {
            if let Err(error) = write_status(shared, &object, Ok(&graph)).await {
                shared.metrics.activation_deferred();
                return Err(error);
            }
            let same = match &before {
                Some(State::Active(old)) => Arc::ptr_eq(old, &graph),
                Some(State::Pending | State::Failed(_)) | None => false,
            };
            if latest {
                shared.registry.miss(&rgd, std::collections::BTreeSet::new());
                note(shared, &rgd, number, State::Active(graph));
            } else {
                shared.registry.evict(&rgd, number);
            }
            if !same {
                enqueue(&shared.definitions, rgd);
            }
            Ok(Requeue::Done)
        }
        Err(error) if error.is_of_the_world() => {
            tracing::warn!(revision = name, %error, "a revision can't be compiled now");
            Ok(Requeue::RateLimited)
        }
        Err(error) => {
            let why = error.to_string();
            let same = matches!(&before, Some(State::Failed(old)) if *old == why);
            shared.registry.miss(&rgd, error.missing());
            note(shared, &rgd, number, State::Failed(why));
            if !same {
                enqueue(&shared.definitions, rgd);
            }
            write_status(shared, &object, Err(&error)).await?;
            Ok(if error.may_pass() { Requeue::RateLimited } else { Requeue::Done })
        }
    }
}

fn note(shared: &Shared, rgd: &str, number: i64, state: State) {
    let to = state.as_str();
    let before = shared.registry.set(rgd, number, state);
    shared.metrics.registry_moved(before.map_or("", |before| before.as_str()), to);
}

/// Takes our finalizer off, then forgets the revision.
async fn let_go(shared: &Shared, object: &Value) -> Result<(), ApiError> {
    let name = text(object, &["metadata", "name"]);
    if let Some(patch) = finalizer::patch(object, false) {
        match shared.api.merge_patch(&resource(), "", name, "", &patch).await {
            Ok(answer) if is_empty(&answer["metadata"]["finalizers"]) => {
                let uid = text(object, &["metadata", "uid"]);
                shared.revisions.observe_delete(&ObjectKey::cluster(name), uid);
            }
            Ok(answer) => observe(shared, &answer),
            Err(error) if error.code() == 404 => {}
            Err(error) => return Err(error),
        }
    }
    shared.registry.evict(definition_of(object), number_of(object));
    shared.metrics.let_go();
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Writes the status by merge patch if it differs.
async fn write_status(
    shared: &Shared,
    object: &Value,
    compiled: Result<&Arc<Graph>, &CompileError>,
) -> Result<(), ApiError> {
    let name = text(object, &["metadata", "name"]);
    let condition = match compiled {
        Ok(_) => Condition::new(
            types::GRAPH_VERIFIED,
            Status::True,
            reasons::VERIFIED,
            "graph revision compiled and verified",
        ),
        Err(error) => Condition::new(
            types::GRAPH_VERIFIED,
            Status::False,
            reasons::INVALID_GRAPH,
            format!("failed to compile graph revision \"{name}\": {error}"),
        ),
    };
    let now = now();
    let stamp = Stamp {
        now: &now,
        created: text(object, &["metadata", "creationTimestamp"]),
        generation: generation(object),
    };
    let current = &object["status"];
    let conditions = carry_forward(&current["conditions"], types::REVISION, &[condition], stamp);
    let mut status = json!({"conditions": conditions});
    let (order, resources) = match compiled {
        Ok(graph) => topology(graph),
        Err(_) => (Value::Null, Value::Null),
    };
    status["topologicalOrder"] = order;
    status["resources"] = resources;
    if !differs(current, &status) {
        return Ok(());
    }
    let patch = json!({ "status": status });
    match shared.api.merge_patch(&resource(), "", name, "/status", &patch).await {
        Ok(answer) => observe(shared, &answer),
        Err(error) if error.code() == 404 => {}
        Err(error) => {
            shared.metrics.revision_status_failed();
            return Err(error);
        }
    }
    Ok(())
}

/// The resources in order, and the dependencies of those that have some, as a status shows them.
pub(crate) fn topology(graph: &Graph) -> (Value, Value) {
    let id = |node: &graph::NodeId| json!(graph.node(*node).id);
    let order = graph.order.iter().map(id).collect();
    let resources = graph
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
    (order, resources)
}

/// Whether `wanted` says anything that `current` does not; empty and absent are the same.
pub(crate) fn differs(current: &Value, wanted: &Value) -> bool {
    wanted.as_object().into_iter().flatten().any(|(key, value)| {
        let have = current.get(key).unwrap_or(&Value::Null);
        have != value && !(is_empty(have) && is_empty(value))
    })
}

/// Takes over what the API server answered.
pub(crate) fn observe(shared: &Shared, answer: &Value) {
    if let Err(error) = shared.revisions.observe_write(answer.clone()) {
        tracing::warn!(%error, "the answer to a write is no object");
    }
}
