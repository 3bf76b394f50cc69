//! What an object becomes when somebody applies to it (server-side apply).

use serde_json::Value;

use super::FieldSet;
use super::PathElement;
use super::own_entry;
use super::owned::position;
use crate::ListType;
use crate::MapType;
use crate::Schema;
use crate::hash::same;

/// The object after a forced server-side apply of `desired` by `manager` to `live`; without a live
/// object it is `desired` itself.
///
/// Lists are merged as the schema says: by keys, as sets, or replaced as a whole. What `manager`
/// owned in `live` and no longer asks for is removed, unless somebody else owns it, too.
///
/// # Caveats
/// `metadata.managedFields` stays as it is, and nothing is defaulted, converted or validated: that
/// is not the merge's work. New elements of a list come after those that are there.
#[must_use]
pub fn apply(schema: &Schema, live: Option<&Value>, desired: &Value, manager: &str) -> Value {
    let Some(live) = live else { return desired.clone() };
    let mut result = merged(Some(schema), live, desired);
    let owned = own_entry(live, manager)
        .and_then(|entry| FieldSet::from_fields_v1(&entry["fieldsV1"]))
        .unwrap_or_default();
    let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
    let others: Vec<FieldSet> = entries
        .filter(|entry| !(entry["manager"] == manager && entry["operation"] == "Apply"))
        .filter_map(|entry| FieldSet::from_fields_v1(&entry["fieldsV1"]))
        .collect();
    let others: Vec<&FieldSet> = others.iter().collect();
    drop_abandoned(&mut result, Some(desired), &owned, &others);
    result
}

fn merged(schema: Option<&Schema>, live: &Value, desired: &Value) -> Value {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => {
            let atomic = schema.is_some_and(|schema| schema.map_type == Some(MapType::Atomic));
            if atomic {
                return Value::Object(desired.clone());
            }
            let mut fields = live.clone();
            for (name, value) in desired {
                let inside = schema.and_then(|schema| schema.field(name));
                let value = match live.get(name) {
                    Some(live) => merged(inside, live, value),
                    None => value.clone(),
                };
                fields.insert(name.clone(), value);
            }
            Value::Object(fields)
        }
        (Value::Array(live), Value::Array(desired)) => {
            let list_type = schema.and_then(|schema| schema.list_type);
            match (list_type, schema) {
                (Some(ListType::Map), Some(schema)) => by_keys(schema, live, desired),
                (Some(ListType::Set), _) => {
                    let fresh =
                        desired.iter().filter(|item| !live.iter().any(|old| same(old, item)));
                    live.iter().chain(fresh).cloned().collect()
                }
                (Some(ListType::Map | ListType::Atomic) | None, _) => desired.clone().into(),
            }
        }
        (_, desired) => desired.clone(),
    }
}

fn by_keys(schema: &Schema, live: &[Value], desired: &[Value]) -> Value {
    let items = schema.items.as_ref();
    let key = |item: &Value| -> Vec<Value> {
        let default = |name: &String| {
            let property = items.and_then(|items| items.field(name));
            property.and_then(|property| property.default.clone()).unwrap_or(Value::Null)
        };
        let keys = schema.list_map_keys.iter();
        keys.map(|name| item.get(name).cloned().unwrap_or_else(|| default(name))).collect()
    };
    let mut result: Vec<Value> = live.to_vec();
    let keys: Vec<_> = live.iter().map(&key).collect();
    for item in desired {
        let wanted = key(item);
        match keys.iter().position(|key| *key == wanted) {
            Some(at) => result[at] = merged(items, &result[at], item),
            None => result.push(item.clone()),
        }
    }
    Value::Array(result)
}

/// Removes from `value` what is in `owned`, but neither in `desired` nor in `others`.
fn drop_abandoned(
    value: &mut Value,
    desired: Option<&Value>,
    owned: &FieldSet,
    others: &[&FieldSet],
) {
    match value {
        Value::Object(fields) => {
            for (element, part) in owned.iter() {
                let PathElement::Field(name) = element else { continue };
                let wanted = desired.and_then(|desired| desired.get(name));
                let others: Vec<&FieldSet> =
                    others.iter().filter_map(|set| set.field(name)).collect();
                if wanted.is_none() && others.is_empty() {
                    fields.remove(name);
                } else if let Some(value) = fields.get_mut(name)
                    && !part.is_leaf()
                {
                    drop_abandoned(value, wanted, part, &others);
                }
            }
        }
        Value::Array(items) => {
            let wanted = desired.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for (element, part) in owned.iter() {
                let Some(at) = position(items, element) else { continue };
                let still = position(wanted, element).map(|at| &wanted[at]);
                let others: Vec<&FieldSet> = others
                    .iter()
                    .filter_map(|set| set.iter().find(|(other, _)| *other == element))
                    .map(|(_, set)| set)
                    .collect();
                if still.is_none() && others.is_empty() {
                    items.remove(at);
                } else if !part.is_leaf() {
                    drop_abandoned(&mut items[at], still, part, &others);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::apply;
    use crate::ListType;
    use crate::Schema;
    use crate::Type;

    fn schema() -> Schema {
        let mut protocol = Schema::of(Type::String);
        protocol.make_mut().default = Some(json!("TCP"));
        let port = Schema::object([
            ("port", Schema::of(Type::Integer)),
            ("protocol", protocol),
            ("name", Schema::of(Type::String)),
        ]);
        let mut ports = Schema::array(port);
        ports.make_mut().list_type = Some(ListType::Map);
        ports.make_mut().list_map_keys = vec!["port".to_owned(), "protocol".to_owned()];
        let mut tags = Schema::array(Schema::of(Type::String));
        tags.make_mut().list_type = Some(ListType::Set);
        let args = Schema::array(Schema::of(Type::String));
        let spec = Schema::object([("ports", ports), ("tags", tags), ("args", args)]);
        Schema::object([("spec", spec)])
    }

    #[test]
    fn lists_are_merged_as_the_schema_says() {
        let live = json!({"spec": {
            "ports": [{"port": 80, "protocol": "TCP", "name": "web"}, {"port": 9, "protocol": "UDP"}],
            "tags": ["a"], "args": ["x", "y"], "other": 1,
        }});
        let desired = json!({"spec": {
            "ports": [{"port": 80, "name": "http"}, {"port": 443}], "tags": ["b", "a"], "args": ["z"],
        }});
        assert_eq!(
            apply(&schema(), Some(&live), &desired, "me"),
            json!({"spec": {
                "ports": [
                    {"port": 80, "protocol": "TCP", "name": "http"},
                    {"port": 9, "protocol": "UDP"},
                    {"port": 443},
                ],
                "tags": ["a", "b"], "args": ["z"], "other": 1,
            }})
        );
    }

    #[test]
    fn what_nobody_asks_for_any_more_is_removed() {
        let fields = |set: serde_json::Value| json!({"f:spec": set});
        let live = json!({
            "metadata": {"managedFields": [
                {"manager": "me", "operation": "Apply", "fieldsV1": fields(json!({
                    "f:a": {}, "f:b": {}, "f:c": {},
                    "f:tags": {"v:\"x\"": {}, "v:\"y\"": {}},
                }))},
                {"manager": "kubectl", "operation": "Update", "fieldsV1": fields(json!({"f:b": {}}))},
            ]},
            "spec": {"a": 1, "b": 2, "c": 3, "d": 4, "tags": ["x", "y"]},
        });
        let desired = json!({"spec": {"c": 5, "tags": ["y"]}});
        let result = apply(&schema(), Some(&live), &desired, "me");
        assert_eq!(result["spec"], json!({"b": 2, "c": 5, "d": 4, "tags": ["y"]}));
    }
}
