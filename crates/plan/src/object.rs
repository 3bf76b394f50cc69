//! What an object is called, and small reads of Kubernetes metadata.

use serde_json::Value;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A group and a kind, without a version. The order is that of [`fmt::Display`]'s text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupKind {
    /// API group, empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

/// An object's identity. Two versions of one group name the same object.
///
/// Many tables name the same object: a clone is a pointer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(Arc<Name>);

/// What an [`ObjectId`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Group and kind.
    pub kind: GroupKind,
    /// Namespace; empty for a cluster-scoped object.
    pub namespace: String,
    /// Name.
    pub name: String,
}

// === impl GroupKind ===

impl GroupKind {
    /// Reads the text form, `Kind.group`, or `Kind` for the core group. `None` without a kind.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, group) = text.split_once('.').unwrap_or((text, ""));
        (!kind.is_empty()).then(|| Self { group: group.to_owned(), kind: kind.to_owned() })
    }

    /// The group and kind of an object with `apiVersion` and `kind`.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let api_version = text(object, &["apiVersion"]);
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self { group: group.to_owned(), kind: text(object, &["kind"]).to_owned() }
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.kind),
            group => write!(f, "{}.{group}", self.kind),
        }
    }
}

impl Ord for GroupKind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.kind, &self.group).cmp(&(&other.kind, &other.group))
    }
}

impl PartialOrd for GroupKind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

// === impl ObjectId ===

impl ObjectId {
    /// The object of `kind` with this name; `namespace` is empty for a cluster-scoped one.
    #[must_use]
    pub fn new(kind: GroupKind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self(Arc::new(Name { kind, namespace: namespace.into(), name: name.into() }))
    }

    /// The identity of an object with `apiVersion`, `kind` and `metadata`.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let part = |key| text(object, &["metadata", key]);
        Self::new(GroupKind::of(object), part("namespace"), part("name"))
    }

    /// `namespace/name`, or the name alone.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        match self.namespace.as_str() {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }
}

impl Deref for ObjectId {
    type Target = Name;

    fn deref(&self) -> &Name {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.qualified_name())
    }
}

/// The string at `path`, or "" when there is none.
#[must_use]
pub fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    get(object, path).and_then(Value::as_str).unwrap_or("")
}

/// The value at `path`.
#[must_use]
pub fn get<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, key| value.get(key))
}

/// Whether `word` can't be part of a URL as the name of an object or a namespace.
pub(crate) fn invalid_name(word: &str) -> bool {
    word == "." || word == ".." || word.contains(['/', '%'])
}

/// The label `key`, or "".
#[must_use]
pub fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    text(object, &["metadata", "labels", key])
}

/// The annotation `key`; an absent one differs from an empty one.
#[must_use]
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    get(object, &["metadata", "annotations", key]).and_then(Value::as_str)
}

/// Whether the object has a deletion timestamp.
#[must_use]
pub fn is_deleting(object: &Value) -> bool {
    get(object, &["metadata", "deletionTimestamp"]).is_some_and(|time| !time.is_null())
}

/// `metadata.generation`, 0 when absent.
#[must_use]
pub fn generation(object: &Value) -> i64 {
    get(object, &["metadata", "generation"]).and_then(Value::as_i64).unwrap_or(0)
}
