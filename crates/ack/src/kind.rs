//! What is data about a kind: names, columns, error codes.

use serde_json::Value as Json;
use serde_json::json;

use crate::shape::Shape;

/// Version of all custom resources.
pub const VERSION: &str = "v1alpha1";

/// One kind of custom resource.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// AWS service, first part of the API group.
    pub service: &'static str,
    /// Kind of the custom resource.
    pub kind: &'static str,
    /// Resource name in the API, plural.
    pub plural: &'static str,
    /// Columns of `kubectl get`.
    pub columns: &'static [Column],
    /// CEL rules on `spec`: rule and message.
    pub rules: &'static [(&'static str, &'static str)],
    /// AWS error codes that only a change of the spec can mend.
    pub terminal: &'static [&'static str],
    /// AWS error codes that say "there is no such resource".
    pub missing: &'static [&'static str],
    /// AWS error codes of a creation that say "your account has it already" (or is about to), so
    /// that they do not prove that an earlier attempt of ours made nothing.
    pub exists: &'static [&'static str],
    /// Key of the annotation `adoption-fields` that names the resource.
    pub adoption_key: &'static str,
}

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// Where the value is.
    pub path: &'static str,
    /// OpenAPI type.
    pub column_type: &'static str,
    /// 0 for always, 1 for `-o wide`.
    pub priority: u8,
}

impl Column {
    /// A column of strings.
    pub(crate) const fn text(name: &'static str, path: &'static str, priority: u8) -> Self {
        Self { name, path, column_type: "string", priority }
    }
}

/// The last two columns of most kinds.
pub(crate) const SYNCED: Column = Column {
    name: "Synced",
    path: r#".status.conditions[?(@.type=="ACK.ResourceSynced")].status"#,
    column_type: "string",
    priority: 0,
};
pub(crate) const AGE: Column =
    Column { name: "Age", path: ".metadata.creationTimestamp", column_type: "date", priority: 0 };

impl Kind {
    /// API group.
    pub fn group(&self) -> String {
        format!("{}.services.k8s.aws", self.service)
    }

    /// Group and version, as in `apiVersion`.
    pub fn api_version(&self) -> String {
        format!("{}/{VERSION}", self.group())
    }

    /// The finalizer whose presence says that an object is managed.
    pub fn finalizer(&self) -> String {
        format!("finalizers.{}/{}", self.group(), self.kind)
    }

    /// The CRD, with the schemas of the spec and of the kind's own status fields.
    pub(crate) fn crd<Spec: Shape, Status: Shape>(&self) -> Json {
        let mut spec = Spec::schema();
        if !self.rules.is_empty() {
            let rule = |(rule, message): &(_, _)| json!({ "rule": rule, "message": message });
            spec["x-kubernetes-validations"] = self.rules.iter().map(rule).collect();
        }
        let mut status = Status::schema();
        status["properties"]["ackResourceMetadata"] = metadata_schema();
        status["properties"]["conditions"] = conditions_schema();
        let mut version = json!({
            "name": VERSION,
            "served": true,
            "storage": true,
            "subresources": { "status": {} },
            "schema": { "openAPIV3Schema": {
                "type": "object",
                "description": format!("{} is the Schema for the {}s API", self.kind, self.kind),
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
        });
        if !self.columns.is_empty() {
            version["additionalPrinterColumns"] = self.columns.iter().map(Column::json).collect();
        }
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{}.{}", self.plural, self.group()) },
            "spec": {
                "group": self.group(),
                "names": {
                    "kind": self.kind,
                    "listKind": format!("{}List", self.kind),
                    "plural": self.plural,
                    "singular": self.kind.to_lowercase(),
                },
                "scope": "Namespaced",
                "versions": [version],
            },
        })
    }
}

impl Column {
    fn json(&self) -> Json {
        let mut column =
            json!({ "name": self.name, "jsonPath": self.path, "type": self.column_type });
        if self.priority > 0 {
            column["priority"] = self.priority.into();
        }
        column
    }
}

fn metadata_schema() -> Json {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "Where the resource is in AWS.",
        "properties": {
            "arn": text("Name of the resource in all of AWS; set as soon as AWS has said it."),
            "ownerAccountID": text("Account that owns the resource."),
            "partition": text("Partition of AWS."),
            "region": text("Region of the resource."),
        },
        "required": ["ownerAccountID", "region"],
    })
}

pub(crate) fn conditions_schema() -> Json {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "array",
        "description": "Whether AWS has what the spec says, and why not.",
        "items": {
            "type": "object",
            "description": "One statement about the resource.",
            "properties": {
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When the status last changed.",
                },
                "message": text("Details for people."),
                "reason": text("Why the condition has its status."),
                "status": text("True, False or Unknown."),
                "type": text("What the statement is about."),
            },
            "required": ["status", "type"],
        },
    })
}
