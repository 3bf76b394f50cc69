//! AWS has the resource, and the object is to stay.

use std::time::Duration;

use runtime::workers::Requeue;
use serde_json::Value as Json;
use serde_json::json;

use super::Attempt;
use super::Known;
use super::Next;
use super::failed;
use super::terminal;
use super::wait;
use crate::conditions::Verdict;
use crate::object::annotations;
use crate::patch;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Resource;
use crate::resource::Then;
use crate::scope::Adoption;
use crate::shape::Delta;
use crate::shape::Shape;

/// When a resource that AWS does not call usable is read again.
const UNUSABLE: Duration = Duration::from_secs(30);

pub(super) fn decide<R: Resource>(known: &Known<R>, latest: &Observed<R>) -> Next<R::Call> {
    if known.scope.read_only {
        return settled(known, latest);
    }
    if !known.is_managed() {
        return unmanaged(known, latest);
    }
    match &known.update {
        Attempt::Untried => compare(known, latest),
        Attempt::Done(Then::Settled) => settled(known, latest),
        Attempt::Done(Then::Wait(pause)) => wait(pause),
        Attempt::Done(Then::Refuse(reason)) => terminal(reason.clone()),
        Attempt::Failed(failure) => failed::<R>(failure),
    }
}

/// The resource exists and is not ours, yet.
fn unmanaged<R: Resource>(known: &Known<R>, latest: &Observed<R>) -> Next<R::Call> {
    let adopted = |spec: Option<Json>| {
        let mut patch = known.object.with_finalizer(&R::KIND);
        patch["metadata"]["annotations"] = json!({ annotations::ADOPTED: "true" });
        if let Some(spec) = spec {
            patch["spec"] = spec;
        }
        Next::Patch(patch)
    };
    match (&known.scope.adoption, &latest.phase) {
        (Some(Adoption::Adopt { .. }), _) => adopted(spec_patch(known, &known.shown(latest))),
        (Some(Adoption::AdoptOrCreate { .. }), _) => adopted(None),
        // What is on its way out may well be what an earlier object of the same name has left.
        // Differs from ACK: it calls this "Resource already exists", for good.
        (None, Phase::Leaving(pause)) => wait(pause),
        (None, Phase::Ready | Phase::Unusable | Phase::Busy(_)) => {
            Next::Finish { verdict: Some(Verdict::AlreadyExists), requeue: Requeue::Done }
        }
    }
}

fn compare<R: Resource>(known: &Known<R>, latest: &Observed<R>) -> Next<R::Call> {
    match &latest.phase {
        Phase::Busy(pause) | Phase::Leaving(pause) => return wait(pause),
        Phase::Ready | Phase::Unusable => {}
    }
    let mut desired = known.desired();
    R::left_to_aws(&mut desired, &latest.spec);
    let delta = Delta::between(&desired, &latest.spec, "spec");
    if delta.is_empty() {
        return settled(known, latest);
    }
    let fields: Vec<String> = delta.paths().map(str::to_owned).collect();
    tracing::info!(differs = ?fields, "resource differs from spec");
    match R::update(&desired, latest, &delta, &known.scope.place) {
        Ok(plan) => Next::Update { plan, fields },
        Err(unfit) => terminal(unfit.to_string()),
    }
}

/// AWS has what the spec says: late-initialised fields are written back, once.
fn settled<R: Resource>(known: &Known<R>, latest: &Observed<R>) -> Next<R::Call> {
    if !known.scope.read_only {
        // What the user leaves to AWS, as it is after what this pass has changed.
        let mut settled = known.desired();
        R::left_to_aws(&mut settled, &latest.spec);
        let mut spec = known.object.spec.clone();
        if spec.late_initialize(&settled)
            && let Some(patch) = spec_patch(known, &spec)
        {
            return Next::Patch(known.object.locked(json!({ "spec": patch })));
        }
    }
    match &latest.phase {
        Phase::Ready => {
            Next::Finish { verdict: Some(Verdict::Synced), requeue: Requeue::After(known.resync) }
        }
        Phase::Unusable => {
            Next::Finish { verdict: Some(Verdict::NotSynced), requeue: Requeue::After(UNUSABLE) }
        }
        Phase::Busy(pause) | Phase::Leaving(pause) => wait(pause),
    }
}

/// The patch that brings the stored spec to `spec`; fields that no row has stay as they are.
fn spec_patch<R: Resource>(known: &Known<R>, spec: &R::Spec) -> Option<Json> {
    let spec = serde_json::to_value(spec).unwrap_or_default();
    patch::between(&known.object.raw_spec, &spec)
}
