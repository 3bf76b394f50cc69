//! The watch store on a server that behaves, and observations of our own writes.

use std::sync::Arc;
use std::time::Duration;

use runtime::shutdown::Tasks;
use runtime::store::Change;
use runtime::store::Entry;
use runtime::store::ObjectKey;
use runtime::store::Origin;
use runtime::store::Projected;
use runtime::store::Projection;
use runtime::store::Store;
use runtime::store::WatchMetricsVec;
use runtime::store::WatchOptions;
use runtime::store::WatchSpec;
use serde_json::json;
use tokio::sync::mpsc;

use crate::fake_server::FakeServer;

/// A store of the server's kind that keeps `spec.color`, and finds objects by it.
pub(crate) struct Fixture {
    pub(crate) server: FakeServer,
    pub(crate) store: Store<String>,
    pub(crate) tasks: Tasks,
    changes: mpsc::UnboundedReceiver<String>,
}

pub(crate) fn by_color() -> Projection<String> {
    Arc::new(|_meta, object| {
        let color = object["spec"]["color"].as_str().unwrap_or("none").to_owned();
        Projected { data: color.clone(), index: vec![color] }
    })
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("default", name)
}

/// `red@3`, or `red@3 uid-1` where the uid matters.
pub(crate) fn brief(entry: Option<&Arc<Entry<String>>>) -> String {
    entry.map_or_else(
        || "nothing".to_owned(),
        |entry| format!("{}@{} {}", entry.data, entry.resource_version, entry.uid),
    )
}

pub(crate) fn brief_change(change: &Change<String>) -> String {
    let (old, new) = (brief(change.old.as_ref()), brief(change.new.as_ref()));
    let origin = match change.origin {
        Origin::Watch => "watch",
        Origin::List => "list",
        Origin::Write => "write",
    };
    format!("{} {old} -> {new} ({origin})", change.key)
}

impl Fixture {
    /// Starts a store on a server with these objects.
    pub(crate) fn start(server: FakeServer) -> Fixture {
        Fixture::start_with(server, WatchSpec::all(FakeServer::kind()), WatchOptions::default())
    }

    pub(crate) fn start_with(
        server: FakeServer,
        spec: WatchSpec,
        options: WatchOptions,
    ) -> Fixture {
        let tasks = Tasks::new();
        let (sender, changes) = mpsc::unbounded_channel();
        let on_change = move |change: &Change<String>| {
            let _ = sender.send(brief_change(change));
        };
        let client = server.client();
        let store = Store::start(client, spec, by_color(), options, &tasks, on_change);
        Fixture { server, store, tasks, changes }
    }

    pub(crate) async fn synced(self) -> Fixture {
        self.store.synced(Duration::from_secs(30)).await.expect("the list succeeds");
        self.settle().await;
        self
    }

    /// Lets everything happen that happens at once.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// The changes that were reported since the last call.
    pub(crate) async fn changes(&mut self) -> String {
        self.settle().await;
        let mut changes = Vec::new();
        while let Ok(change) = self.changes.try_recv() {
            changes.push(change);
        }
        changes.join("\n")
    }

    /// All entries.
    pub(crate) fn entries(&self) -> String {
        let entries = self.store.list();
        let briefs = entries.iter().map(|entry| format!("{} {}", entry.key, brief(Some(entry))));
        briefs.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn get(&self, name: &str) -> String {
        brief(self.store.get(&key(name)).as_ref())
    }
}

fn server_with(objects: &[(&str, &str)]) -> FakeServer {
    let server = FakeServer::default();
    for (name, value) in objects {
        server.put(name, value);
    }
    server
}

#[tokio::test(start_paused = true)]
async fn lists_then_watches() {
    let server = server_with(&[("a", "red"), ("b", "blue")]);
    let mut fixture = Fixture::start(server);
    assert!(!fixture.store.is_synced());
    assert_eq!(fixture.get("a"), "nothing");
    fixture = fixture.synced().await;
    insta::assert_snapshot!(fixture.changes().await, @r"
    default/a nothing -> red@1 uid-1 (list)
    default/b nothing -> blue@2 uid-2 (list)
    ");

    fixture.server.put("a", "green");
    fixture.server.put("c", "red");
    fixture.server.delete("b");
    insta::assert_snapshot!(fixture.changes().await, @r"
    default/a red@1 uid-1 -> green@3 uid-1 (watch)
    default/c nothing -> red@4 uid-3 (watch)
    default/b blue@2 uid-2 -> nothing (watch)
    ");
    insta::assert_snapshot!(fixture.entries(), @r"
    default/a green@3 uid-1
    default/c red@4 uid-3
    ");
    insta::assert_snapshot!(fixture.server.requests().join("\n"), @r"
    /apis/example.com/v1/things limit=500
    /apis/example.com/v1/things allowWatchBookmarks=true resourceVersion=2 timeoutSeconds=290 watch=true
    ");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_cluster_costs_one_watch_request_per_timeout() {
    let fixture = Fixture::start(server_with(&[("a", "red")])).synced().await;
    fixture.server.requests();
    tokio::time::sleep(Duration::from_secs(240)).await;
    assert_eq!(fixture.server.requests(), Vec::<String>::new());
    // The server does not end the watch as it should: the connection is taken for dead.
    tokio::time::sleep(Duration::from_secs(60)).await;
    insta::assert_snapshot!(fixture.server.requests().join("\n"), @"/apis/example.com/v1/things allowWatchBookmarks=true resourceVersion=1 timeoutSeconds=290 watch=true");
}

#[tokio::test(start_paused = true)]
async fn long_lists_come_in_pages() {
    let server = server_with(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")]);
    let options = WatchOptions { page_size: 2, ..WatchOptions::default() };
    let spec = WatchSpec::all(FakeServer::kind());
    let fixture = Fixture::start_with(server, spec, options).synced().await;
    assert_eq!(fixture.store.len(), 5);
    let requests = fixture.server.requests();
    insta::assert_snapshot!(requests[..3].join("\n"), @r"
    /apis/example.com/v1/things limit=2
    /apis/example.com/v1/things continue=2 limit=2
    /apis/example.com/v1/things continue=4 limit=2
    ");
}

#[tokio::test(start_paused = true)]
async fn selection_and_scope_are_the_servers_work() {
    let spec = WatchSpec::all(FakeServer::kind())
        .metadata_only()
        .within("default")
        .labelled(kube::core::Expression::Exists("applyset.kubernetes.io/part-of".to_owned()));
    let server = server_with(&[]);
    let fixture = Fixture::start_with(server, spec, WatchOptions::default()).synced().await;
    insta::assert_snapshot!(fixture.server.requests().join("\n"), @r"
    /apis/example.com/v1/namespaces/default/things labelSelector=applyset.kubernetes.io%2Fpart-of limit=500 (metadata)
    /apis/example.com/v1/namespaces/default/things allowWatchBookmarks=true labelSelector=applyset.kubernetes.io%2Fpart-of resourceVersion=0 timeoutSeconds=290 watch=true (metadata)
    ");
}

#[tokio::test(start_paused = true)]
async fn the_projection_sees_the_type_even_where_lists_leave_it_out() {
    let server = server_with(&[("a", "red")]);
    let spec = WatchSpec::all(FakeServer::kind());
    let projection: Projection<String> = Arc::new(|meta, object| Projected {
        data: format!("{} {} {}", meta.key, object["apiVersion"], object["kind"]),
        index: Vec::new(),
    });
    let options = WatchOptions::default();
    let tasks = Tasks::new();
    let store = Store::start(server.client(), spec, projection, options, &tasks, |_| ());
    store.synced(Duration::from_secs(30)).await.expect("the list succeeds");
    let data = store.get(&key("a")).expect("an entry").data.clone();
    assert_eq!(data, r#"default/a "example.com/v1" "Thing""#);
}

#[tokio::test(start_paused = true)]
async fn entries_are_found_by_their_index_keys() {
    let server = server_with(&[("a", "red"), ("b", "blue"), ("c", "red")]);
    let fixture = Fixture::start(server).synced().await;
    let named = |color| {
        let entries = fixture.store.indexed(color);
        entries.iter().map(|entry| entry.key.name.clone()).collect::<Vec<_>>().join(",")
    };
    assert_eq!((named("red"), named("blue")), ("a,c".to_owned(), "b".to_owned()));
    fixture.server.put("a", "blue");
    fixture.server.delete("b");
    fixture.settle().await;
    assert_eq!((named("red"), named("blue")), ("c".to_owned(), "a".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_response_of_a_write_is_the_newest_until_the_watch_passes_it() {
    let mut fixture = Fixture::start(server_with(&[("a", "red")])).synced().await;
    fixture.changes().await;
    fixture.server.hold();
    fixture.server.put("a", "older");
    let response = fixture.server.put("a", "ours");
    fixture.store.observe_write(response).expect("a good object");
    assert_eq!(fixture.get("a"), "ours@3 uid-1");
    fixture.server.put("a", "newer");
    insta::assert_snapshot!(fixture.changes().await, @"default/a red@1 uid-1 -> ours@3 uid-1 (write)");
    fixture.server.release();
    insta::assert_snapshot!(fixture.changes().await, @"default/a ours@3 uid-1 -> newer@4 uid-1 (watch)");
}

#[tokio::test(start_paused = true)]
async fn the_response_of_a_creation_is_there_before_its_event() {
    let mut fixture = Fixture::start(server_with(&[])).synced().await;
    fixture.server.hold();
    let response = fixture.server.put("a", "ours");
    fixture.store.observe_write(response.clone()).expect("a good object");
    fixture.store.observe_write(response).expect("a good object");
    insta::assert_snapshot!(fixture.changes().await, @"default/a nothing -> ours@1 uid-1 (write)");
    fixture.server.release();
    assert_eq!(fixture.changes().await, "");
}

#[tokio::test(start_paused = true)]
async fn how_late_a_watch_shows_our_writes_is_measured() {
    let registry = prometheus::Registry::new();
    let metrics = WatchMetricsVec::register(&registry).expect("once");
    let options = WatchOptions { metrics: Some(metrics), ..WatchOptions::default() };
    let spec = WatchSpec::all(FakeServer::kind());
    let fixture = Fixture::start_with(server_with(&[]), spec, options).synced().await;
    let lags = || {
        let families = registry.gather();
        let lag = families.iter().find(|it| it.name() == "watch_lag_seconds").expect("there");
        let lag = lag.get_metric()[0].get_histogram().clone();
        (lag.get_sample_count(), lag.get_sample_sum().round())
    };
    fixture.server.hold();
    let response = fixture.server.put("a", "ours");
    fixture.store.observe_write(response).expect("a good object");
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(lags(), (0, 0.0), "nothing has come yet");
    fixture.server.release();
    fixture.settle().await;
    assert_eq!(lags(), (1, 7.0));
    fixture.server.put("b", "of somebody else");
    fixture.settle().await;
    assert_eq!(lags(), (1, 7.0), "only our own writes have a time");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_the_watch_has_passed_changes_nothing() {
    let mut fixture = Fixture::start(server_with(&[("a", "red")])).synced().await;
    fixture.changes().await;
    let ours = fixture.server.put("a", "ours");
    let of_deleted = fixture.server.put("b", "ours");
    fixture.server.put("a", "newer");
    fixture.server.delete("b");
    insta::assert_snapshot!(fixture.changes().await, @r"
    default/a red@1 uid-1 -> ours@2 uid-1 (watch)
    default/b nothing -> ours@3 uid-2 (watch)
    default/a ours@2 uid-1 -> newer@4 uid-1 (watch)
    default/b ours@3 uid-2 -> nothing (watch)
    ");
    fixture.store.observe_write(ours).expect("a good object");
    fixture.store.observe_write(of_deleted).expect("a good object");
    assert_eq!(fixture.changes().await, "");
    assert_eq!(fixture.get("b"), "nothing", "a deletion that was seen wins");
}

#[tokio::test(start_paused = true)]
async fn a_bookmark_passes_responses_too() {
    let mut fixture = Fixture::start(server_with(&[])).synced().await;
    let ours = fixture.server.put("a", "ours");
    fixture.server.delete("a");
    fixture.server.bookmark();
    fixture.changes().await;
    fixture.store.observe_write(ours).expect("a good object");
    assert_eq!(fixture.changes().await, "");
}

#[tokio::test(start_paused = true)]
async fn what_the_watch_still_says_of_a_deleted_object_is_dropped() {
    let mut fixture = Fixture::start(server_with(&[("a", "red")])).synced().await;
    fixture.changes().await;
    fixture.server.hold();
    fixture.server.put("a", "older");
    fixture.server.delete("a");
    fixture.store.observe_delete(&key("a"), "uid-1");
    fixture.server.put("a", "successor");
    insta::assert_snapshot!(fixture.changes().await, @"default/a red@1 uid-1 -> nothing (write)");
    fixture.server.release();
    insta::assert_snapshot!(fixture.changes().await, @"default/a nothing -> successor@4 uid-2 (watch)");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_names_its_victim_by_uid() {
    let mut fixture = Fixture::start(server_with(&[("a", "red")])).synced().await;
    fixture.changes().await;
    fixture.store.observe_delete(&key("a"), "uid-0");
    fixture.store.observe_delete(&key("b"), "uid-1");
    assert_eq!(fixture.changes().await, "");
    assert_eq!(fixture.get("a"), "red@1 uid-1");
}

#[tokio::test(start_paused = true)]
async fn a_successor_that_we_created_survives_the_event_of_its_predecessor() {
    let mut fixture = Fixture::start(server_with(&[("a", "red")])).synced().await;
    fixture.changes().await;
    fixture.server.hold();
    fixture.server.put("a", "older");
    fixture.server.delete("a");
    let successor = fixture.server.put("a", "successor");
    fixture.store.observe_write(successor).expect("a good object");
    insta::assert_snapshot!(fixture.changes().await, @"default/a red@1 uid-1 -> successor@4 uid-2 (write)");
    fixture.server.release();
    assert_eq!(fixture.changes().await, "");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_not_selected_removes_the_entry() {
    let server = server_with(&[("a", "red")]);
    let spec = WatchSpec::all(FakeServer::kind());
    let not_foreign = kube::core::Expression::DoesNotExist("foreign".to_owned());
    let spec = spec.labelled(not_foreign);
    let mut fixture = Fixture::start_with(server, spec, WatchOptions::default()).synced().await;
    fixture.changes().await;
    fixture.server.hold();
    let mut response = fixture.server.put("a", "foreign");
    response["metadata"]["labels"] = json!({"foreign": "yes"});
    fixture.store.observe_write(response).expect("a good object");
    insta::assert_snapshot!(fixture.changes().await, @"default/a red@1 uid-1 -> nothing (write)");
}

#[tokio::test(start_paused = true)]
async fn a_response_without_identity_is_refused() {
    let fixture = Fixture::start(server_with(&[])).synced().await;
    let error = fixture.store.observe_write(json!({"kind": "Status"})).expect_err("no metadata");
    assert_eq!(error.to_string(), "object without a valid `metadata.name`");
}

#[tokio::test(start_paused = true)]
async fn a_restart_projects_everything_anew_and_keeps_entries_readable() {
    let mut fixture = Fixture::start(server_with(&[("a", "red"), ("b", "blue")])).synced().await;
    fixture.changes().await;
    fixture.server.requests();
    let longer: Projection<String> = Arc::new(|_, object| Projected {
        data: format!("projected {}", object["spec"]["color"]),
        index: Vec::new(),
    });
    fixture.store.restart(WatchSpec::all(FakeServer::kind()), longer);
    assert!(!fixture.store.is_synced());
    assert_eq!(fixture.get("a"), "red@1 uid-1", "readable while the list is under way");
    let mut fixture = fixture.synced().await;
    insta::assert_snapshot!(fixture.changes().await, @r#"
    default/a red@1 uid-1 -> projected "red"@1 uid-1 (list)
    default/b blue@2 uid-2 -> projected "blue"@2 uid-2 (list)
    "#);
    fixture.server.put("a", "green");
    insta::assert_snapshot!(fixture.changes().await, @r#"default/a projected "red"@1 uid-1 -> projected "green"@3 uid-1 (watch)"#);
    assert_eq!(fixture.server.open_watches(), 1, "the earlier watch is gone");
}
