//! The instance as the planner sees it, and what is written on the instance itself.

use crate::inventory::{InvalidInventory, Inventory, applyset_id};
use crate::names;
use crate::object::{self, ObjectId, annotation, get, label, text};
use serde_json::{Map, Value, json};

/// How many items a collection may have unless the user decides otherwise.
///
/// Source: kro-controller facts, 7.3 (`--rgd-max-collection-size`).
pub const MAX_COLLECTION_SIZE: usize = 1000;

/// An instance and the definition that serves it.
#[derive(Debug, Clone)]
pub struct Instance<'a> {
    /// The whole object, as last observed.
    pub object: &'a Value,
    /// Name of the definition.
    pub rgd_name: &'a str,
    /// UID of the definition.
    pub rgd_uid: &'a str,
    /// The version label's value; must be a valid label value.
    pub kro_version: &'a str,
    /// How many items a collection may have, see [`crate::MAX_COLLECTION_SIZE`].
    pub max_collection_size: usize,
}

// === impl Instance ===

impl Instance<'_> {
    /// Its identity.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId::of(self.object)
    }

    /// The id of its ApplySet.
    #[must_use]
    pub fn applyset_id(&self) -> String {
        applyset_id(&self.id())
    }

    /// Whether it carries kro's finalizer.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.finalizers().any(|finalizer| finalizer == names::FINALIZER)
    }

    fn finalizers(&self) -> impl Iterator<Item = &Value> {
        let finalizers = get(self.object, &["metadata", "finalizers"]).and_then(Value::as_array);
        finalizers.into_iter().flatten()
    }

    /// Its namespace; empty for a cluster-scoped one.
    pub(crate) fn namespace(&self) -> &str {
        text(self.object, &["metadata", "namespace"])
    }

    /// Whether `kro.run/reconcile` says `suspended` or `disabled`, in any case.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        annotation(self.object, names::RECONCILE).is_some_and(|value| {
            ["suspended", "disabled"].iter().any(|word| value.eq_ignore_ascii_case(word))
        })
    }

    /// `apiVersion`, `kind` and the names: the frame of a server-side apply to the instance.
    pub(crate) fn identity(&self) -> Value {
        let mut frame = json!({
            "apiVersion": self.object["apiVersion"],
            "kind": self.object["kind"],
            // The UID keeps an apply from making anew what was deleted meanwhile.
            "metadata": {
                "name": text(self.object, &["metadata", "name"]),
                "uid": self.object["metadata"]["uid"],
            },
        });
        if let Some(namespace) = get(self.object, &["metadata", "namespace"]) {
            frame["metadata"]["namespace"] = namespace.clone();
        }
        frame
    }

    fn labels(&self) -> [(&'static str, String); 5] {
        [
            (names::OWNED, "true".to_owned()),
            (names::KRO_VERSION, self.kro_version.to_owned()),
            (names::RGD_ID, self.rgd_uid.to_owned()),
            (names::RGD_NAME, self.rgd_name.to_owned()),
            (names::APPLYSET_ID, self.applyset_id()),
        ]
    }

    /// The JSON merge patch that puts finalizer and labels in place; `None` when they are.
    ///
    /// With the finalizer comes `inventory`, so that members can be found from the first on.
    /// It is a patch and no apply, since an apply that says less than the one before takes away
    /// what nobody else owns: another release labels an instance without a word of the inventory.
    pub(crate) fn manage(&self, inventory: impl FnOnce() -> Inventory) -> Option<Value> {
        let labels = self.labels();
        let labelled = labels.iter().all(|(key, value)| label(self.object, key) == value);
        let mut metadata = Map::new();
        if !labelled {
            let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.into()));
            metadata.insert("labels".to_owned(), Value::Object(labels.collect()));
        }
        if !self.has_finalizer() {
            let finalizers = self.finalizers().cloned();
            let finalizers = finalizers.chain([names::FINALIZER.into()]).collect();
            metadata.insert("finalizers".to_owned(), Value::Array(finalizers));
            let inventory = inventory().annotations(&self.applyset_id(), self.kro_version);
            metadata.insert("annotations".to_owned(), inventory);
        }
        if metadata.is_empty() {
            return None;
        }
        // It guards the finalizers of others, and keeps off an instance of the same name.
        if let Some(version) = get(self.object, &["metadata", "resourceVersion"]) {
            metadata.insert("resourceVersion".to_owned(), version.clone());
        }
        Some(json!({ "metadata": metadata }))
    }

    /// What is wrong with the ApplySet metadata of an instance that has no finalizer yet: with
    /// one, its members could not be found again. Metadata that is absent altogether is fine.
    ///
    /// Source: kro-controller facts, 5.1.
    pub(crate) fn foreign_inventory(&self) -> Option<InvalidInventory> {
        let annotations =
            [names::TOOLING, names::GROUP_KINDS, names::NAMESPACES, names::INVENTORY_HASH];
        let present = !label(self.object, names::APPLYSET_ID).is_empty()
            || annotations.iter().any(|key| annotation(self.object, key).is_some());
        (present && !self.has_finalizer())
            .then(|| Inventory::validate(self.object, &self.applyset_id()).err())
            .flatten()
    }

    /// Its generation.
    #[must_use]
    pub fn generation(&self) -> i64 {
        object::generation(self.object)
    }
}
