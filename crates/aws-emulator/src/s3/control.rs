//! The control plane of S3 (`s3control`): tags of buckets, one by one.

use http::Method;
use http::Request;
use serde_json::Value;
use serde_json::json;

use super::Bucket;
use super::Incoming;
use super::access_denied;
use super::directory;
use super::malformed_xml;
use super::no_such_bucket;
use super::tagging;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::protocol::Routed;
use crate::protocol::Run;
use crate::protocol::UNKNOWN;
use crate::shape::Shape;
use crate::shape::req;
use crate::shape::xml;
use crate::text::percent_decode;
use crate::text::query_pairs;

/// What every path begins with.
const PREFIX: &str = "/v20180820/";
/// The header that names the account, and tells these requests from those for a bucket.
const ACCOUNT: &str = "x-amz-account-id";

/// The namespace of answers.
pub(crate) const NAMESPACE: &str = "http://awss3control.amazonaws.com/doc/2018-08-20/";

/// The names of all operations.
pub(super) const OPERATIONS: [&str; 3] = ["ListTagsForResource", "TagResource", "UntagResource"];

const TAGS: Shape = Shape::Struct(&[req("Tags", tagging::TAG_SET)]);

/// Whether a request is for the control plane.
pub(crate) fn is_meant(request: &Request<Vec<u8>>) -> bool {
    request.uri().path().starts_with(PREFIX) && request.headers().contains_key(ACCOUNT)
}

/// Finds the operation of a request.
pub(crate) fn route<'r>(request: &'r Request<Vec<u8>>, caller: Caller) -> Routed<'r> {
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    let query = query_pairs(request.uri().query().unwrap_or_default(), true);
    let arn = path.strip_prefix("tags/").and_then(|arn| percent_decode(arn, false));
    let (Some(arn), Some(query)) = (arn, query) else {
        let what = format!("S3 Control `{} {path}`", request.method());
        return refused(UNKNOWN, String::new(), Failure::not_implemented(what));
    };
    let operation = match *request.method() {
        Method::GET => "ListTagsForResource",
        Method::POST => "TagResource",
        Method::DELETE => "UntagResource",
        _ => UNKNOWN,
    };
    let name = match bucket_name(&arn) {
        Ok(name) => name.to_owned(),
        Err(failure) => return refused(operation, String::new(), failure),
    };
    let known = ["tagKeys", "x-id"];
    if let Some((key, _)) = query.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        let what = format_args!("the query parameter `{key}` of S3 Control {operation}");
        return refused(operation, name, Failure::not_implemented(what));
    }
    let incoming = Incoming { request, caller, bucket: name.clone(), query };
    let run: Run<'r> = match operation {
        "ListTagsForResource" => Box::new(move |world| list(world, &incoming)),
        "TagResource" => Box::new(move |world| tag(world, &incoming)),
        "UntagResource" => Box::new(move |world| untag(world, &incoming)),
        _ => {
            let what = format!("S3 Control `{} tags`", incoming.request.method());
            return refused(UNKNOWN, name, Failure::not_implemented(what));
        }
    };
    Routed { operation, resource: name, run: Ok(run) }
}

fn refused<'r>(operation: &'static str, resource: String, failure: Failure) -> Routed<'r> {
    Routed { operation, resource, run: Err(failure) }
}

/// The bucket behind an ARN of either kind.
fn bucket_name(arn: &str) -> Result<&str, Failure> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", "aws", "s3", "", "", name] if !name.contains('/') => Ok(name),
        ["arn", "aws", "s3express", _, _, resource] => resource
            .strip_prefix("bucket/")
            .ok_or_else(|| Failure::not_implemented(format_args!("tags of `{arn}`"))),
        _ => Err(Failure::not_implemented(format_args!("tags of `{arn}`"))),
    }
}

fn owned<'w>(world: &'w mut World, incoming: &Incoming<'_>) -> Result<&'w mut Bucket, Failure> {
    let caller = &incoming.caller;
    if incoming.header(ACCOUNT) != Some(caller.account.as_str()) {
        return Err(access_denied());
    }
    let name = &incoming.bucket;
    let bucket = world.s3.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))?;
    if bucket.account != caller.account {
        return Err(access_denied());
    }
    if bucket.region != caller.region && directory::is_name(name) {
        return Err(no_such_bucket(name));
    }
    Ok(bucket)
}

fn set_tags(bucket: &mut Bucket, tags: &[Value]) {
    if tags.is_empty() {
        bucket.documents.remove("tagging");
    } else {
        bucket.documents.insert("tagging", json!({ "TagSet": tags }));
    }
}

fn list(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let tags = json!({ "Tags": tagging::of(owned(world, incoming)?) });
    Ok(Answer::xml(xml::document("ListTagsForResourceResult", NAMESPACE, &TAGS, &tags)))
}

fn tag(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let given = xml::read(incoming.request.body(), "TagResourceRequest", &TAGS)
        .map_err(|reason| malformed_xml(&reason))?;
    let given = given["Tags"].as_array().cloned().unwrap_or_default();
    let bucket = owned(world, incoming)?;
    let old = tagging::of(bucket);
    let mut all = old.clone();
    all.retain(|old| !given.iter().any(|new| new["Key"] == old["Key"]));
    all.extend(given);
    tagging::check(&all, &old)?;
    set_tags(bucket, &all);
    Ok(Answer::empty(204))
}

fn untag(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let gone: Vec<&str> = incoming
        .query
        .iter()
        .filter(|(key, _)| key == "tagKeys")
        .map(|(_, value)| value.as_str())
        .collect();
    let bucket = owned(world, incoming)?;
    let old = tagging::of(bucket);
    let mut all = old.clone();
    all.retain(|tag| !gone.iter().any(|key| tag["Key"] == *key));
    tagging::check(&all, &old)?;
    set_tags(bucket, &all);
    Ok(Answer::empty(204))
}
