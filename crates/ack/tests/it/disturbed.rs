//! Every request of every phase of every kind, disturbed: the end is that of a calm run.
//!
//! Nothing is made twice, nothing is left behind, nothing is destroyed that is to be kept: all of
//! that shows in what AWS has at the end. `ACK_EVERY_POINT=1` tries every request; without it there
//! is a sample, the same in every run.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ack::aws::Failure;
use ack::dynamodb::Backup;
use ack::dynamodb::GlobalTable;
use ack::dynamodb::Table;
use ack::reconcile::Patched;
use ack::reconcile::Target;
use ack::reconcile::World;
use ack::reconcile::run;
use ack::resource::Asked;
use ack::resource::Observed;
use ack::resource::Resource;
use ack::s3::Bucket;
use ack::shape::Time;
use ack::sqs::Queue;
use aws_emulator::Fault;
use runtime::workers::Requeue;
use serde_json::Value as Json;
use tokio::sync::Notify;

use crate::emulated::Cluster;
use crate::emulated::bucket;
use crate::lives;
use crate::lives::Life;
use crate::lives::PHASES;
use crate::lives::Phase;
use crate::lives::state;
use crate::world::RESYNC;

/// What happens at one request.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// The process is killed before the request leaves it.
    KilledBefore,
    /// The process is killed before the answer reaches it.
    KilledAfter,
    /// AWS has a fault, and did nothing.
    Fault,
    /// AWS has a fault, and did it all the same.
    FaultAfterEffect,
    /// The answer gets lost, as after a timeout.
    Silence,
    /// Too many requests.
    Throttled,
    /// The credentials have expired.
    Expired,
}

const DISTURBANCES: [Disturbance; 7] = [
    Disturbance::KilledBefore,
    Disturbance::KilledAfter,
    Disturbance::Fault,
    Disturbance::FaultAfterEffect,
    Disturbance::Silence,
    Disturbance::Throttled,
    Disturbance::Expired,
];

/// A world in which the process may be killed at its n-th request, to AWS or to the API server.
struct Mortal<'a> {
    cluster: &'a Cluster,
    /// The request, and whether its answer is still awaited.
    kill: Option<(usize, bool)>,
    requests: AtomicUsize,
    killed: Notify,
}

impl Mortal<'_> {
    async fn request<T>(&self, request: impl Future<Output = T>) -> T {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        match self.kill {
            Some((at, false)) if at == number => drop(request),
            Some((at, true)) if at == number => drop(request.await),
            Some(_) | None => return request.await,
        }
        self.killed.notify_one();
        std::future::pending().await
    }
}

impl<R: Resource> World<R> for Mortal<'_> {
    async fn read(&self, asked: &Asked<'_, R>) -> Result<Option<Observed<R>>, Failure> {
        self.request(World::<R>::read(self.cluster, asked)).await
    }

    async fn send(&self, call: R::Call) -> Result<(), Failure> {
        self.request(World::<R>::send(self.cluster, call)).await
    }

    async fn patch(&self, target: Target, patch: &Json) -> Patched {
        self.request(World::<R>::patch(self.cluster, target, patch)).await
    }

    async fn referenced(
        &self,
        target: &ack::reference::Target,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Json>, String> {
        World::<R>::referenced(self.cluster, target, namespace, name).await
    }

    async fn pause(&self, duration: Duration) {
        World::<R>::pause(self.cluster, duration).await;
    }

    fn now(&self) -> Time {
        World::<R>::now(self.cluster)
    }
}

/// How a phase went.
#[derive(Debug, PartialEq, Eq)]
enum Went {
    /// To its end, with so many requests.
    Through(usize),
    /// To the kill.
    Killed,
}

/// Passes until there is nothing more to do, or until the kill.
async fn settle<R: Resource>(cluster: &Cluster, kill: Option<(usize, bool)>) -> Went {
    let mortal = Mortal { cluster, kill, requests: AtomicUsize::new(0), killed: Notify::new() };
    for _ in 0..50 {
        let requeue = tokio::select! {
            requeue = run(&mortal, cluster.known::<R>()) => requeue,
            () = mortal.killed.notified() => return Went::Killed,
        };
        match requeue {
            Requeue::After(delay) if delay != RESYNC => cluster.emulator.control().skip_time(delay),
            Requeue::Now | Requeue::RateLimited => {}
            Requeue::Done | Requeue::After(_) => {
                // What AWS still does by itself.
                cluster.emulator.control().skip_time(Duration::from_secs(60));
                return Went::Through(mortal.requests.load(Ordering::SeqCst));
            }
        }
    }
    panic!("does not settle: {:#}", cluster.object());
}

impl Disturbance {
    /// The phase to its end, disturbed at request `at`; false if there are fewer requests.
    async fn strike<R: Resource>(self, cluster: &Cluster, at: usize) -> bool {
        let error = |status, code| Fault::error(status, code, "Not now.");
        let fault = match self {
            Self::KilledBefore | Self::KilledAfter => {
                let awaited = matches!(self, Self::KilledAfter);
                let went = settle::<R>(cluster, Some((at, awaited))).await;
                settle::<R>(cluster, None).await;
                return went == Went::Killed;
            }
            Self::Fault => error(500, "InternalError"),
            Self::FaultAfterEffect => error(500, "InternalError").after_effect(),
            Self::Silence => Fault::drop().after_effect(),
            Self::Throttled => error(400, "ThrottlingException"),
            Self::Expired => error(400, "ExpiredTokenException"),
        };
        let control = cluster.emulator.control();
        control.fail(fault.skip(at.try_into().expect("small")));
        settle::<R>(cluster, None).await;
        let struck = control.faults().iter().all(|fault| fault.times == Some(0));
        control.clear_faults();
        struck
    }
}

/// Which of this many requests are tried.
fn points(requests: usize, seed: usize) -> Vec<usize> {
    if std::env::var_os("ACK_EVERY_POINT").is_some() || requests <= 2 {
        return (0..requests).collect();
    }
    // The last request is where a phase is about to be over; the other one differs from one
    // disturbance to the next.
    let mut points = vec![seed % (requests - 1), requests - 1];
    points.dedup();
    points
}

/// Tries all of it; returns how many points there were.
async fn check<R: Resource>(life: Life) -> usize {
    let mut tried = 0;
    let before = life.prepared().await.emulator.control().dump();
    let mut made = None;
    for phase in PHASES {
        let Some(calm) = life.begin::<R>(phase).await else { continue };
        let went = settle::<R>(&calm, None).await;
        let Went::Through(requests) = went else { panic!("nobody kills it") };
        let calls = calm.emulator.control().calls().len();
        let (object, aws) = state(&calm);
        match phase {
            Phase::Creation => made = Some(aws.clone()),
            Phase::Change => assert_ne!(Some(&aws), made.as_ref(), "{phase:?}"),
            Phase::Drift | Phase::Loss | Phase::Retention => {
                assert_eq!(Some(&aws), made.as_ref(), "{phase:?}");
            }
            Phase::Deletion | Phase::DeletionOfLost => assert_eq!(aws, before, "{phase:?}"),
        }
        for disturbance in DISTURBANCES {
            let requests = match disturbance {
                Disturbance::KilledBefore | Disturbance::KilledAfter => requests,
                Disturbance::Fault
                | Disturbance::FaultAfterEffect
                | Disturbance::Silence
                | Disturbance::Throttled
                | Disturbance::Expired => calls,
            };
            for at in points(requests, tried) {
                let cluster = life.begin::<R>(phase).await.expect("as before");
                let context = format!("{phase:?}, {disturbance:?} at request {at}");
                assert!(disturbance.strike::<R>(&cluster, at).await, "{context}: not reached");
                let (after, left) = state(&cluster);
                assert_eq!(left, aws, "{context}");
                assert_eq!(after, object, "{context}");
                settle::<R>(&cluster, None).await;
                assert_eq!(state(&cluster), (after, left), "{context}: nothing is left to do");
                tried += 1;
            }
        }
    }
    tried
}

#[tokio::test]
async fn buckets() {
    assert!(check::<Bucket>(lives::of_bucket()).await > 80);
}

#[tokio::test]
async fn tables() {
    assert!(check::<Table>(lives::of_table()).await > 80);
}

#[tokio::test]
async fn global_tables() {
    assert!(check::<GlobalTable>(lives::of_global_table()).await > 80);
}

#[tokio::test]
async fn backups() {
    assert!(check::<Backup>(lives::of_backup()).await > 50);
}

#[tokio::test]
async fn queues() {
    assert!(check::<Queue>(lives::of_queue()).await > 80);
}

/// One pass that is killed at request `at`; false if it came to its end before.
async fn killed<R: Resource>(cluster: &Cluster, awaited: bool, at: usize) -> bool {
    let kill = Some((at, awaited));
    let mortal = Mortal { cluster, kill, requests: AtomicUsize::new(0), killed: Notify::new() };
    tokio::select! {
        _ = run(&mortal, cluster.known::<R>()) => false,
        () = mortal.killed.notified() => true,
    }
}

/// It is never taken for ours. Trying again never ends here, so one more pass stands for all of
/// them.
#[tokio::test]
async fn a_bucket_of_somebody_else() {
    let foreign = async || {
        let cluster = Cluster::new(bucket()).await;
        cluster.emulator.control().set_foreign_bucket("my-app-data", true);
        cluster
    };
    let calm = foreign().await;
    calm.pass::<Bucket>().await;
    for awaited in [false, true] {
        for point in 0.. {
            let cluster = foreign().await;
            if !killed::<Bucket>(&cluster, awaited, point).await {
                assert!(point >= 4, "the pass has only {point} requests");
                break;
            }
            cluster.pass::<Bucket>().await;
            assert_eq!(state(&cluster), state(&calm), "{awaited} {point}");
        }
    }
}
