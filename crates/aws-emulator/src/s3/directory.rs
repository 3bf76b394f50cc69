//! Directory buckets (S3 Express One Zone), as far as their control plane goes.
//!
//! Their names end with the zone and `--x-s3`; their requests are signed for `s3express`. There are
//! no objects. A session is good for the control plane, too, which AWS does not allow: SDKs that are
//! given an endpoint open one before any request.

use http::Method;
use serde_json::Value;

use super::Bucket;
use super::Incoming;
use super::NAMESPACE;
use super::Operation;
use super::owned;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::shape::Shape;
use crate::shape::one_of;
use crate::shape::opt;
use crate::shape::req;
use crate::shape::text;
use crate::shape::xml::Writer;
use crate::sts;

/// The name in the credential scope of requests for directory buckets.
pub(crate) const SIGNING_NAME: &str = "s3express";

/// The header with the token of a session.
pub(crate) const TOKEN_HEADER: &str = "x-amz-s3session-token";

/// How long a session lasts.
const SESSION_SECONDS: i64 = 300;

const SUFFIX: &str = "--x-s3";

/// Directory buckets that one account may have in one region.
const MAX_BUCKETS: usize = 100;
/// Buckets in one page of a list.
const PAGE: usize = 1000;

/// `Location` of the configuration of a new bucket.
pub(super) const LOCATION: Shape = Shape::Struct(&[
    req("Type", one_of(&["AvailabilityZone", "LocalZone"])),
    req("Name", text(1, 64)),
]);
/// `Bucket` of the configuration of a new bucket.
pub(super) const KIND: Shape = Shape::Struct(&[
    opt("DataRedundancy", one_of(&["SingleAvailabilityZone", "SingleLocalZone"])),
    req("Type", one_of(&["Directory"])),
]);

/// `GET /`, signed for directory buckets.
pub(super) static LIST: Operation = Operation {
    name: "ListDirectoryBuckets",
    parameters: &["continuation-token", "max-directory-buckets"],
    headers: &[],
    run: list,
};

static CREATE_SESSION: Operation = Operation {
    name: "CreateSession",
    parameters: &["session"],
    headers: &["x-amz-create-session-mode"],
    run: create_session,
};

/// The operations of directory buckets alone.
pub(super) static ALL: [&Operation; 2] = [&LIST, &CREATE_SESSION];

/// The operation that opens a session.
pub(super) fn session(method: &Method, query: &str) -> Option<&'static Operation> {
    (*method == Method::GET && query == "session").then_some(&CREATE_SESSION)
}

fn create_session(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    if !is_name(&incoming.bucket) {
        let message = "The specified method is not allowed against this resource.";
        return Err(Failure::new(405, "MethodNotAllowed", message));
    }
    owned(world, incoming)?;
    let caller = &incoming.caller;
    let (arn, user_id) = sts::identity(world, caller);
    let lent = sts::lend(world, &caller.account, &arn, &user_id, SESSION_SECONDS);
    const ROOT: &str = "CreateSessionResult";
    let mut out = Writer::new(ROOT, NAMESPACE);
    out.element("Credentials", |out| {
        out.text("AccessKeyId", &lent.access_key);
        out.text("SecretAccessKey", &lent.secret);
        out.text("SessionToken", &lent.token);
        out.text("Expiration", &sts::instant(lent.expires));
    });
    Ok(Answer::xml(out.finish(ROOT)))
}

/// What a directory bucket supports, of what any bucket does.
const SUPPORTED: &[&str] = &[
    "CreateBucket",
    "CreateSession",
    "DeleteBucket",
    "DeleteBucketEncryption",
    "DeleteBucketLifecycle",
    "DeleteBucketPolicy",
    "GetBucketEncryption",
    "GetBucketLifecycleConfiguration",
    "GetBucketPolicy",
    "ListObjectsV2",
    "PutBucketEncryption",
    "PutBucketLifecycleConfiguration",
    "PutBucketPolicy",
];

/// Whether a name is one of a directory bucket.
pub(super) fn is_name(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// Refuses operations that directory buckets don't have.
pub(super) fn supports(operation: &str) -> Result<(), Failure> {
    if SUPPORTED.contains(&operation) {
        return Ok(());
    }
    let message = "The specified method is not allowed against this resource.";
    Err(Failure::new(405, "MethodNotAllowed", message))
}

/// Whether a new directory bucket fits its configuration: name and zone belong together.
pub(super) fn check(
    name: &str,
    configuration: &Value,
    existing: usize,
    has_list: bool,
) -> Result<(), Failure> {
    let invalid_name = || {
        Failure::new(400, "InvalidBucketName", "The specified bucket is not valid.")
            .detail("BucketName", name)
    };
    if has_list {
        return Err(Failure::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        ));
    }
    let zone = configuration["Location"]["Name"].as_str();
    let (Some(zone), Some("Directory")) = (zone, configuration["Bucket"]["Type"].as_str()) else {
        return Err(super::malformed_xml("a directory bucket has a Location and a Bucket element"));
    };
    let base = name.strip_suffix(&format!("--{zone}{SUFFIX}")).ok_or_else(invalid_name)?;
    let byte_ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let edge_ok = |b: Option<u8>| b.is_some_and(|b| byte_ok(b) && b != b'-');
    if name.len() > 63
        || !base.bytes().all(byte_ok)
        || !edge_ok(base.bytes().next())
        || !edge_ok(base.bytes().last())
    {
        return Err(invalid_name());
    }
    if existing >= MAX_BUCKETS {
        let message = "You have attempted to create more buckets than allowed";
        return Err(Failure::new(400, "TooManyBuckets", message));
    }
    Ok(())
}

/// The ARN of a directory bucket.
pub(super) fn arn(name: &str, bucket: &Bucket) -> String {
    format!("arn:aws:s3express:{}:{}:bucket/{name}", bucket.region, bucket.account)
}

fn list(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let max = match incoming.parameter("max-directory-buckets") {
        None => PAGE,
        Some(text) => text.parse().ok().filter(|max| *max <= PAGE).ok_or_else(|| {
            Failure::new(400, "InvalidArgument", "Argument max-directory-buckets is not valid")
        })?,
    };
    let after = incoming.parameter("continuation-token");
    let mut rest = world.s3.buckets.iter().filter(|(name, bucket)| {
        is_name(name)
            && bucket.account == incoming.caller.account
            && bucket.region == incoming.caller.region
            && after.is_none_or(|after| name.as_str() > after)
    });
    let page: Vec<(&String, &Bucket)> = rest.by_ref().take(max).collect();
    let more = rest.next().is_some();
    const ROOT: &str = "ListAllMyDirectoryBucketsResult";
    let mut out = Writer::new(ROOT, NAMESPACE);
    out.element("Buckets", |out| {
        for (name, bucket) in &page {
            out.element("Bucket", |out| {
                out.text("Name", name);
                let created = bucket.created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
                out.text("CreationDate", &created);
                out.text("BucketRegion", &bucket.region);
                out.text("BucketArn", &arn(name, bucket));
            });
        }
    });
    if let Some((name, _)) = page.last().filter(|_| more) {
        out.text("ContinuationToken", name);
    }
    Ok(Answer::xml(out.finish(ROOT)))
}
