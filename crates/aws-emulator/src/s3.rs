//! S3: buckets and their sub-resources.
//!
//! ```text
//! request ──► target (bucket, key) ──► operation by method and sub-resource ──► bucket | document
//! ```
//!
//! Most sub-resources are documents that are put, read and deleted whole: a row each in
//! `document::DOCUMENTS`. There are no objects, hence nothing that keeps a bucket from deletion.

use std::collections::BTreeMap;

use http::Method;
use http::Request;
use jiff::Timestamp;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::protocol::Routed;
use crate::protocol::UNKNOWN;
use crate::text::percent_decode;
use crate::text::query_pairs;

mod acl;
mod bucket;
pub(crate) mod control;
pub(crate) mod directory;
mod document;
mod listed;
mod name;
mod objects;
mod policy;
mod region;
mod rules;
mod shapes;
mod tagging;

pub(crate) use bucket::create_for_stack;
pub(crate) use bucket::delete_for_stack;

/// The name in the credential scope.
pub(crate) const SERVICE: &str = "s3";

/// The namespace of answers.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Buckets that one account may have, as AWS's default quota.
const MAX_BUCKETS: usize = 10_000;

/// All buckets of all accounts: their names are global.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    buckets: BTreeMap<String, Bucket>,
}

/// A bucket.
#[derive(Clone, Debug)]
struct Bucket {
    account: String,
    region: String,
    created: Timestamp,
    /// Sub-resources that are set, by query parameter.
    documents: BTreeMap<&'static str, Value>,
    /// The policy as it is given back, if it is set.
    policy: String,
    /// Sub-resources of which there are many, by query parameter and id.
    configurations: BTreeMap<&'static str, BTreeMap<String, Value>>,
}

impl Store {
    /// Names, owners, regions and sub-resources.
    pub(crate) fn dump(&self) -> Value {
        let buckets: Map<String, Value> = self
            .buckets
            .iter()
            .map(|(name, bucket)| {
                let state = json!({
                    "account": bucket.account,
                    "region": bucket.region,
                    "documents": bucket.documents,
                    "configurations": bucket.configurations,
                });
                (name.clone(), state)
            })
            .collect();
        json!({ "buckets": buckets })
    }
}

/// A request to S3, taken apart.
struct Incoming<'r> {
    request: &'r Request<Vec<u8>>,
    caller: Caller,
    bucket: String,
    query: Vec<(String, String)>,
}

impl Incoming<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name).and_then(|value| value.to_str().ok())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An operation: what carries it out, and what else its request may contain.
struct Operation {
    name: &'static str,
    /// Query parameters that it understands, its sub-resource included.
    parameters: &'static [&'static str],
    /// `x-amz-` headers that it understands beside [`GENERAL_HEADERS`].
    headers: &'static [&'static str],
    run: fn(&mut World, &Incoming<'_>) -> Result<Answer, Failure>,
}

/// Headers that every operation understands or may leave aside.
const GENERAL_HEADERS: &[&str] = &[
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-expected-bucket-owner",
    directory::TOKEN_HEADER,
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-user-agent",
];

/// Query parameters that name a sub-resource of a bucket, implemented or not.
///
/// They must be told from the parameters of the plain operations: `PUT /b?cors` is not CreateBucket.
const SUB_RESOURCES: &[&str] = &[
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "session",
    "tagging",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// Finds the operation of a request.
pub(crate) fn route<'r>(
    request: &'r Request<Vec<u8>>,
    caller: Caller,
    signed_for: &str,
    hosts: &[String],
) -> Routed<'r> {
    let refused = |operation, resource: &str, failure| Routed {
        operation,
        resource: resource.to_owned(),
        run: Err(failure),
    };
    let Some((bucket, key, query)) = target(request, hosts) else {
        let failure = Failure::new(400, "InvalidURI", "Couldn't parse the specified URI.");
        return refused(UNKNOWN, "", failure);
    };
    let incoming = Incoming { request, caller, bucket, query };
    let bucket = incoming.bucket.clone();
    if !key.is_empty() {
        let failure = Failure::not_implemented("S3 operations on objects");
        return refused(UNKNOWN, &bucket, failure);
    }
    let operation = match operation(&incoming, signed_for) {
        Ok(operation) => operation,
        Err(failure) => return refused(UNKNOWN, &bucket, failure),
    };
    if let Err(failure) = only_known(operation, &incoming) {
        return refused(operation.name, &bucket, failure);
    }
    Routed {
        operation: operation.name,
        resource: bucket,
        run: Ok(Box::new(move |world| {
            if incoming.header("x-amz-content-sha256").is_none() {
                return Err(Failure::new(
                    400,
                    "InvalidRequest",
                    "Missing required header for this request: x-amz-content-sha256",
                ));
            }
            (operation.run)(world, &incoming)
        })),
    }
}

type Target = (String, String, Vec<(String, String)>);

/// Bucket, key and query; `None` for broken escapes.
fn target(request: &Request<Vec<u8>>, hosts: &[String]) -> Option<Target> {
    let uri = request.uri();
    let query = query_pairs(uri.query().unwrap_or_default(), true)?;
    let path = percent_decode(uri.path().trim_start_matches('/'), false)?;
    let host = request
        .headers()
        .get(http::header::HOST)
        .and_then(|value| value.to_str().ok())
        .or(uri.host())
        .unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    if let Some(bucket) = virtual_host(host, hosts) {
        return Some((bucket.to_owned(), path, query));
    }
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    Some((bucket.to_owned(), key.to_owned(), query))
}

/// The bucket in front of a known host name, longest first.
fn virtual_host<'h>(host: &'h str, hosts: &[String]) -> Option<&'h str> {
    if hosts.iter().any(|known| known == host) {
        return None;
    }
    if let Some(rest) = host.strip_suffix(".amazonaws.com") {
        // `bucket.s3.region`, where the bucket itself may contain dots.
        return rest.rfind(".s3.").map(|at| &rest[..at]).or_else(|| rest.strip_suffix(".s3"));
    }
    hosts
        .iter()
        .filter_map(|known| host.strip_suffix(known.as_str())?.strip_suffix('.'))
        .min_by_key(|bucket| bucket.len())
}

fn operation(incoming: &Incoming<'_>, signed_for: &str) -> Result<&'static Operation, Failure> {
    let method = incoming.request.method();
    let missing = |what: &str| Failure::not_implemented(format_args!("S3 `{method} {what}`"));
    if incoming.bucket.is_empty() {
        return match *method {
            Method::GET if signed_for == directory::SIGNING_NAME => Ok(&directory::LIST),
            Method::GET => Ok(&bucket::LIST_BUCKETS),
            _ => Err(missing("/")),
        };
    }
    let mut named = incoming.query.iter().filter(|(key, _)| SUB_RESOURCES.contains(&key.as_str()));
    let found = match (named.next(), named.next()) {
        (Some((name, _)), None) => document::operation(method, name)
            .or_else(|| listed::operation(method, name, incoming.parameter("id").is_some()))
            .or_else(|| policy::operation(method, name))
            .or_else(|| acl::operation(method, name))
            .or_else(|| bucket::sub_resource(method, name))
            .or_else(|| objects::versions(method, name))
            .or_else(|| directory::session(method, name))
            .ok_or_else(|| missing(&format!("/bucket?{name}")))?,
        (Some(_), Some(_)) => {
            return Err(Failure::new(
                400,
                "InvalidArgument",
                "Conflicting query string parameters",
            ));
        }
        (None, _) => bucket::plain(method)
            .or_else(|| objects::list(method, incoming.parameter("list-type")))
            .ok_or_else(|| missing("/bucket"))?,
    };
    if directory::is_name(&incoming.bucket) {
        directory::supports(found.name)?;
    }
    Ok(found)
}

/// The names of all operations, those of the control plane included.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    let own = document::operations()
        .chain(listed::operations())
        .chain(acl::ALL)
        .chain(bucket::ALL)
        .chain(directory::ALL)
        .chain(objects::ALL)
        .chain(policy::ALL);
    own.map(|operation| operation.name).chain(control::OPERATIONS)
}

/// Refuses what the operation would otherwise ignore.
fn only_known(operation: &Operation, incoming: &Incoming<'_>) -> Result<(), Failure> {
    for (key, _) in &incoming.query {
        // SDKs add the operation's name for load balancers and logs.
        if key != "x-id" && !operation.parameters.contains(&key.as_str()) {
            return Err(Failure::not_implemented(format_args!(
                "the query parameter `{key}` of S3.{}",
                operation.name
            )));
        }
    }
    for name in incoming.request.headers().keys() {
        let name = name.as_str();
        if name.starts_with("x-amz-")
            && !GENERAL_HEADERS.contains(&name)
            && !operation.headers.contains(&name)
        {
            return Err(Failure::not_implemented(format_args!(
                "the header `{name}` of S3.{}",
                operation.name
            )));
        }
    }
    Ok(())
}

/// The caller's bucket that a request names.
fn owned<'w>(world: &'w mut World, incoming: &Incoming<'_>) -> Result<&'w mut Bucket, Failure> {
    let name = &incoming.bucket;
    let foreign = world.settings.foreign_buckets.contains(name);
    let Some(bucket) = world.s3.buckets.get_mut(name) else {
        return Err(if foreign { access_denied() } else { no_such_bucket(name) });
    };
    if bucket.account != incoming.caller.account {
        return Err(access_denied());
    }
    if incoming.header("x-amz-expected-bucket-owner").is_some_and(|owner| owner != bucket.account) {
        return Err(access_denied());
    }
    if bucket.region != incoming.caller.region {
        let endpoint = format!("{name}.s3.{}.amazonaws.com", bucket.region);
        return Err(Failure::new(
            301,
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified \
             endpoint. Please send all future requests to this endpoint.",
        )
        .detail("Endpoint", endpoint)
        .detail("Bucket", name)
        .header("x-amz-bucket-region", bucket.region.clone()));
    }
    Ok(bucket)
}

fn no_such_bucket(name: &str) -> Failure {
    Failure::new(404, "NoSuchBucket", "The specified bucket does not exist")
        .detail("BucketName", name)
}

fn access_denied() -> Failure {
    Failure::new(403, "AccessDenied", "Access Denied")
}

/// AWS has one text for every document that does not fit; the reason is ours, for the log and the
/// curious.
fn malformed_xml(reason: &str) -> Failure {
    Failure::new(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
    .detail("EmulatorReason", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, path: &str, expected: (&str, &str)) {
        let request = Request::get(path).header("host", host).body(Vec::new()).unwrap();
        let hosts = ["s3.localhost".to_owned(), "localhost".to_owned()];
        let (bucket, key, _) = target(&request, &hosts).unwrap();
        assert_eq!((bucket.as_str(), key.as_str()), expected);
    }

    #[test]
    fn a_bucket_is_named_by_path_or_by_host() {
        check("127.0.0.1:80", "/my-bucket", ("my-bucket", ""));
        check("127.0.0.1:80", "/my-bucket/a/b%20c", ("my-bucket", "a/b c"));
        check("localhost:80", "/", ("", ""));
        check("s3.localhost:80", "/", ("", ""));
        check("my-bucket.localhost:80", "/key", ("my-bucket", "key"));
        check("my.bucket.s3.localhost:80", "/", ("my.bucket", ""));
        check("my.bucket.s3.eu-west-1.amazonaws.com", "/", ("my.bucket", ""));
        check("s3.eu-west-1.amazonaws.com", "/b", ("b", ""));
    }
}
