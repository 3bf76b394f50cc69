//! Fields that the CRD takes and the controller does not manage yet.

use serde_json::Value as Json;

use crate::shape::LATER;

/// The path of the first field that is set and that no row manages, such as `spec.versioning`.
///
/// `None` if everything is managed.
pub fn unmanaged(spec: &Json, schema: &Json) -> Option<String> {
    search(spec, schema, "spec")
}

fn search(value: &Json, schema: &Json, path: &str) -> Option<String> {
    match value {
        Json::Null => None,
        _ if schema.get("description").and_then(Json::as_str) == Some(LATER) => {
            Some(path.to_owned())
        }
        Json::Object(members) => members.iter().find_map(|(name, member)| {
            let schema = schema.get("properties")?.get(name)?;
            search(member, schema, &format!("{path}.{name}"))
        }),
        Json::Array(items) => {
            let schema = schema.get("items")?;
            let one = |(index, item)| search(item, schema, &format!("{path}[{index}]"));
            items.iter().enumerate().find_map(one)
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}
