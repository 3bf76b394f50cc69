//! The reconcile of all kinds.
//!
//! ```text
//!            ┌────────────────── Known ──────────────────┐
//! object ──► │ object, scope, what AWS has, what was done │ ──► decide() ──► Next
//!            └───────────────────────────────────────────┘                     │
//!                 ▲            one read, call or patch                         │
//!                 └──────────────────── World ◄────────────────────────────────┘
//! ```
//!
//! [`decide`] is a pure function of what is known: it is asked again after every answer, and what
//! it decides depends on nothing else, so a process that was killed at any point goes on from what
//! it finds. [`run`] is the loop around it.

use std::time::Duration;

use runtime::workers::Requeue;
use serde_json::Value as Json;

use crate::aws::Failure;
use crate::conditions::Verdict;
use crate::object::Object;
use crate::object::annotations;
use crate::resource::Observed;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::resource::Wait;
use crate::scope::Adoption;
use crate::scope::Scope;

mod create;
mod delete;
mod run;
mod status;
mod update;

pub use run::Patched;
pub use run::Target;
pub use run::World;
pub use run::refuse;
pub use run::run;
pub use status::status_patch;

/// What is known about an object in one pass.
#[derive(Debug)]
pub struct Known<R: Resource> {
    /// The object, as the API server last told.
    pub object: Object<R::Spec>,
    /// What holds for it.
    pub scope: Scope,
    /// When a synced object is read again.
    pub resync: Duration,
    /// Whether it was managed when the pass began: an earlier pass may have created the resource.
    pub managed_before: bool,
    /// What AWS has.
    pub latest: Latest<R>,
    /// How often AWS was asked after the creation.
    pub reads_after_create: u32,
    /// What came of creating.
    pub create: Attempt<()>,
    /// What came of changing.
    pub update: Attempt<Then>,
    /// What came of deleting.
    pub delete: Attempt<Then>,
    /// The object is gone, or has changed under our hands: a later pass goes on.
    pub interrupted: Option<Requeue>,
}

/// What is known of AWS.
#[derive(Debug)]
pub enum Latest<R: Resource> {
    /// Not asked yet.
    Unread,
    /// There is no such resource.
    Absent,
    /// This is it.
    Present(Box<Observed<R>>),
    /// AWS did not say.
    Failed(Failure),
}

/// What came of one thing that is done at most once in a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt<T> {
    /// Not tried.
    Untried,
    /// Succeeded.
    Done(T),
    /// Failed.
    Failed(Failure),
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<Call> {
    /// Ask AWS, after a pause.
    Read {
        /// The pause.
        after: Duration,
    },
    /// Create the resource.
    Create(Call),
    /// Change the resource.
    Update(Plan<Call>),
    /// Delete the resource.
    Delete(Plan<Call>),
    /// Patch metadata or spec of the object.
    Patch(Json),
    /// Nothing: write the status and end the pass.
    Finish {
        /// What to say; nothing is written if `None`.
        verdict: Option<Verdict>,
        /// When to come back.
        requeue: Requeue,
    },
}

impl<R: Resource> Known<R> {
    /// What is known when a pass begins.
    pub fn new(object: Object<R::Spec>, scope: Scope, resync: Duration) -> Self {
        Self {
            managed_before: object.is_managed(&R::KIND),
            object,
            scope,
            resync,
            latest: Latest::Unread,
            reads_after_create: 0,
            create: Attempt::Untried,
            update: Attempt::Untried,
            delete: Attempt::Untried,
            interrupted: None,
        }
    }

    /// What AWS is to have: the spec in canonical form with all tags.
    pub fn desired(&self) -> R::Spec {
        let mut desired = self.object.spec.clone();
        if let Some(id) = self.scope.adoption.as_ref().and_then(Adoption::id) {
            R::identify(&mut desired, id);
        }
        R::canonical(&mut desired);
        if !self.scope.read_only {
            let latest = match &self.latest {
                Latest::Present(latest) => R::tags(&latest.spec),
                Latest::Unread | Latest::Absent | Latest::Failed(_) => Vec::new(),
            };
            let tags = self.scope.defaults.complete(R::tags(&desired), &latest);
            R::set_tags(&mut desired, tags);
        }
        desired
    }

    /// What AWS has, in the form of the object's spec and without the tags that it never shows.
    fn shown(&self, latest: &Observed<R>) -> R::Spec {
        let mut shown = latest.spec.clone();
        let tags = self.scope.defaults.strip(R::tags(&shown));
        R::set_tags(&mut shown, tags);
        R::in_form_of(&mut shown, &self.object.spec);
        shown
    }

    fn is_managed(&self) -> bool {
        self.object.is_managed(&R::KIND)
    }
}

/// Decides what to do next.
///
/// # Guarantees
///
/// Nothing is created unless our finalizer is on the object and AWS has said that there is no
/// such resource. Nothing that our finalizer does not stand for is changed or deleted. The
/// finalizer is taken away only when the resource is gone, is to be kept, or was refused by an
/// answer that proves that no creation of ours has made it.
pub fn decide<R: Resource>(known: &Known<R>) -> Next<R::Call> {
    if let Some(requeue) = known.interrupted {
        return Next::Finish { verdict: None, requeue };
    }
    if known.object.deleting {
        return delete::decide(known);
    }
    if let Some(problem) = &known.object.problem {
        return terminal(problem.clone());
    }
    if let Some(asked) = known.scope.adoption.as_ref().and_then(Adoption::id)
        && let Some(named) = R::identity(&known.object.spec).filter(|named| *named != asked)
    {
        let message = format!(
            "annotation {} names `{asked}`, and the spec names `{named}`",
            annotations::ADOPTION_FIELDS
        );
        return Next::Finish { verdict: Some(Verdict::Refused(message)), requeue: Requeue::Done };
    }
    match &known.latest {
        Latest::Unread => Next::Read { after: Duration::ZERO },
        Latest::Failed(failure) => failed::<R>(failure),
        Latest::Absent => create::decide(known),
        Latest::Present(latest) => update::decide(known, latest),
    }
}

fn failed<R: Resource>(failure: &Failure) -> Next<R::Call> {
    if failure.has_code(R::KIND.terminal) {
        terminal(failure.message.clone())
    } else {
        recoverable(failure.message.clone())
    }
}

fn terminal<Call>(message: String) -> Next<Call> {
    Next::Finish { verdict: Some(Verdict::Terminal(message)), requeue: Requeue::Done }
}

fn recoverable<Call>(message: String) -> Next<Call> {
    Next::Finish { verdict: Some(Verdict::Recoverable(message)), requeue: Requeue::RateLimited }
}

fn wait<Call>(wait: &Wait) -> Next<Call> {
    Next::Finish {
        verdict: Some(Verdict::Recoverable(wait.message.clone())),
        requeue: Requeue::After(wait.after),
    }
}
