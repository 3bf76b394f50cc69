//! What stands beside the managed services, as test suites set it up.

use aws_sdk_s3::types::Tag;
use aws_sdk_s3::types::Tagging;

use crate::raw;
use crate::world::REGION;
use crate::world::World;
use crate::world::code;
use crate::world::refusal;

/// A call of the query protocol: the status, and the body without request ids.
async fn call(world: &World, service: &str, version: &str, form: &str) -> (u16, String) {
    let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let body = format!("{form}&Version={version}");
    let answer = raw::signed(world, service, "POST", "/", &headers, &body).await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// The text of the first element of this name.
#[track_caller]
fn text<'a>(body: &'a str, element: &str) -> &'a str {
    let (_, rest) = body.split_once(&format!("<{element}>")).unwrap();
    rest.split_once(&format!("</{element}>")).unwrap().0
}

const TRUST: &str = "%7B%22Statement%22%3A%5B%5D%7D";

#[tokio::test]
async fn a_role_lives_and_goes_with_its_policies() {
    let world = World::start().await;
    let iam = async |form: &str| call(&world, "iam", "2010-05-08", form).await;
    let create = format!("Action=CreateRole&RoleName=logs&AssumeRolePolicyDocument={TRUST}");
    let (status, body) = iam(&create).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(text(&body, "Arn"), "arn:aws:iam::123456789012:role/logs");
    assert_eq!(text(&body, "AssumeRolePolicyDocument"), TRUST);
    let (status, body) = iam(&create).await;
    assert_eq!((status, text(&body, "Code")), (409, "EntityAlreadyExists"));

    let policy = format!("Action=CreatePolicy&PolicyName=copy&PolicyDocument={TRUST}");
    let (_, body) = iam(&policy).await;
    let arn = text(&body, "Arn").to_owned();
    assert_eq!(arn, "arn:aws:iam::123456789012:policy/copy");
    let attach = format!("RoleName=logs&PolicyArn={arn}");
    assert_eq!(iam(&format!("Action=AttachRolePolicy&{attach}")).await.0, 200);
    let (_, body) = iam("Action=ListAttachedRolePolicies&RoleName=logs").await;
    assert_eq!(text(&body, "PolicyArn"), arn);
    for gone in ["Action=DeleteRole&RoleName=logs", &format!("Action=DeletePolicy&PolicyArn={arn}")]
    {
        let (status, body) = iam(gone).await;
        assert_eq!((status, text(&body, "Code")), (409, "DeleteConflict"));
    }
    assert!(world.control.dump()["iam"]["roles"].to_string().contains("copy"));
    assert_eq!(iam(&format!("Action=DetachRolePolicy&{attach}")).await.0, 200);
    assert_eq!(iam("Action=DeleteRole&RoleName=logs").await.0, 200);
    let (status, body) = iam("Action=GetRole&RoleName=logs").await;
    assert_eq!((status, text(&body, "Code")), (404, "NoSuchEntity"));
    assert_eq!(iam(&format!("Action=DeletePolicy&PolicyArn={arn}")).await.0, 200);
    assert!(world.control.dump()["iam"].is_null());

    assert_eq!(iam("Action=CreateUser&UserName=x").await.0, 501);
    let (status, body) = iam(&format!("{create}&Path=/x/")).await;
    assert_eq!((status, text(&body, "Code")), (501, "NotImplemented"));
}

#[tokio::test]
async fn a_topic_is_made_once() {
    let world = World::start().await;
    let sns = async |form: &str| call(&world, "sns", "2010-03-31", form).await;
    let named = "Action=CreateTopic&Name=news&Attributes.entry.1.key=DisplayName&\
                 Attributes.entry.1.value=";
    let (status, body) = sns(&format!("{named}News")).await;
    assert_eq!(status, 200, "{body}");
    let arn = "arn:aws:sns:us-west-2:123456789012:news";
    assert_eq!(text(&body, "TopicArn"), arn);
    assert_eq!(sns("Action=CreateTopic&Name=news").await.0, 200);
    assert_eq!(sns(&format!("{named}Other")).await.0, 400);
    assert_eq!(world.control.dump()["sns"][arn]["DisplayName"], "News");
    for _ in 0..2 {
        assert_eq!(sns(&format!("Action=DeleteTopic&TopicArn={arn}")).await.0, 200);
    }
    assert!(world.control.dump()["sns"].is_null());
}

#[tokio::test]
async fn a_region_has_zones() {
    let world = World::start().await;
    let ask = "Action=DescribeAvailabilityZones&Filter.1.Name=state&Filter.1.Value.1=available";
    let (status, body) = call(&world, "ec2", "2016-11-15", ask).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((text(&body, "zoneName"), text(&body, "zoneId")), ("us-west-2a", "usw2-az1"));
    let other = "Action=DescribeAvailabilityZones&Filter.1.Name=zone-id&Filter.1.Value.1=x";
    let (status, body) = call(&world, "ec2", "2016-11-15", other).await;
    assert_eq!((status, text(&body, "Code")), (501, "NotImplemented"));
    assert!(body.contains("<Response><Errors>"), "{body}");
}

/// A bucket of a stack has tags that only AWS may change, and goes with the stack.
#[tokio::test]
async fn a_stack_makes_buckets() {
    let world = World::start().await;
    let template = "%7B%22Resources%22%3A%7B%22Logs%22%3A%7B%22Type%22%3A%22AWS%3A%3AS3%3A%3ABucket\
                    %22%2C%22Properties%22%3A%7B%22BucketName%22%3A%22stack-logs%22%7D%7D%7D%7D";
    let cloudformation =
        async |form: &str| call(&world, "cloudformation", "2010-05-15", form).await;
    let create = format!("Action=CreateStack&StackName=logs&TemplateBody={template}");
    let (status, body) = cloudformation(&create).await;
    assert_eq!(status, 200, "{body}");
    let (_, body) = cloudformation("Action=DescribeStacks&StackName=logs").await;
    assert_eq!(text(&body, "StackStatus"), "CREATE_COMPLETE");

    let s3 = world.s3(REGION);
    let tags = s3.get_bucket_tagging().bucket("stack-logs").send().await.unwrap();
    let tags = tags.tag_set().to_vec();
    let keys: Vec<&str> = tags.iter().map(Tag::key).collect();
    assert_eq!(
        keys,
        ["logical-id", "stack-id", "stack-name"].map(|key| format!("aws:cloudformation:{key}"))
    );
    let put = |tags: Vec<Tag>| {
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build().unwrap();
        s3.put_bucket_tagging().bucket("stack-logs").tagging(tagging).send()
    };
    let mine = Tag::builder().key("mine").value("1").build().unwrap();
    let removed =
        ("InvalidTag".to_owned(), "System tags cannot be removed by requester".to_owned());
    assert_eq!(refusal(put(vec![mine.clone()]).await), removed);
    let gone = s3.delete_bucket_tagging().bucket("stack-logs").send().await;
    assert_eq!(refusal(gone), removed);
    let forged = Tag::builder().key("aws:forged").value("1").build().unwrap();
    let all = |one: Tag| tags.iter().cloned().chain([one]).collect::<Vec<Tag>>();
    assert_eq!(code(put(all(forged)).await), "InvalidTag");
    put(all(mine)).await.unwrap();

    // A name that is taken: the stack is there and says why its bucket is not.
    let other = create.replace("StackName=logs", "StackName=other");
    assert_eq!(cloudformation(&other).await.0, 200);
    let (_, body) = cloudformation("Action=DescribeStacks&StackName=other").await;
    assert_eq!(text(&body, "StackStatus"), "ROLLBACK_COMPLETE");

    assert_eq!(cloudformation("Action=DeleteStack&StackName=logs").await.0, 200);
    let (status, body) = cloudformation("Action=DescribeStacks&StackName=logs").await;
    assert_eq!((status, text(&body, "Code")), (400, "ValidationError"));
    assert_eq!(code(s3.get_bucket_tagging().bucket("stack-logs").send().await), "NoSuchBucket");
}

/// People empty a bucket before they delete it.
#[tokio::test]
async fn a_bucket_has_no_objects() {
    let world = World::start().await;
    let s3 = world.s3("us-east-1");
    s3.create_bucket().bucket("empty").send().await.unwrap();
    assert!(s3.list_objects().bucket("empty").send().await.unwrap().contents().is_empty());
    let list = s3.list_objects_v2().bucket("empty").max_keys(5).send().await.unwrap();
    assert_eq!((list.key_count(), list.is_truncated()), (Some(0), Some(false)));
    let versions = s3.list_object_versions().bucket("empty").send().await.unwrap();
    assert!(versions.versions().is_empty() && versions.delete_markers().is_empty());
    assert_eq!(code(s3.list_objects_v2().bucket("gone").send().await), "NoSuchBucket");
    let put = s3.put_object().bucket("empty").key("x").send().await;
    assert_eq!(code(put), "NotImplemented");
}
