//! The whole controller: watches, queues, workers, over an API server and the emulator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ack::aws::ApiMetrics;
use ack::aws::Endpoint;
use ack::controller::Options;
use ack::scope::Settings;
use aws_emulator::Emulator;
use aws_emulator::Fault;
use kube::Client;
use runtime::probes::Readiness;
use runtime::shutdown::Tasks;
use runtime::store::WatchOptions;
use serde_json::Value as Json;
use serde_json::json;

use crate::api_server::ApiServer;
use crate::emulated::bucket;
use crate::emulated::client;
use crate::emulated::table;
use crate::world::RESYNC;
use crate::world::settings;

struct Running {
    server: ApiServer,
    client: Client,
    emulator: Emulator,
    tasks: Tasks,
    workers: usize,
    registry: prometheus::Registry,
}

impl Running {
    async fn new() -> Self {
        let (server, client) = ApiServer::start().await;
        server.create("namespaces", "", "team", json!({}));
        let emulator = Emulator::start(aws_emulator::Options::default()).await.expect("a port");
        let (tasks, registry) = (Tasks::new(), prometheus::Registry::new());
        let mut running = Self { server, client, emulator, tasks, workers: 2, registry };
        running.start();
        running
    }

    fn start(&mut self) {
        self.tasks = Tasks::new();
        let endpoint = Endpoint::parse(&self.emulator.url(), true).expect("a URL");
        let options = Options {
            settings: Settings { endpoint: Some(endpoint), ..settings() },
            namespaces: Vec::new(),
            namespace_annotations: true,
            role_selectors: false,
            role_maps: Some("ack-system".to_owned()),
            role_maps_by: (false, false),
            labels: kube::core::Selector::default(),
            exports: true,
            services: Vec::new(),
            kinds: Vec::new(),
            resync: RESYNC,
            kind_resync: BTreeMap::new(),
            workers: self.workers,
            kind_workers: BTreeMap::new(),
            watch: WatchOptions::default(),
            queue_metrics: None,
        };
        let readiness = Readiness::default();
        self.registry = prometheus::Registry::new();
        let metrics = ApiMetrics::register(&self.registry).expect("is new");
        ack::controller::start(
            &self.client,
            &Arc::new(client().counting(metrics)),
            &options,
            &readiness,
            &self.tasks,
        );
    }

    /// A namespace whose resources are in another account, in which a role is assumed.
    fn other_account(&self, namespace: &str) {
        let owner = json!({ "services.k8s.aws/owner-account-id": "222222222222" });
        let annotations = json!({ "metadata": { "annotations": owner } });
        self.server.create("namespaces", "", namespace, annotations);
        let map = json!({ "data": { "222222222222": "arn:aws:iam::222222222222:role/ack" } });
        self.server.create("configmaps", "ack-system", "ack-role-account-map", map);
    }

    async fn stop(&self) {
        self.tasks.cancel();
        let stopped = self.tasks.supervise_with(futures::stream::empty(), Duration::from_secs(5));
        stopped.await.expect("all tasks end");
    }

    async fn synced(&self, plural: &str, name: &str) {
        let synced = |object: Option<&Json>| {
            object.is_some_and(|object| condition(object, "ACK.ResourceSynced") == Some("True"))
        };
        self.server.until(plural, name, synced).await;
    }

    /// Operations since the last time that name this resource.
    fn calls(&self, resource: &str) -> Vec<String> {
        let calls = self.emulator.control().calls().into_iter();
        let calls = calls.filter(|call| call.resource.ends_with(resource));
        calls.map(|call| call.operation).collect()
    }
}

fn condition<'a>(object: &'a Json, condition_type: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == condition_type)?["status"].as_str()
}

fn named(name: &str) -> Json {
    let mut bucket = bucket();
    bucket["spec"]["name"] = name.into();
    bucket
}

#[tokio::test]
async fn objects_come_up_and_go() {
    let running = Running::new().await;
    running.server.create("buckets", "team", "b", bucket());
    running.server.create("tables", "team", "t", table());
    running.synced("buckets", "b").await;
    running.synced("tables", "t").await;
    let mut writes = running.server.writes();
    writes.sort();
    assert_eq!(
        writes,
        ["buckets/b", "buckets/b", "buckets/b status", "tables/t", "tables/t status"]
    );
    running.server.delete("buckets", "b");
    running.server.delete("tables", "t");
    running.server.until("buckets", "b", |object| object.is_none()).await;
    running.server.until("tables", "t", |object| object.is_none()).await;
    assert_eq!(running.emulator.control().dump()["s3"]["buckets"], json!({}));
    running.stop().await;
}

/// Labels, annotations, the status: none of our business. A new spec is.
#[tokio::test]
async fn only_a_new_spec_is_a_reason_to_ask_aws() {
    let running = Running::new().await;
    running.server.create("buckets", "team", "one", named("one"));
    running.synced("buckets", "one").await;
    let before = running.calls("one");
    running.server.change("buckets", "one", |object| {
        object["metadata"]["labels"] = json!({ "a": "b" });
        object["status"]["location"] = "elsewhere".into();
    });
    // With its own turn behind it, whatever the change above has set off is over, too.
    running.server.create("buckets", "team", "two", named("two"));
    running.synced("buckets", "two").await;
    assert_eq!(running.calls("one"), before);
    let version = running.server.get("buckets", "one").expect("is there")["status"].clone();
    running.server.change("buckets", "one", |object| object["spec"]["tags"] = json!([]));
    let repaired = |object: Option<&Json>| object.is_some_and(|object| object["status"] != version);
    running.server.until("buckets", "one", repaired).await;
    let after = running.calls("one").split_off(before.len());
    assert_eq!(after.first().map(String::as_str), Some("GetBucketTagging"));
    assert_eq!(after.iter().filter(|call| !call.starts_with(['G', 'L'])).count(), 1, "{after:?}");
    assert_eq!(after.last().map(String::as_str), Some("PutBucketTagging"));
    running.stop().await;
}

#[tokio::test]
async fn a_restart_reads_once_and_writes_nothing() {
    let mut running = Running::new().await;
    running.server.create("buckets", "team", "b", bucket());
    running.synced("buckets", "b").await;
    running.stop().await;
    running.server.writes();
    running.emulator.control().clear_calls();
    running.start();
    running.server.create("buckets", "team", "zzz", named("zzz"));
    running.synced("buckets", "zzz").await;
    running.stop().await;
    let calls = running.calls("my-app-data");
    assert!(calls.iter().all(|call| call.starts_with(['G', 'L'])), "{calls:?}");
    let once: std::collections::BTreeSet<&String> = calls.iter().collect();
    assert_eq!(once.len(), calls.len(), "every part is read once: {calls:?}");
    assert!(!running.server.writes().iter().any(|write| write.starts_with("buckets/b")));
}

/// What was made, changed and deleted, and why something failed.
#[tokio::test]
async fn people_are_told_what_happens() {
    let running = Running::new().await;
    let server = &running.server;
    server.create("buckets", "team", "b", bucket());
    let told = server.told("Bucket", "b", "Created").await;
    assert_eq!(told, "Normal Created: Bucket my-app-data was created");
    running.synced("buckets", "b").await;
    server.change("buckets", "b", |object| object["spec"]["tags"] = json!([]));
    let told = server.told("Bucket", "b", "Changed").await;
    assert_eq!(told, "Normal Changed: Bucket my-app-data was changed: spec.tagging.tagSet");

    running.emulator.control().set_foreign_bucket("taken", true);
    server.create("buckets", "team", "taken", named("taken"));
    let told = server.told("Bucket", "taken", "Failed").await;
    assert!(told.starts_with("Warning Failed: BucketAlreadyExists: "), "{told}");

    server.delete("buckets", "b");
    let told = server.told("Bucket", "b", "Deleted").await;
    assert_eq!(told, "Normal Deleted: Bucket my-app-data was deleted");
    let mut kept = named("kept");
    kept["metadata"]["annotations"] = json!({ "services.k8s.aws/deletion-policy": "retain" });
    server.create("buckets", "team", "kept", kept);
    running.synced("buckets", "kept").await;
    server.delete("buckets", "kept");
    server.told("Bucket", "kept", "Kept").await;
    let told = server.all_told();
    assert!(told.iter().filter(|told| told.contains("/taken ")).count() == 1, "once: {told:#?}");
    running.stop().await;
}

/// One account is throttled all the time; the other's objects come up meanwhile, with one worker
/// for both, and the throttled account is called more and more rarely.
#[tokio::test]
async fn throttling_slows_one_account_only() {
    let mut running = Running::new().await;
    running.stop().await;
    running.workers = 1;
    running.other_account("slow");
    let slow_down = Fault::error(503, "SlowDown", "Please reduce your request rate.");
    running.emulator.control().fail(slow_down.on_account("222222222222").always());
    running.start();
    // The map of roles is not waited for; without it nothing is called.
    running.server.create("buckets", "team", "first", named("first"));
    running.synced("buckets", "first").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for number in 0..20 {
        let name = format!("slow-{number}");
        running.server.create("buckets", "slow", &name, named(&name));
    }
    running.server.told("Bucket", "slow-0", "Failed").await;
    for number in 0..20 {
        let name = format!("fast-{number}");
        running.server.create("buckets", "team", &name, named(&name));
        running.synced("buckets", &name).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let control = running.emulator.control();
    let throttled = control.calls().iter().filter(|call| call.account == "222222222222").count();
    // Backoff of each object alone would come to 20 objects times 9 attempts in two seconds.
    assert!(throttled < 100, "{throttled} calls");
    control.clear_faults();
    let one_is_up = |_: Option<&Json>| {
        let all =
            (0..20).filter_map(|number| running.server.get("buckets", &format!("slow-{number}")));
        all.into_iter().any(|object| condition(&object, "ACK.ResourceSynced") == Some("True"))
    };
    running.server.until("buckets", "slow-0", one_is_up).await;
    running.stop().await;
}

/// A session ends before the time that it was given for, as when AWS revokes it: the role is assumed
/// again, and what was to be done is done.
#[tokio::test]
async fn a_session_that_is_over_is_replaced() {
    let mut running = Running::new().await;
    running.stop().await;
    running.other_account("other");
    running.start();
    running.server.create("buckets", "other", "data", named("data"));
    running.synced("buckets", "data").await;
    let control = running.emulator.control();
    let assumed = || control.calls().iter().filter(|call| call.operation == "AssumeRole").count();
    assert_eq!(assumed(), 1);
    control.skip_time(Duration::from_secs(2 * 3_600));
    running.server.change("buckets", "data", |object| object["spec"]["tags"] = json!([]));
    running.server.told("Bucket", "data", "Changed").await;
    running.synced("buckets", "data").await;
    assert_eq!(assumed(), 2);
    let refused =
        control.calls().into_iter().filter(|call| call.error.as_deref() == Some("ExpiredToken"));
    assert!(refused.count() > 0, "the session was not over");
    let buckets = &control.dump()["s3"]["buckets"];
    assert_eq!(buckets["data"]["account"], "222222222222");
    running.stop().await;
}

/// Requests say on whose behalf they are made, and are counted.
#[tokio::test]
async fn requests_are_counted() {
    let running = Running::new().await;
    running.server.create("buckets", "team", "b", bucket());
    running.synced("buckets", "b").await;
    running.stop().await;
    let text = prometheus::TextEncoder::new().encode_to_string(&running.registry.gather());
    let text = text.expect("can be written");
    for line in [
        "ack_outbound_api_requests_total{op_id=\"CreateBucket\",op_type=\"CREATE\",service=\"s3\"} 1",
        "ack_outbound_api_requests_error_total{op_id=\"GetBucketTagging\",service=\"s3\",status_code=\"404\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn the_namespace_says_where() {
    let running = Running::new().await;
    running.server.create(
        "namespaces",
        "",
        "far",
        json!({ "metadata": { "annotations": { "services.k8s.aws/default-region": "eu-west-1" } } }),
    );
    // Which of the two the controller sees first must not matter.
    running.server.create("buckets", "far", "b", bucket());
    running.synced("buckets", "b").await;
    let object = running.server.get("buckets", "b").expect("is there");
    assert_eq!(object["status"]["ackResourceMetadata"]["region"], "eu-west-1");
    running.stop().await;
}
