//! Throttling and eventual consistency.

use std::time::Duration;

use aws_emulator::RateLimit;
use aws_sdk_sqs::types::QueueAttributeName as Name;

use crate::raw;
use crate::world::REGION;
use crate::world::World;
use crate::world::code;
use crate::world::key;

#[tokio::test]
async fn an_account_is_throttled_alone() {
    let world = World::start().await;
    world.control.set_account("AKIAOTHER", "210987654321");
    world.control.set_rate_limit(Some(RateLimit { per_second: 0.1, burst: 2 }));
    let s3 = world.s3(REGION);
    for _ in 0..2 {
        s3.list_buckets().send().await.unwrap();
    }
    assert_eq!(code(s3.list_buckets().send().await), "SlowDown");
    // Other services of the account and other accounts have limits of their own.
    world.s3_as(REGION, key("AKIAOTHER")).list_buckets().send().await.unwrap();
    let dynamodb = world.dynamodb();
    for _ in 0..2 {
        dynamodb.list_tables().send().await.unwrap();
    }
    assert_eq!(code(dynamodb.list_tables().send().await), "ThrottlingException");
    let sqs = world.sqs();
    for _ in 0..2 {
        sqs.list_queues().send().await.unwrap();
    }
    assert_eq!(code(sqs.list_queues().send().await), "RequestThrottled");
    let sts = world.sts(key("AKIATEST"));
    for _ in 0..2 {
        sts.get_caller_identity().send().await.unwrap();
    }
    assert_eq!(code(sts.get_caller_identity().send().await), "Throttling");

    world.control.skip_time(Duration::from_secs(10));
    s3.list_buckets().send().await.unwrap();
    assert_eq!(code(s3.list_buckets().send().await), "SlowDown");
    world.control.set_rate_limit(None);
    s3.list_buckets().send().await.unwrap();
}

#[tokio::test]
async fn reads_may_show_the_past() {
    let world = World::start().await;
    let (dynamodb, sqs) = (world.dynamodb(), world.sqs());
    let made = sqs.create_queue().queue_name("queue").send().await.unwrap();
    let url = made.queue_url().unwrap();
    let delay = async || {
        let request = sqs.get_queue_attributes().queue_url(url).attribute_names(Name::DelaySeconds);
        request.send().await.unwrap().attributes().unwrap()[&Name::DelaySeconds].clone()
    };
    world.control.set_staleness(Duration::from_secs(10));
    raw::create_table(&world, "table").await;
    assert_eq!(
        code(dynamodb.describe_table().table_name("table").send().await),
        "ResourceNotFoundException"
    );
    let set = sqs.set_queue_attributes().queue_url(url).attributes(Name::DelaySeconds, "5");
    set.send().await.unwrap();
    assert_eq!(delay().await, "0");
    // A write sees the present.
    let again = raw::create_table(&world, "table").await;
    assert!(again.contains("ResourceInUseException"), "{again}");

    world.control.skip_time(Duration::from_secs(11));
    dynamodb.describe_table().table_name("table").send().await.unwrap();
    assert_eq!(delay().await, "5");
}
