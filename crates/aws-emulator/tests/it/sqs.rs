use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;

use crate::world::World;
use crate::world::code;
use crate::world::key;
use crate::world::refusal;

const ARN: &str = "arn:aws:sqs:us-west-2:123456789012";

async fn create(sqs: &Client, name: &str) -> String {
    let out = sqs.create_queue().queue_name(name).send().await.unwrap();
    out.queue_url().unwrap().to_owned()
}

/// All attributes but the counters and times.
async fn read(sqs: &Client, url: &str) -> BTreeMap<String, String> {
    let request = sqs.get_queue_attributes().queue_url(url).attribute_names(Name::All);
    let out = request.send().await.unwrap();
    out.attributes()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.clone()))
        .filter(|(name, _)| !name.ends_with("Timestamp") && !name.starts_with("Approximate"))
        .collect()
}

async fn set(sqs: &Client, url: &str, name: &str, value: &str) -> Result<(), (String, String)> {
    let request = sqs.set_queue_attributes().queue_url(url).attributes(Name::from(name), value);
    let outcome = request.send().await;
    if outcome.is_ok() { Ok(()) } else { Err(refusal(outcome)) }
}

#[tokio::test]
async fn a_queue_is_made_found_and_deleted() {
    let world = World::start().await;
    let sqs = world.sqs();
    let url = create(&sqs, "orders").await;
    assert_eq!(url, format!("http://{}/123456789012/orders", world.addr()));
    let found = sqs.get_queue_url().queue_name("orders").send().await.unwrap();
    assert_eq!(found.queue_url(), Some(url.as_str()));
    let list = sqs.list_queues().queue_name_prefix("or").send().await.unwrap();
    assert_eq!(list.queue_urls(), std::slice::from_ref(&url));
    insta::assert_debug_snapshot!(read(&sqs, &url).await);

    sqs.delete_queue().queue_url(&url).send().await.unwrap();
    let gone = sqs.get_queue_url().queue_name("orders").send().await.unwrap_err();
    assert!(gone.into_service_error().is_queue_does_not_exist());
    // The code is the one of the query protocol, which clients of that time go by.
    assert_eq!(
        code(sqs.delete_queue().queue_url(&url).send().await),
        "AWS.SimpleQueueService.NonExistentQueue"
    );
    assert!(sqs.list_queues().send().await.unwrap().queue_urls().is_empty());
}

#[tokio::test]
async fn making_a_queue_twice_depends_on_its_attributes() {
    let world = World::start().await;
    let sqs = world.sqs();
    let with = |delay: &str| {
        let request = sqs.create_queue().queue_name("orders");
        request.attributes(Name::DelaySeconds, delay).send()
    };
    with("5").await.unwrap();
    with("5").await.unwrap();
    create(&sqs, "orders").await;
    let (code_, message) = refusal(with("6").await);
    assert_eq!(code_, "QueueAlreadyExists");
    assert_eq!(
        message,
        "A queue already exists with the same name and a different value for attribute DelaySeconds"
    );

    world.control.set_queue_name_delay(Duration::from_secs(60));
    let url = create(&sqs, "orders").await;
    sqs.delete_queue().queue_url(url).send().await.unwrap();
    assert_eq!(code(with("5").await), "AWS.SimpleQueueService.QueueDeletedRecently");
    world.control.skip_time(Duration::from_secs(60));
    with("5").await.unwrap();
}

#[tokio::test]
async fn a_fifo_queue_has_attributes_of_its_own() {
    let world = World::start().await;
    let sqs = world.sqs();
    let fifo =
        |name: &str| sqs.create_queue().queue_name(name).attributes(Name::FifoQueue, "true").send();
    assert_eq!(code(fifo("orders").await), "InvalidParameterValue");
    assert_eq!(
        code(sqs.create_queue().queue_name("orders.fifo").send().await),
        "InvalidParameterValue"
    );
    let url = fifo("orders.fifo").await.unwrap().queue_url().unwrap().to_owned();
    insta::assert_debug_snapshot!(read(&sqs, &url).await);
    set(&sqs, &url, "ContentBasedDeduplication", "true").await.unwrap();
    set(&sqs, &url, "FifoQueue", "true").await.unwrap();

    let plain = create(&sqs, "plain").await;
    assert_eq!(
        set(&sqs, &plain, "FifoQueue", "true").await.unwrap_err(),
        ("InvalidAttributeName".to_owned(), "Unknown Attribute FifoQueue.".to_owned())
    );
}

#[tokio::test]
async fn values_are_checked() {
    let world = World::start().await;
    let sqs = world.sqs();
    let url = create(&sqs, "orders").await;
    for (name, value) in [
        ("DelaySeconds", "901"),
        ("DelaySeconds", "-1"),
        ("DelaySeconds", ""),
        ("MaximumMessageSize", "1023"),
        ("VisibilityTimeout", "soon"),
        ("SqsManagedSseEnabled", "yes"),
        ("Policy", "no"),
        ("Policy", "{}"),
    ] {
        assert_eq!(
            set(&sqs, &url, name, value).await.unwrap_err(),
            (
                "InvalidAttributeValue".to_owned(),
                format!("Invalid value for the parameter {name}.")
            ),
            "{name} {value}"
        );
    }
    assert_eq!(set(&sqs, &url, "Nonsense", "1").await.unwrap_err().0, "InvalidAttributeName");
    let unknown = sqs.get_queue_attributes().queue_url(&url).attribute_names("Nonsense".into());
    assert_eq!(code(unknown.send().await), "InvalidAttributeName");
    let one = sqs.get_queue_attributes().queue_url(&url).attribute_names(Name::QueueArn);
    let one = one.send().await.unwrap();
    assert_eq!(one.attributes().unwrap()[&Name::QueueArn], format!("{ARN}:orders"));
}

#[tokio::test]
async fn one_kind_of_encryption_excludes_the_other() {
    let world = World::start().await;
    let sqs = world.sqs();
    let url = create(&sqs, "orders").await;
    set(&sqs, &url, "KmsMasterKeyId", "alias/aws/sqs").await.unwrap();
    let with_key = read(&sqs, &url).await;
    assert_eq!(with_key["SqsManagedSseEnabled"], "false");
    assert_eq!(with_key["KmsDataKeyReusePeriodSeconds"], "300");
    set(&sqs, &url, "KmsMasterKeyId", "").await.unwrap();
    let without = read(&sqs, &url).await;
    assert!(!without.contains_key("KmsMasterKeyId"));
    assert!(!without.contains_key("KmsDataKeyReusePeriodSeconds"));
    let both = sqs
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(Name::KmsMasterKeyId, "key")
        .attributes(Name::SqsManagedSseEnabled, "true");
    assert_eq!(code(both.send().await), "InvalidAttributeValue");
}

#[tokio::test]
async fn documents_are_answered_as_sqs_writes_them() {
    let world = World::start().await;
    let sqs = world.sqs();
    let url = create(&sqs, "orders").await;
    create(&sqs, "dead").await;
    let fifo = sqs.create_queue().queue_name("dead.fifo").attributes(Name::FifoQueue, "true");
    fifo.send().await.unwrap();
    let redrive = |target: &str, count: &str| {
        format!(r#"{{"maxReceiveCount": {count}, "deadLetterTargetArn": "{ARN}:{target}"}}"#)
    };

    set(&sqs, &url, "RedrivePolicy", &redrive("dead", "\"3\"")).await.unwrap();
    set(&sqs, &url, "RedriveAllowPolicy", r#"{ "redrivePermission": "denyAll" }"#).await.unwrap();
    let policy = r#"{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "AWS": ["123456789012"] }, "Action": ["sqs:SendMessage"],
        "Resource": "*" }] }"#;
    set(&sqs, &url, "Policy", policy).await.unwrap();
    let attributes = read(&sqs, &url).await;
    assert_eq!(
        attributes["RedrivePolicy"],
        format!(r#"{{"deadLetterTargetArn":"{ARN}:dead","maxReceiveCount":3}}"#)
    );
    assert_eq!(attributes["RedriveAllowPolicy"], r#"{"redrivePermission":"denyAll"}"#);
    assert_eq!(
        attributes["Policy"],
        r#"{"Statement":[{"Action":"sqs:SendMessage","Effect":"Allow","Principal":{"AWS":"123456789012"},"Resource":"*"}],"Version":"2012-10-17"}"#
    );

    for (name, value, reason) in [
        ("RedrivePolicy", redrive("nobody", "3"), "Dead letter target does not exist."),
        ("RedrivePolicy", redrive("dead.fifo", "3"), "must be same type of queue"),
        ("RedrivePolicy", redrive("dead", "0"), "valid values are from 1 to 1000"),
        ("RedrivePolicy", "no".to_owned(), "not a valid JSON map"),
        ("RedrivePolicy", r#"{"maxReceiveCount":1}"#.to_owned(), "mandatory attribute"),
        ("RedriveAllowPolicy", r#"{"redrivePermission":"byQueue"}"#.to_owned(), "1 to 10 queues"),
        ("RedriveAllowPolicy", r#"{"redrivePermission":"maybe"}"#.to_owned(), "one of allowAll"),
    ] {
        let (code, message) = set(&sqs, &url, name, &value).await.unwrap_err();
        assert_eq!(code, "InvalidParameterValue", "{value}");
        assert!(message.contains(&format!("for parameter {name} is invalid.")), "{message}");
        assert!(message.contains(reason), "{message}");
    }
    for name in ["Policy", "RedrivePolicy", "RedriveAllowPolicy"] {
        set(&sqs, &url, name, "").await.unwrap();
    }
    assert_eq!(read(&sqs, &url).await.len(), 7);
}

#[tokio::test]
async fn tags_are_added_and_removed() {
    let world = World::start().await;
    let sqs = world.sqs();
    let made = sqs.create_queue().queue_name("orders").tags("app", "my-app").send().await.unwrap();
    let url = made.queue_url().unwrap();
    sqs.tag_queue().queue_url(url).tags("app", "new").tags("b", "c").send().await.unwrap();
    sqs.untag_queue().queue_url(url).tag_keys("b").send().await.unwrap();
    let tags = sqs.list_queue_tags().queue_url(url).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().len(), 1);
    assert_eq!(tags.tags().unwrap()["app"], "new");
    assert_eq!(
        code(sqs.tag_queue().queue_url(url).tags("aws:x", "").send().await),
        "InvalidParameterValue"
    );
    sqs.untag_queue().queue_url(url).tag_keys("app").send().await.unwrap();
    let tags = sqs.list_queue_tags().queue_url(url).send().await.unwrap();
    assert!(tags.tags().is_none_or(std::collections::HashMap::is_empty));
}

#[tokio::test]
async fn a_queue_belongs_to_an_account() {
    let world = World::start().await;
    world.control.set_account("AKIAOTHER", "210987654321");
    let (mine, theirs) = (world.sqs(), world.sqs_as(key("AKIAOTHER")));
    let url = create(&mine, "orders").await;
    assert_eq!(
        code(theirs.get_queue_attributes().queue_url(&url).send().await),
        "AccessDeniedException"
    );
    assert_ne!(create(&theirs, "orders").await, url);
    assert_eq!(
        world.control.dump()["sqs"].as_object().unwrap().keys().cloned().collect::<Vec<_>>(),
        ["123456789012/us-west-2", "210987654321/us-west-2"]
    );
}

#[tokio::test]
async fn messages_are_not_implemented() {
    let world = World::start().await;
    let sqs = world.sqs();
    let url = create(&sqs, "orders").await;
    let (code, message) = refusal(sqs.send_message().queue_url(url).message_body("m").send().await);
    assert_eq!(code, "NotImplemented");
    assert_eq!(message, "the emulator does not implement SQS.SendMessage");
}
