//! How often AWS is called: in a life, and for resyncs of what has not changed.

use ack::dynamodb::Backup;
use ack::dynamodb::GlobalTable;
use ack::dynamodb::Table;
use ack::reconcile::Known;
use ack::reconcile::run;
use ack::resource::Depth;
use ack::resource::Resource;
use ack::s3::Bucket;
use ack::sqs::Queue;

use crate::emulated::Cluster;
use crate::emulated::table;
use crate::lives;
use crate::lives::Life;
use crate::lives::Phase;

/// Resyncs after which every kind has read everything.
const ROUND: usize = 8;

/// How often AWS is called in some phase.
struct Counts {
    creation: usize,
    change: usize,
    deletion: usize,
    /// By the resyncs of an unchanged object, one after another.
    resyncs: [usize; ROUND],
    /// By a pass that reads everything.
    full: usize,
}

async fn counts<R: Resource>(life: Life) -> Counts {
    let phase = async |phase: Phase| match life.begin::<R>(phase).await {
        Some(cluster) => {
            cluster.settle::<R>().await;
            cluster.calls().len()
        }
        None => 0,
    };
    let cluster = life.prepared().await;
    cluster.settle::<R>().await;
    cluster.calls();
    let resync = async |depth: Depth| {
        run(&cluster, Known::<R> { depth, ..cluster.known() }).await;
        assert_eq!(changes(&cluster), [""; 0], "nothing has changed");
        cluster.calls().len()
    };
    let mut resyncs = [0; ROUND];
    for (calls, number) in resyncs.iter_mut().zip(1..) {
        *calls = resync(Depth::Resync(number)).await;
    }
    let full = resync(Depth::Everything).await;
    Counts {
        creation: phase(Phase::Creation).await,
        change: phase(Phase::Change).await,
        deletion: phase(Phase::Deletion).await,
        resyncs,
        full,
    }
}

/// Calls that do more than read, without forgetting any.
fn changes(cluster: &Cluster) -> Vec<String> {
    let calls = cluster.emulator.control().calls().into_iter().map(|call| call.operation);
    let reads = |call: &String| ["Get", "List", "Describe"].iter().any(|p| call.starts_with(p));
    calls.filter(|call| !reads(call)).collect()
}

impl Counts {
    /// At most so many calls to make, change and delete one. Resyncs make at most this share of the
    /// calls of the published controller's on average, and reading everything not more than these.
    #[track_caller]
    fn are_at_most(&self, life: [usize; 3], published: usize, share: (usize, usize)) {
        let Self { creation, change, deletion, resyncs, full } = *self;
        let found = [creation, change, deletion];
        assert!(found.iter().zip(life).all(|(found, most)| *found <= most), "{found:?} {life:?}");
        let (most, of) = share;
        let sum: usize = resyncs.iter().sum();
        assert!(sum * of <= published * most * ROUND, "{resyncs:?} of {published}");
        assert!(resyncs.iter().all(|calls| (1..=full).contains(calls)), "{resyncs:?}, {full}");
        assert!(full <= published, "{full} of {published}");
    }
}

#[tokio::test]
async fn buckets() {
    counts::<Bucket>(lives::of_bucket()).await.are_at_most([7, 26, 2], 44, (1, 3));
}

#[tokio::test]
async fn tables() {
    // Its time to live is in use: one call more.
    counts::<Table>(lives::of_table()).await.are_at_most([16, 40, 3], 6, (1, 2));
    let plain = Cluster::new(table()).await;
    plain.settle::<Table>().await;
    plain.calls();
    let (mut beside, mut resyncs) = (Vec::new(), 1..);
    for number in resyncs.by_ref().take(ROUND) {
        run(&plain, Known::<Table> { depth: Depth::Resync(number), ..plain.known() }).await;
        let calls = plain.calls();
        assert_eq!((calls.len(), calls[0].as_str()), (2, "DescribeTable"));
        beside.push(calls[1].clone());
    }
    let tags = "ListTagsOfResource";
    let unused = [
        "DescribeTimeToLive",
        "DescribeContinuousBackups",
        "GetResourcePolicy PolicyNotFoundException",
    ];
    assert_eq!(beside, [tags, unused[0], tags, unused[1], tags, unused[2], tags, tags]);
}

#[tokio::test]
async fn queues() {
    counts::<Queue>(lives::of_queue()).await.are_at_most([5, 8, 3], 4, (1, 2));
}

#[tokio::test]
async fn global_tables() {
    counts::<GlobalTable>(lives::of_global_table()).await.are_at_most([6, 6, 4], 1, (1, 1));
}

#[tokio::test]
async fn backups() {
    counts::<Backup>(lives::of_backup()).await.are_at_most([6, 0, 3], 1, (1, 1));
}
