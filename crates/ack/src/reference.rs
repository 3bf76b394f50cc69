//! References: fields that name another custom resource, whose field is meant.

use serde_json::Value as Json;

use crate::conditions::types;
use crate::kind::VERSION;
use crate::shape::shape;

shape! {
    /// Names another object whose field is meant.
    pub struct Reference {
        "from" from: ObjectName [] "The object.";
    }
}

shape! {
    /// Namespace and name of an object.
    pub struct ObjectName {
        "name" name: String [] "Name of the object.";
        "namespace" namespace: String [] "Namespace of the object; that of this one if unset.";
    }
}

/// A field that can be given by reference: data of a kind.
pub struct Referrer<Spec: 'static> {
    /// Path of the field that takes the reference.
    pub field: &'static str,
    /// Path of the field that takes the value.
    pub value_field: &'static str,
    /// What is named.
    pub target: Target,
    /// The reference.
    pub reference: fn(&Spec) -> Option<&Reference>,
    /// The value.
    pub value: fn(&mut Spec) -> Option<&mut Option<String>>,
}

/// What a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// AWS service, first part of the API group.
    pub service: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Resource name in the API, plural.
    pub plural: &'static str,
    /// JSON pointer to the field that is meant.
    pub pointer: &'static str,
}

impl Target {
    /// The path of one such object at the API server.
    pub fn url(&self, namespace: &str, name: &str) -> String {
        let Self { service, plural, .. } = self;
        format!("/apis/{service}.services.k8s.aws/{VERSION}/namespaces/{namespace}/{plural}/{name}")
    }

    /// The value, out of the object that is named.
    ///
    /// # Errors
    ///
    /// [`Unresolved`]: there is no such object, or it is not there yet.
    pub fn value(
        &self,
        object: Option<&Json>,
        namespace: &str,
        name: &str,
    ) -> Result<String, Unresolved> {
        let kind = self.kind;
        let at = format!("resource:{kind}, namespace:{namespace}, name:{name}");
        let Some(object) = object else {
            return Err(Unresolved::unknown(format!(
                "the referenced resource does not exist. {at}"
            )));
        };
        let status_of = |condition_type: &str| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let found = conditions.iter().find(|c| c["type"] == condition_type)?;
            found["status"].as_str()
        };
        if status_of(types::TERMINAL) == Some("True") {
            return Err(Unresolved {
                status: "False",
                reason: format!(
                    "the referenced resource has 'ACK.Terminal' condition 'True'. Cannot be \
                     referenced. {at}"
                ),
            });
        }
        if status_of(types::SYNCED) != Some("True") {
            return Err(Unresolved::unknown(format!(
                "the referenced resource is not synced yet. {at}"
            )));
        }
        match object.pointer(self.pointer).and_then(Json::as_str) {
            Some(value) => Ok(value.to_owned()),
            None => {
                let field = self.pointer.trim_start_matches('/').replace('/', ".");
                Err(Unresolved::unknown(format!(
                    "the referenced resource is missing the target field. {at}, targetField:{field}"
                )))
            }
        }
    }
}

/// Why a reference has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Status of the condition: `Unknown`, or `False` where waiting does not help.
    pub status: &'static str,
    /// The reason.
    pub reason: String,
}

impl Unresolved {
    /// It is in another namespace, which is not allowed.
    pub fn forbidden(own: &str, namespace: &str, name: &str) -> Self {
        Self {
            status: "False",
            reason: format!(
                "cross-namespace resource reference is not allowed. Set \
                 --enable-cross-namespace=true to allow it. sourceNamespace:{own}, \
                 targetNamespace:{namespace}, targetName:{name}"
            ),
        }
    }

    /// It may be there later.
    pub fn unknown(reason: String) -> Self {
        Self { status: "Unknown", reason }
    }
}
