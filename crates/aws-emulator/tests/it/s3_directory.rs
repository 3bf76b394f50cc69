//! Directory buckets, and the tags of the control plane.

use aws_sdk_s3::types::BucketInfo;
use aws_sdk_s3::types::BucketType;
use aws_sdk_s3::types::CreateBucketConfiguration;
use aws_sdk_s3::types::DataRedundancy;
use aws_sdk_s3::types::LocationInfo;
use aws_sdk_s3::types::LocationType;

use crate::raw;
use crate::world::REGION;
use crate::world::World;
use crate::world::code;

const NAME: &str = "fast--usw2-az1--x-s3";

fn configuration(zone: &str) -> CreateBucketConfiguration {
    CreateBucketConfiguration::builder()
        .location(LocationInfo::builder().r#type(LocationType::AvailabilityZone).name(zone).build())
        .bucket(
            BucketInfo::builder()
                .r#type(BucketType::Directory)
                .data_redundancy(DataRedundancy::SingleAvailabilityZone)
                .build(),
        )
        .build()
}

#[tokio::test]
async fn a_directory_bucket_lives_beside_the_others() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    let create = |name: &str, zone: &str| {
        s3.create_bucket().bucket(name).create_bucket_configuration(configuration(zone)).send()
    };
    assert_eq!(code(create(NAME, "usw2-az2").await), "InvalidBucketName");
    assert_eq!(code(create("plain", "usw2-az1").await), "InvalidBucketName");
    create(NAME, "usw2-az1").await.unwrap();
    assert_eq!(code(create(NAME, "usw2-az1").await), "BucketAlreadyOwnedByYou");

    let list = s3.list_directory_buckets().send().await.unwrap();
    assert_eq!(list.buckets()[0].name(), Some(NAME));
    let arn = format!("arn:aws:s3express:us-west-2:123456789012:bucket/{NAME}");
    assert_eq!(list.buckets()[0].bucket_arn(), Some(arn.as_str()));
    assert!(s3.list_buckets().send().await.unwrap().buckets().is_empty());

    s3.get_bucket_encryption().bucket(NAME).send().await.unwrap();
    assert_eq!(code(s3.get_bucket_policy().bucket(NAME).send().await), "NoSuchBucketPolicy");
    assert_eq!(code(s3.get_bucket_website().bucket(NAME).send().await), "MethodNotAllowed");
    s3.delete_bucket().bucket(NAME).send().await.unwrap();
    assert!(s3.list_directory_buckets().send().await.unwrap().buckets().is_empty());
}

#[tokio::test]
async fn the_control_plane_tags_buckets_one_by_one() {
    let world = World::start().await;
    world.s3("us-east-1").create_bucket().bucket("tagged").send().await.unwrap();
    let account = [("x-amz-account-id", "123456789012")];
    let call = async |method: &str, arn: &str, query: &str, body: &str| {
        let path = format!("/v20180820/tags/{arn}{query}");
        let answer = raw::signed(&world, "s3", method, &path, &account, body).await;
        let status = answer.split(' ').nth(1).unwrap().to_owned();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let body = body.split_once("?>\n").map_or("", |(_, xml)| xml);
        let body = body.split("<RequestId>").next().unwrap().to_owned();
        (status, body)
    };
    let arn = "arn%3Aaws%3As3%3A%3A%3Atagged";
    let tags = "<TagResourceRequest xmlns=\"http://awss3control.amazonaws.com/doc/2018-08-20/\">\
                <Tags><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value>2</Value></Tag>\
                </Tags></TagResourceRequest>";
    let root = "ListTagsForResourceResult \
                xmlns=\"http://awss3control.amazonaws.com/doc/2018-08-20/\"";
    assert_eq!(call("POST", arn, "", tags).await.0, "204");
    assert_eq!(call("DELETE", arn, "?tagKeys=a&tagKeys=c", "").await.0, "204");
    assert_eq!(
        call("GET", arn, "", "").await,
        (
            "200".to_owned(),
            format!(
                "<{root}><Tags><Tag><Key>b</Key><Value>2</Value></Tag></Tags>\
                 </ListTagsForResourceResult>"
            )
        )
    );
    // The same tags as the bucket's own operation shows.
    let own = world.s3("us-east-1").get_bucket_tagging().bucket("tagged").send().await.unwrap();
    assert_eq!(own.tag_set()[0].key(), "b");

    let (status, body) = call("GET", "arn%3Aaws%3As3%3A%3A%3Agone", "", "").await;
    assert_eq!(status, "404");
    assert_eq!(
        body,
        "<ErrorResponse xmlns=\"http://awss3control.amazonaws.com/doc/2018-08-20/\"><Error>\
         <Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>"
    );
    assert_eq!(call("GET", "arn%3Aaws%3As3%3Ax", "", "").await.0, "501");
    assert_eq!(call("GET", arn, "?new=1", "").await.0, "501");
}

/// An SDK with an endpoint of its own signs with a session, as boto3 does here.
#[tokio::test]
async fn a_session_is_good_for_the_control_plane() {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    let create = s3.create_bucket().bucket(NAME);
    create.create_bucket_configuration(configuration("usw2-az1")).send().await.unwrap();
    let given = s3.create_session().bucket(NAME).send().await.unwrap();
    let given = given.credentials().unwrap();
    let asked = async |token: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/20250102/us-west-2/s3express/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={}",
            given.access_key_id(),
            "0".repeat(64)
        );
        let headers = [
            ("authorization", authorization.as_str()),
            ("x-amz-date", "20250102T030405Z"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-amz-s3session-token", token),
        ];
        let path = format!("/{NAME}?encryption");
        let answer = raw::send(&world, "GET", &path, &headers, "").await;
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(asked(given.session_token()).await, "200");
    assert_eq!(asked("stolen").await, "403");
    world.control.skip_time(std::time::Duration::from_secs(301));
    assert_eq!(asked(given.session_token()).await, "400");
    world.s3("us-east-1").create_bucket().bucket("plain").send().await.unwrap();
    let session = world.s3("us-east-1").create_session().bucket("plain").send().await;
    assert_eq!(code(session), "MethodNotAllowed");
}
