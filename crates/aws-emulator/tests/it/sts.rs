use std::time::Duration;

use aws_credential_types::Credentials;

use crate::world::ACCOUNT;
use crate::world::REGION;
use crate::world::World;
use crate::world::code;
use crate::world::key;

#[tokio::test]
async fn a_caller_is_told_who_it_is() {
    let world = World::start().await;
    world.control.set_account("AKIAOTHER", "210987654321");
    for (access_key, account) in [("AKIATEST", ACCOUNT), ("AKIAOTHER", "210987654321")] {
        let out = world.sts(key(access_key)).get_caller_identity().send().await.unwrap();
        assert_eq!(out.account(), Some(account));
        assert_eq!(out.arn(), Some(format!("arn:aws:iam::{account}:root").as_str()));
    }
}

async fn assume(world: &World, seconds: i32) -> Credentials {
    let out = world
        .sts(key("AKIATEST"))
        .assume_role()
        .role_arn("arn:aws:iam::210987654321:role/path/tenant")
        .role_session_name("ack")
        .duration_seconds(seconds)
        .send()
        .await
        .unwrap();
    let user = out.assumed_role_user().unwrap();
    assert_eq!(user.arn(), "arn:aws:sts::210987654321:assumed-role/tenant/ack");
    let given = out.credentials().unwrap();
    Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        None,
        "test",
    )
}

#[tokio::test]
async fn an_assumed_role_acts_in_its_account() {
    let world = World::start().await;
    let session = assume(&world, 900).await;
    let out = world.sts(session.clone()).get_caller_identity().send().await.unwrap();
    assert_eq!(out.account(), Some("210987654321"));
    assert_eq!(out.arn(), Some("arn:aws:sts::210987654321:assumed-role/tenant/ack"));

    let s3 = world.s3_as("us-east-1", session);
    s3.create_bucket().bucket("tenant-bucket").send().await.unwrap();
    assert_eq!(
        world.control.dump()["s3"]["buckets"]["tenant-bucket"]["account"],
        serde_json::json!("210987654321")
    );
}

#[tokio::test]
async fn a_session_ends_and_unknown_ones_are_refused() {
    let world = World::start().await;
    let session = assume(&world, 900).await;
    world.control.skip_time(Duration::from_secs(901));
    let client = world.dynamodb_as(REGION, session.clone());
    assert_eq!(code(client.list_tables().send().await), "ExpiredTokenException");
    assert_eq!(
        code(world.s3_as(REGION, session.clone()).list_buckets().send().await),
        "ExpiredToken"
    );
    let stolen = Credentials::new(session.access_key_id(), "secret", None, None, "test");
    assert_eq!(code(world.sts(stolen).get_caller_identity().send().await), "InvalidClientTokenId");
    assert_eq!(
        code(world.s3_as(REGION, key("ASIAUNKNOWN")).list_buckets().send().await),
        "InvalidAccessKeyId"
    );
}

#[tokio::test]
async fn a_role_must_be_one() {
    let world = World::start().await;
    let request = world
        .sts(key("AKIATEST"))
        .assume_role()
        .role_arn("arn:aws:iam::210987654321:user/somebody")
        .role_session_name("ack");
    assert_eq!(code(request.send().await), "ValidationError");
}
