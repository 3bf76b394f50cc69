//! AWS has no such resource, and the object is to stay.

use std::time::Duration;

use runtime::workers::Requeue;

use super::Attempt;
use super::Known;
use super::Next;
use super::recoverable;
use super::terminal;
use crate::aws::Effect;
use crate::aws::Failure;
use crate::object::annotations;
use crate::resource::Resource;
use crate::scope::Adoption;

/// Pauses before the reads that follow a creation, after the first: AWS may take a moment until it
/// knows what it has made. Ten seconds in all.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_secs(3),
    Duration::from_secs(4),
];

pub(super) fn decide<R: Resource>(known: &Known<R>) -> Next<R::Call> {
    match &known.create {
        Attempt::Untried => begin(known),
        Attempt::Done(()) => look(known),
        Attempt::Failed(failure) => refused(known, failure),
    }
}

fn begin<R: Resource>(known: &Known<R>) -> Next<R::Call> {
    if known.scope.read_only {
        return not_found("read-only resource not found");
    }
    let adopts = matches!(known.scope.adoption, Some(Adoption::Adopt { .. }));
    if adopts || known.object.is_set(annotations::ADOPTED) {
        return not_found("adopted resource not found");
    }
    // The finalizer comes first: were we killed after the creation, it would tell that the
    // resource is ours.
    if !known.is_managed() {
        return Next::Patch(known.object.with_finalizer(&R::KIND));
    }
    match R::create(&known.desired(), &known.scope.place) {
        Ok(call) => Next::Create(call),
        Err(unfit) => terminal(unfit.to_string()),
    }
}

/// There is nothing to report about: the status stays as it is.
fn not_found<Call>(reason: &'static str) -> Next<Call> {
    tracing::warn!(reason, "nothing to do");
    Next::Finish { verdict: None, requeue: Requeue::RateLimited }
}

/// Created, but AWS does not know it yet.
fn look<R: Resource>(known: &Known<R>) -> Next<R::Call> {
    let attempts = known.reads_after_create;
    let pause = attempts.checked_sub(1).and_then(|failed| PAUSES.get(failed as usize));
    match pause {
        Some(pause) => Next::Read { after: *pause },
        None if attempts == 0 => Next::Read { after: Duration::ZERO },
        None => recoverable(format!(
            "ReadOne call failed after a Create operation: number of attempts: {attempts}"
        )),
    }
}

fn refused<R: Resource>(known: &Known<R>, failure: &Failure) -> Next<R::Call> {
    match failure.effect {
        // It may have been made: the finalizer stays, and the next pass looks.
        Effect::Unknown => recoverable(failure.message.clone()),
        Effect::None if failure.has_code(R::KIND.terminal) => terminal(failure.message.clone()),
        // An earlier pass of ours made it, and the read came too early to see it.
        Effect::None if failure.has_code(R::KIND.exists) && known.managed_before => look(known),
        Effect::None if known.is_managed() => Next::Patch(known.object.without_finalizer(&R::KIND)),
        Effect::None => recoverable(failure.message.clone()),
    }
}
