//! Access control lists: canned, by header, or as a document.

use http::Method;
use serde_json::Value;
use serde_json::json;

use super::Bucket;
use super::Incoming;
use super::NAMESPACE;
use super::Operation;
use super::bucket::canonical_id;
use super::document::has_checksum;
use super::malformed_xml;
use super::owned;
use super::shapes;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::shape::xml;

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// Headers that set a list, for this operation and for CreateBucket.
pub(super) const HEADERS: &[&str] = &[
    "x-amz-acl",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
];

const GRANTS: &[(&str, &str)] = &[
    ("x-amz-grant-full-control", "FULL_CONTROL"),
    ("x-amz-grant-read", "READ"),
    ("x-amz-grant-read-acp", "READ_ACP"),
    ("x-amz-grant-write", "WRITE"),
    ("x-amz-grant-write-acp", "WRITE_ACP"),
];

static GET: Operation =
    Operation { name: "GetBucketAcl", parameters: &["acl"], headers: &[], run: get };
static PUT: Operation =
    Operation { name: "PutBucketAcl", parameters: &["acl"], headers: HEADERS, run: put };

/// All operations on the list.
pub(super) static ALL: [&Operation; 2] = [&GET, &PUT];

/// The operation of a method on the list.
pub(super) fn operation(method: &Method, query: &str) -> Option<&'static Operation> {
    match (method, query) {
        (&Method::GET, "acl") => Some(&GET),
        (&Method::PUT, "acl") => Some(&PUT),
        _ => None,
    }
}

fn get(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let bucket = owned(world, incoming)?;
    let stored = bucket.documents.get("acl").cloned();
    let acl = stored.unwrap_or_else(|| private(&bucket.account));
    Ok(Answer::xml(xml::document("AccessControlPolicy", NAMESPACE, &shapes::ACL, &acl)))
}

fn put(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let bucket = owned(world, incoming)?;
    let body = incoming.request.body();
    let acl = match (from_headers(incoming, &bucket.account)?, body.is_empty()) {
        (Some(acl), true) => acl,
        (None, false) => {
            has_checksum(incoming)?;
            let mut acl = xml::read(body, "AccessControlPolicy", &shapes::ACL)
                .map_err(|reason| malformed_xml(&reason))?;
            acl["Owner"] = json!({ "ID": canonical_id(&bucket.account) });
            acl
        }
        (Some(_), false) => {
            let message = "Specifying both Canned ACLs and Header Grants is not allowed";
            return Err(Failure::new(400, "UnexpectedContent", message));
        }
        (None, true) => {
            let message = "Your request was missing a required header";
            return Err(Failure::new(400, "MissingSecurityHeader", message)
                .detail("MissingHeaderName", "x-amz-acl"));
        }
    };
    if ownership(bucket) == Some("BucketOwnerEnforced") {
        let message = "The bucket does not allow ACLs";
        return Err(Failure::new(400, "AccessControlListNotSupported", message));
    }
    let block = bucket.documents.get("publicAccessBlock");
    if is_public(&acl) && block.is_some_and(|block| block["BlockPublicAcls"] == true) {
        return Err(super::access_denied());
    }
    set(bucket, acl);
    Ok(Answer::empty(200))
}

/// Keeps a list; the private one is what a bucket without any has.
pub(super) fn set(bucket: &mut Bucket, acl: Value) {
    if acl == private(&bucket.account) {
        bucket.documents.remove("acl");
    } else {
        bucket.documents.insert("acl", acl);
    }
}

fn ownership(bucket: &Bucket) -> Option<&str> {
    bucket.documents.get("ownershipControls")?["Rule"][0]["ObjectOwnership"].as_str()
}

/// The list that headers ask for.
pub(super) fn from_headers(
    incoming: &Incoming<'_>,
    account: &str,
) -> Result<Option<Value>, Failure> {
    let mut grants = Vec::new();
    for (header, permission) in GRANTS {
        let Some(value) = incoming.header(header) else { continue };
        for grantee in value.split(',') {
            grants.push(json!({ "Grantee": grantee_of(grantee)?, "Permission": permission }));
        }
    }
    match (incoming.header("x-amz-acl"), grants.is_empty()) {
        (None, true) => Ok(None),
        (None, false) => Ok(Some(list(account, &grants))),
        (Some(_), false) => Err(Failure::new(
            400,
            "InvalidRequest",
            "Specifying both Canned ACLs and Header Grants is not allowed",
        )),
        (Some(name), true) => canned(name, account).map(Some),
    }
}

fn grantee_of(text: &str) -> Result<Value, Failure> {
    let refused = || {
        Failure::new(400, "InvalidArgument", "Argument format not recognized")
            .detail("ArgumentValue", text)
    };
    let (kind, value) = text.trim().split_once('=').ok_or_else(refused)?;
    let value = value.trim_matches('"');
    match kind {
        "id" => Ok(json!({ "xsi:type": "CanonicalUser", "ID": value })),
        "uri" if [ALL_USERS, AUTHENTICATED, LOG_DELIVERY].contains(&value) => Ok(group(value)),
        "uri" => Err(Failure::new(400, "InvalidArgument", "Invalid group uri")
            .detail("ArgumentValue", value)),
        // S3 resolves an address to the user behind it; there are no users here to resolve it to.
        "emailAddress" => Err(Failure::not_implemented("grantees by e-mail address")),
        _ => Err(refused()),
    }
}

fn group(uri: &str) -> Value {
    json!({ "xsi:type": "Group", "URI": uri })
}

fn canned(name: &str, account: &str) -> Result<Value, Failure> {
    let grant =
        |uri: &str, permission: &str| json!({ "Grantee": group(uri), "Permission": permission });
    let mut grants = vec![full_control(account)];
    match name {
        // The last two concern objects only: on a bucket they are the private list.
        "private" | "bucket-owner-read" | "bucket-owner-full-control" => {}
        "public-read" => grants.push(grant(ALL_USERS, "READ")),
        "public-read-write" => {
            grants.push(grant(ALL_USERS, "READ"));
            grants.push(grant(ALL_USERS, "WRITE"));
        }
        "authenticated-read" => grants.push(grant(AUTHENTICATED, "READ")),
        "log-delivery-write" => {
            grants.push(grant(LOG_DELIVERY, "WRITE"));
            grants.push(grant(LOG_DELIVERY, "READ_ACP"));
        }
        other => {
            return Err(Failure::new(400, "InvalidArgument", "")
                .detail("ArgumentName", "x-amz-acl")
                .detail("ArgumentValue", other));
        }
    }
    Ok(list(account, &grants))
}

fn full_control(account: &str) -> Value {
    json!({
        "Grantee": { "xsi:type": "CanonicalUser", "ID": canonical_id(account) },
        "Permission": "FULL_CONTROL",
    })
}

fn list(account: &str, grants: &[Value]) -> Value {
    json!({ "Owner": { "ID": canonical_id(account) }, "AccessControlList": grants })
}

/// What a bucket without a list of its own has: full control for its owner.
pub(super) fn private(account: &str) -> Value {
    list(account, &[full_control(account)])
}

/// Whether a group of users beyond the account is granted something.
pub(super) fn is_public(acl: &Value) -> bool {
    acl["AccessControlList"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|grant| matches!(grant["Grantee"]["URI"].as_str(), Some(ALL_USERS | AUTHENTICATED)))
}
