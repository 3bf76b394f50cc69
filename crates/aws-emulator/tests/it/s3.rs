use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::types::BucketLocationConstraint;
use aws_sdk_s3::types::CreateBucketConfiguration;
use aws_sdk_s3::types::ObjectOwnership;
use aws_sdk_s3::types::OwnershipControls;
use aws_sdk_s3::types::OwnershipControlsRule;
use aws_sdk_s3::types::Tag;
use aws_sdk_s3::types::Tagging;

use crate::world::REGION;
use crate::world::World;
use crate::world::code;
use crate::world::key;
use crate::world::refusal;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

async fn create(s3: &Client, name: &str) -> Result<(), SdkError<CreateBucketError>> {
    let configuration = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .build();
    s3.create_bucket()
        .bucket(name)
        .create_bucket_configuration(configuration)
        .send()
        .await
        .map(drop)
}

#[tokio::test]
async fn a_bucket_is_made_found_and_deleted() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    create(&s3, "my-app-data").await.unwrap();

    let head = s3.head_bucket().bucket("my-app-data").send().await.unwrap();
    assert_eq!(head.bucket_region(), Some(REGION));
    let location = s3.get_bucket_location().bucket("my-app-data").send().await.unwrap();
    assert_eq!(location.location_constraint().unwrap().as_str(), REGION);
    let list = s3.list_buckets().send().await.unwrap();
    assert_eq!(list.buckets()[0].name(), Some("my-app-data"));
    assert_eq!(list.buckets()[0].bucket_region(), None);
    assert!(list.buckets()[0].creation_date().is_some());

    s3.delete_bucket().bucket("my-app-data").send().await.unwrap();
    let head = s3.head_bucket().bucket("my-app-data").send().await.unwrap_err();
    assert!(head.into_service_error().is_not_found());
    let (code, message) = refusal(s3.delete_bucket().bucket("my-app-data").send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("NoSuchBucket", "The specified bucket does not exist")
    );
    assert_eq!(
        world.log(),
        [
            "CreateBucket 200",
            "HeadBucket 200",
            "GetBucketLocation 200",
            "ListBuckets 200",
            "DeleteBucket 204",
            "HeadBucket 404",
            "DeleteBucket 404",
        ]
    );
}

#[tokio::test]
async fn a_bucket_goes_where_its_request_says() {
    let world = World::start().await;
    let (west, global) = (world.s3(REGION), world.s3("us-east-1"));
    let constrained = |client: &Client, name: &str, region: &str| {
        let configuration = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build();
        client.create_bucket().bucket(name).create_bucket_configuration(configuration).send()
    };

    let (code_, message) = refusal(west.create_bucket().bucket("plain").send().await);
    assert_eq!(code_, "IllegalLocationConstraintException");
    assert_eq!(
        message,
        "The unspecified location constraint is incompatible for the region specific endpoint this \
         request was sent to."
    );
    assert_eq!(
        code(constrained(&west, "plain", "eu-west-1").await),
        "IllegalLocationConstraintException"
    );
    assert_eq!(code(constrained(&west, "plain", "us-east-1").await), "InvalidLocationConstraint");
    assert_eq!(code(constrained(&west, "plain", "nowhere-1").await), "InvalidLocationConstraint");

    global.create_bucket().bucket("plain").send().await.unwrap();
    let location = global.get_bucket_location().bucket("plain").send().await.unwrap();
    assert_eq!(location.location_constraint().map_or("", |l| l.as_str()), "");
    constrained(&global, "far", "eu-west-1").await.unwrap();

    let (code_, _) = refusal(west.get_bucket_tagging().bucket("far").send().await);
    assert_eq!(code_, "PermanentRedirect");
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_by_whom_it_belongs_to() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    create(&s3, "mine").await.unwrap();
    let again = create(&s3, "mine").await.unwrap_err().into_service_error();
    assert!(again.is_bucket_already_owned_by_you(), "{again:?}");

    world.control.set_foreign_bucket("theirs", true);
    let taken = create(&s3, "theirs").await.unwrap_err().into_service_error();
    assert!(taken.is_bucket_already_exists(), "{taken:?}");
    assert_eq!(code(s3.get_bucket_tagging().bucket("theirs").send().await), "AccessDenied");
    world.control.set_foreign_bucket("theirs", false);
    create(&s3, "theirs").await.unwrap();

    world.control.set_account("AKIAOTHER", "210987654321");
    let other = world.s3_as(REGION, key("AKIAOTHER"));
    let taken = create(&other, "mine").await.unwrap_err().into_service_error();
    assert!(taken.is_bucket_already_exists(), "{taken:?}");
    assert_eq!(code(other.delete_bucket().bucket("mine").send().await), "AccessDenied");
    assert!(other.list_buckets().send().await.unwrap().buckets().is_empty());

    let global = world.s3("us-east-1");
    for _ in 0..2 {
        global.create_bucket().bucket("in-the-oldest-region").send().await.unwrap();
    }
}

#[tokio::test]
async fn tags_are_given_at_creation_replaced_and_deleted() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    let configuration = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .tags(tag("app", "my-app"))
        .build();
    s3.create_bucket()
        .bucket("tagged")
        .create_bucket_configuration(configuration)
        .send()
        .await
        .unwrap();
    let read = async || {
        let out = s3.get_bucket_tagging().bucket("tagged").send().await?;
        let tags = out.tag_set().iter().map(|tag| format!("{}={}", tag.key(), tag.value()));
        Ok(tags.collect::<Vec<_>>())
    };
    assert_eq!(read().await.unwrap(), ["app=my-app"]);

    let put = |tags: Vec<Tag>| {
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build().unwrap();
        s3.put_bucket_tagging().bucket("tagged").tagging(tagging).send()
    };
    put(vec![tag("a<b", "&"), tag("c", "")]).await.unwrap_err();
    put(vec![tag("a", "1 + 1"), tag("c", "")]).await.unwrap();
    assert_eq!(read().await.unwrap(), ["a=1 + 1", "c="]);
    for (tags, message) in [
        (vec![tag("aws:x", "")], "System tags cannot be added/updated by requester"),
        (vec![tag("a", ""), tag("a", "")], "Cannot provide multiple Tags with the same key"),
        (vec![tag(&"k".repeat(129), "")], "The TagKey you have provided is invalid"),
        (vec![tag("k", &"v".repeat(257))], "The TagValue you have provided is invalid"),
    ] {
        assert_eq!(refusal(put(tags).await), ("InvalidTag".to_owned(), message.to_owned()));
    }
    assert_eq!(read().await.unwrap(), ["a=1 + 1", "c="]);

    s3.delete_bucket_tagging().bucket("tagged").send().await.unwrap();
    assert_eq!(code::<Vec<String>, _, _>(read().await), "NoSuchTagSet");
}

#[tokio::test]
async fn a_new_bucket_has_the_defaults_of_2023() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    create(&s3, "bare").await.unwrap();

    let encryption = s3.get_bucket_encryption().bucket("bare").send().await.unwrap();
    let rules = encryption.server_side_encryption_configuration().unwrap().rules();
    let by_default = rules[0].apply_server_side_encryption_by_default().unwrap();
    assert_eq!(by_default.sse_algorithm().as_str(), "AES256");
    let block = s3.get_public_access_block().bucket("bare").send().await.unwrap();
    assert_eq!(
        format!("{:?}", block.public_access_block_configuration().unwrap()).matches("true").count(),
        4
    );
    let controls = async || {
        let out = s3.get_bucket_ownership_controls().bucket("bare").send().await?;
        Ok(out.ownership_controls().unwrap().rules()[0].object_ownership().clone())
    };
    assert_eq!(controls().await.unwrap(), ObjectOwnership::BucketOwnerEnforced);

    s3.delete_bucket_encryption().bucket("bare").send().await.unwrap();
    s3.get_bucket_encryption().bucket("bare").send().await.unwrap();
    s3.delete_public_access_block().bucket("bare").send().await.unwrap();
    assert_eq!(
        code(s3.get_public_access_block().bucket("bare").send().await),
        "NoSuchPublicAccessBlockConfiguration"
    );
    s3.delete_bucket_ownership_controls().bucket("bare").send().await.unwrap();
    assert_eq!(code::<ObjectOwnership, _, _>(controls().await), "OwnershipControlsNotFoundError");
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::ObjectWriter);
    let wanted = OwnershipControls::builder().rules(rule.build().unwrap()).build().unwrap();
    s3.put_bucket_ownership_controls()
        .bucket("bare")
        .ownership_controls(wanted)
        .send()
        .await
        .unwrap();
    assert_eq!(controls().await.unwrap(), ObjectOwnership::ObjectWriter);
}

#[tokio::test]
async fn buckets_are_listed_by_prefix_region_and_page() {
    let world = World::start().await;
    let (west, global) = (world.s3(REGION), world.s3("us-east-1"));
    for name in ["app-a", "app-b", "app-c", "other"] {
        create(&west, name).await.unwrap();
    }
    global.create_bucket().bucket("app-east").send().await.unwrap();

    let mut names = Vec::new();
    let mut pages = 0;
    let mut token = None;
    loop {
        let out = west
            .list_buckets()
            .prefix("app-")
            .bucket_region(REGION)
            .max_buckets(2)
            .set_continuation_token(token)
            .send()
            .await
            .unwrap();
        pages += 1;
        assert_eq!(out.prefix(), Some("app-"));
        for bucket in out.buckets() {
            assert_eq!(bucket.bucket_region(), Some(REGION));
            names.push(bucket.name().unwrap().to_owned());
        }
        token = out.continuation_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!((names.join(" ").as_str(), pages), ("app-a app-b app-c", 2));
    assert_eq!(code(west.list_buckets().max_buckets(0).send().await), "InvalidArgument");
}

#[tokio::test]
async fn what_is_not_implemented_says_so() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    create(&s3, "bare").await.unwrap();
    let (code, message) = refusal(s3.get_bucket_policy_status().bucket("bare").send().await);
    assert_eq!(code, "NotImplemented");
    assert_eq!(message, "the emulator does not implement S3 `GET /bucket?policyStatus`");
    let (_, message) = refusal(s3.get_object().bucket("bare").key("a").send().await);
    assert_eq!(message, "the emulator does not implement S3 operations on objects");
}

#[tokio::test]
async fn a_bad_name_is_refused() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    assert_eq!(code(create(&s3, "Not_Valid").await), "InvalidBucketName");
    assert_eq!(world.control.dump()["s3"]["buckets"], serde_json::json!({}));
}
