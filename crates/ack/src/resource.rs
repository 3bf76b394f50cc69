//! What a kind gives to the reconcile that all kinds share.

use std::fmt;
use std::time::Duration;

use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::Kind;
use crate::reference::Referrer;
use crate::shape::Delta;
use crate::shape::Shape;
use crate::shape::Time;
use crate::shape::Unfit;
use crate::tags::Tags;

/// A kind: its data, its shapes, and the few functions that AWS makes necessary.
///
/// All but [`read`](Resource::read) and [`send`](Resource::send) are pure.
pub trait Resource: Sized + Send + Sync + 'static {
    /// Names, codes, columns.
    const KIND: Kind;
    /// The fields that can be given by reference.
    const REFERRERS: &'static [Referrer<Self::Spec>] = &[];
    /// The spec.
    type Spec: Shape + Send + Sync;
    /// The status without conditions and `ackResourceMetadata`.
    type Status: Shape + Send + Sync;
    /// One request to AWS that changes something.
    type Call: Clone + fmt::Debug + PartialEq + Send + Sync;

    /// Brings a spec into the one form in which specs are compared.
    fn canonical(spec: &mut Self::Spec);

    /// Brings a canonical spec into the form that the user's spec has, to be written back.
    fn in_form_of(spec: &mut Self::Spec, user: &Self::Spec);

    /// The tags of a canonical spec.
    fn tags(spec: &Self::Spec) -> Tags;

    /// Replaces the tags of a canonical spec.
    fn set_tags(spec: &mut Self::Spec, tags: Tags);

    /// What names the resource: the value of the adoption key.
    fn identity(spec: &Self::Spec) -> Option<&str>;

    /// Puts the value of the adoption key into a spec.
    fn identify(spec: &mut Self::Spec, id: &str);

    /// Why a canonical spec can't be had, whatever AWS has; `None` if it may.
    fn refuses(_desired: &Self::Spec) -> Option<String> {
        None
    }

    /// Settles in a canonical spec what the user leaves to AWS: it is no difference.
    fn left_to_aws(desired: &mut Self::Spec, latest: &Self::Spec) {
        desired.late_initialize(latest);
    }

    /// The request that creates the resource.
    ///
    /// # Errors
    ///
    /// The spec has a value that AWS has no place for.
    fn create(desired: &Self::Spec, place: &Place) -> Result<Self::Call, Unfit>;

    /// The next requests that bring the resource from `latest` to `desired`, which differ in
    /// `delta`. It need not be all: what follows [`Then::Wait`] is planned anew.
    ///
    /// # Errors
    ///
    /// The spec has a value that AWS has no place for.
    fn update(
        desired: &Self::Spec,
        latest: &Observed<Self>,
        delta: &Delta,
        place: &Place,
    ) -> Result<Plan<Self::Call>, Unfit>;

    /// The requests that delete the resource; [`Then::Settled`] lets the object go.
    fn delete(desired: &Self::Spec, latest: &Observed<Self>, place: &Place) -> Plan<Self::Call>;

    /// Reads the resource with as few requests as tell what is asked for. What is not read is
    /// answered as desired.
    ///
    /// # Errors
    ///
    /// AWS did not say whether there is such a resource.
    fn read(
        aws: &Regional,
        asked: &Asked<'_, Self>,
        place: &Place,
    ) -> impl Future<Output = Result<Option<Observed<Self>>, Failure>> + Send;

    /// Sends one request.
    ///
    /// # Errors
    ///
    /// [`Failure`] says whether it may have had an effect all the same.
    fn send(aws: &Regional, call: Self::Call) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What a read is about.
#[derive(Debug)]
pub struct Asked<'a, R: Resource> {
    /// What AWS is to have, in canonical form.
    pub desired: &'a R::Spec,
    /// What an earlier pass has recorded of the kind's status.
    pub recorded: &'a R::Status,
    /// The ARN that an earlier pass has recorded, or that is to be adopted.
    pub arn: Option<&'a str>,
    /// When the object was created.
    pub since: Option<Time>,
    /// How much is to be read.
    pub depth: Depth,
}

/// How much of a resource is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whether it is there, and what its deletion depends on.
    Existence,
    /// What the spec makes use of: enough where the resource has just been made.
    InUse,
    /// What the kind reads in a resync of an object that has not changed. The number counts these
    /// resyncs from one since everything was read.
    Resync(u32),
    /// Everything that the rows compare.
    Everything,
}

impl Depth {
    /// Whether everything is read: in a resync, by one of so many.
    pub(crate) fn is_everything_by_one_of(self, resyncs: u32) -> bool {
        match self {
            Self::Existence | Self::InUse => false,
            Self::Resync(number) => number.is_multiple_of(resyncs),
            Self::Everything => true,
        }
    }
}

/// Where a resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Account that owns the resource.
    pub account: String,
    /// Region.
    pub region: String,
    /// Partition of AWS that the region belongs to.
    pub partition: &'static str,
}

impl Place {
    /// The place of an account in a region.
    pub fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        let (account, region) = (account.into(), region.into());
        let partition = match region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
            Some(_) | None => "aws",
        };
        Self { account, region, partition }
    }
}

/// What AWS has.
#[derive(Debug)]
pub struct Observed<R: Resource> {
    /// In canonical form, with all tags.
    pub spec: R::Spec,
    /// The status fields of the kind.
    pub status: R::Status,
    /// Name of the resource in all of AWS.
    pub arn: String,
    /// Whether it can be worked with.
    pub phase: Phase,
}

/// Whether a resource can be worked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It can be used and changed.
    Ready,
    /// It can be changed, but not used: it does not count as synced.
    Unusable,
    /// It is being made or changed: nothing to do until it is done.
    Busy(Wait),
    /// It is being deleted.
    Leaving(Wait),
}

/// Something that passes with time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// When to look again.
    pub after: Duration,
    /// What for.
    pub message: String,
}

/// Requests in order, and what holds when the last has succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<C> {
    /// The requests.
    pub calls: Vec<C>,
    /// What then.
    pub then: Then,
}

/// What holds after a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// AWS has what was wanted.
    Settled,
    /// AWS takes its time, or more is to be done.
    Wait(Wait),
    /// What is wanted can't be had; the text says why.
    Refuse(String),
}
