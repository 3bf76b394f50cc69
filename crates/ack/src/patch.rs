//! JSON merge patches (RFC 7386).

use serde_json::Map;
use serde_json::Value as Json;

/// The patch that turns `old` into `new`; `None` if they are equal.
pub fn between(old: &Json, new: &Json) -> Option<Json> {
    let (Json::Object(old), Json::Object(new)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(before) => {
                if let Some(inner) = between(before, value) {
                    patch.insert(key.clone(), inner);
                }
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Json::Null);
    }
    (!patch.is_empty()).then_some(Json::Object(patch))
}
