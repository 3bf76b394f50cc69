//! Buckets against the emulator: every field, its unset behaviour, and what is left to AWS.

use ack::reconcile::Known;
use ack::reconcile::run;
use ack::resource::Depth;
use ack::s3::Bucket;
use runtime::workers::Requeue;
use serde_json::Value as Json;
use serde_json::json;

use crate::emulated::Cluster;
use crate::emulated::SYNCED;
use crate::world::RESYNC;

const NAME: &str = "my-app-data";

fn bare() -> Json {
    json!({ "spec": { "name": NAME } })
}

/// A bucket in a world in which there are others, for its copies and its log.
async fn cluster(object: Json) -> Cluster {
    let cluster = Cluster::new(object).await;
    let s3 = &cluster.aws.s3;
    let place = || {
        aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::UsWest2)
            .build()
    };
    for name in ["copies", "logs"] {
        s3.create_bucket()
            .bucket(name)
            .create_bucket_configuration(place())
            .send()
            .await
            .expect("is free");
    }
    let enabled = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    let versioning = s3.put_bucket_versioning().bucket("copies").versioning_configuration(enabled);
    versioning.send().await.expect("is there");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "logging.s3.amazonaws.com" },
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*",
    }] });
    let policy = s3.put_bucket_policy().bucket("logs").policy(policy.to_string());
    policy.send().await.expect("is valid");
    cluster
}

fn set(cluster: &Cluster, fields: &Json) {
    cluster.change(|object| {
        for (field, value) in fields.as_object().expect("an object") {
            object["spec"][field] = value.clone();
        }
        object["spec"].as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    });
}

/// A pass that must end with everything as it should be; returns what it changed at AWS.
#[track_caller]
fn synced(cluster: &Cluster, requeue: Requeue, context: &str) -> Vec<String> {
    let writes = cluster.writes();
    let conditions = &cluster.object()["status"]["conditions"];
    assert_eq!(requeue, Requeue::After(RESYNC), "{context}: {writes:?} {conditions:#}");
    assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED), "{context}");
    writes
}

/// What AWS gives every bucket stays, and is shown in the spec.
#[tokio::test]
async fn a_bare_bucket_keeps_what_aws_gives_it() {
    let cluster = cluster(bare()).await;
    cluster.calls();
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "creation"), ["CreateBucket"]);
    insta::assert_json_snapshot!(cluster.object()["spec"], @r#"
    {
      "abac": {
        "status": "Disabled"
      },
      "encryption": {
        "rules": [
          {
            "applyServerSideEncryptionByDefault": {
              "sseAlgorithm": "AES256"
            },
            "bucketKeyEnabled": false
          }
        ]
      },
      "name": "my-app-data",
      "ownershipControls": {
        "rules": [
          {
            "objectOwnership": "BucketOwnerEnforced"
          }
        ]
      }
    }
    "#);
    assert_eq!(
        cluster.condition("ACK.LateInitialized").as_deref(),
        Some("True | Late initialization successful")
    );
    let before = cluster.object();
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "a full read"), [""; 0]);
    assert_eq!(cluster.object(), before);
}

/// Field, value, the requests that set it, the requests that unset it.
fn fields() -> Vec<(Json, &'static [&'static str], &'static [&'static str])> {
    let tag = json!({ "key": "a", "value": "1" });
    let destination = json!({ "s3BucketDestination": {
        "bucket": "arn:aws:s3:::logs", "format": "CSV", "prefix": "in/" } });
    let kms = json!({ "rules": [{ "applyServerSideEncryptionByDefault": {
        "sseAlgorithm": "aws:kms",
        "kmsMasterKeyID": "arn:aws:kms:us-west-2:123456789012:key/1",
    } }] });
    let statement = json!({ "Sid": "a", "Effect": "Deny", "Principal": "*",
        "Action": "s3:DeleteBucket", "Resource": "arn:aws:s3:::my-app-data" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let export = json!({ "destination": destination, "outputSchemaVersion": "V_1" });
    let event = |arn: &str, target: &str| {
        json!([{ target: arn, "events": ["s3:ObjectRemoved:*", "s3:ObjectCreated:*"],
            "filter": { "key": { "filterRules": [{ "name": "prefix", "value": "in/" }] } } }])
    };
    vec![
        (json!({ "abac": { "status": "Enabled" } }), &["PutBucketAbac"], &[]),
        (
            json!({ "accelerate": { "status": "Enabled" } }),
            &["PutBucketAccelerateConfiguration"],
            &["PutBucketAccelerateConfiguration"],
        ),
        (
            json!({ "analytics": [{ "id": "all", "filter": { "prefix": "in/" },
                "storageClassAnalysis": { "dataExport": export } }] }),
            &["PutBucketAnalyticsConfiguration"],
            &["DeleteBucketAnalyticsConfiguration"],
        ),
        (
            json!({ "cors": { "corsRules": [{ "allowedMethods": ["PUT", "GET"],
                "allowedOrigins": ["https://a.example"], "allowedHeaders": ["*"],
                "exposeHeaders": ["ETag"], "id": "one", "maxAgeSeconds": 30 }] } }),
            &["PutBucketCors"],
            &["DeleteBucketCors"],
        ),
        (json!({ "encryption": kms }), &["PutBucketEncryption"], &["DeleteBucketEncryption"]),
        (
            json!({ "intelligentTiering": [{ "id": "cold", "status": "Enabled",
                "filter": { "and": { "prefix": "in/", "tags": [tag] } },
                "tierings": [{ "accessTier": "ARCHIVE_ACCESS", "days": 90 }] }] }),
            &["PutBucketIntelligentTieringConfiguration"],
            &["DeleteBucketIntelligentTieringConfiguration"],
        ),
        (
            json!({ "inventory": [{ "id": "daily", "destination": destination, "isEnabled": true,
                "filter": { "prefix": "in/" }, "includedObjectVersions": "Current",
                "optionalFields": ["Size", "ETag"], "schedule": { "frequency": "Daily" } }] }),
            &["PutBucketInventoryConfiguration"],
            &["DeleteBucketInventoryConfiguration"],
        ),
        (
            json!({ "lifecycle": { "rules": [{ "status": "Enabled", "filter": { "prefix": "" },
                "expiration": { "days": 30 },
                "transitions": [{ "days": 1, "storageClass": "GLACIER" }],
                "noncurrentVersionExpiration": { "noncurrentDays": 3 },
                "abortIncompleteMultipartUpload": { "daysAfterInitiation": 2 } }] } }),
            &["PutBucketLifecycleConfiguration"],
            &["DeleteBucketLifecycle"],
        ),
        (
            json!({ "logging": { "loggingEnabled":
                { "targetBucket": "logs", "targetPrefix": "in/" } } }),
            &["PutBucketLogging"],
            &["PutBucketLogging"],
        ),
        (
            json!({ "metrics": [{ "id": "all" }, { "id": "some", "filter": { "tag": tag } }] }),
            &["PutBucketMetricsConfiguration", "PutBucketMetricsConfiguration"],
            &["DeleteBucketMetricsConfiguration", "DeleteBucketMetricsConfiguration"],
        ),
        (
            json!({ "notification": {
                "queueConfigurations": event("arn:aws:sqs:us-west-2:123456789012:q", "queueARN"),
                "topicConfigurations": event("arn:aws:sns:us-west-2:123456789012:t", "topicARN"),
                "lambdaFunctionConfigurations":
                    event("arn:aws:lambda:us-west-2:123456789012:function:f", "lambdaFunctionARN"),
            } }),
            &["PutBucketNotificationConfiguration"],
            &["PutBucketNotificationConfiguration"],
        ),
        (
            json!({ "ownershipControls": { "rules": [{ "objectOwnership": "ObjectWriter" }] } }),
            &["PutBucketOwnershipControls"],
            &["DeleteBucketOwnershipControls"],
        ),
        (json!({ "policy": policy }), &["PutBucketPolicy"], &["DeleteBucketPolicy"]),
        (
            json!({ "publicAccessBlock": { "blockPublicACLs": true } }),
            &["PutPublicAccessBlock"],
            &["DeletePublicAccessBlock"],
        ),
        (
            json!({ "requestPayment": { "payer": "Requester" } }),
            &["PutBucketRequestPayment"],
            &["PutBucketRequestPayment"],
        ),
        (json!({ "tagging": { "tagSet": [tag] } }), &["PutBucketTagging"], &["PutBucketTagging"]),
        (
            json!({ "versioning": { "status": "Enabled" } }),
            &["PutBucketVersioning"],
            &["PutBucketVersioning"],
        ),
        (
            json!({
                "versioning": { "status": "Enabled" },
                "replication": { "role": "arn:aws:iam::123456789012:role/copy", "rules": [{
                    "status": "Enabled", "priority": 1, "filter": { "prefix": "in/" },
                    "deleteMarkerReplication": { "status": "Disabled" },
                    "destination": { "bucket": "arn:aws:s3:::copies" } }] },
            }),
            &["PutBucketVersioning", "PutBucketReplication"],
            &["DeleteBucketReplication", "PutBucketVersioning"],
        ),
        (
            json!({ "website": { "indexDocument": { "suffix": "index.html" },
                "errorDocument": { "key": "error.html" }, "routingRules": [{
                    "condition": { "keyPrefixEquals": "old/" },
                    "redirect": { "replaceKeyPrefixWith": "new/" } }] } }),
            &["PutBucketWebsite"],
            &["DeleteBucketWebsite"],
        ),
    ]
}

/// Each field by itself: put when it is set, left alone while it is as wanted, put back when
/// somebody changes it, and unset when the spec no longer has it.
#[tokio::test]
async fn every_field_is_set_and_unset() {
    for (values, puts, unsets) in fields() {
        let context = values.to_string();
        let cluster = cluster(bare()).await;
        cluster.settle::<Bucket>().await;
        cluster.calls();
        set(&cluster, &values);
        let requeue = cluster.pass::<Bucket>().await;
        assert_eq!(synced(&cluster, requeue, &context), puts, "{context}");
        let before = cluster.object();
        let requeue = cluster.pass::<Bucket>().await;
        assert_eq!(synced(&cluster, requeue, &context), [""; 0], "{context}: as wanted");
        assert_eq!(cluster.object(), before, "{context}: nothing is written");
        let mut unset = values.clone();
        for (_, value) in unset.as_object_mut().expect("an object") {
            *value = Json::Null;
        }
        set(&cluster, &unset);
        let requeue = cluster.pass::<Bucket>().await;
        assert_eq!(synced(&cluster, requeue, &context), unsets, "{context}: unset");
        let requeue = cluster.pass::<Bucket>().await;
        assert_eq!(synced(&cluster, requeue, &context), [""; 0], "{context}: stays unset");
    }
}

/// All fields at once, from the start.
#[tokio::test]
async fn everything_at_once() {
    let mut object = bare();
    for (values, ..) in fields() {
        for (field, value) in values.as_object().expect("an object") {
            object["spec"][field] = value.clone();
        }
    }
    let cluster = cluster(object).await;
    cluster.calls();
    let requeue = cluster.pass::<Bucket>().await;
    let writes = synced(&cluster, requeue, "creation");
    assert_eq!(writes.first().map(String::as_str), Some("CreateBucket"));
    let before = cluster.object();
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "a full read"), [""; 0]);
    assert_eq!(cluster.object(), before);
}

/// A resync of an unchanged object asks for what is in use; a deletion for nothing but existence.
#[tokio::test]
async fn only_what_is_in_use_is_read_again() {
    let cluster = cluster(bare()).await;
    cluster.settle::<Bucket>().await;
    set(&cluster, &json!({ "versioning": { "status": "Enabled" } }));
    cluster.settle::<Bucket>().await;
    cluster.calls();
    cluster.pass::<Bucket>().await;
    assert_eq!(cluster.calls().len(), 21, "everything");
    run(&cluster, Known::<Bucket> { depth: Depth::InUse, ..cluster.known() }).await;
    assert_eq!(cluster.calls(), ["GetBucketTagging", "GetBucketVersioning"]);
    cluster.delete();
    cluster.pass::<Bucket>().await;
    assert_eq!(cluster.calls(), ["GetBucketTagging", "DeleteBucket"]);
}

/// The switch of lists and of public access goes before the list that needs it.
#[tokio::test]
async fn access_control_lists() {
    let cluster = cluster(json!({ "spec": {
        "name": NAME, "acl": "public-read",
        "ownershipControls": { "rules": [{ "objectOwnership": "BucketOwnerPreferred" }] },
        "publicAccessBlock": { "blockPublicACLs": false },
    } }))
    .await;
    cluster.calls();
    let requeue = cluster.pass::<Bucket>().await;
    let expected =
        ["CreateBucket", "PutPublicAccessBlock", "PutBucketOwnershipControls", "PutBucketAcl"];
    assert_eq!(synced(&cluster, requeue, "canned"), expected);
    let steady = async |context: &str| {
        let requeue = cluster.pass::<Bucket>().await;
        assert_eq!(synced(&cluster, requeue, context), [""; 0]);
    };
    steady("canned").await;
    let log = "uri=\"http://acs.amazonaws.com/groups/s3/LogDelivery\"";
    set(&cluster, &json!({ "acl": null, "grantWrite": log, "grantReadACP": log }));
    // This is what the canned list `log-delivery-write` grants, but the owner's own full control.
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "grants"), ["PutBucketAcl"]);
    set(&cluster, &json!({ "grantWrite": null, "grantReadACP": null }));
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "private again"), ["PutBucketAcl"]);
    steady("private again").await;
    set(&cluster, &json!({ "acl": "bucket-owner-read" }));
    steady("another name of the private list").await;
}

/// Who asks for a list and says nothing of ownership wants the list to count.
#[tokio::test]
async fn a_list_that_grants_something_makes_lists_count() {
    let cluster = cluster(json!({ "spec": { "name": NAME, "acl": "log-delivery-write",
        "logging": { "loggingEnabled": { "targetBucket": NAME, "targetPrefix": "logs/" } } } }))
    .await;
    cluster.calls();
    let requeue = cluster.pass::<Bucket>().await;
    let expected =
        ["CreateBucket", "DeleteBucketOwnershipControls", "PutBucketAcl", "PutBucketLogging"];
    assert_eq!(synced(&cluster, requeue, "log delivery"), expected);
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "steady"), [""; 0]);
    set(&cluster, &json!({ "acl": null, "logging": null }));
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "private"), ["PutBucketAcl", "PutBucketLogging"]);
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "steady"), [""; 0]);
}

#[tokio::test]
async fn policies_are_compared_by_meaning() {
    let policy = |action: Json| {
        json!({ "policy": json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": action,
            "Resource": ["arn:aws:s3:::my-app-data"],
        } }).to_string() })
    };
    let cluster = cluster(bare()).await;
    set(&cluster, &policy(json!("s3:DeleteBucket")));
    cluster.settle::<Bucket>().await;
    cluster.calls();
    set(&cluster, &policy(json!(["s3:deletebucket"])));
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "written in another way"), [""; 0]);
    set(&cluster, &json!({ "policy": "" }));
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "empty"), ["DeleteBucketPolicy"]);
}

/// It brings versioning with it, can be switched on later, and never off.
#[tokio::test]
async fn object_lock() {
    let lock = |days: i64| {
        json!({ "objectLockConfiguration": { "rule": { "defaultRetention":
            { "mode": "GOVERNANCE", "days": days } } } })
    };
    let cluster = cluster(json!({ "spec":
        { "name": NAME, "objectLockEnabledForBucket": true } }))
    .await;
    set(&cluster, &lock(1));
    cluster.calls();
    let requeue = cluster.pass::<Bucket>().await;
    let writes = synced(&cluster, requeue, "from the start");
    assert_eq!(writes, ["CreateBucket", "PutObjectLockConfiguration"]);
    set(&cluster, &lock(2));
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "longer"), ["PutObjectLockConfiguration"]);
    set(&cluster, &json!({ "objectLockConfiguration": null, "objectLockEnabledForBucket": null }));
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "no rule"), ["PutObjectLockConfiguration"]);
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "unset says nothing"), [""; 0]);
    set(&cluster, &json!({ "objectLockEnabledForBucket": false }));
    assert_eq!(cluster.pass::<Bucket>().await, Requeue::Done);
    let said = cluster.condition("ACK.Terminal").unwrap_or_default();
    assert!(said.contains("can't be switched off"), "{said}");

    let later = self::cluster(bare()).await;
    later.settle::<Bucket>().await;
    later.calls();
    let versioning = json!({ "status": "Enabled" });
    set(&later, &json!({ "objectLockEnabledForBucket": true, "versioning": versioning }));
    let requeue = later.pass::<Bucket>().await;
    let writes = synced(&later, requeue, "later");
    assert_eq!(writes, ["PutBucketVersioning", "PutObjectLockConfiguration"]);
}

#[tokio::test]
async fn a_directory_bucket() {
    const DIRECTORY: &str = "fast--usw2-az1--x-s3";
    let object = json!({ "spec": {
        "name": DIRECTORY,
        "createBucketConfiguration": {
            "location": { "type": "AvailabilityZone", "name": "usw2-az1" },
            "bucket": { "type": "Directory", "dataRedundancy": "SingleAvailabilityZone" },
        },
    } });
    let cluster = cluster(object).await;
    cluster.calls();
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "creation"), ["CreateBucket"]);
    let arn = format!("arn:aws:s3express:us-west-2:123456789012:bucket/{DIRECTORY}");
    assert_eq!(cluster.object()["status"]["ackResourceMetadata"]["arn"], arn);
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "steady"), [""; 0]);

    let rule = json!({ "status": "Enabled", "filter": {}, "expiration": { "days": 1 } });
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Deny",
        "Principal": { "AWS": "123456789012" }, "Action": "s3express:CreateSession",
        "Resource": arn } });
    set(
        &cluster,
        &json!({
            "lifecycle": { "rules": [rule] }, "policy": policy.to_string(),
            "tagging": { "tagSet": [{ "key": "a", "value": "1" }] },
        }),
    );
    let requeue = cluster.pass::<Bucket>().await;
    let writes = synced(&cluster, requeue, "all that it has");
    assert_eq!(writes, ["PutBucketLifecycleConfiguration", "PutBucketPolicy", "TagResource"]);
    set(&cluster, &json!({ "lifecycle": null, "policy": null, "tagging": null }));
    let requeue = cluster.pass::<Bucket>().await;
    let writes = synced(&cluster, requeue, "nothing again");
    assert_eq!(writes, ["DeleteBucketLifecycle", "DeleteBucketPolicy", "UntagResource"]);

    set(&cluster, &json!({ "versioning": { "status": "Enabled" }, "website": {} }));
    assert_eq!(cluster.pass::<Bucket>().await, Requeue::Done);
    assert_eq!(
        cluster.condition("ACK.Terminal").as_deref(),
        Some("True | directory buckets do not support the following fields: versioning")
    );
    set(&cluster, &json!({ "versioning": null }));
    cluster.settle::<Bucket>().await;
    cluster.delete();
    assert_eq!(cluster.pass::<Bucket>().await, Requeue::Done);
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}

/// A name in the account's own namespace needs to say so.
#[tokio::test]
async fn a_bucket_of_the_accounts_own_namespace() {
    let name = "logs-123456789012-us-west-2-an";
    let object = json!({ "spec": { "name": name, "namespace": "account-regional" } });
    let cluster = cluster(object).await;
    let requeue = cluster.pass::<Bucket>().await;
    synced(&cluster, requeue, "creation");
    let without = Cluster::new(json!({ "spec": { "name": name } })).await;
    assert_eq!(without.pass::<Bucket>().await, Requeue::Done);
    let said = without.condition("ACK.Terminal").unwrap_or_default();
    assert!(said.contains("MissingNamespaceHeader"), "{said}");
}

/// The whole bucket is taken into the spec, in a form that means the same when it is applied.
#[tokio::test]
async fn adoption_takes_everything_over() {
    let adopting = json!({ "metadata": { "annotations": {
        "services.k8s.aws/adoption-policy": "adopt",
        "services.k8s.aws/adoption-fields": "{\"name\": \"logs\"}",
    } }, "spec": {} });
    let cluster = cluster(adopting).await;
    cluster.calls();
    let requeue = cluster.pass::<Bucket>().await;
    // Our tags are added to what it has.
    assert_eq!(synced(&cluster, requeue, "adoption"), ["PutBucketTagging"]);
    let spec = cluster.object()["spec"].clone();
    for field in ["encryption", "ownershipControls", "policy", "publicAccessBlock"] {
        assert!(!spec[field].is_null(), "{field}: {spec:#}");
    }
    assert!(spec["acl"].is_null() && spec["tagging"].is_null(), "{spec:#}");
    let requeue = cluster.pass::<Bucket>().await;
    assert_eq!(synced(&cluster, requeue, "steady"), [""; 0]);
}
