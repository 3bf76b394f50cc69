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

use runtime::discretion::Documents;
use runtime::workers::Requeue;
use serde_json::Value as Json;

use crate::aws::Failure;
use crate::conditions::Also;
use crate::conditions::Verdict;
use crate::object::Object;
use crate::object::annotations;
use crate::reference::Unresolved;
use crate::resource::Depth;
use crate::resource::Observed;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::resource::Wait;
use crate::scope::Adoption;
use crate::scope::Scope;
use crate::shape::Shape;

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
    /// The values of fields that the spec gives by reference.
    pub references: References,
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
    /// How much is read of what is known to be ours.
    pub depth: Depth,
    /// The object is gone, or has changed under our hands: a later pass goes on.
    pub interrupted: Option<Requeue>,
}

/// What is known of the objects that the spec refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum References {
    /// Not asked yet.
    Unresolved,
    /// The values of those referrers that are used, in the order of the kind's list.
    Resolved(Vec<String>),
    /// There is no value, for now.
    Failed(Unresolved),
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
    /// Look up what the spec refers to.
    Resolve,
    /// Ask AWS, after a pause.
    Read {
        /// The pause.
        after: Duration,
    },
    /// Create the resource.
    Create(Call),
    /// Change the resource.
    Update {
        /// The requests.
        plan: Plan<Call>,
        /// Fields that differ.
        fields: Vec<String>,
    },
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
            references: References::Unresolved,
            latest: Latest::Unread,
            reads_after_create: 0,
            create: Attempt::Untried,
            update: Attempt::Untried,
            delete: Attempt::Untried,
            depth: Depth::Everything,
            interrupted: None,
        }
    }

    /// What AWS is to have: the spec in canonical form with all tags.
    pub fn desired(&self) -> R::Spec {
        let mut desired = self.object.spec.clone();
        if let Some(id) = self.scope.adoption.as_ref().and_then(Adoption::id) {
            R::identify(&mut desired, id);
        }
        if let References::Resolved(values) = &self.references {
            let used = R::REFERRERS.iter().filter(|r| (r.reference)(&self.object.spec).is_some());
            for (referrer, value) in used.zip(values) {
                if let Some(field) = (referrer.value)(&mut desired) {
                    *field = Some(value.clone());
                }
            }
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

    /// The documents that AWS may have quoted.
    fn documents(&self) -> Documents {
        let mut documents = Documents::default();
        let mut sayable = vec![self.scope.place.account.as_str()];
        sayable.extend(R::identity(&self.object.spec));
        sayable.extend(self.arn());
        if let Latest::Present(latest) = &self.latest {
            sayable.push(&latest.arn);
            add_documents(&mut documents, &latest.spec, &sayable);
        }
        add_documents(&mut documents, &self.desired(), &sayable);
        documents
    }

    /// The ARN that the resource is known by, so far.
    fn arn(&self) -> Option<&str> {
        let adopted = self.scope.adoption.as_ref().and_then(Adoption::id);
        self.object.recorded("arn").or(adopted.filter(|id| id.starts_with("arn:")))
    }

    /// What the conditions say beside the verdict.
    fn also(&self) -> Also {
        let names = R::REFERRERS
            .iter()
            .filter_map(|referrer| (referrer.reference)(&self.object.spec)?.from.as_ref());
        let elsewhere = names
            .filter_map(|from| from.namespace.as_deref())
            .find(|namespace| !namespace.is_empty() && *namespace != self.object.namespace);
        Also {
            late: !self.scope.read_only && R::Spec::rows().iter().any(|row| row.late),
            resolved: matches!(&self.references, References::Resolved(values) if !values.is_empty()),
            elsewhere: elsewhere.map(str::to_owned),
            role: self.scope.role.as_ref().and_then(|role| role.selected.clone()),
        }
    }

    /// How much is to be read now. Of what is to go, and of what is not ours, nothing but that it is
    /// there; what we have just made has AWS's defaults where the spec says nothing.
    fn depth(&self) -> Depth {
        let ours = self.is_managed() || self.scope.adoption.is_some() || self.scope.read_only;
        if self.object.deleting || !ours {
            Depth::Existence
        } else if self.create != Attempt::Untried {
            Depth::InUse
        } else {
            self.depth
        }
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
    if let Some(reason) = R::refuses(&known.desired()) {
        return terminal(reason);
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
    let refers = R::REFERRERS.iter().any(|r| (r.reference)(&known.object.spec).is_some());
    match &known.references {
        References::Unresolved if refers => {
            if let Some(message) = both_forms(known) {
                let verdict = Verdict::Unresolved(Unresolved::unknown(message));
                return Next::Finish { verdict: Some(verdict), requeue: Requeue::Done };
            }
            return Next::Resolve;
        }
        // What is only read, or filled in from AWS, does not depend on the value.
        References::Failed(reason)
            if !known.scope.read_only
                && !matches!(known.scope.adoption, Some(Adoption::Adopt { .. })) =>
        {
            let verdict = Some(Verdict::Unresolved(reason.clone()));
            return Next::Finish { verdict, requeue: Requeue::RateLimited };
        }
        References::Unresolved | References::Failed(_) | References::Resolved(_) => {}
    }
    match &known.latest {
        Latest::Unread => Next::Read { after: Duration::ZERO },
        Latest::Failed(failure) => failed::<R>(failure),
        Latest::Absent => create::decide(known),
        Latest::Present(latest) => update::decide(known, latest),
    }
}

/// Adds the documents of a spec: the fields whose rows have the column `document`.
fn add_documents<S: Shape>(documents: &mut Documents, spec: &S, sayable: &[&str]) {
    let rows = S::rows();
    let mut fields = rows.iter().filter(|row| row.document).peekable();
    if fields.peek().is_none() {
        return;
    }
    let spec = serde_json::to_value(spec).unwrap_or_default();
    for text in fields.filter_map(|row| spec.get(row.name)?.as_str()) {
        documents.add(text, sayable);
    }
}

/// A field is given both by value and by reference.
fn both_forms<R: Resource>(known: &Known<R>) -> Option<String> {
    let mut spec = known.object.spec.clone();
    R::REFERRERS.iter().find_map(|referrer| {
        (referrer.reference)(&known.object.spec)?;
        (referrer.value)(&mut spec)?.as_ref()?;
        let (one, other) = (referrer.value_field, referrer.field);
        Some(format!(
            "both resource reference wrapper and ID cannot be used together: {one},{other}"
        ))
    })
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
