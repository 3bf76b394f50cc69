//! Leader election with a `Lease`, as Go controllers do it: a process of ours and one of theirs that
//! name the same lease are never at work together.
//!
//! The holder renews the lease; if it cannot for [`LeaderOptions::renew_deadline`], it ends at once.
//! Others take the lease when it has not changed for its duration, measured by their own clocks from
//! when they saw it change last: clocks need not agree, and may jump.

use std::fmt;
use std::hash::BuildHasher;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::Client;
use kube::api::ObjectMeta;
use kube::api::PostParams;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::shutdown::Tasks;
use crate::shutdown::describe;

/// What to compete for, and how.
#[derive(Debug, Clone)]
pub struct LeaderOptions {
    /// The name of the lease.
    pub lease: String,
    /// Its namespace.
    pub namespace: String,
    /// Who we are; different for each process, see [`identity`].
    pub identity: String,
    /// For how long others wait for a holder that is silent.
    pub lease_duration: Duration,
    /// For how long a holder that cannot renew goes on.
    pub renew_deadline: Duration,
    /// How often to renew, and to look whether the lease is free.
    pub retry_period: Duration,
}

impl LeaderOptions {
    /// The durations of Go controllers: 15 s, 10 s, 2 s.
    pub fn new(lease: impl Into<String>, namespace: impl Into<String>) -> LeaderOptions {
        LeaderOptions {
            lease: lease.into(),
            namespace: namespace.into(),
            identity: identity(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Durations under which a holder could go on while another takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    /// A silent holder must end before others may take the lease.
    #[error("the lease duration must be longer than the renew deadline, and at least 1s")]
    LeaseDuration,
    /// A holder must try more than once before it gives up.
    #[error(
        "the renew deadline must be longer than the retry period by a quarter, which must not be zero"
    )]
    RenewDeadline,
}

/// Why a leader is one no longer.
#[derive(Debug, thiserror::Error)]
#[error("leadership of `{lease}` lost: {reason}")]
pub struct Lost {
    lease: String,
    reason: LostReason,
}

#[derive(Debug)]
enum LostReason {
    TakenBy(String),
    NotRenewed,
}

impl fmt::Display for LostReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LostReason::TakenBy(holder) => write!(f, "taken by `{holder}`"),
            LostReason::NotRenewed => f.write_str("not renewed in time"),
        }
    }
}

/// The lease is ours, and is being renewed.
#[derive(Debug)]
pub struct Leadership {
    stop: CancellationToken,
    stopped: oneshot::Receiver<Holder>,
}

/// A name for this process that no other has: host name and a random number.
pub fn identity() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    let host = host.or_else(|| std::fs::read_to_string("/etc/hostname").ok()).unwrap_or_default();
    let random = std::hash::RandomState::new().hash_one(std::process::id());
    format!("{}_{random:016x}", host.trim())
}

/// Waits until the lease is ours, then keeps it; `None` when `tasks` was cancelled before.
///
/// # Flow
/// Looks at the lease every `retry_period` and takes it when it is free: when it does not exist, has
/// no holder, or has not changed for its duration. Then a task renews it, also while the process
/// stops gracefully, until [`Leadership::release`].
///
/// # Guarantees
/// When the lease is lost, the process ends at once: [`Tasks::supervise`] returns, with no graceful
/// stop, since another may be at work soon.
///
/// # Assumptions
/// The process ends within `lease_duration - renew_deadline` of that return.
///
/// # Errors
/// When the durations allow two leaders. Failing requests are logged and repeated, without end.
pub async fn elect(
    client: Client,
    options: LeaderOptions,
    tasks: &Tasks,
) -> Result<Option<Leadership>, InvalidOptions> {
    validate(&options)?;
    let retry = Backoff::new(options.retry_period, options.retry_period);
    let api = Api::namespaced(client, &options.namespace);
    let mut candidate = Candidate { api, options, seen: None };
    let wait_for_lease = async {
        loop {
            let started = Instant::now();
            let deadline = started + candidate.options.renew_deadline;
            match tokio::time::timeout_at(deadline, candidate.attempt()).await {
                Ok(Ok(Some(lease))) => return (lease, started),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => candidate.warn(&error),
                Err(_) => tracing::warn!(lease = candidate.options.lease, "no answer in time"),
            }
            tokio::time::sleep(retry.delay_with_jitter(1)).await;
        }
    };
    let (lease, renewed) = tokio::select! {
        () = tasks.token().cancelled() => return Ok(None),
        won = wait_for_lease => won,
    };
    let Candidate { api, options, .. } = candidate;
    tracing::info!(lease = options.lease, identity = options.identity, "elected");
    let (stop, (done, stopped)) = (CancellationToken::new(), oneshot::channel());
    let holder = Holder { api, options, lease, renewed };
    let until = stop.clone();
    tasks.spawn_vital("leader", async move {
        let holder = holder.hold(until).await?;
        // Nobody waits for it when leadership was dropped without a release.
        let _ = done.send(holder);
        Ok(())
    });
    Ok(Some(Leadership { stop, stopped }))
}

impl Leadership {
    /// Gives the lease up, so that another can take it without waiting for its end.
    ///
    /// Call it when nothing is at work any more: after [`Tasks::supervise`].
    ///
    /// # Errors
    /// When the lease was lost before, or the API server does not take the change within five
    /// seconds; others then wait until the lease ends.
    pub async fn release(self) -> Result<(), ReleaseError> {
        self.stop.cancel();
        let holder = self.stopped.await.map_err(|_| ReleaseError::Lost)?;
        let released = tokio::time::timeout(Duration::from_secs(5), holder.give_up());
        released.await.map_err(|_| ReleaseError::NoAnswer)?.map_err(ReleaseError::Request)
    }
}

/// Why a lease was not given up.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// It was not ours any more.
    #[error("the lease was lost before")]
    Lost,
    /// The API server did not answer.
    #[error("no answer in time")]
    NoAnswer,
    /// The API server refused.
    #[error("the lease cannot be changed")]
    Request(#[source] kube::Error),
}

fn validate(options: &LeaderOptions) -> Result<(), InvalidOptions> {
    let LeaderOptions { lease_duration, renew_deadline, retry_period, .. } = options;
    if lease_duration <= renew_deadline || *lease_duration < Duration::from_secs(1) {
        return Err(InvalidOptions::LeaseDuration);
    }
    if retry_period.is_zero() || *renew_deadline <= *retry_period + *retry_period / 4 {
        return Err(InvalidOptions::RenewDeadline);
    }
    Ok(())
}

struct Candidate {
    api: Api<Lease>,
    options: LeaderOptions,
    /// The lease as we saw it last, and since when it is like that.
    seen: Option<(LeaseSpec, Instant)>,
}

impl Candidate {
    /// Takes the lease if it is free.
    async fn attempt(&mut self) -> kube::Result<Option<Lease>> {
        let Some(lease) = self.api.get_opt(&self.options.lease).await? else {
            let lease = Lease { metadata: self.metadata(), spec: Some(self.taken(None)) };
            return unless_conflict(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            Some(_) | None => Instant::now(),
        };
        self.seen = Some((spec.clone(), since));
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let duration = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let duration = duration.map_or(self.options.lease_duration, Duration::from_secs);
        let foreign = !holder.is_empty() && holder != self.options.identity;
        if foreign && since.elapsed() < duration {
            return Ok(None);
        }
        let lease = Lease { spec: Some(self.taken(Some(&spec))), ..lease };
        replace(&self.api, &self.options.lease, &lease).await
    }

    fn metadata(&self) -> ObjectMeta {
        let LeaderOptions { lease, namespace, .. } = &self.options;
        ObjectMeta {
            name: Some(lease.clone()),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        }
    }

    /// The lease in our hands.
    fn taken(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = Some(MicroTime(Timestamp::now()));
        let transitions = before.map(|before| before.lease_transitions.unwrap_or(0) + 1);
        LeaseSpec {
            holder_identity: Some(self.options.identity.clone()),
            lease_duration_seconds: i32::try_from(self.options.lease_duration.as_secs()).ok(),
            acquire_time: now.clone(),
            renew_time: now,
            lease_transitions: Some(transitions.unwrap_or(0)),
            ..LeaseSpec::default()
        }
    }

    fn warn(&self, error: &kube::Error) {
        let lease = &self.options.lease;
        tracing::warn!(lease, error = describe(error), "the lease cannot be read or taken");
    }
}

#[derive(Debug)]
struct Holder {
    api: Api<Lease>,
    options: LeaderOptions,
    /// The lease as the server last returned it to us.
    lease: Lease,
    /// When the request was sent that renewed it last.
    renewed: Instant,
}

enum Renewal {
    Renewed(Box<Lease>),
    TakenBy(String),
}

impl Holder {
    async fn hold(mut self, stop: CancellationToken) -> Result<Holder, Lost> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(self),
                () = tokio::time::sleep(self.options.retry_period) => {}
            }
            let (sent, deadline) = (Instant::now(), self.renewed + self.options.renew_deadline);
            match tokio::time::timeout_at(deadline, self.renew()).await {
                Ok(Ok(Renewal::Renewed(lease))) => {
                    self.lease = *lease;
                    self.renewed = sent;
                }
                Ok(Ok(Renewal::TakenBy(holder))) => {
                    return Err(self.lost(LostReason::TakenBy(holder)));
                }
                Ok(Err(error)) => {
                    let lease = &self.options.lease;
                    tracing::warn!(lease, error = describe(&error), "the lease cannot be renewed");
                }
                Err(_) => return Err(self.lost(LostReason::NotRenewed)),
            }
        }
    }

    async fn renew(&self) -> kube::Result<Renewal> {
        let mut lease = self.lease.clone();
        lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
        let name = &self.options.lease;
        if let Some(renewed) = replace(&self.api, name, &lease).await? {
            return Ok(Renewal::Renewed(Box::new(renewed)));
        }
        // Somebody changed it: a holder, a person who edits labels, or we, in a renewal whose answer
        // did not reach us.
        let current = self.api.get(name).await?;
        let spec = current.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.unwrap_or_default();
        if holder != self.options.identity {
            return Ok(Renewal::TakenBy(holder));
        }
        let lease = Lease { spec: lease.spec, ..current };
        let renewed = self.api.replace(name, &PostParams::default(), &lease).await?;
        Ok(Renewal::Renewed(Box::new(renewed)))
    }

    async fn give_up(self) -> kube::Result<()> {
        let mut lease = self.lease;
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        let name = &self.options.lease;
        self.api.replace(name, &PostParams::default(), &lease).await?;
        tracing::info!(lease = name, "lease given up");
        Ok(())
    }

    fn lost(&self, reason: LostReason) -> Lost {
        Lost { lease: self.options.lease.clone(), reason }
    }
}

async fn replace(api: &Api<Lease>, name: &str, lease: &Lease) -> kube::Result<Option<Lease>> {
    unless_conflict(api.replace(name, &PostParams::default(), lease).await)
}

/// `None` where somebody else was quicker.
fn unless_conflict(result: kube::Result<Lease>) -> kube::Result<Option<Lease>> {
    match result {
        Ok(lease) => Ok(Some(lease)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(error),
    }
}
