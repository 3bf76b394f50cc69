//! The owned part of an object, taken out and compared.

use serde_json::Map;
use serde_json::Value;

use super::FieldSet;
use super::PathElement;
use crate::hash::same;

/// The fields that an API server never lists as owned: they name the object or belong to itself.
const UNOWNED_METADATA: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "generation",
    "resourceVersion",
    "creationTimestamp",
    "selfLink",
    "managedFields",
    "clusterName",
];

/// The part of `object` that `set` covers. Fields that `object` does not have are left out; list
/// elements keep the order that they have in `object`.
///
/// `apiVersion`, `kind`, `metadata.name` and `metadata.namespace` are in no set of an API server,
/// so they are not part of the result.
#[must_use]
pub fn project(object: &Value, set: &FieldSet) -> Value {
    if set.is_leaf() {
        return if set.itself { object.clone() } else { Value::Object(Map::new()) };
    }
    match object {
        Value::Object(fields) => {
            let part = |(element, set): (&PathElement, &FieldSet)| match element {
                PathElement::Field(name) => {
                    fields.get(name).map(|value| (name.clone(), project(value, set)))
                }
                PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => None,
            };
            Value::Object(set.iter().filter_map(part).collect())
        }
        Value::Array(items) => {
            let mut parts: Vec<(usize, Value)> = set
                .iter()
                .filter_map(|(element, set)| {
                    let position = position(items, element)?;
                    Some((position, project(items.get(position)?, set)))
                })
                .collect();
            parts.sort_by_key(|(position, _)| *position);
            Value::Array(parts.into_iter().map(|(_, part)| part).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => object.clone(),
    }
}

/// Where in a live list an element is.
pub(super) fn position(items: &[Value], element: &PathElement) -> Option<usize> {
    match element {
        PathElement::Field(_) => None,
        PathElement::Key(key) => items.iter().position(|item| has_key(item, key)),
        PathElement::Value(value) => items.iter().position(|item| same(item, value)),
        PathElement::Index(index) => (*index < items.len()).then_some(*index),
    }
}

fn has_key(item: &Value, key: &Map<String, Value>) -> bool {
    key.iter().all(|(name, value)| item.get(name).is_some_and(|found| same(found, value)))
}

/// [`equals`] for a whole object: what is never owned is left out of the comparison.
pub(super) fn root_equals(desired: &Value, live: &Value, owned: &FieldSet) -> bool {
    let (Some(desired), Some(live)) = (desired.as_object(), live.as_object()) else {
        return false;
    };
    let own_metadata = |object: &Map<String, Value>| {
        let metadata = object.get("metadata").and_then(Value::as_object);
        let fields = metadata.into_iter().flatten();
        let fields = fields.filter(|(key, _)| !UNOWNED_METADATA.contains(&key.as_str()));
        fields.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>()
    };
    let identity = |object: &Map<String, Value>| {
        let metadata = object.get("metadata").cloned().unwrap_or_default();
        (metadata["name"].clone(), metadata["namespace"].clone())
    };
    let nothing = FieldSet::default();
    let owned_metadata = owned.field("metadata").unwrap_or(&nothing);
    let listed = |key: &&String| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata");
    let owned_fields = owned.parts.len() - usize::from(owned.field("metadata").is_some());
    identity(desired) == identity(live)
        && object_equals(&own_metadata(desired), &own_metadata(live), owned_metadata)
        && desired.keys().filter(listed).count() == owned_fields
        && desired
            .iter()
            .filter(|(key, _)| listed(key))
            .all(|(key, value)| field_equals(key, value, live, owned))
}

/// Whether `desired` has exactly the fields of `owned`, with the values that `live` has.
fn equals(desired: &Value, live: &Value, owned: &FieldSet) -> bool {
    if owned.is_leaf() {
        return same(desired, live);
    }
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => object_equals(desired, live, owned),
        (Value::Array(desired), Value::Array(live)) => list_equals(desired, live, owned),
        _ => false,
    }
}

fn object_equals(
    desired: &Map<String, Value>,
    live: &Map<String, Value>,
    owned: &FieldSet,
) -> bool {
    desired.len() == owned.parts.len()
        && desired.iter().all(|(key, value)| field_equals(key, value, live, owned))
}

fn field_equals(key: &str, desired: &Value, live: &Map<String, Value>, owned: &FieldSet) -> bool {
    match (owned.field(key), live.get(key)) {
        (Some(owned), Some(live)) => equals(desired, live, owned),
        (None, _) | (_, None) => false,
    }
}

fn list_equals(desired: &[Value], live: &[Value], owned: &FieldSet) -> bool {
    if desired.len() != owned.parts.len() {
        return false;
    }
    let Some(pairs) = pair(desired, owned) else { return false };
    let mut before = None;
    pairs.into_iter().all(|(index, element, owned)| {
        let Some(position) = position(live, element) else { return false };
        // An apply would put our elements into our order.
        let in_order = before.replace(position).is_none_or(|before| before < position);
        in_order && equals(&desired[index], &live[position], owned)
    })
}

/// Gives each desired element its part of the owned set, in the order of the desired list.
fn pair<'a>(
    desired: &[Value],
    owned: &'a FieldSet,
) -> Option<Vec<(usize, &'a PathElement, &'a FieldSet)>> {
    let mut parts: Vec<_> = owned.iter().map(Some).collect();
    let mut take = |fits: &dyn Fn(&PathElement) -> bool| {
        let part = parts.iter_mut().find(|part| part.is_some_and(|(element, _)| fits(element)));
        part.and_then(Option::take)
    };
    // Whole keys first: an element that leaves a key field to its default must not take the part
    // of one that spells it out.
    let mut pairs: Vec<_> = desired
        .iter()
        .enumerate()
        .map(|(index, item)| {
            take(&|element| match element {
                PathElement::Key(key) => has_key(item, key),
                PathElement::Value(value) => same(item, value),
                PathElement::Index(position) => *position == index,
                PathElement::Field(_) => false,
            })
        })
        .collect();
    for (pair, item) in pairs.iter_mut().zip(desired) {
        if pair.is_none() {
            *pair = take(&|element| match element {
                PathElement::Key(key) => key.iter().all(|(name, value)| {
                    item.is_object() && item.get(name).is_none_or(|found| same(found, value))
                }),
                PathElement::Value(_) | PathElement::Index(_) | PathElement::Field(_) => false,
            });
        }
    }
    let pairs = pairs.into_iter().enumerate();
    pairs.map(|(index, pair)| pair.map(|(element, set)| (index, element, set))).collect()
}
