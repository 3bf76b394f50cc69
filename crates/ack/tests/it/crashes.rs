//! Killed at any point: what a later process makes of it equals what an undisturbed one does.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ack::aws::Failure;
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
use serde_json::Value as Json;
use tokio::sync::Notify;

use crate::emulated::Cluster;
use crate::emulated::bucket;
use crate::emulated::table;

/// Whether the answer to the last request still came.
#[derive(Clone, Copy, Debug)]
enum Kill {
    BeforeRequest,
    BeforeAnswer,
}

/// A world in which the process is killed at the n-th request.
struct Mortal<'a> {
    cluster: &'a Cluster,
    kill: Kill,
    at: usize,
    requests: AtomicUsize,
    killed: Notify,
}

impl Mortal<'_> {
    async fn request<T>(&self, request: impl Future<Output = T>) -> T {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        if number != self.at {
            return request.await;
        }
        match self.kill {
            Kill::BeforeRequest => drop(request),
            Kill::BeforeAnswer => drop(request.await),
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

/// One pass that is killed at request `at`; false if it came to its end before.
async fn killed<R: Resource>(cluster: &Cluster, kill: Kill, at: usize) -> bool {
    let mortal = Mortal { cluster, kill, at, requests: AtomicUsize::new(0), killed: Notify::new() };
    tokio::select! {
        _ = run(&mortal, cluster.known::<R>()) => false,
        () = mortal.killed.notified() => true,
    }
}

/// Object and AWS, without what differs from run to run.
fn state(cluster: &Cluster) -> (Json, Json) {
    let mut object = cluster.object();
    object["metadata"]["resourceVersion"] = Json::Null;
    for generated in ["creationDateTime", "tableID"] {
        if let Some(status) = object["status"].as_object_mut() {
            status.remove(generated);
        }
    }
    (object, cluster.emulator.control().dump())
}

fn creations(cluster: &Cluster) -> usize {
    let calls = cluster.emulator.control().calls();
    let made =
        |call: &&aws_emulator::Call| call.operation.starts_with("Create") && call.error.is_none();
    calls.iter().filter(made).count()
}

/// Kills the first pass at each of its requests, `undisturbed` being where it should end.
async fn check_every_point<R: Resource>(object: &Json, prepare: impl AsyncFn(&Cluster)) {
    let undisturbed = Cluster::new(object.clone()).await;
    prepare(&undisturbed).await;
    undisturbed.settle::<R>().await;
    for kill in [Kill::BeforeRequest, Kill::BeforeAnswer] {
        let mut points = 0;
        loop {
            let cluster = Cluster::new(object.clone()).await;
            prepare(&cluster).await;
            if !killed::<R>(&cluster, kill, points).await {
                break;
            }
            cluster.settle::<R>().await;
            assert_eq!(state(&cluster), state(&undisturbed), "{kill:?} {points}");
            assert_eq!(creations(&cluster), creations(&undisturbed), "{kill:?} {points}");
            let before = cluster.object();
            cluster.settle::<R>().await;
            assert_eq!(cluster.object(), before, "{kill:?} {points}: no further write");
            points += 1;
        }
        assert!(points >= 2, "the pass has only {points} requests");
    }
}

async fn nothing(_: &Cluster) {}

#[tokio::test]
async fn bucket_comes_up() {
    check_every_point::<Bucket>(&bucket(), nothing).await;
}

#[tokio::test]
async fn table_comes_up() {
    check_every_point::<Table>(&table(), nothing).await;
}

#[tokio::test]
async fn table_comes_up_slowly() {
    check_every_point::<Table>(&table(), async |cluster| {
        cluster.emulator.control().set_table_delay(Duration::from_secs(3));
    })
    .await;
}

#[tokio::test]
async fn bucket_of_somebody_else() {
    // Trying again never ends here, so one more pass stands for all of them.
    let foreign = async || {
        let cluster = Cluster::new(bucket()).await;
        cluster.emulator.control().set_foreign_bucket("my-app-data", true);
        cluster
    };
    let undisturbed = foreign().await;
    undisturbed.pass::<Bucket>().await;
    for kill in [Kill::BeforeRequest, Kill::BeforeAnswer] {
        for point in 0.. {
            let cluster = foreign().await;
            if !killed::<Bucket>(&cluster, kill, point).await {
                assert!(point >= 4, "the pass has only {point} requests");
                break;
            }
            cluster.pass::<Bucket>().await;
            assert_eq!(state(&cluster), state(&undisturbed), "{kill:?} {point}");
        }
    }
}

#[tokio::test]
async fn bucket_goes() {
    check_every_point::<Bucket>(&bucket(), async |cluster| {
        cluster.settle::<Bucket>().await;
        cluster.delete();
    })
    .await;
}

#[tokio::test]
async fn table_goes() {
    check_every_point::<Table>(&table(), async |cluster| {
        cluster.settle::<Table>().await;
        cluster.delete();
    })
    .await;
}

#[tokio::test]
async fn bucket_changes() {
    check_every_point::<Bucket>(&bucket(), async |cluster| {
        cluster.settle::<Bucket>().await;
        cluster.change(|object| object["spec"]["tags"] = serde_json::json!([]));
    })
    .await;
}
