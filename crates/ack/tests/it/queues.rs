//! Queues against the emulator.

use ack::sqs::Queue;
use aws_emulator::Fault;
use runtime::workers::Requeue;
use serde_json::Value as Json;
use serde_json::json;

use crate::emulated::Cluster;
use crate::emulated::SYNCED;
use crate::world::RESYNC;

fn queue(spec: &Json) -> Json {
    let mut object = json!({ "spec": { "queueName": "orders" } });
    for (field, value) in spec.as_object().expect("an object") {
        object["spec"][field] = value.clone();
    }
    object
}

fn set(cluster: &Cluster, field: &str, value: Json) {
    cluster.change(|object| {
        object["spec"][field] = value;
        object["spec"].as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    });
}

#[track_caller]
fn synced(cluster: &Cluster, requeue: Requeue, context: &str) -> Vec<String> {
    let writes = cluster.writes();
    let conditions = &cluster.object()["status"]["conditions"];
    assert_eq!(requeue, Requeue::After(RESYNC), "{context}: {writes:?} {conditions:#}");
    assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED), "{context}");
    writes
}

#[tokio::test]
async fn a_queue_lives_and_dies() {
    let cluster = Cluster::new(queue(&json!({ "tags": { "app": "x" } }))).await;
    let requeue = cluster.pass::<Queue>().await;
    assert_eq!(synced(&cluster, requeue, "creation"), ["CreateQueue"]);
    let object = cluster.object();
    let arn = "arn:aws:sqs:us-west-2:123456789012:orders";
    assert_eq!(object["status"]["ackResourceMetadata"]["arn"], arn);
    assert_eq!(object["status"]["queueARN"], arn);
    insta::assert_json_snapshot!(object["spec"], @r#"
    {
      "delaySeconds": "0",
      "maximumMessageSize": "1048576",
      "messageRetentionPeriod": "345600",
      "queueName": "orders",
      "receiveMessageWaitTimeSeconds": "0",
      "sqsManagedSSEEnabled": "true",
      "tags": {
        "app": "x"
      },
      "visibilityTimeout": "30"
    }
    "#);
    let before = cluster.object();
    cluster.pass::<Queue>().await;
    let mut calls = cluster.calls();
    calls.sort();
    assert_eq!(calls, ["GetQueueAttributes", "ListQueueTags"], "half of four");
    assert_eq!(cluster.object(), before, "and no write");

    set(&cluster, "tags", json!({ "other": "1" }));
    let requeue = cluster.pass::<Queue>().await;
    assert_eq!(synced(&cluster, requeue, "tags"), ["TagQueue", "UntagQueue"]);
    cluster.delete();
    assert_eq!(cluster.pass::<Queue>().await, Requeue::Done);
    assert_eq!(cluster.writes(), ["DeleteQueue"]);
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}

/// Each attribute is set, is left alone, and is reset when the spec no longer has it.
#[tokio::test]
async fn every_attribute_is_set_and_reset() {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-west-2:123456789012:orders",
    }] });
    for (field, value) in [
        ("delaySeconds", "5"),
        ("kmsMasterKeyID", "alias/aws/sqs"),
        ("maximumMessageSize", "2048"),
        ("messageRetentionPeriod", "60"),
        ("policy", policy.to_string().as_str()),
        ("receiveMessageWaitTimeSeconds", "3"),
        ("redriveAllowPolicy", r#"{"redrivePermission": "denyAll"}"#),
        ("sqsManagedSSEEnabled", "false"),
        ("visibilityTimeout", "7"),
    ] {
        let cluster = Cluster::new(queue(&json!({}))).await;
        cluster.settle::<Queue>().await;
        cluster.calls();
        set(&cluster, field, value.into());
        let requeue = cluster.pass::<Queue>().await;
        assert_eq!(synced(&cluster, requeue, field), ["SetQueueAttributes"]);
        let requeue = cluster.pass::<Queue>().await;
        assert_eq!(synced(&cluster, requeue, field), [""; 0], "{field}: as wanted");
        set(&cluster, field, Json::Null);
        let requeue = cluster.pass::<Queue>().await;
        assert_eq!(synced(&cluster, requeue, field), ["SetQueueAttributes"], "{field}: unset");
        let requeue = cluster.pass::<Queue>().await;
        assert_eq!(synced(&cluster, requeue, field), [""; 0], "{field}: stays unset");
    }
}

#[tokio::test]
async fn a_fifo_queue_and_its_dead_letters() {
    let fifo = |name: &str| {
        json!({ "spec": { "queueName": name, "fifoQueue": "true",
            "contentBasedDeduplication": "true" } })
    };
    let cluster = Cluster::new(fifo("orders.fifo")).await;
    let dead = cluster.aws.sqs.create_queue().queue_name("dead.fifo");
    let fifo_queue = aws_sdk_sqs::types::QueueAttributeName::FifoQueue;
    dead.attributes(fifo_queue, "true").send().await.expect("is free");
    cluster.settle::<Queue>().await;
    cluster.calls();
    let redrive = |count: Json| {
        let arn = "arn:aws:sqs:us-west-2:123456789012:dead.fifo";
        json!({ "deadLetterTargetArn": arn, "maxReceiveCount": count }).to_string().into()
    };
    set(&cluster, "redrivePolicy", redrive(3.into()));
    let requeue = cluster.pass::<Queue>().await;
    assert_eq!(synced(&cluster, requeue, "set"), ["SetQueueAttributes"]);
    set(&cluster, "redrivePolicy", redrive("3".into()));
    let requeue = cluster.pass::<Queue>().await;
    assert_eq!(synced(&cluster, requeue, "a number as text"), [""; 0]);
    set(&cluster, "fifoQueue", Json::Null);
    assert_eq!(cluster.pass::<Queue>().await, Requeue::Done);
    assert_eq!(
        cluster.condition("ACK.Terminal").as_deref(),
        Some("True | can't be changed once the queue exists: fifoQueue")
    );
}

/// The creation took effect and its answer got lost: the queue is found by its name.
#[tokio::test]
async fn a_lost_answer() {
    let cluster = Cluster::new(queue(&json!({}))).await;
    cluster.emulator.control().fail(Fault::drop().on("sqs", "CreateQueue").after_effect());
    assert_eq!(cluster.pass::<Queue>().await, Requeue::RateLimited);
    cluster.settle::<Queue>().await;
    let creations = cluster.calls().iter().filter(|call| *call == "CreateQueue").count();
    assert!(creations <= 1, "the lost one is the only one");
    assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED));
}

#[tokio::test]
async fn bad_values_are_terminal() {
    let cluster = Cluster::new(queue(&json!({ "delaySeconds": "100000" }))).await;
    assert_eq!(cluster.pass::<Queue>().await, Requeue::Done);
    let said = cluster.condition("ACK.Terminal").unwrap_or_default();
    assert!(said.contains("InvalidAttributeValue"), "{said}");
}
