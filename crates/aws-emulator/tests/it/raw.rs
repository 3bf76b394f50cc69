//! Exchanges byte by byte: what is sent is spelt out, what comes back is a snapshot.

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::world::World;

/// One exchange on a connection of its own; the whole answer.
async fn exchange(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// A request that nobody signed: status and body.
pub(crate) async fn plain(world: &World, method: &str, path: &str, body: &str) -> (u16, String) {
    let answer = send(world, method, path, &[], body).await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

pub(crate) async fn send(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()));
    exchange(world, &request).await
}

/// A request signed for a service; further headers may replace nothing, only add.
pub(crate) async fn signed(
    world: &World,
    service: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIATEST/20250102/us-west-2/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    );
    let mut all = vec![
        ("authorization", authorization.as_str()),
        ("x-amz-date", "20250102T030405Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    all.extend(headers);
    send(world, method, path, &all, body).await
}

pub(crate) async fn dynamodb(world: &World, operation: &str, body: &str) -> String {
    let target = format!("DynamoDB_20120810.{operation}");
    let headers =
        [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    signed(world, "dynamodb", "POST", "/", &headers, body).await
}

/// A table as in the reference example.
pub(crate) async fn create_table(world: &World, name: &str) -> String {
    let body = format!(
        r#"{{"TableName":"{name}","BillingMode":"PAY_PER_REQUEST",
        "AttributeDefinitions":[{{"AttributeName":"id","AttributeType":"S"}}],
        "KeySchema":[{{"AttributeName":"id","KeyType":"HASH"}}]}}"#
    );
    dynamodb(world, "CreateTable", &body).await
}

/// The answer without what differs from run to run: times, and what depends on their digits.
fn settled(answer: &str) -> String {
    let mut out = String::new();
    for line in answer.lines() {
        if ["date: ", "content-length: ", "x-amz-crc32: "].iter().any(|h| line.starts_with(h)) {
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find("DateTime\":") {
            let (head, tail) = rest.split_at(at + "DateTime\":".len());
            out.push_str(head);
            out.push('…');
            rest = tail.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

#[tokio::test]
async fn s3_answers() {
    let world = World::start().await;
    let body = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                <LocationConstraint>us-west-2</LocationConstraint></CreateBucketConfiguration>";
    let md5 = [("content-md5", "any")];
    let tagging =
        "<Tagging><TagSet><Tag><Key>a</Key><Value>1 &#x2b; 2</Value></Tag></TagSet></Tagging>";
    let mut out = String::new();
    for (method, path, headers, body) in [
        ("PUT", "/my-bucket", &[][..], body),
        ("PUT", "/my-bucket", &[], body),
        ("HEAD", "/my-bucket", &[], ""),
        ("HEAD", "/no-bucket", &[], ""),
        ("GET", "/my-bucket?location", &[], ""),
        ("PUT", "/my-bucket?tagging", &[], tagging),
        ("PUT", "/my-bucket?tagging", &md5, tagging),
        ("GET", "/my-bucket?tagging&x-id=GetBucketTagging", &[], ""),
        ("PUT", "/my-bucket?tagging", &md5, "<Tagging><Tags/></Tagging>"),
        ("GET", "/my-bucket?tagging&new=1", &[], ""),
        ("GET", "/my-bucket?tagging", &[("x-amz-new", "1")], ""),
        ("GET", "/my-bucket?encryption", &[], ""),
        ("GET", "/my-bucket?website&tagging", &[], ""),
        ("DELETE", "/my-bucket", &[], ""),
    ] {
        let answer = signed(&world, "s3", method, path, headers, body).await;
        out.push_str(&format!("## {method} {path}\n{}\n", settled(&answer)));
    }
    insta::assert_snapshot!(out);
}

#[tokio::test]
async fn dynamodb_answers() {
    let world = World::start().await;
    let mut out = String::new();
    out.push_str(&format!("## CreateTable\n{}\n", settled(&create_table(&world, "table").await)));
    for (operation, body) in [
        ("DescribeTable", r#"{"TableName":"table"}"#),
        ("DescribeTable", r#"{"TableName":"gone"}"#),
        ("DescribeTable", r#"{"TableName":"table","New":1}"#),
        ("DescribeTable", r#"{"TableName":1}"#),
        ("DescribeTable", "{"),
        ("DescribeTable", "{}"),
        ("Nonsense", "{}"),
        ("ListTables", r#"{"Limit":1}"#),
        (
            "TagResource",
            r#"{"ResourceArn":"arn:aws:dynamodb:us-west-2:123456789012:table/table","Tags":[{"Key":"a","Value":"b"}]}"#,
        ),
    ] {
        let answer = dynamodb(&world, operation, body).await;
        out.push_str(&format!("## {operation} {body}\n{}\n", settled(&answer)));
    }
    insta::assert_snapshot!(out);
}

#[tokio::test]
async fn sts_answers() {
    let world = World::start().await;
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let mut out = String::new();
    for body in [
        "Action=GetCallerIdentity&Version=2011-06-15",
        "Action=GetCallerIdentity",
        "Action=GetCallerIdentity&Version=2011-06-15&New=1",
        "Action=GetFederationToken&Version=2011-06-15",
        "Action=AssumeRole&Version=2011-06-15&DurationSeconds=1",
        "Version=2011-06-15",
    ] {
        let answer = signed(&world, "sts", "POST", "/", &headers, body).await;
        out.push_str(&format!("## {body}\n{}\n", settled(&answer)));
    }
    insta::assert_snapshot!(out);
}

#[tokio::test]
async fn requests_must_be_signed_for_the_service_they_call() {
    let world = World::start().await;
    let mut out = String::new();
    let json = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for (name, answer) in [
        ("s3 unsigned", send(&world, "GET", "/", &[], "").await),
        ("dynamodb unsigned", send(&world, "POST", "/", &json, "{}").await),
        ("sts unsigned", send(&world, "POST", "/", &form, "").await),
        ("basic", send(&world, "GET", "/", &[("authorization", "Basic eA==")], "").await),
        ("dynamodb as s3", signed(&world, "s3", "POST", "/", &json, "{}").await),
        ("s3 as sts", signed(&world, "sts", "GET", "/", &[], "").await),
        ("another service", signed(&world, "lambda", "POST", "/", &form, "").await),
    ] {
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        out.push_str(&format!("{name}: {}\n{body}\n", answer.lines().next().unwrap()));
    }
    insta::assert_snapshot!(out);
}
