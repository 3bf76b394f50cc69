//! Turns a rendered template into the object that is applied.

use crate::instance::Instance;
use crate::names;
use crate::object::{GroupKind, invalid_name, text};
use graph::Node;
use serde_json::{Map, Value, json};

/// Where an item stands in its collection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) index: usize,
    pub(crate) size: usize,
}

/// The labels that all objects of `instance` get.
pub(crate) fn labels(instance: &Instance<'_>) -> Map<String, Value> {
    let namespace = text(instance.object, &["metadata", "namespace"]);
    let GroupKind { group, kind } = GroupKind::of(instance.object);
    let version = text(instance.object, &["apiVersion"]).rsplit('/').next().unwrap_or("");
    let labels = [
        (names::OWNED, "true".to_owned()),
        (names::KRO_VERSION, instance.kro_version.to_owned()),
        (names::INSTANCE_ID, text(instance.object, &["metadata", "uid"]).to_owned()),
        (names::INSTANCE_NAME, text(instance.object, &["metadata", "name"]).to_owned()),
        (names::INSTANCE_GROUP, group),
        (names::INSTANCE_VERSION, version.to_owned()),
        (names::INSTANCE_KIND, kind),
        (names::MANAGED_BY, "kro".to_owned()),
        (names::PART_OF, instance.applyset_id()),
    ];
    let namespace =
        (!namespace.is_empty()).then(|| (names::INSTANCE_NAMESPACE, namespace.to_owned()));
    labels
        .into_iter()
        .chain(namespace)
        .map(|(key, value)| (key.to_owned(), Value::String(value)))
        .collect()
}

/// Adds namespace, `labels`, those of the resource, and the apply order; `position` is that of a
/// collection's item.
///
/// # Errors
///
/// What the template lacks: a name, or the namespace that a cluster-scoped instance can't give.
pub(crate) fn decorate(
    mut object: Value,
    node: &Node,
    position: Option<Position>,
    labels: &Map<String, Value>,
) -> Result<Value, String> {
    let id = &node.id;
    let own_namespace = labels.get(names::INSTANCE_NAMESPACE).and_then(Value::as_str).unwrap_or("");
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    if text(&object, &["metadata", "name"]).is_empty() {
        return Err(format!("node \"{id}\": metadata.name is empty"));
    }
    for field in ["name", "namespace"] {
        let value = text(&object, &["metadata", field]);
        if invalid_name(value) {
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
    let slot = map_at(&mut object["metadata"]["labels"]);
    slot.extend(labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    slot.insert(names::NODE_ID.to_owned(), json!(id));
    if let Some(Position { index, size }) = position {
        slot.insert(names::COLLECTION_INDEX.to_owned(), index.to_string().into());
        slot.insert(names::COLLECTION_SIZE.to_owned(), size.to_string().into());
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
