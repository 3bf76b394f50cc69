//! What a field can hold: its CRD schema and its rule of comparison.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::compare::Delta;
use super::compare::same;

/// A struct written with `shape!`.
pub trait Shape: Value + Default + Serialize + DeserializeOwned {
    /// The rows, in the order of the table.
    fn rows() -> Vec<Row>;

    /// Copies late-initialised fields from AWS that the user has not set; true if any was.
    fn late_initialize(&mut self, latest: &Self) -> bool;
}

/// One row of a table, as far as the CRD is concerned.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name in the custom resource.
    pub name: &'static str,
    /// Structural schema of the value.
    pub schema: serde_json::Value,
    /// Documentation line.
    pub about: &'static str,
    /// Listed under `required`.
    pub required: bool,
    /// Can't be changed once set.
    pub immutable: bool,
    /// Copied from AWS into the spec while the user has not set it.
    pub late: bool,
    /// Not to be quoted in messages.
    pub document: bool,
}

/// A type that a field of a shape can have.
pub trait Value: Clone + PartialEq + fmt::Debug {
    /// Structural OpenAPI schema.
    fn schema() -> serde_json::Value;

    /// Adds the paths below `at` where both are set and differ.
    fn differences(desired: &Self, latest: &Self, at: &str, delta: &mut Delta) {
        if desired != latest {
            delta.insert_path(at);
        }
    }

    /// Whether two lists of this type say the same: in order, except where the type says else.
    fn same_list(desired: &[Self], latest: &[Self]) -> bool {
        desired.len() == latest.len()
            && desired.iter().zip(latest).all(|(desired, latest)| same(desired, latest))
    }
}

impl Value for String {
    fn schema() -> serde_json::Value {
        json!({ "type": "string" })
    }

    /// Lists of strings are sets to ACK.
    fn same_list(desired: &[Self], latest: &[Self]) -> bool {
        let sorted = |list: &[Self]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list
        };
        sorted(desired) == sorted(latest)
    }
}

impl Value for bool {
    fn schema() -> serde_json::Value {
        json!({ "type": "boolean" })
    }
}

impl Value for i64 {
    fn schema() -> serde_json::Value {
        json!({ "type": "integer", "format": "int64" })
    }
}

impl<T: Value> Value for Vec<T> {
    fn schema() -> serde_json::Value {
        json!({ "type": "array", "items": T::schema() })
    }

    fn differences(desired: &Self, latest: &Self, at: &str, delta: &mut Delta) {
        if !T::same_list(desired, latest) {
            delta.insert_path(at);
        }
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    fn schema() -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }
}

/// A point in time as Kubernetes writes it: RFC 3339, UTC, whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Timestamp::from_second(self.0.as_second()).unwrap_or(self.0);
        write!(f, "{whole}")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Time).map_err(serde::de::Error::custom)
    }
}

impl Value for Time {
    fn schema() -> serde_json::Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

/// The schema of a shape out of its rows.
pub(crate) fn object<S: Shape>(about: &str) -> serde_json::Value {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for row in S::rows() {
        let mut schema = row.schema;
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".into(), row.about.into());
            if row.immutable {
                schema.insert(
                    "x-kubernetes-validations".into(),
                    json!([{ "rule": "self == oldSelf", "message": "Value is immutable once set" }]),
                );
            }
        }
        properties.insert(row.name.into(), schema);
        if row.required {
            required.push(row.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    let about = about.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    schema["description"] = about.trim().into();
    if !required.is_empty() {
        required.sort_unstable();
        schema["required"] = required.into();
    }
    schema
}
