//! Lists of objects. There are none, so that emptying a bucket before deleting it works.

use http::Method;

use super::Incoming;
use super::NAMESPACE;
use super::Operation;
use super::owned;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::shape::xml::Writer;

static LIST: Operation = Operation {
    name: "ListObjects",
    parameters: &["delimiter", "encoding-type", "marker", "max-keys", "prefix"],
    headers: &["x-amz-request-payer", "x-amz-optional-object-attributes"],
    run: |world, incoming| empty(world, incoming, "ListBucketResult"),
};
static LIST_V2: Operation = Operation {
    name: "ListObjectsV2",
    parameters: &[
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "list-type",
        "max-keys",
        "prefix",
        "start-after",
    ],
    headers: &["x-amz-request-payer", "x-amz-optional-object-attributes"],
    run: |world, incoming| empty(world, incoming, "ListBucketResult"),
};
static LIST_VERSIONS: Operation = Operation {
    name: "ListObjectVersions",
    parameters: &[
        "delimiter",
        "encoding-type",
        "key-marker",
        "max-keys",
        "prefix",
        "version-id-marker",
        "versions",
    ],
    headers: &["x-amz-request-payer", "x-amz-optional-object-attributes"],
    run: |world, incoming| empty(world, incoming, "ListVersionsResult"),
};

/// All operations on objects.
pub(super) static ALL: [&Operation; 3] = [&LIST, &LIST_V2, &LIST_VERSIONS];

/// The list of a bucket, old or new.
pub(super) fn list(method: &Method, list_type: Option<&str>) -> Option<&'static Operation> {
    match (method, list_type) {
        (&Method::GET, None) => Some(&LIST),
        (&Method::GET, Some("2")) => Some(&LIST_V2),
        _ => None,
    }
}

/// The list of versions.
pub(super) fn versions(method: &Method, query: &str) -> Option<&'static Operation> {
    (*method == Method::GET && query == "versions").then_some(&LIST_VERSIONS)
}

fn empty(world: &mut World, incoming: &Incoming<'_>, root: &str) -> Result<Answer, Failure> {
    owned(world, incoming)?;
    let max = incoming.parameter("max-keys").unwrap_or("1000");
    if max.parse::<u32>().is_err() {
        let message = "Provided max-keys not an integer or within integer range";
        return Err(Failure::new(400, "InvalidArgument", message));
    }
    let mut out = Writer::new(root, NAMESPACE);
    out.text("Name", &incoming.bucket);
    out.text("Prefix", incoming.parameter("prefix").unwrap_or_default());
    let is_second = incoming.parameter("list-type").is_some();
    // Where the list begins is always told, except in the second version.
    let markers: &[(&str, &str)] = match root {
        "ListVersionsResult" => {
            &[("KeyMarker", "key-marker"), ("VersionIdMarker", "version-id-marker")]
        }
        _ if is_second => &[],
        _ => &[("Marker", "marker")],
    };
    for (element, parameter) in markers {
        out.text(element, incoming.parameter(parameter).unwrap_or_default());
    }
    for (element, parameter) in [
        ("ContinuationToken", "continuation-token"),
        ("Delimiter", "delimiter"),
        ("EncodingType", "encoding-type"),
        ("StartAfter", "start-after"),
    ] {
        if let Some(value) = incoming.parameter(parameter) {
            out.text(element, value);
        }
    }
    if is_second {
        out.text("KeyCount", "0");
    }
    out.text("MaxKeys", max);
    out.text("IsTruncated", "false");
    Ok(Answer::xml(out.finish(root)))
}
