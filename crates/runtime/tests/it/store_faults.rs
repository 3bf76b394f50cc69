//! The watch store on a server that fails, forgets, or talks nonsense.

use std::sync::Arc;
use std::time::Duration;

use runtime::store::Projected;
use runtime::store::Projection;
use runtime::store::SyncError;
use runtime::store::WatchMetricsVec;
use runtime::store::WatchOptions;
use runtime::store::WatchSpec;
use serde_json::json;

use crate::fake_server::Answer;
use crate::fake_server::FakeServer;
use crate::store::Fixture;
use crate::store::key;

fn server_with(names: &[&str]) -> FakeServer {
    let server = FakeServer::default();
    for name in names {
        server.put(name, "red");
    }
    server
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_resumed_where_it_was() {
    let mut fixture = Fixture::start(server_with(&["a"])).synced().await;
    fixture.server.put("a", "green");
    let bookmark = fixture.server.bookmark();
    fixture.changes().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.server.requests();
    fixture.server.cut();
    fixture.server.put("a", "blue");
    insta::assert_snapshot!(fixture.changes().await, @"default/a green@2 uid-1 -> blue@13 uid-1 (watch)");
    let requests = fixture.server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].contains(&format!("resourceVersion={bookmark} ")), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_watch_is_followed_by_a_list_that_finds_what_changed_meanwhile() {
    for refused_at_once in [false, true] {
        let fixture = Fixture::start(server_with(&["gone", "kept", "changed", "replaced"]));
        let mut fixture = fixture.synced().await;
        fixture.changes().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        fixture.server.cut();
        fixture.server.put("changed", "green");
        fixture.server.delete("gone");
        fixture.server.delete("replaced");
        fixture.server.put("replaced", "red");
        fixture.server.put("new", "red");
        fixture.server.compact();
        if refused_at_once {
            fixture.server.answer_next([Answer::Status(410, "Expired")]);
        }
        let changes = fixture.changes().await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(changes, @r"
            default/gone red@1 uid-1 -> nothing (list)
            default/changed red@3 uid-3 -> green@5 uid-3 (list)
            default/new nothing -> red@9 uid-6 (list)
            default/replaced red@4 uid-4 -> red@8 uid-5 (list)
            ");
        }
        fixture.server.put("new", "blue");
        let changes = fixture.changes().await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(changes, @"default/new red@9 uid-6 -> blue@10 uid-6 (watch)");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_object_spoils_only_itself() {
    let server = server_with(&["a"]);
    server.put_raw("bad-1", json!({"metadata": {"name": "bad-1", "uid": "u"}}));
    server.put_raw("bad-2", json!({"metadata": null}));
    server.put_raw("bad-3", json!("no object at all"));
    server.put("z", "red");
    let registry = prometheus::Registry::new();
    let metrics = WatchMetricsVec::register(&registry).expect("fresh registry");
    let options = WatchOptions { metrics: Some(metrics), ..WatchOptions::default() };
    let spec = WatchSpec::all(FakeServer::kind());
    let mut fixture = Fixture::start_with(server, spec, options).synced().await;
    insta::assert_snapshot!(fixture.entries(), @r"
    default/a red@1 uid-1
    default/z red@5 uid-2
    ");
    fixture.changes().await;
    fixture.server.requests();
    fixture.server.put_raw("bad-4", json!({"metadata": {"resourceVersion": "x"}}));
    fixture.server.send("this is not JSON");
    fixture.server.send(r#"{"type": "DELETED", "object": {"metadata": {}}}"#);
    fixture.server.put("z", "green");
    insta::assert_snapshot!(fixture.changes().await, @"default/z red@5 uid-2 -> green@7 uid-2 (watch)");
    assert_eq!(fixture.server.requests(), Vec::<String>::new(), "the watch goes on");
    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
    let text = text.expect("valid metrics");
    let counts = |line: &&str| !line.starts_with('#') && !line.starts_with("watch_lag");
    let values: Vec<&str> = text.lines().filter(counts).collect();
    insta::assert_snapshot!(values.join("\n"), @r#"
    watch_errors_total{resource="things.example.com"} 0
    watch_events_total{resource="things.example.com"} 3
    watch_lists_total{resource="things.example.com"} 1
    watch_malformed_total{resource="things.example.com"} 6
    watch_objects{resource="things.example.com"} 2
    "#);
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_with_backoff_and_told_without_the_servers_message() {
    let server = server_with(&["a"]);
    server.answer_next(std::iter::repeat_n(Answer::Status(500, "InternalError"), 5));
    let fixture = Fixture::start(server);
    let error = fixture.store.synced(Duration::from_millis(500)).await.expect_err("no list yet");
    assert_eq!(error, SyncError::TimedOut { last_error: Some("500 InternalError".to_owned()) });
    assert_eq!(error.to_string(), "not synced in time: 500 InternalError");
    let requests = fixture.server.requests().len();
    assert!((2..=3).contains(&requests), "{requests} requests in half a second");
    fixture.store.synced(Duration::from_secs(30)).await.expect("it goes on trying");
    assert_eq!(fixture.store.last_error(), None);
    assert_eq!(fixture.store.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_served_later_is_found() {
    let server = server_with(&["a"]);
    server.answer_next(std::iter::repeat_n(Answer::NotServed, 4));
    let fixture = Fixture::start(server);
    let error = fixture.store.synced(Duration::from_millis(500)).await.expect_err("no such kind");
    assert_eq!(error.to_string(), "not synced in time: 404 Not Found");
    fixture.store.synced(Duration::from_secs(30)).await.expect("it goes on trying");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lists_but_cannot_watch_is_not_flooded() {
    let server = server_with(&["a"]);
    let refusals = std::iter::repeat_n([Answer::Proper, Answer::Status(410, "Expired")], 500);
    server.answer_next(refusals.flatten());
    let fixture = Fixture::start(server).synced().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let requests = fixture.server.requests().len();
    assert!((10..50).contains(&requests), "{requests} requests in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_is_not_reopened_in_a_loop() {
    let server = server_with(&["a"]);
    server.answer_next([Answer::Proper]);
    server.answer_next(std::iter::repeat_n(Answer::Lines(Vec::new()), 500));
    let fixture = Fixture::start(server).synced().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let requests = fixture.server.requests().len();
    assert!((5..30).contains(&requests), "{requests} requests in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_again_and_again_is_given_up_for_a_list() {
    let mut fixture = Fixture::start(server_with(&["a"])).synced().await;
    fixture.changes().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.server.requests();
    // A server whose history went back refuses versions from its future like this.
    fixture.server.answer_next(std::iter::repeat_n(Answer::Status(504, "Timeout"), 5));
    fixture.server.cut();
    fixture.server.put("a", "green");
    fixture.server.compact();
    tokio::time::sleep(Duration::from_secs(30)).await;
    insta::assert_snapshot!(fixture.changes().await, @"default/a red@1 uid-1 -> green@2 uid-1 (list)");
}

#[tokio::test(start_paused = true)]
async fn a_list_older_than_what_was_seen_is_not_believed() {
    let mut fixture = Fixture::start(server_with(&["a", "b"])).synced().await;
    let stale_a = fixture.server.put("a", "stale");
    let stale_b = fixture.server.put("b", "stale");
    fixture.server.put("a", "newest");
    fixture.server.delete("b");
    fixture.changes().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.server.compact();
    let stale = Answer::List(4, vec![stale_a, stale_b]);
    fixture.server.answer_next([Answer::Status(410, "Expired"), stale.clone(), stale]);
    fixture.server.cut();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(fixture.changes().await, "");
    insta::assert_snapshot!(fixture.entries(), @"default/a newest@5 uid-1");
    assert_eq!(fixture.server.open_watches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_set_back_is_believed_in_the_end() {
    let mut fixture = Fixture::start(server_with(&["a", "b"])).synced().await;
    let backup = fixture.server.put("a", "backup");
    fixture.server.put("a", "newest");
    fixture.changes().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.server.answer_next([Answer::Status(410, "Expired")]);
    fixture.server.answer_next(std::iter::repeat_n(Answer::List(3, vec![backup]), 6));
    fixture.server.set_back(3);
    fixture.server.cut();
    tokio::time::sleep(Duration::from_secs(30)).await;
    insta::assert_snapshot!(fixture.changes().await, @r"
    default/b red@2 uid-2 -> nothing (list)
    default/a newest@4 uid-1 -> backup@3 uid-1 (list)
    ");
}

#[tokio::test(start_paused = true)]
async fn a_write_during_a_list_is_kept_when_the_list_is_older() {
    let mut fixture = Fixture::start(server_with(&["a", "b"])).synced().await;
    fixture.changes().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = fixture.store.get(&key("b")).expect("an entry");
    // The server takes its list, and only then our writes; their responses arrive first.
    let listed = Answer::List(
        2,
        vec![
            json!({"metadata": {"namespace": "default", "name": "a", "uid": "uid-1", "resourceVersion": "1"}}),
            json!({"metadata": {"namespace": "default", "name": "b", "uid": "uid-2", "resourceVersion": "2"}}),
        ],
    );
    fixture.server.hold();
    let created = fixture.server.put("c", "ours");
    let changed = fixture.server.put("a", "ours");
    fixture.server.delete("b");
    fixture.server.answer_next([Answer::Status(410, "Expired"), listed]);
    fixture.server.cut();
    fixture.store.observe_write(created).expect("a good object");
    fixture.store.observe_write(changed).expect("a good object");
    fixture.store.observe_delete(&key("b"), &before.uid);
    insta::assert_snapshot!(fixture.changes().await, @r"
    default/c nothing -> ours@3 uid-3 (write)
    default/a red@1 uid-1 -> ours@4 uid-1 (write)
    default/b red@2 uid-2 -> nothing (write)
    ");
    insta::assert_snapshot!(fixture.entries(), @r"
    default/a ours@4 uid-1
    default/c ours@3 uid-3
    ");
}

#[tokio::test(start_paused = true)]
async fn stopping_leaves_entries_readable_and_tells_who_waits() {
    let server = server_with(&["a"]);
    server.answer_next(std::iter::repeat_n(Answer::Status(403, "Forbidden"), 100));
    let fixture = Fixture::start(server);
    let store = fixture.store.clone();
    let waiting = tokio::spawn(async move { store.synced(Duration::from_secs(60)).await });
    fixture.settle().await;
    fixture.store.stop();
    assert_eq!(waiting.await.expect("no panic"), Err(SyncError::Stopped));
    fixture.server.requests();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fixture.server.requests(), Vec::<String>::new());
    assert!(!fixture.tasks.token().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn when_all_tasks_stop_nobody_waits_for_a_list() {
    let server = server_with(&["a"]);
    server.answer_next(std::iter::repeat_n(Answer::Status(403, "Forbidden"), 100));
    let fixture = Fixture::start(server);
    let store = fixture.store.clone();
    let waiting = tokio::spawn(async move { store.synced(Duration::from_secs(60)).await });
    fixture.settle().await;
    fixture.tasks.cancel();
    assert_eq!(waiting.await.expect("no panic"), Err(SyncError::Stopped));
    // Nor for one that begins, or begins anew, only now.
    let projection: Projection<String> =
        Arc::new(|_, _| Projected { data: String::new(), index: Vec::new() });
    fixture.store.restart(fixture.store.spec(), projection);
    fixture.settle().await;
    let late = fixture.store.synced(Duration::from_secs(60)).await;
    assert_eq!(late, Err(SyncError::Stopped));
}
