//! Tables, their backups and global tables against the emulator: every field, and the waits between.

use std::time::Duration;

use ack::dynamodb::Backup;
use ack::dynamodb::GlobalTable;
use ack::dynamodb::Table;
use ack::reconcile::Known;
use ack::reconcile::run;
use ack::resource::Depth;
use aws_emulator::Fault;
use runtime::workers::Requeue;
use serde_json::Value as Json;
use serde_json::json;

use crate::emulated::Cluster;
use crate::emulated::SYNCED;
use crate::emulated::table;
use crate::lives;
use crate::lives::Phase;

async fn cluster(fields: &Json) -> Cluster {
    let mut object = table();
    merge(&mut object, fields);
    let cluster = Cluster::new(object).await;
    cluster.emulator.control().set_table_delay(Duration::from_secs(2));
    cluster
}

fn merge(object: &mut Json, fields: &Json) {
    for (field, value) in fields.as_object().expect("an object") {
        object["spec"][field] = value.clone();
    }
    object["spec"].as_object_mut().expect("an object").retain(|_, value| !value.is_null());
}

/// Changes the spec and passes until nothing is left to do; returns what changed at AWS.
async fn brought(cluster: &Cluster, fields: &Json) -> Vec<String> {
    cluster.change(|object| merge(object, fields));
    cluster.calls();
    cluster.settle::<Table>().await;
    let synced = cluster.condition("ACK.ResourceSynced");
    assert_eq!(synced.as_deref(), Some(SYNCED), "{fields} {:#}", cluster.object()["status"]);
    let writes = cluster.writes();
    let before = cluster.object();
    cluster.settle::<Table>().await;
    assert_eq!(cluster.writes(), [""; 0], "{fields}: steady");
    assert_eq!(cluster.object()["status"], before["status"], "{fields}: steady");
    writes
}

/// Each field by itself: set, left alone, unset, left alone.
#[tokio::test]
async fn every_field_is_set_and_unset() {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "dynamodb:GetItem",
        "Resource": "arn:aws:dynamodb:us-west-2:123456789012:table/my-app-data",
    }] });
    for (field, value, sets, unsets) in [
        (
            "continuousBackups",
            json!({ "pointInTimeRecoveryEnabled": true }),
            &["UpdateContinuousBackups"][..],
            &["UpdateContinuousBackups"][..],
        ),
        ("contributorInsights", json!("ENABLE"), &["UpdateContributorInsights"], &[]),
        ("deletionProtectionEnabled", json!(true), &["UpdateTable"], &["UpdateTable"]),
        (
            "onDemandThroughput",
            json!({ "maxReadRequestUnits": 10 }),
            &["UpdateTable"],
            &["UpdateTable"],
        ),
        (
            "resourcePolicy",
            policy.to_string().into(),
            &["PutResourcePolicy"],
            &["DeleteResourcePolicy"],
        ),
        (
            "sseSpecification",
            json!({ "enabled": true, "sseType": "KMS" }),
            &["UpdateTable"],
            &["UpdateTable"],
        ),
        (
            "streamSpecification",
            json!({ "streamEnabled": true, "streamViewType": "NEW_IMAGE" }),
            &["UpdateTable"],
            &["UpdateTable"],
        ),
        ("tableClass", json!("STANDARD_INFREQUENT_ACCESS"), &["UpdateTable"], &["UpdateTable"]),
        (
            "timeToLive",
            json!({ "attributeName": "until", "enabled": true }),
            &["UpdateTimeToLive"],
            &["UpdateTimeToLive"],
        ),
    ] {
        let cluster = cluster(&json!({})).await;
        cluster.settle::<Table>().await;
        assert_eq!(brought(&cluster, &json!({ field: value })).await, sets, "{field}");
        assert_eq!(brought(&cluster, &json!({ field: null })).await, unsets, "{field}: unset");
    }
}

fn index(name: &str, attribute: &str) -> Json {
    json!({ "indexName": name, "projection": { "projectionType": "ALL" },
        "keySchema": [{ "attributeName": attribute, "keyType": "HASH" }] })
}

fn attributes(names: &[&str]) -> Json {
    names.iter().map(|name| json!({ "attributeName": name, "attributeType": "S" })).collect()
}

/// One index at a time, each made, changed or deleted by an UpdateTable of its own.
#[tokio::test]
async fn indexes_change_one_at_a_time() {
    let cluster = cluster(&json!({})).await;
    cluster.settle::<Table>().await;
    let two = json!({ "attributeDefinitions": attributes(&["id", "a", "b"]),
        "globalSecondaryIndexes": [index("by-a", "a"), index("by-b", "b")] });
    assert_eq!(brought(&cluster, &two).await, ["UpdateTable", "UpdateTable"]);
    let swapped = json!({ "globalSecondaryIndexes": [index("by-b", "b"), index("by-a", "a")] });
    assert_eq!(brought(&cluster, &swapped).await, [""; 0], "the order does not matter");
    let other = json!({ "attributeDefinitions": attributes(&["id", "a", "c"]),
        "globalSecondaryIndexes": [index("by-a", "a"), index("by-c", "c")] });
    assert_eq!(brought(&cluster, &other).await, ["UpdateTable", "UpdateTable"]);
    let mut capacities = [index("by-a", "a"), index("by-c", "c")];
    for index in &mut capacities {
        index["provisionedThroughput"] = json!({ "readCapacityUnits": 1, "writeCapacityUnits": 1 });
    }
    let provisioned = json!({ "billingMode": "PROVISIONED", "globalSecondaryIndexes": capacities,
        "provisionedThroughput": { "readCapacityUnits": 1, "writeCapacityUnits": 1 } });
    assert_eq!(brought(&cluster, &provisioned).await, ["UpdateTable"], "all capacities at once");
    capacities[1]["provisionedThroughput"]["readCapacityUnits"] = 2.into();
    let larger = json!({ "globalSecondaryIndexes": capacities });
    assert_eq!(brought(&cluster, &larger).await, ["UpdateTable"]);
    let none = json!({ "attributeDefinitions": attributes(&["id"]),
        "globalSecondaryIndexes": null, "billingMode": "PAY_PER_REQUEST",
        "provisionedThroughput": null });
    assert_eq!(brought(&cluster, &none).await, ["UpdateTable", "UpdateTable", "UpdateTable"]);
}

#[tokio::test]
async fn replicas_change_one_at_a_time_and_go_before_the_table() {
    let cluster = cluster(&json!({})).await;
    cluster.settle::<Table>().await;
    let replicas = |regions: &[&str]| -> Json {
        regions.iter().map(|region| json!({ "regionName": region })).collect()
    };
    cluster.change(|object| merge(object, &json!({ "tableReplicas": replicas(&["eu-west-1"]) })));
    assert_eq!(cluster.pass::<Table>().await, Requeue::Done);
    let said = cluster.condition("ACK.Terminal").unwrap_or_default();
    assert!(said.contains("NEW_AND_OLD_IMAGES"), "{said}");
    let stream = json!({ "streamEnabled": true, "streamViewType": "NEW_AND_OLD_IMAGES" });
    let two = json!({ "streamSpecification": stream,
        "tableReplicas": replicas(&["eu-west-1", "eu-central-1"]) });
    assert_eq!(brought(&cluster, &two).await, ["UpdateTable", "UpdateTable", "UpdateTable"]);
    let one = json!({ "tableReplicas": replicas(&["eu-central-1"]) });
    assert_eq!(brought(&cluster, &one).await, ["UpdateTable"]);
    cluster.delete();
    cluster.settle::<Table>().await;
    assert_eq!(cluster.writes(), ["UpdateTable", "DeleteTable"]);
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}

/// Everything at once, from the start.
#[tokio::test]
async fn what_creation_does_not_take_follows() {
    let cluster = cluster(&json!({
        "timeToLive": { "attributeName": "until", "enabled": true },
        "continuousBackups": { "pointInTimeRecoveryEnabled": true },
        "contributorInsights": "ENABLE",
        "sseSpecification": { "enabled": true },
        "streamSpecification": { "streamEnabled": true, "streamViewType": "KEYS_ONLY" },
        "attributeDefinitions": attributes(&["id", "a"]),
        "globalSecondaryIndexes": [index("by-a", "a")],
    }))
    .await;
    let writes = brought(&cluster, &json!({})).await;
    let expected =
        ["CreateTable", "UpdateTimeToLive", "UpdateContinuousBackups", "UpdateContributorInsights"];
    assert_eq!(writes, expected);
}

/// Another attribute is chosen in two steps, and so is another kind of stream.
#[tokio::test]
async fn what_must_be_switched_off_first() {
    let stream = |view: &str| json!({ "streamEnabled": true, "streamViewType": view });
    let live = |attribute: &str| json!({ "attributeName": attribute, "enabled": true });
    let cluster = cluster(&json!({ "streamSpecification": stream("KEYS_ONLY") })).await;
    cluster.settle::<Table>().await;
    let other = json!({ "streamSpecification": stream("NEW_IMAGE") });
    assert_eq!(brought(&cluster, &other).await, ["UpdateTable", "UpdateTable"]);
    brought(&cluster, &json!({ "timeToLive": live("a") })).await;
    let other = json!({ "timeToLive": live("b") });
    assert_eq!(brought(&cluster, &other).await, ["UpdateTimeToLive", "UpdateTimeToLive"]);
}

/// Each resync overlooks something, and one of the next ones finds it.
#[tokio::test]
async fn what_is_added_by_hand_goes_within_eight_resyncs() {
    let cluster = cluster(&json!({ "tags": [{ "key": "app", "value": "x" }] })).await;
    cluster.settle::<Table>().await;
    let arn = "arn:aws:dynamodb:us-west-2:123456789012:table/my-app-data";
    let db = &cluster.aws.dynamodb;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "dynamodb:GetItem",
        "Resource": arn,
    }] });
    db.put_resource_policy().resource_arn(arn).policy(policy.to_string()).send().await.expect("is");
    let mut changes = Vec::new();
    for number in 1..=8 {
        if number == 2 {
            db.untag_resource().resource_arn(arn).tag_keys("app").send().await.expect("is there");
        }
        cluster.calls();
        run(&cluster, Known::<Table> { depth: Depth::Resync(number), ..cluster.known() }).await;
        changes.extend(cluster.writes().into_iter().map(|call| (number, call)));
    }
    let changes: Vec<_> = changes.iter().map(|(number, call)| (*number, call.as_str())).collect();
    assert_eq!(changes, [(3, "TagResource"), (6, "DeleteResourcePolicy")]);
}

fn backup() -> Json {
    json!({ "metadata": { "creationTimestamp": jiff::Timestamp::now().to_string() },
        "spec": { "backupName": "nightly", "tableName": "my-app-data" } })
}

async fn with_table(object: Json) -> Cluster {
    let cluster = Cluster::new(object).await;
    lives::make_table(&cluster, "us-west-2", None).await;
    cluster
}

#[tokio::test]
async fn a_backup_lives_and_dies() {
    let cluster = with_table(backup()).await;
    cluster.calls();
    cluster.settle::<Backup>().await;
    assert_eq!(cluster.writes(), ["CreateBackup"]);
    assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED));
    let status = cluster.object()["status"].clone();
    assert_eq!(status["backupStatus"], "AVAILABLE");
    cluster.pass::<Backup>().await;
    assert_eq!(cluster.calls(), ["DescribeBackup"], "one call");
    cluster.delete();
    cluster.settle::<Backup>().await;
    assert_eq!(cluster.writes(), ["DeleteBackup"]);
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}

/// The creation took effect and its answer got lost: the backup is found by table, name and time.
#[tokio::test]
async fn a_lost_answer() {
    let cluster = with_table(backup()).await;
    cluster.emulator.control().fail(Fault::drop().on("dynamodb", "CreateBackup").after_effect());
    assert_eq!(cluster.pass::<Backup>().await, Requeue::RateLimited);
    cluster.settle::<Backup>().await;
    let list = cluster.aws.dynamodb.list_backups().send().await.expect("is answered");
    assert_eq!(list.backup_summaries().len(), 1);
}

/// It comes up where its tables are, grows by a region, and goes with its regions.
#[tokio::test]
async fn a_global_table_lives_and_dies() {
    let life = lives::of_global_table();
    let cluster = life.begin::<GlobalTable>(Phase::Creation).await.expect("has one");
    cluster.settle::<GlobalTable>().await;
    assert_eq!(cluster.writes(), ["CreateGlobalTable"]);
    let is_there = |cluster: &Cluster| {
        assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED));
        assert_eq!(cluster.object()["status"]["globalTableStatus"], "ACTIVE");
        let arn = &cluster.object()["status"]["ackResourceMetadata"]["arn"];
        assert_eq!(arn, "arn:aws:dynamodb::123456789012:global-table/my-app-data");
    };
    is_there(&cluster);
    let regions = |names: &[&str]| -> Json {
        names.iter().map(|name| json!({ "regionName": name })).collect()
    };
    for names in [&["us-west-2", "eu-west-1"][..], &["eu-west-1"]] {
        cluster.change(|object| object["spec"]["replicationGroup"] = regions(names));
        cluster.settle::<GlobalTable>().await;
        assert_eq!(cluster.writes(), ["UpdateGlobalTable"]);
        is_there(&cluster);
        let dump = cluster.emulator.control().dump();
        let found = &dump["dynamodb"]["123456789012"]["globalTables"]["my-app-data"];
        for region in ["us-west-2", "eu-west-1"] {
            assert_eq!(found.to_string().contains(region), names.contains(&region), "{found}");
        }
    }
    cluster.delete();
    cluster.settle::<GlobalTable>().await;
    assert_eq!(cluster.writes(), ["UpdateGlobalTable"]);
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}

#[tokio::test]
async fn a_global_table_needs_streams() {
    let object = json!({ "spec": { "globalTableName": "my-app-data",
        "replicationGroup": [{ "regionName": "us-west-2" }] } });
    let cluster = with_table(object).await;
    let requeue = cluster.pass::<GlobalTable>().await;
    // The table has no stream, so AWS refuses, and says so.
    assert_eq!(requeue, Requeue::RateLimited);
    assert!(cluster.condition("ACK.Recoverable").is_some());
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}
