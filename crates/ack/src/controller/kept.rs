//! What a store keeps of an object.

use std::sync::Arc;

use runtime::store::Projected;
use runtime::store::Projection;
use runtime::store::Text;
use serde_json::Value as Json;

/// An object as text, since it is looked at once in hours.
///
/// Not kept is what nobody here reads: who manages which field, and the copy of the object that
/// `kubectl apply` leaves in an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    text: Text,
    /// Counts changes of the spec.
    generation: Option<i64>,
}

/// Where `kubectl apply` leaves its copy.
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Kept {
    pub(super) fn of(mut object: Json) -> Self {
        if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.remove("managedFields");
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut)
            {
                annotations.remove(APPLIED);
            }
        }
        let generation = object.pointer("/metadata/generation").and_then(Json::as_i64);
        Self { text: Text::of(&object), generation }
    }

    /// The object.
    pub(super) fn object(&self) -> Json {
        self.text.read()
    }

    /// Tells one spec of an object from another.
    pub(super) fn generation(&self) -> Option<i64> {
        self.generation
    }
}

/// Keeps objects so, and finds them by nothing but their names.
pub(super) fn projection() -> Projection<Kept> {
    Arc::new(|_, object| Projected { data: Kept::of(object), index: Vec::new() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_comes_back_without_what_nobody_reads() {
        let kept = Kept::of(json!({
            "metadata": {
                "name": "b",
                "generation": 3,
                "annotations": { APPLIED: "{}", "services.k8s.aws/region": "us-west-2" },
                "managedFields": [{ "manager": "kubectl" }],
            },
            "spec": { "name": "b", "ratio": 0.1, "text": "ä \"\n" },
        }));
        assert_eq!(kept.generation(), Some(3));
        let expected = json!({
            "metadata": {
                "name": "b",
                "generation": 3,
                "annotations": { "services.k8s.aws/region": "us-west-2" },
            },
            "spec": { "name": "b", "ratio": 0.1, "text": "ä \"\n" },
        });
        assert_eq!(kept.object(), expected);
    }

    #[test]
    fn an_object_without_annotations_is_kept_whole() {
        let object = json!({ "metadata": { "name": "b" }, "spec": {} });
        let kept = Kept::of(object.clone());
        assert_eq!((kept.generation(), kept.object()), (None, object));
    }
}
