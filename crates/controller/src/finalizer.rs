//! Our finalizer on definitions and revisions.

use plan::names;
use plan::object::get;
use serde_json::{Value, json};

/// The merge patch after which the finalizer is there, or is not; `None` when that is so.
pub(crate) fn patch(object: &Value, wanted: bool) -> Option<Value> {
    let have = get(object, &["metadata", "finalizers"]).and_then(Value::as_array);
    let have: Vec<&Value> = have.into_iter().flatten().collect();
    let ours = |name: &&&Value| **name == names::FINALIZER;
    if have.iter().any(|name| ours(&name)) == wanted {
        return None;
    }
    let mut next: Vec<Value> =
        have.iter().filter(|name| !ours(name)).map(|name| Value::clone(name)).collect();
    if wanted {
        next.push(names::FINALIZER.into());
    }
    Some(json!({"metadata": {
        "finalizers": next,
        "resourceVersion": object["metadata"]["resourceVersion"],
    }}))
}
