//! The fields in which two versions of an object differ.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schema::{ListType, Schema};
use serde_json::{Map, Value};

use crate::manifest::is_secret;

/// What stands for a value that must not be shown.
const HIDDEN: &str = "(hidden)";

/// A field that differs.
pub(super) struct Change {
    /// `spec.ports[port=80].name`
    pub(super) path: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

/// What happens to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Added,
    Removed,
    Changed,
}

/// Fields of metadata that an API server sets by itself.
const SERVER_METADATA: [&str; 5] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"];

/// The fields in which two versions of an object differ, in order. Elements of a list are found
/// again by their keys where the schema has them, otherwise by their position.
///
/// `hidden`: the object is a Secret whose values must not be shown.
pub(super) fn changes(
    schema: Option<&Schema>,
    before: &Value,
    after: &Value,
    hidden: bool,
) -> Vec<Change> {
    let mut found = Vec::new();
    walk(schema, "", &cleaned(before), &cleaned(after), &mut found);
    if hidden {
        let secret = |path: &str| path.starts_with("data");
        for change in found.iter_mut().filter(|change| secret(&change.path)) {
            for value in [&mut change.before, &mut change.after].into_iter().flatten() {
                hide(value);
            }
        }
    }
    found
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(hide),
        value => *value = HIDDEN.into(),
    }
}

fn cleaned(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        SERVER_METADATA.iter().for_each(|name| drop(metadata.remove(*name)));
    }
    if is_secret(&object) {
        store_secret(&mut object);
    }
    object
}

/// An API server keeps the texts of `stringData` in `data`, in base64.
fn store_secret(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    for (key, text) in texts {
        if let (Some(data), Some(text)) = (data.as_object_mut(), text.as_str()) {
            data.insert(key, STANDARD.encode(text).into());
        }
    }
}

fn walk(
    schema: Option<&Schema>,
    path: &str,
    before: &Value,
    after: &Value,
    found: &mut Vec<Change>,
) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            walk_object(schema, path, before, after, found);
        }
        (Value::Array(before), Value::Array(after)) => {
            walk_list(schema, path, before, after, found);
        }
        (before, after) if schema::same(before, after) => {}
        (before, after) => found.push(Change {
            path: path.to_owned(),
            before: (!before.is_null()).then(|| before.clone()),
            after: (!after.is_null()).then(|| after.clone()),
        }),
    }
}

fn walk_object(
    schema: Option<&Schema>,
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<Change>,
) {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let path = match (plain, path.is_empty()) {
            (true, true) => name.clone(),
            (true, false) => format!("{path}.{name}"),
            (false, _) => format!("{path}[{name:?}]"),
        };
        let inside = schema.and_then(|schema| schema.field(name));
        let part = |object: &Map<String, Value>| object.get(name).cloned().unwrap_or_default();
        walk(inside, &path, &part(before), &part(after), found);
    }
}

fn walk_list(
    schema: Option<&Schema>,
    path: &str,
    before: &[Value],
    after: &[Value],
    found: &mut Vec<Change>,
) {
    let items = schema.and_then(|schema| schema.items.as_ref());
    let by_keys = schema.filter(|schema| schema.list_type == Some(ListType::Map));
    let Some(schema) = by_keys else {
        for index in 0..before.len().max(after.len()) {
            let part = |list: &[Value]| list.get(index).cloned().unwrap_or_default();
            walk(items, &format!("{path}[{index}]"), &part(before), &part(after), found);
        }
        return;
    };
    let key = |item: &Value| {
        let keys = schema.list_map_keys.iter().filter(|key| !item[key.as_str()].is_null());
        let keys: Vec<String> = keys
            .map(|key| match &item[key.as_str()] {
                Value::String(text) => format!("{key}={text}"),
                value => format!("{key}={value}"),
            })
            .collect();
        keys.join(",")
    };
    let mut keys: Vec<String> = before.iter().chain(after).map(&key).collect();
    keys.sort();
    keys.dedup();
    for wanted in keys {
        let part = |list: &[Value]| {
            list.iter().find(|item| key(item) == wanted).cloned().unwrap_or_default()
        };
        walk(items, &format!("{path}[{wanted}]"), &part(before), &part(after), found);
    }
}

// === impl Change ===

impl Change {
    pub(super) fn kind(&self) -> Kind {
        match (&self.before, &self.after) {
            (None, _) => Kind::Added,
            (Some(_), None) => Kind::Removed,
            (Some(_), Some(_)) => Kind::Changed,
        }
    }
}
