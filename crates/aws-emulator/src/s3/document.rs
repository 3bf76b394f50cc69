//! Sub-resources that are put, read and deleted whole.

use http::Method;
use serde_json::Value;
use serde_json::json;

use super::Bucket;
use super::Incoming;
use super::NAMESPACE;
use super::Operation;
use super::malformed_xml;
use super::owned;
use super::tagging;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::shape::Shape;
use crate::shape::flat;
use crate::shape::one_of;
use crate::shape::opt;
use crate::shape::req;
use crate::shape::text;
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
    /// Rules beyond the shape.
    check: fn(&Value) -> Result<(), Failure>,
    get: Operation,
    put: Operation,
    delete: Operation,
}

/// What reading a sub-resource that is not set gives.
enum Absent {
    /// An error with this code and text.
    Error(&'static str, &'static str),
    /// This document.
    Default(fn() -> Value),
}

macro_rules! document {
    ($query:literal, $root:literal, $shape:expr, $absent:expr, $check:expr,
     $get:literal, $put:literal, $delete:literal $(,)?) => {
        Document {
            query: $query,
            root: $root,
            shape: &$shape,
            absent: $absent,
            check: $check,
            get: Operation { name: $get, parameters: &[$query], headers: &[], run: get },
            put: Operation { name: $put, parameters: &[$query], headers: &[], run: put },
            delete: Operation { name: $delete, parameters: &[$query], headers: &[], run: delete },
        }
    };
}

static DOCUMENTS: &[Document] = &[
    document!(
        "encryption",
        "ServerSideEncryptionConfiguration",
        ENCRYPTION,
        Absent::Default(default_encryption),
        |_| Ok(()),
        "GetBucketEncryption",
        "PutBucketEncryption",
        "DeleteBucketEncryption",
    ),
    document!(
        "ownershipControls",
        "OwnershipControls",
        OWNERSHIP,
        Absent::Error(
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        ),
        |_| Ok(()),
        "GetBucketOwnershipControls",
        "PutBucketOwnershipControls",
        "DeleteBucketOwnershipControls",
    ),
    document!(
        "publicAccessBlock",
        "PublicAccessBlockConfiguration",
        PUBLIC_ACCESS_BLOCK,
        Absent::Error(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
        |_| Ok(()),
        "GetPublicAccessBlock",
        "PutPublicAccessBlock",
        "DeletePublicAccessBlock",
    ),
    document!(
        "tagging",
        "Tagging",
        tagging::TAGGING,
        Absent::Error("NoSuchTagSet", "The TagSet does not exist"),
        |value| tagging::check(value["TagSet"].as_array().map_or(&[], Vec::as_slice)),
        "GetBucketTagging",
        "PutBucketTagging",
        "DeleteBucketTagging",
    ),
];

const ENCRYPTION_RULE: Shape = Shape::Struct(&[
    opt(
        "ApplyServerSideEncryptionByDefault",
        Shape::Struct(&[
            req("SSEAlgorithm", one_of(&["AES256", "aws:kms", "aws:kms:dsse"])),
            opt("KMSMasterKeyID", text(1, 2048)),
        ]),
    ),
    opt("BucketKeyEnabled", Shape::Bool),
    opt(
        "BlockedEncryptionTypes",
        Shape::Struct(&[opt("EncryptionType", flat(&one_of(&["NONE", "SSE-C"]), 0, 2))]),
    ),
]);
const ENCRYPTION: Shape = Shape::Struct(&[req("Rule", flat(&ENCRYPTION_RULE, 1, 1))]);

/// What the header and the document of object ownership may say.
pub(super) const OWNERSHIPS: &[&str] =
    &["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"];
const OWNERSHIP_RULE: Shape = Shape::Struct(&[req("ObjectOwnership", one_of(OWNERSHIPS))]);
const OWNERSHIP: Shape = Shape::Struct(&[req("Rule", flat(&OWNERSHIP_RULE, 1, 1))]);

const PUBLIC_ACCESS_BLOCK: Shape = Shape::Struct(&[
    opt("BlockPublicAcls", Shape::Bool),
    opt("IgnorePublicAcls", Shape::Bool),
    opt("BlockPublicPolicy", Shape::Bool),
    opt("RestrictPublicBuckets", Shape::Bool),
]);

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
            "IgnorePublicAcls": true,
            "BlockPublicPolicy": true,
            "RestrictPublicBuckets": true,
        }),
    );
}

/// The operation of a method on a sub-resource.
pub(super) fn operation(method: &Method, query: &str) -> Option<&'static Operation> {
    let document = DOCUMENTS.iter().find(|document| document.query == query)?;
    match *method {
        Method::GET => Some(&document.get),
        Method::PUT => Some(&document.put),
        Method::DELETE => Some(&document.delete),
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
    Ok(Answer::xml(xml::document(document.root, NAMESPACE, document.shape, &value)))
}

fn put(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let document = row(incoming)?;
    let bucket = owned(world, incoming)?;
    has_checksum(incoming)?;
    let body = incoming.request.body();
    let value =
        xml::read(body, document.root, document.shape).map_err(|reason| malformed_xml(&reason))?;
    (document.check)(&value)?;
    bucket.documents.insert(document.query, value);
    Ok(Answer::empty(if document.query == "tagging" { 204 } else { 200 }))
}

fn delete(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let document = row(incoming)?;
    owned(world, incoming)?.documents.remove(document.query);
    Ok(Answer::empty(204))
}

/// S3 refuses these puts without an integrity check of the body.
fn has_checksum(incoming: &Incoming<'_>) -> Result<(), Failure> {
    let given =
        incoming.request.headers().keys().any(|name| {
            name.as_str() == "content-md5" || name.as_str().starts_with("x-amz-checksum-")
        });
    if given {
        return Ok(());
    }
    Err(Failure::new(
        400,
        "InvalidRequest",
        "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    ))
}
