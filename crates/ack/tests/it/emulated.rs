//! Passes against the emulator, through the official SDK.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use ack::aws::Aws;
use ack::aws::Endpoint;
use ack::aws::Failure;
use ack::aws::Regional;
use ack::dynamodb::Table;
use ack::object::Object;
use ack::reconcile::Known;
use ack::reconcile::Patched;
use ack::reconcile::Target;
use ack::reconcile::World;
use ack::reconcile::run;
use ack::resource::Asked;
use ack::resource::Observed;
use ack::resource::Place;
use ack::resource::Resource;
use ack::s3::Bucket;
use ack::scope::Scope;
use ack::shape::Time;
use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_emulator::Emulator;
use aws_emulator::Fault;
use aws_emulator::Options;
use jiff::Timestamp;
use runtime::workers::Requeue;
use serde_json::Value as Json;
use serde_json::json;

use crate::stored::Stored;
use crate::world::RESYNC;
use crate::world::settings;

/// The emulator, and an API server of one object.
pub(crate) struct Cluster {
    pub(crate) emulator: Emulator,
    pub(crate) aws: Arc<Regional>,
    stored: Mutex<Stored>,
}

impl Cluster {
    pub(crate) async fn new(object: Json) -> Self {
        let emulator = Emulator::start(Options::default()).await.expect("a free port");
        let endpoint = Endpoint::parse(&emulator.url(), true).expect("a URL");
        let aws = client().regional("us-west-2", Some(&endpoint), None);
        Self { emulator, aws, stored: Mutex::new(Stored::new(object)) }
    }

    /// Clients of another region.
    pub(crate) fn regional(&self, region: &str) -> Arc<Regional> {
        let endpoint = Endpoint::parse(&self.emulator.url(), true).expect("a URL");
        client().regional(region, Some(&endpoint), None)
    }

    /// One pass.
    pub(crate) async fn pass<R: Resource>(&self) -> Requeue {
        run(self, self.known::<R>()).await
    }

    pub(crate) fn known<R: Resource>(&self) -> Known<R> {
        let object = Object::<R::Spec>::parse(&self.object());
        let scope = Scope::resolve(&R::KIND, &object, &Default::default(), &settings());
        Known::new(object, scope.expect("in scope"), RESYNC)
    }

    /// Passes until there is nothing more to do; time that is waited for is skipped.
    pub(crate) async fn settle<R: Resource>(&self) {
        for _ in 0..50 {
            match self.pass::<R>().await {
                Requeue::Done => return,
                Requeue::After(delay) if delay == RESYNC => return,
                Requeue::After(delay) => self.emulator.control().skip_time(delay),
                Requeue::Now | Requeue::RateLimited => {}
            }
        }
        panic!("does not settle: {:#}", self.object());
    }

    pub(crate) fn object(&self) -> Json {
        self.stored.lock().expect("not poisoned").json.clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Json)) {
        self.stored.lock().expect("not poisoned").change(change);
    }

    pub(crate) fn delete(&self) {
        self.change(|object| {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        });
    }

    /// Names of the operations called since the last time, refused ones with their code.
    pub(crate) fn calls(&self) -> Vec<String> {
        let control = self.emulator.control();
        let one = |call: aws_emulator::Call| match call.error {
            Some(code) => format!("{} {code}", call.operation),
            None => call.operation,
        };
        let calls = control.calls().into_iter().map(one).collect();
        control.clear_calls();
        calls
    }

    /// The same, without the operations that only read; they may come in any order.
    pub(crate) fn writes(&self) -> Vec<String> {
        let reads = |call: &String| ["Get", "List", "Describe"].iter().any(|p| call.starts_with(p));
        self.calls().into_iter().filter(|call| !reads(call)).collect()
    }

    pub(crate) fn condition(&self, condition_type: &str) -> Option<String> {
        let object = self.object();
        let conditions = object["status"]["conditions"].as_array()?;
        let found = conditions.iter().find(|c| c["type"] == condition_type)?;
        let text = |key: &str| found[key].as_str().unwrap_or("-").to_owned();
        Some(format!("{} | {}", text("status"), text("message")))
    }
}

pub(crate) fn client() -> Aws {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-west-2"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(http)
        .build();
    Aws::new(config, Duration::from_secs(10), true)
}

impl<R: Resource> World<R> for Cluster {
    async fn read(&self, asked: &Asked<'_, R>) -> Result<Option<Observed<R>>, Failure> {
        R::read(&self.aws, asked, &Place::new("123456789012", "us-west-2")).await
    }

    async fn send(&self, call: R::Call) -> Result<(), Failure> {
        R::send(&self.aws, call).await
    }

    async fn patch(&self, _target: Target, patch: &Json) -> Patched {
        self.stored.lock().expect("not poisoned").patch(patch)
    }

    /// There are no other objects here.
    async fn referenced(
        &self,
        _target: &ack::reference::Target,
        _namespace: &str,
        _name: &str,
    ) -> Result<Option<Json>, String> {
        Ok(None)
    }

    async fn pause(&self, _duration: Duration) {}

    fn now(&self) -> Time {
        Time(Timestamp::UNIX_EPOCH)
    }
}

/// What a new bucket is asked for because AWS decides it: the spec gets it.
pub(crate) const LATE: &[&str] =
    &["GetBucketAbac", "GetBucketEncryption", "GetBucketOwnershipControls"];

/// The bucket of the reference example.
pub(crate) fn bucket() -> Json {
    json!({ "spec": { "name": "my-app-data", "tags": [{ "key": "app", "value": "my-app" }] } })
}

/// The table of the reference example.
pub(crate) fn table() -> Json {
    json!({ "spec": {
        "tableName": "my-app-data",
        "billingMode": "PAY_PER_REQUEST",
        "attributeDefinitions": [{ "attributeName": "id", "attributeType": "S" }],
        "keySchema": [{ "attributeName": "id", "keyType": "HASH" }],
    } })
}

pub(crate) const SYNCED: &str = "True | Resource synced successfully";

#[tokio::test]
async fn a_bucket_lives_and_dies() {
    let cluster = Cluster::new(bucket()).await;
    assert_eq!(cluster.pass::<Bucket>().await, Requeue::After(RESYNC));
    assert_eq!(
        cluster.calls(),
        [&["GetBucketTagging NoSuchBucket", "CreateBucket", "GetBucketTagging"][..], LATE].concat()
    );
    insta::assert_json_snapshot!(
        "bucket",
        json!({
            "object": cluster.object(),
            "aws": cluster.emulator.control().dump(),
        })
    );

    let before = cluster.object();
    cluster.pass::<Bucket>().await;
    assert_eq!(cluster.writes(), [""; 0], "a start reads");
    assert_eq!(cluster.object(), before, "and writes nothing");

    cluster.change(|object| object["spec"]["tags"] = json!([{ "key": "app", "value": "other" }]));
    cluster.pass::<Bucket>().await;
    assert_eq!(cluster.writes(), ["PutBucketTagging"]);
    cluster.change(|object| {
        let spec = object["spec"].as_object_mut().expect("an object");
        spec.remove("tags");
        spec.insert("tagging".into(), json!({ "tagSet": [{ "key": "app", "value": "other" }] }));
    });
    cluster.pass::<Bucket>().await;
    assert_eq!(cluster.writes(), [""; 0], "the other form says the same");

    cluster.delete();
    assert_eq!(cluster.pass::<Bucket>().await, Requeue::Done);
    assert_eq!(cluster.calls(), ["GetBucketTagging", "DeleteBucket"]);
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}

#[tokio::test]
async fn a_table_lives_and_dies() {
    let cluster = Cluster::new(table()).await;
    let control = cluster.emulator.control();
    control.set_table_delay(Duration::from_secs(3));
    assert_eq!(cluster.pass::<Table>().await, Requeue::After(Duration::from_secs(5)));
    assert_eq!(
        cluster.calls(),
        ["DescribeTable ResourceNotFoundException", "CreateTable", "DescribeTable"]
    );
    let arn = "arn:aws:dynamodb:us-west-2:123456789012:table/my-app-data";
    assert_eq!(cluster.object()["status"]["ackResourceMetadata"]["arn"], arn);
    assert_eq!(
        cluster.condition("ACK.Recoverable").as_deref(),
        Some("True | table in 'CREATING' state, cannot be modified or deleted")
    );
    assert!(cluster.condition("ACK.ResourceSynced").is_some_and(|c| c.starts_with("Unknown")));

    control.skip_time(Duration::from_secs(5));
    assert_eq!(cluster.pass::<Table>().await, Requeue::After(RESYNC));
    assert_eq!(cluster.writes(), [""; 0]);
    assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED));
    assert_eq!(cluster.condition("ACK.Recoverable"), None);
    let mut object = cluster.object();
    for generated in ["creationDateTime", "tableID"] {
        assert!(object["status"][generated].is_string(), "{generated}");
        object["status"][generated] = "…".into();
    }
    insta::assert_json_snapshot!("table", json!({ "object": object, "aws": control.dump() }));

    let before = cluster.object();
    cluster.pass::<Table>().await;
    assert_eq!(cluster.object(), before, "no write");
    cluster.calls();

    cluster.change(|object| {
        object["spec"]["tags"] =
            json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }]);
    });
    cluster.pass::<Table>().await;
    assert_eq!(cluster.writes(), ["TagResource"]);
    cluster.change(|object| object["spec"]["tags"] = json!([{ "key": "b", "value": "3" }]));
    assert_eq!(cluster.pass::<Table>().await, Requeue::After(RESYNC));
    assert_eq!(cluster.writes(), ["UntagResource", "TagResource"]);
    cluster.pass::<Table>().await;
    assert_eq!(cluster.writes(), [""; 0]);

    cluster.delete();
    assert_eq!(cluster.pass::<Table>().await, Requeue::Done);
    assert_eq!(cluster.calls(), ["DescribeTable", "DeleteTable"]);
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}

#[tokio::test]
async fn a_table_is_changed_one_step_at_a_time() {
    let cluster = Cluster::new(table()).await;
    cluster.settle::<Table>().await;
    cluster.calls();
    cluster.change(|object| {
        object["spec"]["billingMode"] = "PROVISIONED".into();
        object["spec"]["tableClass"] = "STANDARD_INFREQUENT_ACCESS".into();
        object["spec"]["provisionedThroughput"] =
            json!({ "readCapacityUnits": 2, "writeCapacityUnits": 1 });
    });
    assert_eq!(cluster.pass::<Table>().await, Requeue::After(Duration::from_secs(10)));
    cluster.settle::<Table>().await;
    let updates = |cluster: &Cluster| {
        cluster.calls().iter().filter(|call| call.starts_with("UpdateTable")).count()
    };
    assert_eq!(updates(&cluster), 1, "the capacity goes with the billing mode that needs it");
    cluster.change(|object| {
        object["spec"]["provisionedThroughput"]["readCapacityUnits"] = 3.into();
        object["spec"].as_object_mut().expect("an object").remove("tableClass");
    });
    cluster.settle::<Table>().await;
    assert_eq!(updates(&cluster), 2, "the capacity by itself");
    assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED));
    let before = cluster.object();
    cluster.settle::<Table>().await;
    assert_eq!(cluster.object(), before);
}

#[tokio::test]
async fn a_bucket_of_somebody_else() {
    let cluster = Cluster::new(bucket()).await;
    cluster.emulator.control().set_foreign_bucket("my-app-data", true);
    assert_eq!(cluster.pass::<Bucket>().await, Requeue::RateLimited);
    assert_eq!(
        cluster.calls(),
        ["GetBucketTagging AccessDenied", "ListBuckets", "CreateBucket BucketAlreadyExists"]
    );
    let said = cluster.condition("ACK.Recoverable").unwrap_or_default();
    assert!(said.starts_with("True | BucketAlreadyExists: "), "{said}");
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
    // It can't be taken for ours, whatever happened before.
    cluster.change(|object| {
        object["metadata"]["finalizers"] = json!(["finalizers.s3.services.k8s.aws/Bucket"]);
    });
    cluster.delete();
    assert_eq!(cluster.pass::<Bucket>().await, Requeue::Done);
    assert_eq!(cluster.calls(), ["GetBucketTagging AccessDenied", "ListBuckets"]);
}

/// The creation took effect and its answer got lost: nothing is created twice, and the bucket is
/// not taken for somebody else's.
#[tokio::test]
async fn a_lost_answer() {
    for fault in [
        Fault::drop().on("s3", "CreateBucket").after_effect(),
        Fault::error(500, "InternalError", "We encountered an internal error.")
            .on("s3", "CreateBucket")
            .after_effect(),
    ] {
        let cluster = Cluster::new(bucket()).await;
        cluster.emulator.control().fail(fault);
        assert_eq!(cluster.pass::<Bucket>().await, Requeue::RateLimited);
        assert!(cluster.condition("ACK.Recoverable").is_some());
        let finalizers = &cluster.object()["metadata"]["finalizers"];
        assert_eq!(*finalizers, json!(["finalizers.s3.services.k8s.aws/Bucket"]));
        cluster.settle::<Bucket>().await;
        let calls = cluster.calls();
        let creations = calls.iter().filter(|call| call.starts_with("CreateBucket")).count();
        assert_eq!(creations, 1, "{calls:?}");
        assert_eq!(cluster.condition("ACK.ResourceSynced").as_deref(), Some(SYNCED));
    }
}

/// What conditions say of an error is the same every time: no ids of requests.
#[tokio::test]
async fn errors_are_told_in_the_words_of_aws() {
    let cluster = Cluster::new(table()).await;
    let control = cluster.emulator.control();
    control.fail(
        Fault::error(400, "ValidationException", "Invalid table").on("dynamodb", "CreateTable"),
    );
    assert_eq!(cluster.pass::<Table>().await, Requeue::Done);
    assert_eq!(
        cluster.condition("ACK.Terminal").as_deref(),
        Some("True | api error ValidationException: Invalid table")
    );
    control.fail(
        Fault::error(400, "LimitExceededException", "Too many").on("dynamodb", "CreateTable"),
    );
    assert_eq!(cluster.pass::<Table>().await, Requeue::RateLimited);
    assert_eq!(
        cluster.condition("ACK.Recoverable").as_deref(),
        Some("True | LimitExceededException: Too many")
    );
    cluster.settle::<Table>().await;
    assert_eq!(cluster.condition("ACK.Terminal"), None);
}

/// Changed and deleted by hand: repaired by the next pass.
#[tokio::test]
async fn drift() {
    let cluster = Cluster::new(bucket()).await;
    cluster.settle::<Bucket>().await;
    let s3 = &cluster.aws.s3;
    s3.delete_bucket_tagging().bucket("my-app-data").send().await.expect("is there");
    cluster.calls();
    cluster.settle::<Bucket>().await;
    assert_eq!(cluster.writes(), ["PutBucketTagging"]);
    s3.delete_bucket().bucket("my-app-data").send().await.expect("is there");
    cluster.calls();
    cluster.settle::<Bucket>().await;
    assert_eq!(
        cluster.calls(),
        ["GetBucketTagging NoSuchBucket", "CreateBucket", "GetBucketTagging"]
    );
}

#[tokio::test]
async fn deletion_protection() {
    let mut object = table();
    object["spec"]["deletionProtectionEnabled"] = true.into();
    let cluster = Cluster::new(object).await;
    cluster.settle::<Table>().await;
    cluster.delete();
    assert_eq!(cluster.pass::<Table>().await, Requeue::Done);
    let said = cluster.condition("ACK.Terminal").unwrap_or_default();
    assert!(said.starts_with("True | api error ValidationException"), "{said}");
    cluster.change(|object| object["spec"]["deletionProtectionEnabled"] = false.into());
    cluster.settle::<Table>().await;
    assert_eq!(cluster.object()["metadata"]["finalizers"], json!([]));
}
