//! FieldExports: one field of a custom resource, copied into a ConfigMap or a Secret.
//!
//! What is pure about them; [`controller`](crate::controller) watches and writes.

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::json;

use crate::conditions::types;
use crate::kind::VERSION;
use crate::kind::conditions_schema;

mod query;

pub use query::BadQuery;
pub use query::Failure;
pub use query::LONGEST;
pub use query::Query;

/// API group of what all services share.
pub const GROUP: &str = "services.k8s.aws";
/// Resource name in the API, plural.
pub const PLURAL: &str = "fieldexports";
/// The finalizer of a FieldExport.
pub const FINALIZER: &str = "finalizers.services.k8s.aws/FieldExport";

/// The spec of a FieldExport.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Spec {
    /// Where the value comes from.
    pub from: From,
    /// Where it goes.
    pub to: To,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct From {
    /// The object, in the namespace of the FieldExport.
    pub resource: Resource,
    /// The field.
    pub path: String,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Resource {
    /// API group.
    pub group: String,
    /// Kind, in any case.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// Where a value goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct To {
    /// Kind of the object.
    pub kind: ToKind,
    /// Its name.
    pub name: String,
    /// Its namespace; that of the FieldExport if unset.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The key in its data.
    #[serde(default)]
    pub key: Option<String>,
}

/// Kind of what a value goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl ToKind {
    /// Resource name in the API, plural.
    pub fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
        }
    }

    /// Name as in the spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// What came of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The value is where it should be: there are no conditions.
    Done,
    /// Only a change of the FieldExport can help.
    Terminal(String),
    /// It may become better.
    Recoverable(String),
}

impl Said {
    /// The conditions, without times.
    pub fn conditions(&self) -> Vec<Json> {
        let one = |condition_type: &str, message: &str| {
            vec![json!({ "type": condition_type, "status": "True", "message": message })]
        };
        match self {
            Self::Done => Vec::new(),
            Self::Terminal(message) => one(types::TERMINAL, message),
            Self::Recoverable(message) => one(types::RECOVERABLE, message),
        }
    }
}

/// Whether the source may be read: its resource is as its spec says.
pub fn is_synced(object: &Json) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Json::as_array);
    conditions.into_iter().flatten().any(|c| c["type"] == types::SYNCED && c["status"] == "True")
}

/// What a query yields first, as text.
///
/// # Errors
///
/// What the condition says: the query is none, or it yields no text, number or truth value.
pub fn value(object: &Json, path: &str) -> Result<String, Said> {
    let outcome = query::on_a_large_stack(|| Ok(Query::parse(path)?.first(object)))
        .map_err(|error| Said::Recoverable(format!("unable to execute query: {error}")))?;
    let found = match outcome
        .map_err(|error: BadQuery| Said::Terminal(format!("unable to parse path: {error}")))?
    {
        Ok(found) => found,
        // As where there is nothing: the object may be another later.
        Err(Failure::Error(_)) => None,
        Err(error @ Failure::Exhausted) => {
            return Err(Said::Terminal(format!("unable to execute query: {error}")));
        }
    };
    match found {
        Some(Json::String(text)) => Ok(text),
        Some(Json::Bool(value)) => Ok(value.to_string()),
        Some(Json::Number(number)) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        Some(Json::Number(_) | Json::Null | Json::Array(_) | Json::Object(_)) | None => {
            Err(Said::Recoverable("path does not exist in this object".to_owned()))
        }
    }
}

/// The CRD.
pub(crate) fn crd() -> Json {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let mut kind = text("configmap or secret.");
    kind["enum"] = json!(["configmap", "secret"]);
    let resource = json!({
        "type": "object",
        "description": "An object in the namespace of this one.",
        "properties": {
            "group": text("API group."),
            "kind": text("Kind."),
            "name": text("Name."),
        },
        "required": ["group", "kind", "name"],
    });
    let from = json!({
        "type": "object",
        "description": "Where the value comes from.",
        "properties": { "path": text("The field, such as `.status.queueURL`, or a query in the language of jq."), "resource": resource },
        "required": ["path", "resource"],
    });
    let to = json!({
        "type": "object",
        "description": "Where the value goes; the object must exist.",
        "properties": {
            "key": text("Key in its data; namespace and name of this object, with a dot between, if unset."),
            "kind": kind,
            "name": text("Name."),
            "namespace": text("Namespace; that of this object if unset."),
        },
        "required": ["kind", "name"],
    });
    let spec = json!({
        "type": "object",
        "description": "Which field goes where.",
        "properties": { "from": from, "to": to },
        "required": ["from", "to"],
    });
    let status = json!({
        "type": "object",
        "description": "Why the value is not there, if it is not.",
        "properties": { "conditions": conditions_schema() },
        "required": ["conditions"],
    });
    shared_crd("FieldExport", PLURAL, "Namespaced", &spec, &status)
}

/// A CRD of the group that all services share.
pub(crate) fn shared_crd(
    kind: &str,
    plural: &str,
    scope: &str,
    spec: &Json,
    status: &Json,
) -> Json {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.to_lowercase(),
            },
            "scope": scope,
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "description": format!("{kind} is the schema for the {kind} API."),
                    "properties": {
                        "apiVersion": {
                            "type": "string",
                            "description": "Version of the schema of this object.",
                        },
                        "kind": { "type": "string", "description": "Kind of this object." },
                        "metadata": { "type": "object" },
                        "spec": spec,
                        "status": status,
                    },
                } },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_numbers_and_truth_values_are_exported() {
        let object = json!({ "a": { "text": "x", "number": 3, "truth": true, "none": null } });
        let found = |path: &str| value(&object, path);
        assert_eq!(found(".a.text").as_deref(), Ok("x"));
        assert_eq!(found(".a[\"number\"]").as_deref(), Ok("3"));
        assert_eq!(found(".a.truth").as_deref(), Ok("true"));
        let absent = Said::Recoverable("path does not exist in this object".to_owned());
        for path in [".a", ".a.none", ".b.c", ".a.text.deeper"] {
            assert_eq!(found(path), Err(absent.clone()), "{path}");
        }
        assert!(matches!(found("a.b"), Err(Said::Terminal(_))));
    }
}
