//! The loop around the decisions.

use std::time::Duration;

use runtime::workers::Requeue;
use serde_json::Value as Json;

use super::Attempt;
use super::Known;
use super::Latest;
use super::Next;
use super::decide;
use super::status_patch;
use crate::aws::Failure;
use crate::conditions::Verdict;
use crate::object::Object;
use crate::resource::Observed;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::scope::OutOfScope;
use crate::shape::Time;

/// More steps than any pass takes.
const MOST_STEPS: usize = 64;

/// Which part of the object a patch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Metadata and spec.
    Object,
    /// The status.
    Status,
}

/// What came of a patch.
#[derive(Clone, Debug, PartialEq)]
pub enum Patched {
    /// The object as it is now.
    Now(Json),
    /// There is no such object any more.
    Gone,
    /// The object has changed meanwhile.
    Conflict,
    /// The API server refused, or could not be reached.
    Failed(String),
}

/// Everything outside of the process that a pass touches.
pub trait World<R: Resource>: Sync {
    /// Reads the resource.
    fn read(
        &self,
        desired: &R::Spec,
    ) -> impl Future<Output = Result<Option<Observed<R>>, Failure>> + Send;

    /// Sends a request to AWS.
    fn send(&self, call: R::Call) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sends a merge patch to the API server.
    fn patch(&self, target: Target, patch: &Json) -> impl Future<Output = Patched> + Send;

    /// Waits.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// The time that a condition changed.
    fn now(&self) -> Time;
}

/// One pass over one object.
///
/// # Flow
///
/// Asks [`decide`], does what it says, adds the answer to what is known, until it says to finish;
/// then writes the status, if there is something new.
///
/// # Guarantees
///
/// Requests are made one after another. If nothing has changed, nothing is written.
///
/// # Assumptions
///
/// No other pass over the same object runs at the same time.
///
/// # Errors
///
/// None: failures end in conditions or in the [`Requeue`].
pub async fn run<R: Resource>(world: &impl World<R>, mut known: Known<R>) -> Requeue {
    for _ in 0..MOST_STEPS {
        match decide(&known) {
            Next::Read { after } => {
                if !after.is_zero() {
                    world.pause(after).await;
                }
                read(world, &mut known).await;
            }
            Next::Create(call) => {
                known.create = match world.send(call).await {
                    Ok(()) => Attempt::Done(()),
                    Err(failure) => Attempt::Failed(failure),
                };
            }
            Next::Update(plan) => known.update = perform(world, plan).await,
            Next::Delete(plan) => known.delete = perform(world, plan).await,
            Next::Patch(patch) => match world.patch(Target::Object, &patch).await {
                Patched::Now(object) => known.object = Object::parse(&object),
                other => known.interrupted = Some(interruption(&other)),
            },
            Next::Finish { verdict: None, requeue } => return requeue,
            Next::Finish { verdict: Some(verdict), requeue } => {
                let latest = match &known.latest {
                    Latest::Present(latest) => Some(&**latest),
                    Latest::Unread | Latest::Absent | Latest::Failed(_) => None,
                };
                let place = Some(&known.scope.place);
                return report(world, &known.object, place, latest, &verdict, requeue).await;
            }
        }
    }
    tracing::error!("a pass did not come to an end");
    Requeue::RateLimited
}

/// One pass over an object about which AWS can't even be asked: says so in the status.
///
/// A region or account that has changed is no statement about the resource; the status stays as
/// it is then, and the log tells.
pub async fn refuse<R: Resource>(
    world: &impl World<R>,
    object: &Object<R::Spec>,
    reason: &OutOfScope,
) -> Requeue {
    let (verdict, requeue) = match reason {
        OutOfScope::RegionDrift { .. } | OutOfScope::AccountDrift { .. } => {
            tracing::warn!(%reason, "nothing can be done");
            return Requeue::RateLimited;
        }
        OutOfScope::Adoption(message) => (Verdict::Refused(message.clone()), Requeue::Done),
        OutOfScope::ForeignAccount(_) | OutOfScope::Endpoint(_) => {
            let cause = std::error::Error::source(reason).map(|cause| format!(": {cause}"));
            let message = format!("{reason}{}", cause.unwrap_or_default());
            (Verdict::Recoverable(message), Requeue::RateLimited)
        }
    };
    report(world, object, None, None, &verdict, requeue).await
}

/// Writes the status if there is something new.
async fn report<R: Resource>(
    world: &impl World<R>,
    object: &Object<R::Spec>,
    place: Option<&Place>,
    latest: Option<&Observed<R>>,
    verdict: &Verdict,
    requeue: Requeue,
) -> Requeue {
    let Some(patch) = status_patch(object, place, latest, verdict, world.now()) else {
        return requeue;
    };
    tracing::info!(?verdict, "status changes");
    match world.patch(Target::Status, &patch).await {
        Patched::Now(_) => requeue,
        other => interruption(&other),
    }
}

async fn read<R: Resource>(world: &impl World<R>, known: &mut Known<R>) {
    known.latest = match world.read(&known.desired()).await {
        Ok(Some(latest)) => Latest::Present(Box::new(latest)),
        Ok(None) => Latest::Absent,
        Err(failure) => Latest::Failed(failure),
    };
    if known.create != Attempt::Untried {
        known.reads_after_create += 1;
    }
}

async fn perform<R: Resource>(world: &impl World<R>, plan: Plan<R::Call>) -> Attempt<Then> {
    for call in plan.calls {
        if let Err(failure) = world.send(call).await {
            return Attempt::Failed(failure);
        }
    }
    Attempt::Done(plan.then)
}

fn interruption(patched: &Patched) -> Requeue {
    match patched {
        // After a conflict the watch brings the newer object; until then we would only meet the
        // same conflict again.
        Patched::Now(_) | Patched::Conflict => Requeue::RateLimited,
        Patched::Gone => Requeue::Done,
        Patched::Failed(error) => {
            tracing::warn!(error, "patch failed");
            Requeue::RateLimited
        }
    }
}
