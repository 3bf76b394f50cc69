//! The form of a test.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A test, as it stands in a file.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// Files with definitions, relative to the test's; empty: those beside it.
    pub(super) definition: Vec<String>,
    /// A file, or the object.
    pub(super) instance: Value,
    pub(super) steps: Vec<StepSpec>,
    pub(super) snapshot: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    api_version: String,
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    definition: OneOrMany,
    instance: Value,
    #[serde(default)]
    steps: Vec<StepSpec>,
    #[serde(default)]
    snapshot: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

/// Something happens, the planner works until it has nothing to do, and the result is compared.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StepSpec {
    /// A patch of the instance.
    pub(super) instance: Option<Value>,
    /// What other controllers write.
    #[serde(default)]
    pub(super) observe: Vec<Value>,
    /// Objects that somebody else deletes.
    #[serde(default)]
    pub(super) delete: Vec<Value>,
    /// Somebody deletes the instance.
    #[serde(default)]
    pub(super) delete_instance: bool,
    #[serde(default)]
    pub(super) expect: Expect,
}

/// What is expected; what is not named may be anything.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) state: Option<String>,
    /// Resources, in the order in which they are applied; `id[n]` for an item of a collection.
    pub(super) applied: Option<Vec<String>>,
    /// Objects that are deleted, in order: `Kind name`.
    pub(super) deleted: Option<Vec<String>>,
    pub(super) waiting: Option<Vec<String>>,
    pub(super) skipped: Option<Vec<String>>,
    pub(super) failed: Option<Vec<String>>,
    /// Fields of the status.
    pub(super) status: Option<Value>,
    /// Type → status, or fields of the condition.
    #[serde(default)]
    pub(super) conditions: BTreeMap<String, Value>,
    /// Resource → fields of its object.
    #[serde(default)]
    pub(super) manifests: BTreeMap<String, Value>,
}

// === impl Case ===

impl Case {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with its shape.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let document: Document =
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        if (document.api_version.as_str(), document.kind.as_str()) != ("test.kro.run/v1", "Test") {
            return Err("expected `apiVersion: test.kro.run/v1` and `kind: Test`".to_owned());
        }
        let steps = match document.steps.is_empty() {
            true => vec![StepSpec::default()],
            false => document.steps,
        };
        Ok(Self {
            name: document.metadata.name,
            definition: match document.definition {
                OneOrMany::None => Vec::new(),
                OneOrMany::One(file) => vec![file],
                OneOrMany::Many(files) => files,
            },
            instance: document.instance,
            steps,
            snapshot: document.snapshot,
        })
    }
}
