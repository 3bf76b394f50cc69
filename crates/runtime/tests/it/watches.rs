//! Watches with owners.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use runtime::shutdown::Tasks;
use runtime::store::TooManyWatches;
use runtime::store::WatchOptions;
use runtime::store::WatchSpec;
use runtime::store::Watches;

use crate::fake_server::FakeServer;
use crate::store::brief_change;
use crate::store::by_color;

type Changes = Arc<Mutex<Vec<String>>>;

fn watches(
    server: &FakeServer,
    limit: usize,
) -> (Watches<&'static str, &'static str, String>, Changes) {
    let changes = Changes::default();
    let log = Arc::clone(&changes);
    let watches = Watches::new(
        server.client(),
        WatchOptions::default(),
        &Tasks::new(),
        limit,
        Arc::new(move |key: &&str, change| {
            let line = format!("{key}: {}", brief_change(change));
            log.lock().expect("no panic while held").push(line);
        }),
    );
    (watches, changes)
}

fn spec() -> (WatchSpec, runtime::store::Projection<String>) {
    (WatchSpec::all(FakeServer::kind()), by_color())
}

const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn the_first_need_starts_and_the_last_release_stops() {
    let server = FakeServer::default();
    server.put("a", "red");
    let (watches, changes) = watches(&server, 10);
    let store = watches.need(&"things", "one", spec).expect("a free place");
    let again = watches.need(&"things", "two", spec).expect("a free place");
    watches.need(&"things", "two", spec).expect("a free place");
    store.synced(BOUND).await.expect("the list succeeds");
    assert_eq!(again.len(), 1, "the same store");
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(server.requests().len(), 2, "one list, one watch");
    assert_eq!(watches.owners(&"things"), ["one", "two"]);

    assert!(!watches.release(&"things", &"one"));
    assert!(!watches.release(&"things", &"one"));
    assert_eq!(server.open_watches(), 1);
    assert!(watches.release(&"things", &"two"));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(server.open_watches(), 0);
    assert!(watches.get(&"things").is_none());
    assert_eq!(watches.keys(), Vec::<&str>::new());
    let changes = changes.lock().expect("no panic while held").join("\n");
    insta::assert_snapshot!(changes, @"things: default/a nothing -> red@1 uid-1 (list)");

    let fresh = watches.need(&"things", "one", spec).expect("a free place");
    fresh.synced(BOUND).await.expect("the list succeeds");
    assert_eq!(fresh.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_owner_leaves_all_its_watches_at_once() {
    let server = FakeServer::default();
    let (watches, _) = watches(&server, 10);
    for (key, owner) in [("x", "one"), ("y", "one"), ("y", "two"), ("z", "two")] {
        watches.need(&key, owner, spec).expect("a free place");
    }
    assert_eq!(watches.release_owner(&"one"), ["x"]);
    assert_eq!(watches.keys(), ["y", "z"]);
    assert_eq!(watches.release_owner(&"two"), ["y", "z"]);
    assert_eq!(watches.release_owner(&"two"), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn the_number_of_watches_is_bounded() {
    let server = FakeServer::default();
    let (watches, _) = watches(&server, 1);
    watches.need(&"x", "one", spec).expect("a free place");
    let error = watches.need(&"y", "one", spec).expect_err("no free place");
    assert_eq!(error, TooManyWatches { limit: 1 });
    watches.need(&"x", "two", spec).expect("it runs already");
    watches.release_owner(&"one");
    watches.release_owner(&"two");
    watches.need(&"y", "one", spec).expect("a free place again");
}

#[tokio::test(start_paused = true)]
async fn a_watch_restarts_with_another_selection() {
    let server = FakeServer::default();
    let (watches, _) = watches(&server, 10);
    let store = watches.need(&"things", "one", spec).expect("a free place");
    store.synced(BOUND).await.expect("the list succeeds");
    server.requests();
    let (narrower, projection) = (spec().0.within("default"), by_color());
    watches.restart(&"things", narrower.clone(), projection).expect("it runs");
    store.synced(BOUND).await.expect("the list succeeds");
    assert_eq!(store.spec(), narrower);
    let requests = server.requests();
    assert!(requests[0].starts_with("/apis/example.com/v1/namespaces/default/"), "{requests:?}");
    assert!(watches.restart(&"others", narrower, by_color()).is_none());
}
