//! Who owns which field of a live object (`metadata.managedFields`), as pure functions.
//!
//! They answer the question whether an object that a controller wants is already there, without
//! a request: the API server keeps, per field manager, the set of fields that it applied last.
//!
//! An API server stores that set by the schema's list types; here no schema is needed, because the
//! stored set itself says how each list was taken: as a whole (a leaf), by keys (`k:`), or as a set
//! (`v:`).

use serde_json::Value;

use crate::ContentHash;
use crate::Part;

mod field_set;
mod merge;
mod owned;

pub use field_set::FieldSet;
pub use field_set::PathElement;
pub use merge::apply;
pub use owned::project;

/// The entry of `manager` for what it applied to the main resource (server-side apply).
///
/// An API server keeps at most one.
#[must_use]
pub fn own_entry<'a>(object: &'a Value, manager: &str) -> Option<&'a Value> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    entries.iter().find(|entry| {
        entry["manager"] == manager
            && entry["operation"] == "Apply"
            && entry["subresource"].as_str().is_none_or(str::is_empty)
    })
}

/// A hash over everything in our entry but its time; `None` if there is no entry.
///
/// Whoever changes or removes a field that we own changes the hash. Defaulting and fields of
/// others do not.
#[must_use]
pub fn entry_hash(object: &Value, manager: &str) -> Option<ContentHash> {
    let entry = own_entry(object, manager)?.as_object()?;
    let keys = ["manager", "operation", "apiVersion", "subresource", "fieldsType", "fieldsV1"];
    let parts = keys.into_iter().filter_map(|key| Some((key, Part::Value(entry.get(key)?))));
    Some(ContentHash::of_part(Part::Fields(parts.collect())))
}

/// Whether applying `desired` as `manager` would change nothing in `live`.
///
/// # Guarantees
/// True only if the fields of `desired` are exactly those that `manager` owns in `live`, and each
/// has the value that `desired` gives it, lists in the same relative order. Then an apply would
/// leave spec, metadata and ownership as they are.
///
/// # Caveats
/// False does not mean that an apply would change something. Where the API server stores a value
/// in another form than it was given (a quantity `1000m` as `1`, an empty object that was filled
/// by defaulting, an element of a whole-list value that was defaulted, `stringData` of a Secret),
/// this cannot be known without its code; one apply too many is harmless.
#[must_use]
pub fn owned_equals(desired: &Value, live: &Value, manager: &str) -> bool {
    let same_object = ["apiVersion", "kind"].iter().all(|key| desired[key] == live[key]);
    let Some(entry) = own_entry(live, manager) else { return false };
    if !same_object || entry["apiVersion"] != desired["apiVersion"] {
        return false;
    }
    FieldSet::from_fields_v1(&entry["fieldsV1"])
        .is_some_and(|owned| owned::root_equals(desired, live, &owned))
}
