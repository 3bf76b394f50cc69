//! Tag sets: their shape and their rules.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Bucket;
use super::document::Scene;
use crate::failure::Failure;
use crate::shape::Shape;
use crate::shape::list;
use crate::shape::req;
use crate::shape::text;

/// Tags that a bucket may have.
const MAX_TAGS: usize = 50;

/// A tag. Lengths are checked by [`check`], whose errors differ from those of the schema.
pub(super) const TAG: Shape =
    Shape::Struct(&[req("Key", text(0, usize::MAX)), req("Value", text(0, usize::MAX))]);

/// A list of tags, as the content of `TagSet` and of `Tags`.
pub(super) const TAG_SET: Shape = list(&TAG, 0, usize::MAX, "Tag");

/// The rules of the document `Tagging`.
pub(super) fn check_document(scene: &mut Scene<'_>, value: &mut Value) -> Result<(), Failure> {
    check_allowed(scene.bucket)?;
    check(value["TagSet"].as_array().map_or(&[], Vec::as_slice), &of(scene.bucket))
}

/// The tags of a bucket.
pub(super) fn of(bucket: &Bucket) -> Vec<Value> {
    let set = bucket.documents.get("tagging").and_then(|tagging| tagging["TagSet"].as_array());
    set.cloned().unwrap_or_default()
}

fn is_of_the_system(tag: &Value) -> bool {
    tag["Key"].as_str().is_some_and(|key| key.to_ascii_lowercase().starts_with("aws:"))
}

/// Whether these operations may change the tags: once tags decide who may do what, they are changed
/// one by one with TagResource and UntagResource only.
pub(super) fn check_allowed(bucket: &Bucket) -> Result<(), Failure> {
    if bucket.documents.get("abac").is_some_and(|abac| abac["Status"] == "Enabled") {
        let message = "The specified method is not allowed against this resource.";
        return Err(Failure::new(405, "MethodNotAllowed", message));
    }
    Ok(())
}

/// Whether a bucket that has the tags `old` may have these instead. Those of the system stay as they
/// are: a set without them, or with others, is refused.
pub(super) fn check(tags: &[Value], old: &[Value]) -> Result<(), Failure> {
    let invalid = |message: &str| Err(Failure::new(400, "InvalidTag", message));
    if tags.len() > MAX_TAGS {
        return Err(Failure::new(
            400,
            "BadRequest",
            format!("Bucket tag count cannot be greater than {MAX_TAGS}"),
        ));
    }
    let mut keys = BTreeSet::new();
    for tag in tags {
        let key = tag["Key"].as_str().unwrap_or_default();
        let value = tag["Value"].as_str().unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) || !characters_allowed(key) {
            return invalid("The TagKey you have provided is invalid");
        }
        if value.chars().count() > 256 || !characters_allowed(value) {
            return invalid("The TagValue you have provided is invalid");
        }
        if is_of_the_system(tag) && !old.contains(tag) {
            return invalid("System tags cannot be added/updated by requester");
        }
        if !keys.insert(key) {
            return invalid("Cannot provide multiple Tags with the same key");
        }
    }
    if old.iter().any(|tag| is_of_the_system(tag) && !tags.contains(tag)) {
        return invalid("System tags cannot be removed by requester");
    }
    Ok(())
}

fn characters_allowed(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}
