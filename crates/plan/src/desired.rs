//! When two versions of an object ask for the same.

use crate::names;
use schema::{ContentHash, Part};
use serde_json::{Map, Value};

/// A hash of what an applied object asks for. It leaves out what identifies the object, and the
/// version label, which alone never causes an apply (DESIGN.md, decision 3).
///
/// Goes in: an object as it is applied, or the part of a live object that our field manager owns;
/// both give the same hash when an apply would change nothing.
#[must_use]
pub fn hash(object: &Value) -> ContentHash {
    let Some(fields) = object.as_object() else { return ContentHash::of(object) };
    let kept = fields.iter().filter(|(key, _)| *key != "apiVersion" && *key != "kind");
    let parts = kept.map(|(key, value)| match value {
        Value::Object(fields) if key == "metadata" => (key.as_str(), metadata(fields)),
        value => (key.as_str(), Part::Value(value)),
    });
    ContentHash::of_part(Part::Fields(parts.collect()))
}

fn metadata(fields: &Map<String, Value>) -> Part<'_> {
    let kept = fields.iter().filter(|(key, _)| *key != "name" && *key != "namespace");
    let parts = kept.map(|(key, value)| match value {
        Value::Object(fields) if key == "labels" => (key.as_str(), labels(fields)),
        value => (key.as_str(), Part::Value(value)),
    });
    Part::Fields(parts.collect())
}

fn labels(fields: &Map<String, Value>) -> Part<'_> {
    let kept = fields.iter().filter(|(key, _)| *key != names::KRO_VERSION);
    Part::Fields(kept.map(|(key, value)| (key.as_str(), Part::Value(value))).collect())
}
