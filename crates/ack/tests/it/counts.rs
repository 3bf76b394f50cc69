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

/// How often AWS is called in some phase.
struct Counts {
    creation: usize,
    change: usize,
    deletion: usize,
    /// By a resync of an unchanged object.
    resync: usize,
    /// By every fourth resync, which reads everything.
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
    let (resync, full) = (resync(Depth::InUse).await, resync(Depth::Everything).await);
    Counts {
        creation: phase(Phase::Creation).await,
        change: phase(Phase::Change).await,
        deletion: phase(Phase::Deletion).await,
        resync,
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
    /// At most so many calls to make, change and delete one. A resync makes at most this share of
    /// the calls of the published controller's, and one that reads everything not more than that.
    #[track_caller]
    fn are_at_most(&self, life: [usize; 3], published: usize, share: (usize, usize)) {
        let Self { creation, change, deletion, resync, full } = *self;
        let found = [creation, change, deletion];
        assert!(found.iter().zip(life).all(|(found, most)| *found <= most), "{found:?} {life:?}");
        let (most, of) = share;
        assert!(resync > 0 && resync * of <= published * most, "{resync} of {published}");
        assert!(full >= resync && full <= published, "{full} of {published}");
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
    run(&plain, Known::<Table> { depth: Depth::InUse, ..plain.known() }).await;
    assert_eq!(plain.calls(), ["DescribeTable", "ListTagsOfResource"]);
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
