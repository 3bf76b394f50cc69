//! The CustomResourceDefinition of a definition's API.

use std::collections::BTreeMap;

use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::Schema;
use crate::SchemaNode;
use crate::Type;
use crate::pluralize;

mod admission;

/// Whether the objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Scope {
    /// They do.
    #[default]
    Namespaced,
    /// They don't.
    Cluster,
}

impl Scope {
    /// The word that stands for it in a CRD.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Namespaced => "Namespaced",
            Self::Cluster => "Cluster",
        }
    }

    /// The scope that a word stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "Namespaced" => Some(Self::Namespaced),
            "Cluster" => Some(Self::Cluster),
            _ => None,
        }
    }
}

/// A column of `kubectl get`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrinterColumn {
    /// The heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub ty: String,
    /// Where the value is found.
    pub json_path: String,
    /// What the column shows.
    pub description: Option<String>,
    /// A refinement of the type.
    pub format: Option<String>,
    /// Columns above 0 are only shown in wide output.
    pub priority: i64,
}

/// What a CRD is generated from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrdSource {
    /// The API group.
    pub group: String,
    /// The version, `v1alpha1` say.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// Whether the objects live in namespaces.
    pub scope: Scope,
    /// The schema of `spec`.
    pub spec: Schema,
    /// The schema of `status` without what every instance has, if the author declares any.
    pub status: Option<Schema>,
    /// Instead of the usual columns, if not empty.
    pub printer_columns: Vec<PrinterColumn>,
    /// Short names for `kubectl`.
    pub short_names: Vec<String>,
    /// Groups of kinds for `kubectl`.
    pub categories: Vec<String>,
    /// Labels of the CRD.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the CRD.
    pub annotations: BTreeMap<String, String>,
}

impl CrdSource {
    /// The name of the kind in URLs.
    #[must_use]
    pub fn plural(&self) -> String {
        pluralize(&self.kind)
    }

    /// The name of the CRD: `plural.group`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural(), self.group)
    }

    /// Names and columns that an API server would refuse, be it in the definition or in the CRD.
    ///
    /// `at` is the path of the definition's `spec.schema`: it begins all places.
    #[must_use]
    pub fn check(&self, at: &FieldPath) -> Diagnostics {
        admission::check(self, at)
    }

    /// The schema of a whole object, `metadata` left to the API server.
    #[must_use]
    pub fn schema(&self) -> Schema {
        Schema::object([
            ("apiVersion", Schema::of(Type::String)),
            ("kind", Schema::of(Type::String)),
            ("metadata", Schema::of(Type::Object)),
            ("spec", self.spec.clone()),
            ("status", with_kro_status(self.status.as_ref())),
        ])
    }

    /// The CRD as an object for the API server (`apiextensions.k8s.io/v1`).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut metadata = Map::from_iter([("name".to_owned(), self.name().into())]);
        for (key, entries) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !entries.is_empty() {
                metadata.insert(key.to_owned(), json!(entries));
            }
        }
        let mut names = json!({
            "kind": self.kind,
            "listKind": format!("{}List", self.kind),
            "plural": self.plural(),
            "singular": self.kind.to_ascii_lowercase(),
        });
        for (key, entries) in [("shortNames", &self.short_names), ("categories", &self.categories)]
        {
            if !entries.is_empty() {
                names[key] = json!(entries);
            }
        }
        let columns: Vec<_> = if self.printer_columns.is_empty() {
            usual_columns().iter().map(PrinterColumn::to_json).collect()
        } else {
            self.printer_columns.iter().map(PrinterColumn::to_json).collect()
        };
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": metadata,
            "spec": {
                "group": self.group,
                "names": names,
                "scope": self.scope.name(),
                "versions": [{
                    "name": self.version,
                    "served": true,
                    "storage": true,
                    "schema": {"openAPIV3Schema": self.schema().to_json()},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                }],
            },
        })
    }
}

impl PrinterColumn {
    fn to_json(&self) -> Value {
        let mut column = json!({"name": self.name, "type": self.ty, "jsonPath": self.json_path});
        for (key, text) in [("description", &self.description), ("format", &self.format)] {
            if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                column[key] = text.into();
            }
        }
        if self.priority != 0 {
            column["priority"] = self.priority.into();
        }
        column
    }
}

fn usual_columns() -> [PrinterColumn; 3] {
    let column = |name: &str, ty: &str, json_path: &str, description: &str| PrinterColumn {
        name: name.to_owned(),
        ty: ty.to_owned(),
        json_path: json_path.to_owned(),
        description: Some(description.to_owned()),
        ..PrinterColumn::default()
    };
    let of = "a ResourceGraphDefinition instance";
    let ready = ".status.conditions[?(@.type==\"Ready\")].status";
    [
        column("State", "string", ".status.state", &format!("The state of {of}")),
        column("Ready", "string", ready, &format!("Whether {of} is ready")),
        column("Age", "date", ".metadata.creationTimestamp", "Age of the resource"),
    ]
}

/// The status that an author declares, with `state` (unless declared) and `conditions`, which
/// every instance has.
#[must_use]
pub fn with_kro_status(declared: Option<&Schema>) -> Schema {
    let mut status = declared.cloned().unwrap_or_else(|| Schema::of(Type::Object));
    let node: &mut SchemaNode = status.make_mut();
    node.properties.entry("state".into()).or_insert_with(|| Schema::of(Type::String));
    node.properties.insert("conditions".into(), Schema::array(condition()));
    status
}

fn condition() -> Schema {
    let text = || Schema::of(Type::String);
    Schema::object([
        ("type", text()),
        ("status", text()),
        ("reason", text()),
        ("message", text()),
        ("lastTransitionTime", text()),
        ("observedGeneration", Schema::of(Type::Integer)),
    ])
}
