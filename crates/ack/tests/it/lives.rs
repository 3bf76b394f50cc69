//! The lives of all kinds, phase by phase: what crashes and faults are tried on.

use std::time::Duration;

use ack::resource::Resource;
use aws_sdk_dynamodb::types as sdk;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value as Json;
use serde_json::json;

use crate::emulated::Cluster;
use crate::emulated::bucket;
use crate::emulated::table;

/// What happens to an object, and to its resource behind our back.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    object: fn() -> Json,
    /// What AWS must have before.
    prepare: for<'a> fn(&'a Cluster) -> BoxFuture<'a, ()>,
    /// The user changes the spec; `None` for what can't be changed.
    change: Option<fn(&mut Json)>,
    /// Somebody deletes the resource.
    lose: for<'a> fn(&'a Cluster) -> BoxFuture<'a, ()>,
    /// Somebody changes the resource; `None` for what can't be changed.
    drift: Option<for<'a> fn(&'a Cluster) -> BoxFuture<'a, ()>>,
}

/// A part of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Creation,
    Change,
    Drift,
    Loss,
    Deletion,
    /// Deletion of the object, while the resource is to be kept.
    Retention,
    /// Deletion of the object after somebody has deleted the resource.
    DeletionOfLost,
}

pub(crate) const PHASES: [Phase; 7] = [
    Phase::Creation,
    Phase::Change,
    Phase::Drift,
    Phase::Loss,
    Phase::Deletion,
    Phase::Retention,
    Phase::DeletionOfLost,
];

impl Life {
    /// A cluster before this life.
    pub(crate) async fn prepared(&self) -> Cluster {
        let cluster = Cluster::new((self.object)()).await;
        (self.prepare)(&cluster).await;
        cluster
    }

    /// A cluster in which this phase begins; `None` if this life has no such phase.
    pub(crate) async fn begin<R: Resource>(&self, phase: Phase) -> Option<Cluster> {
        let cluster = self.prepared().await;
        if phase != Phase::Creation {
            cluster.settle::<R>().await;
        }
        match phase {
            Phase::Creation => {}
            Phase::Change => cluster.change(self.change?),
            Phase::Drift => (self.drift?)(&cluster).await,
            Phase::Loss => (self.lose)(&cluster).await,
            Phase::Deletion => cluster.delete(),
            Phase::Retention => {
                cluster.change(|object| {
                    object["metadata"]["annotations"] =
                        json!({ "services.k8s.aws/deletion-policy": "retain" });
                });
                cluster.delete();
            }
            Phase::DeletionOfLost => {
                (self.lose)(&cluster).await;
                cluster.delete();
            }
        }
        cluster.calls();
        Some(cluster)
    }
}

/// Object and AWS, without what differs from run to run.
pub(crate) fn state(cluster: &Cluster) -> (Json, Json) {
    let mut object = cluster.object();
    let metadata = &object["metadata"];
    if !metadata["deletionTimestamp"].is_null() && metadata["finalizers"] == json!([]) {
        return (Json::Null, cluster.emulator.control().dump());
    }
    object["metadata"]["resourceVersion"] = Json::Null;
    object["metadata"]["creationTimestamp"] = Json::Null;
    let generated = [
        "backupCreationDateTime",
        "creationDateTime",
        "latestStreamARN",
        "latestStreamLabel",
        "queueURL",
        "tableID",
    ];
    for generated in generated {
        if let Some(status) = object["status"].as_object_mut() {
            status.remove(generated);
        }
    }
    // A backup's ARN ends with its time.
    if let Some(arn) = object["status"]["ackResourceMetadata"]["arn"].as_str()
        && let Some((table, _)) = arn.split_once("/backup/")
    {
        object["status"]["ackResourceMetadata"]["arn"] = table.into();
    }
    (object, cluster.emulator.control().dump())
}

fn nothing(_: &Cluster) -> BoxFuture<'_, ()> {
    futures::future::ready(()).boxed()
}

pub(crate) fn of_bucket() -> Life {
    Life {
        object: bucket,
        prepare: nothing,
        change: Some(|object| {
            object["spec"]["tags"] = json!([{ "key": "app", "value": "other" }]);
            object["spec"]["versioning"] = json!({ "status": "Enabled" });
            object["spec"]["website"] = json!({ "indexDocument": { "suffix": "index.html" } });
        }),
        lose: |cluster| {
            async {
                let delete = cluster.aws.s3.delete_bucket().bucket("my-app-data");
                delete.send().await.expect("is there");
            }
            .boxed()
        },
        drift: Some(|cluster| {
            async {
                let delete = cluster.aws.s3.delete_bucket_tagging().bucket("my-app-data");
                delete.send().await.expect("is there");
            }
            .boxed()
        }),
    }
}

pub(crate) fn of_table() -> Life {
    Life {
        object: || {
            let mut object = table();
            object["spec"]["timeToLive"] = json!({ "attributeName": "until", "enabled": true });
            object
        },
        prepare: |cluster| {
            cluster.emulator.control().set_table_delay(Duration::from_secs(3));
            nothing(cluster)
        },
        // Two indexes: two updates, one after the other.
        change: Some(|object| {
            let index = |name: &str| {
                json!({ "indexName": name, "projection": { "projectionType": "ALL" },
                    "keySchema": [{ "attributeName": name, "keyType": "HASH" }] })
            };
            object["spec"]["attributeDefinitions"] = ["id", "day", "city"]
                .map(|name| json!({ "attributeName": name, "attributeType": "S" }))
                .to_vec()
                .into();
            object["spec"]["globalSecondaryIndexes"] = json!([index("day"), index("city")]);
            object["spec"]["tags"] = json!([{ "key": "app", "value": "x" }]);
        }),
        lose: |cluster| {
            async {
                let delete = cluster.aws.dynamodb.delete_table().table_name("my-app-data");
                delete.send().await.expect("is there");
                cluster.emulator.control().skip_time(Duration::from_secs(60));
            }
            .boxed()
        },
        drift: Some(|cluster| {
            async {
                let update = cluster.aws.dynamodb.update_table().table_name("my-app-data");
                let update = update.deletion_protection_enabled(true);
                update.send().await.expect("is there");
                cluster.emulator.control().skip_time(Duration::from_secs(60));
            }
            .boxed()
        }),
    }
}

/// A table that AWS has; with a stream where it is to be a replica of a global table.
pub(crate) async fn make_table(
    cluster: &Cluster,
    region: &str,
    stream: Option<sdk::StreamViewType>,
) {
    let id = sdk::AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(sdk::ScalarAttributeType::S)
        .build();
    let key =
        sdk::KeySchemaElement::builder().attribute_name("id").key_type(sdk::KeyType::Hash).build();
    let stream = stream.map(|view| {
        let stream = sdk::StreamSpecification::builder().stream_enabled(true);
        stream.stream_view_type(view).build().expect("complete")
    });
    let create = cluster.regional(region).dynamodb.create_table().table_name("my-app-data");
    create
        .attribute_definitions(id.expect("complete"))
        .key_schema(key.expect("complete"))
        .billing_mode(sdk::BillingMode::PayPerRequest)
        .set_stream_specification(stream)
        .send()
        .await
        .expect("is free");
    cluster.emulator.control().skip_time(Duration::from_secs(60));
}

pub(crate) fn of_global_table() -> Life {
    Life {
        object: || {
            json!({ "spec": { "globalTableName": "my-app-data",
                "replicationGroup": [{ "regionName": "us-west-2" }] } })
        },
        prepare: |cluster| {
            async {
                cluster.emulator.control().set_table_delay(Duration::from_secs(3));
                make_table(cluster, "us-west-2", Some(sdk::StreamViewType::NewAndOldImages)).await;
                make_table(cluster, "eu-west-1", Some(sdk::StreamViewType::NewAndOldImages)).await;
            }
            .boxed()
        },
        change: Some(|object| {
            object["spec"]["replicationGroup"] =
                json!([{ "regionName": "us-west-2" }, { "regionName": "eu-west-1" }]);
        }),
        lose: |cluster| {
            async {
                let delete = sdk::DeleteReplicaAction::builder().region_name("us-west-2").build();
                let delete = sdk::ReplicaUpdate::builder().delete(delete.expect("complete"));
                let update = cluster.aws.dynamodb.update_global_table();
                let update = update.global_table_name("my-app-data");
                update.replica_updates(delete.build()).send().await.expect("is there");
                cluster.emulator.control().skip_time(Duration::from_secs(60));
            }
            .boxed()
        },
        drift: Some(|cluster| {
            async {
                let create = sdk::CreateReplicaAction::builder().region_name("eu-west-1").build();
                let create = sdk::ReplicaUpdate::builder().create(create.expect("complete"));
                let update = cluster.aws.dynamodb.update_global_table();
                let update = update.global_table_name("my-app-data");
                update.replica_updates(create.build()).send().await.expect("is there");
                cluster.emulator.control().skip_time(Duration::from_secs(60));
            }
            .boxed()
        }),
    }
}

pub(crate) fn of_backup() -> Life {
    Life {
        object: || {
            // A backup that is older than the object is somebody else's.
            json!({ "metadata": { "creationTimestamp": jiff::Timestamp::now().to_string() },
                "spec": { "backupName": "nightly", "tableName": "my-app-data" } })
        },
        prepare: |cluster| make_table(cluster, "us-west-2", None).boxed(),
        change: None,
        lose: |cluster| {
            async {
                let dynamodb = &cluster.aws.dynamodb;
                let list = dynamodb.list_backups().send().await.expect("is answered");
                let arn = list.backup_summaries()[0].backup_arn().expect("has one");
                dynamodb.delete_backup().backup_arn(arn).send().await.expect("is there");
            }
            .boxed()
        },
        drift: None,
    }
}

pub(crate) fn of_queue() -> Life {
    Life {
        object: || json!({ "spec": { "queueName": "orders", "tags": { "app": "x" } } }),
        prepare: nothing,
        change: Some(|object| {
            object["spec"]["visibilityTimeout"] = "7".into();
            object["spec"]["tags"] = json!({ "other": "1" });
        }),
        lose: |cluster| {
            async {
                let sqs = &cluster.aws.sqs;
                let url = sqs.get_queue_url().queue_name("orders").send().await.expect("is there");
                let url = url.queue_url.expect("has one");
                sqs.delete_queue().queue_url(url).send().await.expect("is there");
            }
            .boxed()
        },
        drift: Some(|cluster| {
            async {
                let sqs = &cluster.aws.sqs;
                let url = sqs.get_queue_url().queue_name("orders").send().await.expect("is there");
                let set = sqs.set_queue_attributes().queue_url(url.queue_url.expect("has one"));
                let set = set.attributes(QueueAttributeName::VisibilityTimeout, "99");
                set.send().await.expect("is there");
            }
            .boxed()
        }),
    }
}
