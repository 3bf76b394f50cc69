//! Defaults that an instance in the cache lacks.
//!
//! Once a definition has a new field with a default, every answer of the API server has it, but no
//! event tells of it: what a watch delivered before lacks the field until the instance is written.

use schema::Schema;
use schema::openapi::kinds_of_crd;
use serde_json::Value;
use std::borrow::Cow;

/// The defaults of a kind of instances.
#[derive(Debug)]
pub(crate) struct Defaults(Option<Schema>);

// === impl Defaults ===

impl Defaults {
    /// Those of a CRD that kro makes, which has one version.
    pub(crate) fn of(crd: &Value) -> Self {
        let kinds = kinds_of_crd(crd).unwrap_or_default();
        Self(kinds.into_iter().next().map(|kind| kind.schema))
    }

    /// The instance as the API server would show it.
    pub(crate) fn fill<'i>(&self, instance: &'i Value) -> Cow<'i, Value> {
        match &self.0 {
            Some(schema) if schema::lacks_defaults(schema, instance) => {
                let mut filled = instance.clone();
                schema::apply_defaults(schema, &mut filled);
                Cow::Owned(filled)
            }
            Some(_) | None => Cow::Borrowed(instance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Defaults;
    use serde_json::json;
    use std::borrow::Cow;

    #[test]
    fn only_what_lacks_a_default_is_changed() {
        let note = json!({"type": "string", "default": "none"});
        let spec = json!({"type": "object", "properties": {"note": note}});
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        let version = json!({
            "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
        });
        let defaults = Defaults::of(&json!({"spec": {
            "group": "kro.run", "scope": "Namespaced", "names": {"kind": "It", "plural": "its"},
            "versions": [version],
        }}));
        let whole = json!({"spec": {"note": "mine"}});
        assert!(matches!(defaults.fill(&whole), Cow::Borrowed(_)));
        let old = json!({"spec": {"name": "x"}});
        assert_eq!(*defaults.fill(&old), json!({"spec": {"name": "x", "note": "none"}}));
    }
}
