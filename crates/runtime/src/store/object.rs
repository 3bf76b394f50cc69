//! The part of an object that every cache needs: its identity and its version.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

/// Namespace and name of an object. Sorted by namespace, then name.
///
/// Tables and their indexes name the same objects: a clone is a pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Arc<Parts>);

/// What an [`ObjectKey`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parts {
    /// The namespace; `None` for an object of a cluster-scoped kind.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object in a namespace.
    pub fn namespaced(namespace: impl Into<String>, name: impl Into<String>) -> ObjectKey {
        ObjectKey::new(Some(namespace.into()), name.into())
    }

    /// The key of an object of a cluster-scoped kind.
    pub fn cluster(name: impl Into<String>) -> ObjectKey {
        ObjectKey::new(None, name.into())
    }

    fn new(namespace: Option<String>, name: String) -> ObjectKey {
        ObjectKey(Arc::new(Parts { namespace, name }))
    }
}

impl Deref for ObjectKey {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// What a projection is told about an object besides the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Namespace and name.
    pub key: ObjectKey,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion` as the number that it is (KEP-5504).
    pub resource_version: u64,
    /// `metadata.deletionTimestamp` as the server wrote it.
    pub deletion_timestamp: Option<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
}

/// An object that no API server should send: it cannot be cached, and is skipped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("object without a valid `{path}`")]
pub struct Malformed {
    /// The field path that is missing or has the wrong type.
    pub path: &'static str,
}

impl Meta {
    /// Reads the metadata of `object`.
    ///
    /// # Errors
    /// When name, uid or a numeric resourceVersion is missing.
    pub fn read(object: &Value) -> Result<Meta, Malformed> {
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().filter(|text| !text.is_empty());
        let required = |field: &str, path| text(field).map(str::to_owned).ok_or(Malformed { path });
        let labels = metadata["labels"].as_object();
        Ok(Meta {
            key: ObjectKey::new(
                text("namespace").map(str::to_owned),
                required("name", "metadata.name")?,
            ),
            uid: required("uid", "metadata.uid")?,
            resource_version: text("resourceVersion")
                .and_then(|version| version.parse().ok())
                .ok_or(Malformed { path: "metadata.resourceVersion" })?,
            deletion_timestamp: text("deletionTimestamp").map(str::to_owned),
            labels: labels
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
        })
    }
}
