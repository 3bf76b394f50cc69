//! One object as an API server keeps it.

use ack::patch;
use ack::reconcile::Patched;
use serde_json::Value as Json;
use serde_json::json;

/// The object.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// As it is now.
    pub(crate) json: Json,
}

impl Stored {
    /// A new object.
    pub(crate) fn new(mut json: Json) -> Self {
        let metadata = json!({
            "name": "thing", "namespace": "team", "uid": "u-1", "resourceVersion": "1",
            "generation": 1,
        });
        for (key, value) in metadata.as_object().expect("an object") {
            if json["metadata"][key].is_null() {
                json["metadata"][key] = value.clone();
            }
        }
        Self { json }
    }

    /// Somebody changes it.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Json)) {
        change(&mut self.json);
        let version = self.json["metadata"]["resourceVersion"].as_str();
        let version: u64 = version.and_then(|v| v.parse().ok()).expect("a number");
        self.json["metadata"]["resourceVersion"] = (version + 1).to_string().into();
    }

    /// Whether it is to be deleted and nothing holds it.
    pub(crate) fn is_gone(&self) -> bool {
        let metadata = &self.json["metadata"];
        !metadata["deletionTimestamp"].is_null()
            && metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
    }

    /// Applies a merge patch to the version that it names.
    pub(crate) fn patch(&mut self, patch: &Json) -> Patched {
        if self.is_gone() {
            return Patched::Gone;
        }
        if patch["metadata"]["resourceVersion"] != self.json["metadata"]["resourceVersion"] {
            return Patched::Conflict;
        }
        let before = self.json.clone();
        self.change(|json| merge(json, patch));
        let mut unversioned = self.json.clone();
        unversioned["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
        assert!(patch::between(&before, &unversioned).is_some(), "a patch that changes nothing");
        Patched::Now(self.json.clone())
    }
}

fn merge(into: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            into.as_object_mut().expect("made one above").remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}
