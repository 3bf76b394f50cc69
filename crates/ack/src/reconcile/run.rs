//! The loop around the decisions.

use std::time::Duration;

use runtime::workers::Requeue;
use serde_json::Value as Json;

use super::Attempt;
use super::Known;
use super::Latest;
use super::Next;
use super::References;
use super::decide;
use super::status_patch;
use crate::aws::Failure;
use crate::conditions::Also;
use crate::conditions::Verdict;
use crate::event::Event;
use crate::object::Object;
use crate::reference;
use crate::reference::Unresolved;
use crate::resource::Asked;
use crate::resource::Depth;
use crate::resource::Observed;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::scope::OutOfScope;
use crate::shape::Time;

/// When an object without a role is looked at again.
const NO_ROLE: Duration = Duration::from_secs(15);

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
        asked: &Asked<'_, R>,
    ) -> impl Future<Output = Result<Option<Observed<R>>, Failure>> + Send;

    /// Sends a request to AWS.
    fn send(&self, call: R::Call) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sends a merge patch to the API server.
    fn patch(&self, target: Target, patch: &Json) -> impl Future<Output = Patched> + Send;

    /// The object is synced, and says so: what was asked of AWS is as its spec says.
    fn settled(&self, _object: &Object<R::Spec>, _depth: Depth) {}

    /// Another object that a reference names; `None` if there is none.
    fn referenced(
        &self,
        target: &reference::Target,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<Json>, String>> + Send;

    /// Something happened that people want to know.
    fn tell(&self, _object: &Object<R::Spec>, _event: &Event) {}

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
/// Requests are made one after another. If nothing has changed, nothing is written. What is said,
/// wherever it is said, quotes no policy.
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
            Next::Resolve => known.references = resolve(world, &known).await,
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
                if known.create == Attempt::Done(()) {
                    world.tell(&known.object, &Event::created(R::KIND.kind, id::<R>(&known)));
                }
            }
            Next::Update { plan, fields } => {
                let changes = !plan.calls.is_empty();
                known.update = perform(world, plan).await;
                if changes && matches!(known.update, Attempt::Done(_)) {
                    let event = Event::changed(R::KIND.kind, id::<R>(&known), &fields);
                    world.tell(&known.object, &event);
                }
            }
            Next::Delete(plan) => {
                known.delete = perform(world, plan).await;
                if known.delete == Attempt::Done(Then::Settled) {
                    world.tell(&known.object, &Event::deleted(R::KIND.kind, id::<R>(&known)));
                }
            }
            Next::Patch(patch) => match world.patch(Target::Object, &patch).await {
                Patched::Now(object) => {
                    let was = std::mem::replace(&mut known.object, Object::parse(&object));
                    let let_go = was.deleting && was.is_managed(&R::KIND);
                    if let_go && !known.scope.deletes && !known.scope.read_only {
                        world.tell(&was, &Event::kept(R::KIND.kind, id::<R>(&known)));
                    }
                }
                other => known.interrupted = Some(interruption(&other)),
            },
            Next::Finish { verdict: None, requeue } => return requeue,
            Next::Finish { verdict: Some(verdict), requeue } => {
                let verdict = verdict.in_words(|text| known.documents().withheld(text));
                let latest = match &known.latest {
                    Latest::Present(latest) => Some(&**latest),
                    Latest::Unread | Latest::Absent | Latest::Failed(_) => None,
                };
                let place = Some(&known.scope.place);
                let also = known.also();
                let (object, verdict) = (&known.object, &verdict);
                let then = report(world, object, place, latest, verdict, &also, requeue).await;
                // Not before the status says so.
                if *verdict == Verdict::Synced && then == requeue {
                    world.settled(object, known.depth);
                }
                return then;
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
        OutOfScope::NoRole(reason) => {
            (Verdict::NoRole(reason.to_string()), Requeue::After(NO_ROLE))
        }
        OutOfScope::Endpoint(_) => {
            let cause = std::error::Error::source(reason).map(|cause| format!(": {cause}"));
            let message = format!("{reason}{}", cause.unwrap_or_default());
            (Verdict::Recoverable(message), Requeue::RateLimited)
        }
    };
    report(world, object, None, None, &verdict, &Also::default(), requeue).await
}

/// The values of all fields that the spec gives by reference.
async fn resolve<R: Resource>(world: &impl World<R>, known: &Known<R>) -> References {
    let mut values = Vec::new();
    for referrer in R::REFERRERS {
        let Some(from) = (referrer.reference)(&known.object.spec).and_then(|r| r.from.as_ref())
        else {
            continue;
        };
        let name = from.name.as_deref().unwrap_or_default();
        let own = known.object.namespace.as_str();
        let namespace = from.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(own);
        if namespace != own && !known.scope.cross_namespace {
            return References::Failed(Unresolved::forbidden(own, namespace, name));
        }
        let found = match world.referenced(&referrer.target, namespace, name).await {
            Ok(found) => referrer.target.value(found.as_ref(), namespace, name),
            Err(error) => Err(Unresolved::unknown(error)),
        };
        match found {
            Ok(value) => values.push(value),
            Err(unresolved) => return References::Failed(unresolved),
        }
    }
    References::Resolved(values)
}

/// Writes the status if there is something new.
async fn report<R: Resource>(
    world: &impl World<R>,
    object: &Object<R::Spec>,
    place: Option<&Place>,
    latest: Option<&Observed<R>>,
    verdict: &Verdict,
    also: &Also,
    requeue: Requeue,
) -> Requeue {
    let Some(patch) = status_patch(object, place, latest, (verdict, also), world.now()) else {
        return requeue;
    };
    tracing::info!(?verdict, "status changes");
    if let Some(event) = Event::failed(verdict, requeue) {
        world.tell(object, &event);
    }
    match world.patch(Target::Status, &patch).await {
        Patched::Now(_) => requeue,
        other => interruption(&other),
    }
}

/// What the resource is called.
fn id<R: Resource>(known: &Known<R>) -> &str {
    R::identity(&known.object.spec).unwrap_or_default()
}

async fn read<R: Resource>(world: &impl World<R>, known: &mut Known<R>) {
    let recorded = known.object.recorded_status::<R::Status>();
    let asked = Asked {
        desired: &known.desired(),
        recorded: &recorded,
        arn: known.arn(),
        since: known.object.created,
        depth: known.depth(),
    };
    known.latest = match world.read(&asked).await {
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
