//! Turns a rendered template into the object that is applied.

use crate::instance::Instance;
use crate::names;
use crate::object::{GroupKind, text};
use graph::Node;
use serde_json::{Map, Value, json};

/// Adds namespace, labels and the apply order.
///
/// # Errors
///
/// What the template lacks: a name, or the namespace that a cluster-scoped instance can't give.
pub(crate) fn decorate(
    mut object: Value,
    node: &Node,
    instance: &Instance<'_>,
) -> Result<Value, String> {
    let id = &node.id;
    let own_namespace = text(instance.object, &["metadata", "namespace"]);
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    if text(&object, &["metadata", "name"]).is_empty() {
        return Err(format!("node \"{id}\": metadata.name is empty"));
    }
    for field in ["name", "namespace"] {
        let value = text(&object, &["metadata", field]);
        if value == "." || value == ".." || value.contains(['/', '%']) {
            return Err(format!("node \"{id}\": metadata.{field} is no valid name: \"{value}\""));
        }
    }
    if node.kind.namespaced && text(&object, &["metadata", "namespace"]).is_empty() {
        if own_namespace.is_empty() {
            return Err(format!(
                "node \"{id}\" is namespaced and must resolve metadata.namespace when the instance is cluster-scoped"
            ));
        }
        object["metadata"]["namespace"] = own_namespace.into();
    }
    let GroupKind { group, kind } = GroupKind::of(instance.object);
    let version =
        text(instance.object, &["apiVersion"]).rsplit('/').next().unwrap_or("").to_owned();
    let labels = [
        (names::OWNED, "true".to_owned()),
        (names::KRO_VERSION, instance.kro_version.to_owned()),
        (names::INSTANCE_ID, text(instance.object, &["metadata", "uid"]).to_owned()),
        (names::INSTANCE_NAME, text(instance.object, &["metadata", "name"]).to_owned()),
        (names::INSTANCE_GROUP, group),
        (names::INSTANCE_VERSION, version),
        (names::INSTANCE_KIND, kind),
        (names::MANAGED_BY, "kro".to_owned()),
        (names::NODE_ID, id.clone()),
        (names::PART_OF, instance.applyset_id()),
    ];
    let slot = map_at(&mut object["metadata"]["labels"]);
    slot.extend(labels.into_iter().map(|(key, value)| (key.to_owned(), json!(value))));
    if !own_namespace.is_empty() {
        slot.insert(names::INSTANCE_NAMESPACE.to_owned(), own_namespace.into());
    }
    let slot = map_at(&mut object["metadata"]["annotations"]);
    slot.insert(names::APPLY_ORDER.to_owned(), json!(node.apply_order.to_string()));
    Ok(object)
}

/// The map in `slot`; anything that is no map is replaced by an empty one.
fn map_at(slot: &mut Value) -> &mut Map<String, Value> {
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut().expect("invariant: the slot was made a map above")
}
