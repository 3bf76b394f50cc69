//! Passes over an object: what is done, in which order, and what is said about it.

use std::time::Duration;

use ack::dynamodb::Table;
use ack::dynamodb::shapes::TableSpec;
use ack::dynamodb::shapes::TableStatus;
use ack::resource::Observed;
use ack::resource::Phase;
use ack::resource::Wait;
use ack::s3::Bucket;
use ack::s3::shapes::BucketSpec;
use ack::s3::shapes::BucketStatus;
use serde_json::Value as Json;
use serde_json::json;

use crate::world::Script;
use crate::world::refusal;
use crate::world::silence;

const FINALIZER: &str = "finalizers.s3.services.k8s.aws/Bucket";

fn object() -> Json {
    json!({ "spec": { "name": "b", "tags": [{ "key": "app", "value": "x" }] } })
}

fn managed() -> Json {
    let mut object = object();
    object["metadata"]["finalizers"] = json!([FINALIZER]);
    object
}

fn deleted() -> Json {
    let mut object = managed();
    object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    object
}

/// A bucket at AWS with these tags besides the default ones.
fn bucket(tags: &[(&str, &str)]) -> Observed<Bucket> {
    let defaults = [
        ("services.k8s.aws/controller-version", "s3-1.0.0"),
        ("services.k8s.aws/namespace", "team"),
    ];
    let tag = |(key, value): &(&str, &str)| json!({ "key": key, "value": value });
    let tags: Vec<Json> = tags.iter().chain(&defaults).map(tag).collect();
    let spec = json!({ "name": "b", "tagging": { "tagSet": tags } });
    Observed {
        spec: serde_json::from_value::<BucketSpec>(spec).expect("valid"),
        status: BucketStatus { location: Some("http://b.s3.amazonaws.com/".into()) },
        arn: "arn:aws:s3:::b".to_owned(),
        phase: Phase::Ready,
    }
}

#[track_caller]
fn assert_said<R: ack::resource::Resource>(script: &Script<R>, expected: &str) {
    let said = script.conditions();
    assert!(said.iter().any(|condition| condition == expected), "{said:#?}");
}

fn as_wanted() -> Observed<Bucket> {
    bucket(&[("app", "x")])
}

#[tokio::test]
async fn a_bucket_comes_up() {
    let script = Script::<Bucket>::new(object()).reads(Ok(None)).reads(Ok(Some(as_wanted())));
    insta::assert_snapshot!(script.pass().await);
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changed() {
    let script = Script::<Bucket>::new(object()).reads(Ok(None)).reads(Ok(Some(as_wanted())));
    script.pass().await;
    let script = script.reads(Ok(Some(as_wanted())));
    insta::assert_snapshot!(script.pass().await, @r"
    read b
    again after 36000s
    ");
}

/// Killed after the finalizer, after the creation, or before the status: the next pass starts from
/// what is there, and ends where the undisturbed one does.
#[tokio::test]
async fn a_pass_goes_on_from_wherever_the_last_one_was_killed() {
    let whole = Script::<Bucket>::new(object()).reads(Ok(None)).reads(Ok(Some(as_wanted())));
    whole.pass().await;
    let end = |script: &Script<Bucket>| {
        let mut object = script.object();
        object["metadata"]["resourceVersion"] = Json::Null;
        object
    };
    let before_create =
        Script::<Bucket>::new(managed()).reads(Ok(None)).reads(Ok(Some(as_wanted())));
    let log = before_create.pass().await;
    assert_eq!(log.matches("send").count(), 1, "{log}");
    assert_eq!(end(&before_create), end(&whole));
    let after_create = Script::<Bucket>::new(managed()).reads(Ok(Some(as_wanted())));
    let log = after_create.pass().await;
    assert_eq!(log.matches("send").count(), 0, "{log}");
    assert_eq!(end(&after_create), end(&whole));
}

/// AWS did not yet know what an earlier pass had created.
#[tokio::test]
async fn a_creation_that_was_ours_after_all_is_read_again() {
    let script = Script::<Bucket>::new(managed())
        .reads(Ok(None))
        .sends(Err(refusal("BucketAlreadyOwnedByYou")))
        .reads(Ok(Some(as_wanted())));
    let log = script.pass().await;
    assert_eq!(log.matches("send").count(), 1, "{log}");
    assert_said(&script, "ACK.ResourceSynced | True | - | Resource synced successfully");
    assert_eq!(script.object()["metadata"]["finalizers"], json!([FINALIZER]));
}

/// The finalizer is given back: the bucket is somebody else's.
#[tokio::test]
async fn a_name_that_is_taken_is_recoverable() {
    let script =
        Script::<Bucket>::new(object()).reads(Ok(None)).sends(Err(refusal("BucketAlreadyExists")));
    insta::assert_snapshot!(script.pass().await);
    assert_eq!(script.object()["metadata"]["finalizers"], json!([]));
}

/// Trying again says the same, so it writes no status.
#[tokio::test]
async fn a_repeated_failure_does_not_change_the_status() {
    let script = Script::<Bucket>::new(object())
        .reads(Ok(None))
        .sends(Err(refusal("BucketAlreadyExists")))
        .reads(Ok(None))
        .sends(Err(refusal("BucketAlreadyExists")));
    script.pass().await;
    let again = script.pass().await;
    assert!(!again.contains("patch status"), "{again}");
}

/// Nobody knows whether the bucket was made: the finalizer stays, and the next pass looks.
#[tokio::test]
async fn a_creation_without_answer_keeps_the_finalizer() {
    let script = Script::<Bucket>::new(object()).reads(Ok(None)).sends(Err(silence()));
    let log = script.pass().await;
    assert!(log.ends_with("again with backoff"), "{log}");
    assert_eq!(script.object()["metadata"]["finalizers"], json!([FINALIZER]));
    assert_eq!(
        script.conditions(),
        [
            "ACK.Recoverable | True | - | timeout",
            "ACK.ResourceSynced | Unknown | timeout | Unable to determine if desired resource \
             state matches latest observed state",
            "Ready | False | ACK.Recoverable | timeout",
        ]
    );
    let script = script.reads(Ok(Some(as_wanted())));
    let log = script.pass().await;
    assert_eq!(log.matches("send").count(), 0, "{log}");
    assert_eq!(
        script.conditions(),
        [
            "ACK.LateInitialized | True | Late initialization successful | Late initialization \
             successful",
            "ACK.ResourceSynced | True | - | Resource synced successfully",
            "Ready | True | - | Resource synced successfully",
        ]
    );
}

#[tokio::test]
async fn a_terminal_refusal_of_the_creation_keeps_the_finalizer() {
    let script = Script::<Bucket>::new(object())
        .reads(Ok(None))
        .sends(Err(refusal("InvalidLocationConstraint")));
    let log = script.pass().await;
    assert!(log.ends_with("no more"), "{log}");
    assert_eq!(script.object()["metadata"]["finalizers"], json!([FINALIZER]));
    assert_eq!(
        script.conditions(),
        [
            "ACK.Terminal | True | - | InvalidLocationConstraint: no",
            "ACK.ResourceSynced | False | resource is in terminal condition | Resource not synced",
            "Ready | False | ACK.Terminal | InvalidLocationConstraint: no",
        ]
    );
}

#[tokio::test]
async fn aws_may_take_a_while_to_know_what_it_has_made() {
    let script = (0..7)
        .fold(Script::<Bucket>::new(object()).reads(Ok(None)), |script, _| script.reads(Ok(None)));
    let log = script.pass().await;
    let pauses: Vec<_> = log.lines().filter(|line| line.starts_with("pause")).collect();
    assert_eq!(
        pauses,
        ["pause 200ms", "pause 400ms", "pause 800ms", "pause 1.6s", "pause 3s", "pause 4s"]
    );
    assert_eq!(
        script.conditions()[0],
        "ACK.Recoverable | True | - | ReadOne call failed after a Create operation: number of \
         attempts: 7"
    );
}

#[tokio::test]
async fn tags_are_brought_to_the_spec() {
    let script = Script::<Bucket>::new(managed())
        .reads(Ok(Some(bucket(&[("aws:cloudformation:stack-id", "s"), ("old", "1")]))));
    insta::assert_snapshot!(script.pass().await);
}

#[tokio::test]
async fn what_exists_and_is_not_ours_is_left_alone() {
    let script = Script::<Bucket>::new(object()).reads(Ok(Some(bucket(&[]))));
    insta::assert_snapshot!(script.pass().await);
}

#[tokio::test]
async fn deletion() {
    let script = Script::<Bucket>::new(deleted()).reads(Ok(Some(as_wanted())));
    insta::assert_snapshot!(script.pass().await);
}

#[tokio::test]
async fn deletion_of_what_is_gone() {
    let script = Script::<Bucket>::new(deleted()).reads(Ok(None));
    let log = script.pass().await;
    assert_eq!(log.matches("send").count(), 0, "{log}");
    assert_eq!(script.object()["metadata"]["finalizers"], json!([]));
}

#[tokio::test]
async fn deletion_with_retain_asks_nothing_of_aws() {
    let script = Script::<Bucket>::new(deleted());
    script.change(|object| {
        object["metadata"]["annotations"] = json!({ "services.k8s.aws/deletion-policy": "retain" });
    });
    let log = script.pass().await;
    assert!(!log.contains("read") && !log.contains("send"), "{log}");
    assert_eq!(script.object()["metadata"]["finalizers"], json!([]));
}

#[tokio::test]
async fn a_bucket_that_is_not_empty_is_tried_again() {
    let script = Script::<Bucket>::new(deleted())
        .reads(Ok(Some(as_wanted())))
        .sends(Err(refusal("BucketNotEmpty")));
    let log = script.pass().await;
    assert!(log.ends_with("again with backoff"), "{log}");
    assert_eq!(script.object()["metadata"]["finalizers"], json!([FINALIZER]));
    assert_said(&script, "ACK.Recoverable | True | - | BucketNotEmpty: no");
}

#[tokio::test]
async fn an_object_that_is_not_managed_goes_without_us() {
    let script = Script::<Bucket>::new(deleted());
    script.change(|object| object["metadata"]["finalizers"] = json!(["somebody/else"]));
    assert_eq!(script.pass().await, "no more");
}

/// The status is not written to an object that has changed meanwhile.
#[tokio::test]
async fn a_conflict_ends_the_pass() {
    let script = Script::<Bucket>::new(managed()).reads(Ok(Some(as_wanted())));
    let stale = script.object();
    script.change(|_| ());
    let object = ack::object::Object::<BucketSpec>::parse(&stale);
    let scope = ack::scope::Scope::resolve(
        &<Bucket as ack::resource::Resource>::KIND,
        &object,
        &Default::default(),
        &crate::world::settings(),
    );
    let known =
        ack::reconcile::Known::<Bucket>::new(object, scope.expect("in scope"), Duration::ZERO);
    let requeue = ack::reconcile::run(&script, known).await;
    assert_eq!(requeue, runtime::workers::Requeue::RateLimited);
    assert!(script.object()["status"].is_null());
}

#[tokio::test]
async fn read_only_follows_aws_and_writes_only_the_status() {
    let script = Script::<Bucket>::new(object()).reads(Ok(Some(bucket(&[("other", "1")]))));
    script.change(|object| {
        object["metadata"]["annotations"] = json!({ "services.k8s.aws/read-only": "true" });
    });
    let log = script.pass().await;
    assert!(!log.contains("send") && !log.contains("patch {"), "{log}");
    assert_said(&script, "ACK.ResourceSynced | True | - | Resource synced successfully");
    let script = script.reads(Ok(None));
    assert_eq!(script.pass().await, "read b\nagain with backoff");
}

#[tokio::test]
async fn adoption_fills_in_the_spec() {
    let script = Script::<Bucket>::new(json!({ "spec": {} })).reads(Ok(Some(as_wanted())));
    script.change(|object| {
        object["metadata"]["annotations"] = json!({
            "services.k8s.aws/adoption-policy": "adopt",
            "services.k8s.aws/adoption-fields": r#"{"name":"b"}"#,
        });
    });
    insta::assert_snapshot!(script.pass().await);
    let script = script.reads(Ok(None));
    let gone = script.pass().await;
    assert_eq!(gone, "read b\nagain with backoff", "is not created again");
}

#[tokio::test]
async fn adopt_or_create_brings_aws_to_the_spec() {
    let script = Script::<Bucket>::new(object()).reads(Ok(Some(bucket(&[("other", "1")]))));
    script.change(|object| {
        object["metadata"]["annotations"] =
            json!({ "services.k8s.aws/adoption-policy": "adopt-or-create" });
    });
    let log = script.pass().await;
    assert_eq!(log.matches("PutTagging").count(), 1, "{log}");
    let metadata = &script.object()["metadata"];
    assert_eq!(metadata["annotations"]["services.k8s.aws/adopted"], "true");
    assert_eq!(metadata["finalizers"], json!([FINALIZER]));
}

#[tokio::test]
async fn a_wrong_adoption_is_all_that_is_said() {
    let script = Script::<Bucket>::new(object());
    script.change(|object| {
        object["metadata"]["annotations"] = json!({ "services.k8s.aws/adoption-policy": "steal" });
    });
    assert!(script.pass().await.ends_with("no more"));
    assert_eq!(
        script.conditions(),
        [
            "ACK.Terminal | True | - | unrecognized adoption policy steal: use adopt or adopt-or-create"
        ]
    );
}

#[tokio::test]
async fn transition_times_are_kept_while_the_status_stays() {
    let time = |script: &Script<Bucket>| {
        let object = script.object();
        object["status"]["conditions"][0]["lastTransitionTime"].as_str().map(str::to_owned)
    };
    let script = Script::<Bucket>::new(managed())
        .reads(Err(refusal("AccessDenied")))
        .reads(Err(refusal("SlowDown")))
        .reads(Ok(Some(as_wanted())));
    script.pass().await;
    let first = time(&script);
    script.pass().await;
    assert_said(&script, "ACK.Recoverable | True | - | SlowDown: no");
    assert_eq!(time(&script), first);
    script.pass().await;
    assert_ne!(time(&script), first);
}

fn table(status: &str, phase: Phase) -> Observed<Table> {
    let spec = json!({
        "tableName": "t",
        "billingMode": "PAY_PER_REQUEST",
        "attributeDefinitions": [{ "attributeName": "id", "attributeType": "S" }],
        "keySchema": [{ "attributeName": "id", "keyType": "HASH" }],
    });
    Observed {
        spec: serde_json::from_value::<TableSpec>(spec).expect("valid"),
        status: TableStatus { table_status: Some(status.to_owned()), ..TableStatus::default() },
        arn: "arn:aws:dynamodb:us-west-2:123456789012:table/t".to_owned(),
        phase,
    }
}

fn busy(status: &str) -> Phase {
    Phase::Busy(Wait {
        after: Duration::from_secs(5),
        message: format!("table in '{status}' state, cannot be modified or deleted"),
    })
}

fn table_object() -> Json {
    json!({ "spec": {
        "tableName": "t",
        "billingMode": "PAY_PER_REQUEST",
        "attributeDefinitions": [{ "attributeName": "id", "attributeType": "S" }],
        "keySchema": [{ "attributeName": "id", "keyType": "HASH" }],
    } })
}

/// The ARN is there while the table is being created, and the object is not synced.
#[tokio::test]
async fn a_table_is_waited_for() {
    let script = Script::<Table>::new(table_object())
        .reads(Ok(None))
        .reads(Ok(Some(table("CREATING", busy("CREATING")))));
    insta::assert_snapshot!(script.pass().await);
    let script = script.reads(Ok(Some(table("CREATING", busy("CREATING")))));
    assert_eq!(script.pass().await, "read t\nagain after 5s");
}

/// The second object of a name must not be refused for what the first has left behind.
#[tokio::test]
async fn a_table_that_is_on_its_way_out_is_waited_for() {
    let leaving = Phase::Leaving(Wait { after: Duration::from_secs(5), message: "leaving".into() });
    let script = Script::<Table>::new(table_object()).reads(Ok(Some(table("DELETING", leaving))));
    let log = script.pass().await;
    assert!(log.ends_with("again after 5s") && !log.contains("send"), "{log}");
    assert_eq!(script.object()["metadata"]["finalizers"], Json::Null);
}

#[tokio::test]
async fn a_table_that_is_being_created_is_not_deleted_yet() {
    let mut object = table_object();
    object["metadata"] = json!({
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["finalizers.dynamodb.services.k8s.aws/Table"],
    });
    let script = Script::<Table>::new(object).reads(Ok(Some(table("CREATING", busy("CREATING")))));
    let log = script.pass().await;
    assert!(log.ends_with("again after 5s") && !log.contains("send"), "{log}");
}

/// A table that can't be used, but does not differ either.
#[tokio::test]
async fn an_unusable_table_is_not_synced() {
    let mut object = table_object();
    object["metadata"]["finalizers"] = json!(["finalizers.dynamodb.services.k8s.aws/Table"]);
    let mut latest = table("INACCESSIBLE_ENCRYPTION_CREDENTIALS", Phase::Unusable);
    latest.spec.tags = serde_json::from_value(json!([
        { "key": "services.k8s.aws/controller-version", "value": "dynamodb-1.0.0" },
        { "key": "services.k8s.aws/namespace", "value": "team" },
    ]))
    .expect("valid");
    let script = Script::<Table>::new(object).reads(Ok(Some(latest)));
    let log = script.pass().await;
    assert!(log.ends_with("again after 30s"), "{log}");
    assert_said(&script, "ACK.ResourceSynced | False | - | Resource not synced");
}

/// Protection that the user switched off just before the deletion, too late for an update.
#[tokio::test]
async fn protection_that_the_spec_no_longer_has_is_lifted_before_deletion() {
    let mut object = table_object();
    object["metadata"] = json!({
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["finalizers.dynamodb.services.k8s.aws/Table"],
    });
    object["spec"]["deletionProtectionEnabled"] = false.into();
    let mut latest = table("ACTIVE", Phase::Ready);
    latest.spec.deletion_protection_enabled = Some(true);
    let script = Script::<Table>::new(object).reads(Ok(Some(latest)));
    let log = script.pass().await;
    assert!(log.contains("send Update(") && log.ends_with("again after 10s"), "{log}");
    let script = script.reads(Ok(Some(table("ACTIVE", Phase::Ready))));
    let log = script.pass().await;
    assert!(log.contains("send Delete(") && log.ends_with("no more"), "{log}");
}
