use std::time::Duration;

use aws_emulator::Fault;
use aws_emulator::Options;

use crate::raw;
use crate::world::World;
use crate::world::code;
use crate::world::refusal;

#[tokio::test]
async fn a_fault_strikes_the_calls_it_names_before_their_effect() {
    let world = World::start().await;
    let s3 = world.s3("us-east-1");
    world.control.fail(
        Fault::error(503, "SlowDown", "Reduce your request rate.")
            .on("s3", "CreateBucket")
            .on_resource("slow")
            .times(2),
    );
    s3.create_bucket().bucket("other").send().await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            refusal(s3.create_bucket().bucket("slow").send().await),
            ("SlowDown".to_owned(), "Reduce your request rate.".to_owned())
        );
    }
    assert!(world.control.dump()["s3"]["buckets"].get("slow").is_none());
    s3.create_bucket().bucket("slow").send().await.unwrap();

    let calls = world.control.calls();
    let struck: Vec<(u64, bool)> = calls.iter().map(|call| (call.number, call.injected)).collect();
    assert_eq!(struck, [(1, false), (2, true), (3, true), (4, false)]);
    assert_eq!(calls[1].error.as_deref(), Some("SlowDown"));
    assert_eq!(
        (calls[1].account.as_str(), calls[1].region.as_str()),
        ("123456789012", "us-east-1")
    );
}

#[tokio::test]
async fn a_fault_after_the_effect_hides_a_success() {
    let world = World::start().await;
    let s3 = world.s3("us-east-1");
    let fault = Fault::error(500, "InternalError", "We encountered an internal error.");
    world.control.fail(fault.on("s3", "CreateBucket").after_effect());
    assert_eq!(code(s3.create_bucket().bucket("made").send().await), "InternalError");
    assert!(world.control.dump()["s3"]["buckets"].get("made").is_some());
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer() {
    let world = World::start().await;
    let s3 = world.s3("us-east-1");
    world.control.fail(Fault::drop().on("s3", "CreateBucket").after_effect());
    let error = s3.create_bucket().bucket("made").send().await.unwrap_err();
    assert!(error.as_service_error().is_none(), "{error:?}");
    assert_eq!(world.log(), ["CreateBucket 0"]);
    s3.head_bucket().bucket("made").send().await.unwrap();
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let world = World::start().await;
    let s3 = world.s3("us-east-1");
    world.control.fail(Fault::delay(Duration::from_millis(80)).on("s3", "ListBuckets"));
    world.control.set_latency(Duration::from_millis(20));
    let started = std::time::Instant::now();
    s3.list_buckets().send().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_reset_forgets_everything_but_the_first_settings() {
    let world = World::start().await;
    let s3 = world.s3("us-east-1");
    let empty = world.control.dump();
    s3.create_bucket().bucket("made").send().await.unwrap();
    world.control.set_foreign_bucket("theirs", true);
    world.control.fail(Fault::drop().always());
    world.control.reset();
    assert_eq!(world.control.dump(), empty);
    assert!(world.control.calls().is_empty() && world.control.faults().is_empty());
    s3.create_bucket().bucket("theirs").send().await.unwrap();
}

#[tokio::test]
async fn the_dump_is_the_same_in_every_run() {
    let mut dumps = Vec::new();
    for _ in 0..2 {
        let world = World::start().await;
        world.s3("us-east-1").create_bucket().bucket("made").send().await.unwrap();
        raw::create_table(&world, "table").await;
        dumps.push(serde_json::to_string_pretty(&world.control.dump()).unwrap());
    }
    assert_eq!(dumps[0], dumps[1]);
    insta::assert_snapshot!(dumps[0]);
}

#[tokio::test]
async fn other_processes_control_it_over_http() {
    let world = World::with(Options { admin: true, ..Options::default() }).await;
    let s3 = world.s3("us-east-1");
    let post = async |path: &str, body: &str| raw::plain(&world, "POST", path, body).await;
    let (status, _) = post(
        "/_emulator/faults",
        r#"{"operation":"ListBuckets","times":1,"effect":{"error":{"status":503,"code":"SlowDown","message":"m"}}}"#,
    )
    .await;
    assert_eq!(status, 204);
    assert_eq!(code(s3.list_buckets().send().await), "SlowDown");
    let (status, _) = post("/_emulator/settings", r#"{"foreign_buckets":{"theirs":true}}"#).await;
    assert_eq!(status, 204);
    assert_eq!(code(s3.create_bucket().bucket("theirs").send().await), "BucketAlreadyExists");
    s3.create_bucket().bucket("mine").send().await.unwrap();

    let (status, state) = raw::plain(&world, "GET", "/_emulator/state", "").await;
    assert_eq!(status, 200);
    assert_eq!(state, world.control.dump().to_string());
    let (_, calls) = raw::plain(&world, "GET", "/_emulator/calls", "").await;
    assert!(calls.contains(r#""operation":"ListBuckets""#), "{calls}");

    for (path, body, status) in [
        ("/_emulator/settings", r#"{"typo":1}"#, 400),
        ("/_emulator/faults", r#"{"effect":{"error":{"status":200,"code":"","message":""}}}"#, 400),
        ("/_emulator/nothing", "", 404),
        ("/_emulator/reset", "", 204),
    ] {
        assert_eq!(post(path, body).await.0, status, "{path} {body}");
    }
    assert_eq!(world.control.dump()["s3"]["buckets"], serde_json::json!({}));
}

#[tokio::test]
async fn control_over_http_is_off_unless_asked_for() {
    let world = World::start().await;
    let (status, _) = raw::plain(&world, "GET", "/_emulator/state", "").await;
    assert_eq!(status, 403);
}
