//! Somebody asked for the deletion of the object.

use std::time::Duration;

use runtime::workers::Requeue;

use super::Attempt;
use super::Known;
use super::Latest;
use super::Next;
use super::failed;
use super::terminal;
use super::wait;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Resource;
use crate::resource::Then;

pub(super) fn decide<R: Resource>(known: &Known<R>) -> Next<R::Call> {
    if !known.is_managed() {
        return Next::Finish { verdict: None, requeue: Requeue::Done };
    }
    if !known.scope.deletes || known.scope.read_only {
        return release(known);
    }
    match &known.latest {
        Latest::Unread => Next::Read { after: Duration::ZERO },
        Latest::Absent => release(known),
        Latest::Failed(failure) => failed::<R>(failure),
        Latest::Present(latest) => present(known, latest),
    }
}

fn present<R: Resource>(known: &Known<R>, latest: &Observed<R>) -> Next<R::Call> {
    match &known.delete {
        Attempt::Untried => match &latest.phase {
            Phase::Ready | Phase::Unusable => {
                Next::Delete(R::delete(&known.desired(), latest, &known.scope.place))
            }
            Phase::Busy(pause) | Phase::Leaving(pause) => wait(pause),
        },
        Attempt::Done(Then::Settled) => release(known),
        Attempt::Done(Then::Wait(pause)) => wait(pause),
        Attempt::Done(Then::Refuse(reason)) => terminal(reason.clone()),
        Attempt::Failed(failure) if failure.has_code(R::KIND.missing) => release(known),
        Attempt::Failed(failure) => failed::<R>(failure),
    }
}

/// Lets the object go.
fn release<R: Resource>(known: &Known<R>) -> Next<R::Call> {
    Next::Patch(known.object.without_finalizer(&R::KIND))
}
