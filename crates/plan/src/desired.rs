//! When two versions of an object ask for the same.

use crate::names;
use schema::ContentHash;
use serde_json::{Map, Value};

/// A hash of what an applied object asks for. It leaves out what identifies the object, and the
/// version label, which alone never causes an apply (DESIGN.md, decision 3).
///
/// Goes in: an object as it is applied, or the part of a live object that our field manager owns;
/// both give the same hash when an apply would change nothing.
#[must_use]
pub fn hash(object: &Value) -> ContentHash {
    ContentHash::of(&comparable(object))
}

fn comparable(object: &Value) -> Value {
    let Some(fields) = object.as_object() else { return object.clone() };
    let mut kept: Map<String, Value> = Map::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("apiVersion" | "kind", _) => {}
            ("metadata", Value::Object(metadata)) => {
                kept.insert(key.clone(), Value::Object(comparable_metadata(metadata)));
            }
            _ => {
                kept.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(kept)
}

fn comparable_metadata(metadata: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (key, value) in metadata {
        match (key.as_str(), value) {
            ("name" | "namespace", _) => {}
            ("labels", Value::Object(labels)) => {
                let mut labels = labels.clone();
                labels.remove(names::KRO_VERSION);
                kept.insert(key.clone(), Value::Object(labels));
            }
            _ => {
                kept.insert(key.clone(), value.clone());
            }
        }
    }
    kept
}
