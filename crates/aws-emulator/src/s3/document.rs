//! Sub-resources that are put, read and deleted whole: a row each.

use http::Method;
use serde_json::Value;
use serde_json::json;

use super::Bucket;
use super::Incoming;
use super::NAMESPACE;
use super::Operation;
use super::Store;
use super::malformed_xml;
use super::owned;
use super::rules;
use super::shapes;
use super::tagging;
use crate::cloud::World;
use crate::failure::Failure;
use crate::ids::Ids;
use crate::protocol::Answer;
use crate::shape::Shape;
use crate::shape::xml;

/// One sub-resource.
struct Document {
    /// The query parameter that names it.
    query: &'static str,
    /// Root element of what is put and of what is answered.
    root: &'static str,
    /// What it may contain.
    shape: &'static Shape,
    /// What reading it gives when it is not set.
    absent: Absent,
    /// Rules beyond the shape; may complete the document as S3 does.
    check: fn(&mut Scene<'_>, &mut Value) -> Result<(), Failure>,
    /// The status of a successful put.
    status: u16,
    get: Operation,
    put: Operation,
    delete: Option<Operation>,
}

/// What the rules of a document may look at.
pub(super) struct Scene<'w> {
    /// All buckets.
    pub(super) store: &'w Store,
    /// The one whose document is put.
    pub(super) bucket: &'w Bucket,
    /// The request.
    pub(super) incoming: &'w Incoming<'w>,
    /// Identifiers for what the request leaves unnamed.
    pub(super) ids: &'w mut Ids,
}

/// What reading a sub-resource that is not set gives.
enum Absent {
    /// An error with this code and text.
    Error(&'static str, &'static str),
    /// This document.
    Default(fn() -> Value),
}

macro_rules! document {
    ($query:literal: $root:literal, $shape:ident, $absent:expr, $check:expr, $status:literal,
     $get:literal, $put:literal $([$($header:literal),*])? $(, $delete:literal)?) => {
        Document {
            query: $query,
            root: $root,
            shape: &shapes::$shape,
            absent: $absent,
            check: $check,
            status: $status,
            get: Operation { name: $get, parameters: &[$query], headers: &[], run: get },
            put: Operation {
                name: $put,
                parameters: &[$query],
                headers: &[$($($header),*)?],
                run: put,
            },
            delete: document!(@delete $query $($delete)?),
        }
    };
    (@delete $query:literal) => { None };
    (@delete $query:literal $delete:literal) => {
        Some(Operation { name: $delete, parameters: &[$query], headers: &[], run: delete })
    };
}

const EMPTY: Absent = Absent::Default(|| json!({}));

static DOCUMENTS: &[Document] = &[
    document!("abac": "AbacStatus", ABAC,
        Absent::Default(|| json!({ "Status": "Disabled" })), rules::any, 200,
        "GetBucketAbac", "PutBucketAbac"),
    document!("accelerate": "AccelerateConfiguration", ACCELERATE, EMPTY, rules::accelerate, 200,
        "GetBucketAccelerateConfiguration", "PutBucketAccelerateConfiguration"),
    document!("cors": "CORSConfiguration", CORS,
        Absent::Error("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        rules::cors, 200,
        "GetBucketCors", "PutBucketCors", "DeleteBucketCors"),
    document!("encryption": "ServerSideEncryptionConfiguration", ENCRYPTION,
        Absent::Default(default_encryption), rules::encryption, 200,
        "GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"),
    document!("lifecycle": "LifecycleConfiguration", LIFECYCLE,
        Absent::Error(
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ),
        rules::lifecycle, 200,
        "GetBucketLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" ["x-amz-transition-default-minimum-object-size"],
        "DeleteBucketLifecycle"),
    document!("logging": "BucketLoggingStatus", LOGGING, EMPTY, rules::logging, 200,
        "GetBucketLogging", "PutBucketLogging"),
    document!("notification": "NotificationConfiguration", NOTIFICATION, EMPTY,
        rules::notification, 200,
        "GetBucketNotificationConfiguration",
        "PutBucketNotificationConfiguration" ["x-amz-skip-destination-validation"]),
    document!("object-lock": "ObjectLockConfiguration", OBJECT_LOCK,
        Absent::Error(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        ),
        rules::object_lock, 200,
        "GetObjectLockConfiguration", "PutObjectLockConfiguration"),
    document!("ownershipControls": "OwnershipControls", OWNERSHIP,
        Absent::Error(
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        ),
        rules::ownership, 200,
        "GetBucketOwnershipControls", "PutBucketOwnershipControls",
        "DeleteBucketOwnershipControls"),
    document!("publicAccessBlock": "PublicAccessBlockConfiguration", PUBLIC_ACCESS_BLOCK,
        Absent::Error(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
        rules::public_access_block, 200,
        "GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"),
    document!("replication": "ReplicationConfiguration", REPLICATION,
        Absent::Error(
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        ),
        rules::replication, 200,
        "GetBucketReplication", "PutBucketReplication", "DeleteBucketReplication"),
    document!("requestPayment": "RequestPaymentConfiguration", PAYMENT,
        Absent::Default(|| json!({ "Payer": "BucketOwner" })), rules::any, 200,
        "GetBucketRequestPayment", "PutBucketRequestPayment"),
    document!("tagging": "Tagging", TAGGING,
        Absent::Error("NoSuchTagSet", "The TagSet does not exist"), tagging::check_document, 204,
        "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"),
    document!("versioning": "VersioningConfiguration", VERSIONING, EMPTY, rules::versioning, 200,
        "GetBucketVersioning", "PutBucketVersioning"),
    document!("website": "WebsiteConfiguration", WEBSITE,
        Absent::Error(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
        rules::website, 200,
        "GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
];

/// Puts that S3 takes without an integrity check of the body.
const WITHOUT_CHECKSUM: &[&str] = &["notification"];

fn default_encryption() -> Value {
    json!({ "Rule": [{
        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" },
        "BucketKeyEnabled": false,
    }] })
}

/// Sets what a new bucket has since April 2023: no access lists, no public access.
pub(super) fn set_defaults(bucket: &mut Bucket, ownership: &str) {
    bucket
        .documents
        .insert("ownershipControls", json!({ "Rule": [{ "ObjectOwnership": ownership }] }));
    bucket.documents.insert(
        "publicAccessBlock",
        json!({
            "BlockPublicAcls": true,
            "BlockPublicPolicy": true,
            "IgnorePublicAcls": true,
            "RestrictPublicBuckets": true,
        }),
    );
}

/// All operations on documents.
pub(super) fn operations() -> impl Iterator<Item = &'static Operation> {
    DOCUMENTS.iter().flat_map(|document| {
        [&document.get, &document.put].into_iter().chain(document.delete.as_ref())
    })
}

/// The operation of a method on a sub-resource.
pub(super) fn operation(method: &Method, query: &str) -> Option<&'static Operation> {
    let document = DOCUMENTS.iter().find(|document| document.query == query)?;
    match *method {
        Method::GET => Some(&document.get),
        Method::PUT => Some(&document.put),
        Method::DELETE => document.delete.as_ref(),
        _ => None,
    }
}

/// The row that a routed request belongs to.
fn row(incoming: &Incoming<'_>) -> Result<&'static Document, Failure> {
    DOCUMENTS
        .iter()
        .find(|document| incoming.parameter(document.query).is_some())
        .ok_or_else(|| Failure::not_implemented("this sub-resource"))
}

fn get(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let document = row(incoming)?;
    let bucket = owned(world, incoming)?;
    let value = match (bucket.documents.get(document.query), &document.absent) {
        (Some(value), _) => value.clone(),
        (None, Absent::Default(value)) => value(),
        (None, Absent::Error(code, message)) => {
            return Err(
                Failure::new(404, *code, *message).detail("BucketName", incoming.bucket.as_str())
            );
        }
    };
    let answer = Answer::xml(xml::document(document.root, NAMESPACE, document.shape, &value));
    Ok(rules::headers(document.query, &value)
        .into_iter()
        .fold(answer, |answer, (name, value)| answer.header(name, value)))
}

fn put(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let document = row(incoming)?;
    owned(world, incoming)?;
    if !WITHOUT_CHECKSUM.contains(&document.query) {
        has_checksum(incoming)?;
    }
    let mut value = xml::read(incoming.request.body(), document.root, document.shape)
        .map_err(|reason| malformed_xml(&reason))?;
    let World { ids, s3: store, .. } = world;
    let Some(bucket) = store.buckets.get(&incoming.bucket) else {
        return Err(super::no_such_bucket(&incoming.bucket));
    };
    (document.check)(&mut Scene { store, bucket, incoming, ids }, &mut value)?;
    let headers = rules::headers(document.query, &value);
    if let Some(bucket) = store.buckets.get_mut(&incoming.bucket) {
        // An empty document is how these are switched off.
        if value.as_object().is_some_and(serde_json::Map::is_empty) {
            bucket.documents.remove(document.query);
        } else {
            bucket.documents.insert(document.query, value);
        }
    }
    Ok(headers
        .into_iter()
        .fold(Answer::empty(document.status), |answer, (name, value)| answer.header(name, value)))
}

fn delete(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let document = row(incoming)?;
    let bucket = owned(world, incoming)?;
    if document.query == "tagging" {
        tagging::check_allowed(bucket)?;
        tagging::check(&[], &tagging::of(bucket))?;
    }
    bucket.documents.remove(document.query);
    Ok(Answer::empty(204))
}

/// S3 refuses these puts without an integrity check of the body.
pub(super) fn has_checksum(incoming: &Incoming<'_>) -> Result<(), Failure> {
    let given =
        incoming.request.headers().keys().any(|name| {
            name.as_str() == "content-md5" || name.as_str().starts_with("x-amz-checksum-")
        });
    if !given {
        return Err(Failure::new(
            400,
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    match incoming.header("x-amz-checksum-crc32") {
        Some(given) if given != crc32_base64(incoming.request.body()) => Err(Failure::new(
            400,
            "BadDigest",
            "The CRC32 you specified did not match the calculated checksum.",
        )),
        _ => Ok(()),
    }
}

fn crc32_base64(body: &[u8]) -> String {
    crate::text::base64(&crate::text::crc32(body).to_be_bytes())
}
