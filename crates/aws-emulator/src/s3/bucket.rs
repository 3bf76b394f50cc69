//! Making, finding and deleting buckets.

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;
use serde_json::json;

use super::Bucket;
use super::Incoming;
use super::MAX_BUCKETS;
use super::NAMESPACE;
use super::Operation;
use super::acl;
use super::directory;
use super::document;
use super::malformed_xml;
use super::name;
use super::owned;
use super::region;
use super::shapes;
use super::tagging;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::shape::Shape;
use crate::shape::opt;
use crate::shape::text;
use crate::shape::xml;
use crate::shape::xml::Writer;

/// `GET /`
pub(super) static LIST_BUCKETS: Operation = Operation {
    name: "ListBuckets",
    parameters: &["bucket-region", "continuation-token", "max-buckets", "prefix"],
    headers: &[],
    run: list_buckets,
};
static CREATE_BUCKET: Operation = Operation {
    name: "CreateBucket",
    parameters: &[],
    headers: &[
        "x-amz-acl",
        "x-amz-bucket-namespace",
        "x-amz-bucket-object-lock-enabled",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
        "x-amz-object-ownership",
    ],
    run: create_bucket,
};
static HEAD_BUCKET: Operation =
    Operation { name: "HeadBucket", parameters: &[], headers: &[], run: head_bucket };
static DELETE_BUCKET: Operation =
    Operation { name: "DeleteBucket", parameters: &[], headers: &[], run: delete_bucket };
static GET_BUCKET_LOCATION: Operation = Operation {
    name: "GetBucketLocation",
    parameters: &["location"],
    headers: &[],
    run: get_bucket_location,
};

/// All operations on buckets themselves.
pub(super) static ALL: [&Operation; 5] =
    [&LIST_BUCKETS, &CREATE_BUCKET, &HEAD_BUCKET, &DELETE_BUCKET, &GET_BUCKET_LOCATION];

/// The operation of a method on a bucket itself.
pub(super) fn plain(method: &Method) -> Option<&'static Operation> {
    match *method {
        Method::PUT => Some(&CREATE_BUCKET),
        Method::HEAD => Some(&HEAD_BUCKET),
        Method::DELETE => Some(&DELETE_BUCKET),
        _ => None,
    }
}

/// The operation of a method on a sub-resource that is not a document.
pub(super) fn sub_resource(method: &Method, query: &str) -> Option<&'static Operation> {
    (*method == Method::GET && query == "location").then_some(&GET_BUCKET_LOCATION)
}

const CONFIGURATION: Shape = Shape::Struct(&[
    opt("LocationConstraint", text(0, 64)),
    opt("Location", directory::LOCATION),
    opt("Bucket", directory::KIND),
    opt("Tags", tagging::TAG_SET),
]);

fn create_bucket(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let caller = &incoming.caller;
    let is_directory = directory::is_name(&incoming.bucket);
    if !is_directory {
        name::check(&incoming.bucket)?;
    }
    name::check_namespace(
        &incoming.bucket,
        incoming.header("x-amz-bucket-namespace"),
        &caller.account,
        &caller.region,
    )?;
    let configuration = if incoming.request.body().is_empty() {
        json!({})
    } else {
        xml::read(incoming.request.body(), "CreateBucketConfiguration", &CONFIGURATION)
            .map_err(|reason| malformed_xml(&reason))?
    };
    let constraint = configuration["LocationConstraint"].as_str();
    let region = if is_directory {
        let existing = |(name, bucket): &(&String, &Bucket)| {
            directory::is_name(name)
                && bucket.account == caller.account
                && bucket.region == caller.region
        };
        let count = world.s3.buckets.iter().filter(existing).count();
        let has_list = acl::from_headers(incoming, &caller.account)?.is_some();
        directory::check(&incoming.bucket, &configuration, count, has_list)?;
        caller.region.as_str()
    } else if configuration["Location"].is_null() && configuration["Bucket"].is_null() {
        location(constraint, &caller.region)?
    } else {
        return Err(Failure::new(
            400,
            "InvalidBucketName",
            "Location and type belong to directory buckets, whose names end with their zone.",
        )
        .detail("BucketName", incoming.bucket.as_str()));
    };
    let ownership = incoming.header("x-amz-object-ownership").unwrap_or("BucketOwnerEnforced");
    if !shapes::OWNERSHIPS.contains(&ownership) {
        let message = format!("Invalid x-amz-object-ownership header: {ownership}");
        return Err(Failure::new(400, "InvalidArgument", message));
    }
    let acl = acl::from_headers(incoming, &caller.account)?;
    if let Some(acl) = &acl {
        acl_allowed(acl, ownership, &caller.account)?;
    }
    let locked = match incoming.header("x-amz-bucket-object-lock-enabled") {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(text) => {
            let message = "Value for x-amz-bucket-object-lock-enabled header is invalid.";
            return Err(Failure::new(400, "InvalidArgument", message).detail("ArgumentValue", text));
        }
    };
    let tags = configuration["Tags"].as_array().cloned().unwrap_or_default();
    tagging::check(&tags, &[])?;

    let location = format!("/{}", incoming.bucket);
    if !available(world, caller, &incoming.bucket, region)? {
        return Ok(Answer::empty(200).header("location", location));
    }
    let mut bucket = Bucket {
        account: caller.account.clone(),
        region: region.to_owned(),
        created: world.now,
        documents: BTreeMap::new(),
        policy: String::new(),
        configurations: BTreeMap::new(),
    };
    if !is_directory {
        document::set_defaults(&mut bucket, ownership);
    }
    if let Some(acl) = acl {
        acl::set(&mut bucket, acl);
    }
    if locked {
        bucket.documents.insert("versioning", json!({ "Status": "Enabled" }));
        bucket.documents.insert("object-lock", json!({ "ObjectLockEnabled": "Enabled" }));
    }
    if !tags.is_empty() {
        bucket.documents.insert("tagging", json!({ "TagSet": tags }));
    }
    world.s3.buckets.insert(incoming.bucket.clone(), bucket);
    Ok(Answer::empty(200).header("location", location))
}

/// Whether the caller may make a bucket of this name; `false` if there is nothing to make.
fn available(world: &World, caller: &Caller, name: &str, region: &str) -> Result<bool, Failure> {
    match world.s3.buckets.get(name) {
        Some(bucket) if bucket.account != caller.account => return Err(taken(name)),
        // Only in the oldest region does making a bucket twice succeed; nothing changes then.
        Some(bucket)
            if !directory::is_name(name)
                && bucket.region == region::GLOBAL
                && region == region::GLOBAL =>
        {
            return Ok(false);
        }
        Some(_) => {
            return Err(Failure::new(
                409,
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
            )
            .detail("BucketName", name));
        }
        None if world.settings.foreign_buckets.contains(name) => return Err(taken(name)),
        None => {}
    }
    let owned = world.s3.buckets.values().filter(|b| b.account == caller.account).count();
    if owned >= MAX_BUCKETS {
        return Err(Failure::new(
            400,
            "TooManyBuckets",
            "You have attempted to create more buckets than allowed",
        ));
    }
    Ok(true)
}

/// A bucket that a stack makes, with tags that only AWS may set.
pub(crate) fn create_for_stack(
    world: &mut World,
    caller: &Caller,
    name: &str,
    versions: bool,
    tags: &[(String, String)],
) -> Result<(), Failure> {
    name::check(name)?;
    if world.s3.buckets.contains_key(name) {
        return Err(taken(name));
    }
    available(world, caller, name, &caller.region)?;
    let mut bucket = Bucket {
        account: caller.account.clone(),
        region: caller.region.clone(),
        created: world.now,
        documents: BTreeMap::new(),
        policy: String::new(),
        configurations: BTreeMap::new(),
    };
    document::set_defaults(&mut bucket, "BucketOwnerEnforced");
    if versions {
        bucket.documents.insert("versioning", json!({ "Status": "Enabled" }));
    }
    let tags = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    let tags: Vec<Value> = tags.collect();
    bucket.documents.insert("tagging", json!({ "TagSet": tags }));
    world.s3.buckets.insert(name.to_owned(), bucket);
    Ok(())
}

/// The end of a bucket with its stack.
pub(crate) fn delete_for_stack(world: &mut World, caller: &Caller, name: &str) {
    if world.s3.buckets.get(name).is_some_and(|bucket| bucket.account == caller.account) {
        world.s3.buckets.remove(name);
    }
}

/// Whether a new bucket may have this list: it is private, or lists are switched on, and nobody
/// beyond the account is meant, since public access is blocked from the start.
fn acl_allowed(acl: &Value, ownership: &str, account: &str) -> Result<(), Failure> {
    if *acl == acl::private(account) {
        return Ok(());
    }
    if ownership == "BucketOwnerEnforced" {
        return Err(Failure::new(
            400,
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        ));
    }
    if acl::is_public(acl) {
        return Err(Failure::new(
            400,
            "InvalidBucketAclWithBlockPublicAccessError",
            "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
        ));
    }
    Ok(())
}

/// Where a bucket goes: what the request asks for against the endpoint it was sent to.
fn location<'a>(constraint: Option<&'a str>, endpoint: &'a str) -> Result<&'a str, Failure> {
    let incompatible = |constraint: &str| {
        let message = format!(
            "The {constraint} location constraint is incompatible for the region specific \
             endpoint this request was sent to."
        );
        Failure::new(400, "IllegalLocationConstraintException", message)
    };
    match constraint.filter(|constraint| !constraint.is_empty()) {
        None if endpoint == region::GLOBAL => Ok(region::GLOBAL),
        None => Err(incompatible("unspecified")),
        Some(constraint) if !region::CONSTRAINTS.contains(&constraint) => Err(Failure::new(
            400,
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        )
        .detail("LocationConstraint", constraint)),
        Some(constraint) => {
            let region = if constraint == "EU" { "eu-west-1" } else { constraint };
            if region == endpoint || endpoint == region::GLOBAL {
                Ok(region)
            } else {
                Err(incompatible(constraint))
            }
        }
    }
}

fn taken(name: &str) -> Failure {
    Failure::new(
        409,
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users \
         of the system. Please select a different name and try again.",
    )
    .detail("BucketName", name)
}

/// Buckets in one page when the request does not say.
const PAGE: usize = 10_000;

fn list_buckets(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let argument = |name: &str, value: &str, message: &str| {
        Failure::new(400, "InvalidArgument", message)
            .detail("ArgumentName", name)
            .detail("ArgumentValue", value)
    };
    let prefix = incoming.parameter("prefix");
    let wanted_region = incoming.parameter("bucket-region");
    let max = match incoming.parameter("max-buckets") {
        None => PAGE,
        Some(text) => {
            text.parse().ok().filter(|max| (1..=PAGE).contains(max)).ok_or_else(|| {
                argument(
                    "max-buckets",
                    text,
                    "Argument max-buckets must be an integer between 1 and 10000",
                )
            })?
        }
    };
    let after = match incoming.parameter("continuation-token") {
        None => None,
        Some(token) => Some(token_name(token).ok_or_else(|| {
            argument("continuation-token", token, "The continuation token provided is incorrect")
        })?),
    };
    let asked = incoming.query.iter().any(|(key, _)| key != "x-id");

    let mut matching = world.s3.buckets.iter().filter(|(name, bucket)| {
        bucket.account == incoming.caller.account
            && !directory::is_name(name)
            && prefix.is_none_or(|prefix| name.starts_with(prefix))
            && wanted_region.is_none_or(|region| region == bucket.region)
            && after.as_ref().is_none_or(|after| *name > after)
    });
    let page: Vec<(&String, &Bucket)> = matching.by_ref().take(max).collect();
    let more = matching.next().is_some();

    const ROOT: &str = "ListAllMyBucketsResult";
    let mut out = Writer::new(ROOT, NAMESPACE);
    out.element("Owner", |out| out.text("ID", &canonical_id(&incoming.caller.account)));
    out.element("Buckets", |out| {
        for (name, bucket) in &page {
            out.element("Bucket", |out| {
                out.text("Name", name);
                let created = bucket.created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
                out.text("CreationDate", &created);
                // AWS names the region only when the request has a parameter.
                if asked {
                    out.text("BucketRegion", &bucket.region);
                }
            });
        }
    });
    if let Some(prefix) = prefix {
        out.text("Prefix", prefix);
    }
    if more && let Some((name, _)) = page.last() {
        let token: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        out.text("ContinuationToken", &token);
    }
    Ok(Answer::xml(out.finish(ROOT)))
}

fn token_name(token: &str) -> Option<String> {
    if !token.len().is_multiple_of(2) || !token.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..token.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&token[at..at + 2], 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

/// The canonical user id of an account: 64 hexadecimal digits that say which account they mean.
pub(super) fn canonical_id(account: &str) -> String {
    format!("{account:0>64}")
}

fn head_bucket(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let bucket = owned(world, incoming)?;
    Ok(Answer::empty(200)
        .header("x-amz-bucket-region", bucket.region.clone())
        .header("x-amz-access-point-alias", "false"))
}

fn get_bucket_location(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let bucket = owned(world, incoming)?;
    const ROOT: &str = "LocationConstraint";
    let value = match bucket.region.as_str() {
        region::GLOBAL => Value::Null,
        region => Value::from(region),
    };
    Ok(Answer::xml(xml::document(ROOT, NAMESPACE, &text(0, 64), &value)))
}

fn delete_bucket(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    owned(world, incoming)?;
    world.s3.buckets.remove(&incoming.bucket);
    Ok(Answer::empty(204))
}
