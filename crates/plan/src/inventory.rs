//! The ApplySet of an instance: its id and its inventory (KEP-3659, and kro's hash over it).

use crate::names;
use crate::object::{GroupKind, Name, ObjectId, annotation, label};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Which kinds, in which namespaces beside the instance's own, the members of an ApplySet have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Kinds of members.
    pub kinds: BTreeSet<GroupKind>,
    /// Namespaces of members, without the instance's own.
    pub namespaces: BTreeSet<String>,
}

/// Why an instance's inventory can't be trusted; deletion is blocked until a person repairs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInventory {
    /// The id label is absent or not the one that follows from the instance's name.
    #[error("label `applyset.kubernetes.io/id` is `{found}`, expected `{expected}`")]
    Id {
        /// The label's value.
        found: String,
        /// The id that follows from name, namespace, kind and group.
        expected: String,
    },
    /// An annotation is absent.
    #[error("annotation `{0}` is missing")]
    Missing(&'static str),
    /// The tooling annotation names another tool.
    #[error("annotation `applyset.kubernetes.io/tooling` is `{0}`, expected `kro/<version>`")]
    Tooling(String),
    /// An annotation's text is not a list of kinds.
    #[error(
        "annotation `applyset.kubernetes.io/contains-group-kinds` has an entry that is no `Kind.group`: `{0}`"
    )]
    Kind(String),
    /// The hash does not fit the other annotations.
    #[error("annotation `internal.kro.run/applyset-inventory-hash` does not match the inventory")]
    Hash,
}

/// The id of the ApplySet whose parent is `instance`:
/// `applyset-` + base64url(sha256("name.namespace.Kind.group")) + `-v1`.
///
/// Source: KEP-3659, "ApplySet identification"; kro-controller facts, section 2.
#[must_use]
pub fn applyset_id(instance: &ObjectId) -> String {
    let Name { kind: GroupKind { group, kind }, namespace, name } = &**instance;
    let digest = Sha256::digest(format!("{name}.{namespace}.{kind}.{group}"));
    format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(digest))
}

// === impl Inventory ===

impl Inventory {
    /// What the annotations of `instance` say; absent annotations are an empty inventory.
    #[must_use]
    pub fn of(instance: &Value) -> Self {
        let list = |key| split(annotation(instance, key).unwrap_or(""));
        Self {
            kinds: list(names::GROUP_KINDS).filter_map(GroupKind::parse).collect(),
            namespaces: list(names::NAMESPACES).map(str::to_owned).collect(),
        }
    }

    /// Whether all annotations are there, well formed, and belong to this instance.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn validate(instance: &Value, id: &str) -> Result<Self, InvalidInventory> {
        let found = label(instance, names::APPLYSET_ID);
        if found != id {
            return Err(InvalidInventory::Id { found: found.to_owned(), expected: id.to_owned() });
        }
        let required = |key| annotation(instance, key).ok_or(InvalidInventory::Missing(key));
        let tooling = required(names::TOOLING)?;
        if !tooling.starts_with("kro/") {
            return Err(InvalidInventory::Tooling(tooling.to_owned()));
        }
        let kinds = required(names::GROUP_KINDS)?;
        let namespaces = required(names::NAMESPACES)?;
        if let Some(bad) = split(kinds).find(|kind| GroupKind::parse(kind).is_none()) {
            return Err(InvalidInventory::Kind(bad.to_owned()));
        }
        let hash = annotation(instance, names::INVENTORY_HASH);
        if hash.is_some_and(|hash| hash != inventory_hash(id, kinds, namespaces)) {
            return Err(InvalidInventory::Hash);
        }
        Ok(Self::of(instance))
    }

    /// Everything that is in one or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { kinds: &self.kinds | &other.kinds, namespaces: &self.namespaces | &other.namespaces }
    }

    /// The four annotations, as they are written.
    #[must_use]
    pub fn annotations(&self, id: &str, kro_version: &str) -> Value {
        let kinds = self.kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let namespaces = self.namespaces.iter().cloned().collect::<Vec<_>>().join(",");
        let hash = inventory_hash(id, &kinds, &namespaces);
        json!({
            names::TOOLING: format!("kro/{kro_version}"),
            names::GROUP_KINDS: kinds,
            names::NAMESPACES: namespaces,
            names::INVENTORY_HASH: hash,
        })
    }
}

fn split(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|entry| !entry.is_empty())
}

/// `sha256:` + base64url(sha256(id ␀ kinds ␀ namespaces)), the lists as in the annotations.
fn inventory_hash(id: &str, kinds: &str, namespaces: &str) -> String {
    let digest = Sha256::digest(format!("{id}\0{kinds}\0{namespaces}"));
    format!("sha256:{}", URL_SAFE_NO_PAD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::{InvalidInventory, Inventory, applyset_id};
    use crate::names;
    use crate::object::{GroupKind, ObjectId};
    use serde_json::{Value, json};

    const ID: &str = "applyset-KsB9Oezw8ZRAhObmjz88v8PI2BmDkjRny4baMf5P5P0-v1";

    fn web_app() -> ObjectId {
        let kind = GroupKind { group: "kro.run".into(), kind: "WebApp".into() };
        ObjectId::new(kind, "default", "myapp")
    }

    fn inventory() -> Inventory {
        Inventory {
            kinds: ["Deployment.apps", "ConfigMap"]
                .into_iter()
                .filter_map(GroupKind::parse)
                .collect(),
            namespaces: ["other".to_owned()].into(),
        }
    }

    fn parent(annotations: &Value) -> Value {
        json!({"metadata": {"labels": {names::APPLYSET_ID: ID}, "annotations": annotations}})
    }

    #[test]
    fn id_and_hash_are_those_of_the_facts() {
        assert_eq!(applyset_id(&web_app()), ID);
        let annotations = inventory().annotations(ID, "1.2.3");
        assert_eq!(
            annotations,
            json!({
                names::TOOLING: "kro/1.2.3",
                names::GROUP_KINDS: "ConfigMap,Deployment.apps",
                names::NAMESPACES: "other",
                names::INVENTORY_HASH: "sha256:Xr2A9qbe_hZvdiXKkaadE42KgleRd9ComDjAkSDsVAw",
            })
        );
    }

    #[test]
    fn written_annotations_are_valid() {
        let written = parent(&inventory().annotations(ID, "1.2.3"));
        assert_eq!(Inventory::validate(&written, ID), Ok(inventory()));
        let empty = parent(&Inventory::default().annotations(ID, "1.2.3"));
        assert_eq!(Inventory::validate(&empty, ID), Ok(Inventory::default()));
    }

    #[test]
    fn a_damaged_inventory_is_named() {
        let mut annotations = inventory().annotations(ID, "1.2.3");
        annotations[names::NAMESPACES] = json!("other,third");
        assert_eq!(Inventory::validate(&parent(&annotations), ID), Err(InvalidInventory::Hash));
        annotations[names::TOOLING] = json!("kubectl/1.34");
        let error = Inventory::validate(&parent(&annotations), ID);
        assert_eq!(error, Err(InvalidInventory::Tooling("kubectl/1.34".into())));
        let error = Inventory::validate(&json!({}), ID);
        assert!(matches!(error, Err(InvalidInventory::Id { .. })));
    }

    #[test]
    fn an_inventory_without_hash_is_valid() {
        let mut annotations = inventory().annotations(ID, "0.9.3");
        annotations.as_object_mut().expect("an object").remove(names::INVENTORY_HASH);
        assert_eq!(Inventory::validate(&parent(&annotations), ID), Ok(inventory()));
    }
}
