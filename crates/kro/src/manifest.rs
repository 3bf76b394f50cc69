//! Objects as people want to see them.

use plan::names;
use serde_json::{Map, Value};

/// What stands for a value of a Secret.
const MASK: &str = "(hidden)";

/// How objects are shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ManifestArgs {
    /// Show the labels and annotations that kro puts on its objects.
    #[arg(long)]
    pub(crate) all_labels: bool,
    /// Show the values of Secrets.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// An object, without kro's bookkeeping and without secret values, as far as `args` has it.
pub(crate) fn shown(object: &Value, args: ManifestArgs) -> Value {
    let mut object = object.clone();
    if !args.show_secrets {
        mask(&mut object);
    }
    if !args.all_labels {
        for slot in ["labels", "annotations"] {
            drop_bookkeeping(&mut object["metadata"], slot);
        }
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}

/// Whether an object is a Secret of the core group.
pub(crate) fn is_secret(object: &Value) -> bool {
    object["kind"] == "Secret" && object["apiVersion"] == "v1"
}

/// Hides the values of a Secret; their names stay.
pub(crate) fn mask(object: &mut Value) {
    if !is_secret(object) {
        return;
    }
    for slot in ["data", "stringData"] {
        if let Some(values) = object[slot].as_object_mut() {
            values.values_mut().for_each(|value| *value = MASK.into());
        }
    }
    // kubectl keeps a copy of the whole object there.
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    drop_nulls(object);
}

/// Indexing an absent field left null behind.
fn drop_nulls(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    for slot in ["data", "stringData"] {
        if fields.get(slot).is_some_and(Value::is_null) {
            fields.remove(slot);
        }
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get("annotations").is_some_and(Value::is_null)
    {
        metadata.remove("annotations");
    }
}

/// Whether a label or annotation is kro's own.
pub(crate) fn is_bookkeeping(key: &str, value: &Value) -> bool {
    key.starts_with("kro.run/")
        || key.starts_with("internal.kro.run/")
        || key.starts_with("applyset.kubernetes.io/")
        || (key == names::MANAGED_BY && value == "kro")
}

fn drop_bookkeeping(metadata: &mut Value, slot: &str) {
    let Some(metadata) = metadata.as_object_mut() else { return };
    let Some(entries) = metadata.get(slot).and_then(Value::as_object) else { return };
    let kept = entries.iter().filter(|(key, value)| !is_bookkeeping(key, value));
    let kept: Map<String, Value> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    match kept.is_empty() {
        true => metadata.remove(slot),
        false => metadata.insert(slot.to_owned(), Value::Object(kept)),
    };
}
