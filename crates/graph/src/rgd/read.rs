//! Reads a definition that nobody has checked yet.
//!
//! What the API server would refuse by the schema of its own CRD is reported here, with places;
//! what it would drop is a warning.

use super::{CrdMetadata, ResourceSpec, RgdSpec, SchemaSpec, Scope};
use crate::compile::resources::unknown_keys;
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, nearest};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The spec of a definition and what is wrong with its shape.
pub(crate) struct Reading {
    /// What could be read; `None` without a schema.
    pub(crate) spec: Option<RgdSpec>,
    pub(crate) found: Diagnostics,
    /// Places of which the mistake is told: what follows from it is noise.
    pub(crate) told: Vec<FieldPath>,
}

/// Reads the spec of a definition (an object with `apiVersion`, `kind`, `metadata` and `spec`).
///
/// The spec is there if there is anything to go on with, even if something is reported.
#[must_use]
pub fn read(definition: &Value) -> (Option<RgdSpec>, Diagnostics) {
    let reading = Reading::of(definition);
    (reading.spec, reading.found.sorted())
}

const SPEC: [&str; 2] = ["resources", "schema"];
const SCHEMA: [&str; 11] = [
    "additionalPrinterColumns",
    "apiVersion",
    "categories",
    "group",
    "kind",
    "metadata",
    "scope",
    "shortNames",
    "spec",
    "status",
    "types",
];
const RESOURCE: [&str; 6] =
    ["externalRef", "forEach", "id", "includeWhen", "readyWhen", "template"];
const COLUMN: [&str; 6] = ["description", "format", "jsonPath", "name", "priority", "type"];

/// What stands there, in words.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

impl Reading {
    /// Reads a definition.
    pub(crate) fn of(definition: &Value) -> Self {
        let mut reading = Self { spec: None, found: Diagnostics::new(), told: Vec::new() };
        let root = FieldPath::root();
        let at = root.field("spec");
        let Some(spec) = definition.get("spec") else {
            reading.missing(&root, "spec");
            return reading;
        };
        let Some(fields) = reading.mapping(spec, &at) else { return reading };
        unknown_keys(fields, &SPEC, &at, &mut reading.found);
        let resources = reading.resources(fields, &at);
        match fields.get("schema") {
            None | Some(Value::Null) => reading.missing(&at, "schema"),
            Some(schema) => {
                let schema = reading.schema(schema, &at.field("schema"));
                reading.spec = schema.map(|schema| RgdSpec { schema, resources });
            }
        }
        reading
    }

    fn missing(&mut self, at: &FieldPath, field: &str) {
        let message = format!("the required field `{field}` is missing");
        self.found.push(Diagnostic::error(Code::MissingField, at, message));
        self.told.push(at.field(field));
    }

    fn unexpected(&mut self, expected: &str, value: &Value, at: &FieldPath) {
        let message = format!("expected {expected}, found {}", describe(value));
        self.found.push(Diagnostic::error(Code::UnexpectedShape, at, message));
        self.told.push(at.clone());
    }

    fn mapping<'v>(&mut self, value: &'v Value, at: &FieldPath) -> Option<&'v Map<String, Value>> {
        let fields = value.as_object();
        if fields.is_none() {
            self.unexpected("a mapping", value, at);
        }
        fields
    }

    /// A list; absent and null are empty.
    fn list<'v>(
        &mut self,
        fields: &'v Map<String, Value>,
        key: &str,
        at: &FieldPath,
    ) -> &'v [Value] {
        match fields.get(key) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.unexpected("a list", other, &at.field(key));
                &[]
            }
        }
    }

    fn texts(&mut self, fields: &Map<String, Value>, key: &str, at: &FieldPath) -> Vec<String> {
        let items = self.list(fields, key, at);
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text.clone()),
                other => {
                    // Positions of the others must stay.
                    texts.push(String::new());
                    self.unexpected("text", other, &at.field(key).index(index));
                }
            }
        }
        texts
    }

    fn text(&mut self, fields: &Map<String, Value>, key: &str, at: &FieldPath) -> Option<String> {
        match fields.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                self.unexpected("text", other, &at.field(key));
                Some(String::new())
            }
        }
    }

    fn required(&mut self, fields: &Map<String, Value>, key: &str, at: &FieldPath) -> String {
        self.text(fields, key, at).unwrap_or_else(|| {
            self.missing(at, key);
            String::new()
        })
    }

    fn entries(
        &mut self,
        fields: &Map<String, Value>,
        key: &str,
        at: &FieldPath,
    ) -> BTreeMap<String, String> {
        let at = at.field(key);
        let entries = match fields.get(key) {
            None | Some(Value::Null) => return BTreeMap::new(),
            Some(value) => self.mapping(value, &at),
        };
        let mut texts = BTreeMap::new();
        for (key, value) in entries.into_iter().flatten() {
            match value {
                Value::String(text) => {
                    texts.insert(key.clone(), text.clone());
                }
                other => self.unexpected("text", other, &at.field(key.as_str())),
            }
        }
        texts
    }

    fn schema(&mut self, schema: &Value, at: &FieldPath) -> Option<SchemaSpec> {
        let fields = self.mapping(schema, at)?;
        unknown_keys(fields, &SCHEMA, at, &mut self.found);
        let part = |key: &str| fields.get(key).cloned().unwrap_or_default();
        for key in ["spec", "status", "types"] {
            if let Some(value) = fields.get(key).filter(|value| !value.is_null()) {
                self.mapping(value, &at.field(key));
            }
        }
        let columns = self.list(fields, "additionalPrinterColumns", at).to_vec();
        for (index, column) in columns.iter().enumerate() {
            let at = at.field("additionalPrinterColumns").index(index);
            if let Some(column) = self.mapping(column, &at) {
                unknown_keys(column, &COLUMN, &at, &mut self.found);
                self.column(column, &at);
            }
        }
        let metadata = match fields.get("metadata") {
            None | Some(Value::Null) => CrdMetadata::default(),
            Some(metadata) => {
                let at = at.field("metadata");
                match self.mapping(metadata, &at) {
                    None => CrdMetadata::default(),
                    Some(metadata) => {
                        unknown_keys(metadata, &["annotations", "labels"], &at, &mut self.found);
                        CrdMetadata {
                            labels: self.entries(metadata, "labels", &at),
                            annotations: self.entries(metadata, "annotations", &at),
                        }
                    }
                }
            }
        };
        let scope = self.scope(fields, at);
        Some(SchemaSpec {
            kind: self.required(fields, "kind", at),
            api_version: self.required(fields, "apiVersion", at),
            group: self.text(fields, "group", at).unwrap_or_else(super::default_group),
            scope,
            spec: part("spec"),
            types: part("types"),
            status: part("status"),
            additional_printer_columns: columns,
            short_names: self.texts(fields, "shortNames", at),
            categories: self.texts(fields, "categories", at),
            metadata,
        })
    }

    fn column(&mut self, column: &Map<String, Value>, at: &FieldPath) {
        for key in ["name", "type", "jsonPath"] {
            self.required(column, key, at);
        }
        for key in ["description", "format"] {
            self.text(column, key, at);
        }
        match column.get("priority") {
            None | Some(Value::Null) => {}
            Some(Value::Number(number)) if number.is_i64() => {}
            Some(other) => self.unexpected("a whole number", other, &at.field("priority")),
        }
    }

    fn scope(&mut self, fields: &Map<String, Value>, at: &FieldPath) -> Scope {
        match self.text(fields, "scope", at).as_deref() {
            None | Some("Namespaced") => Scope::Namespaced,
            Some("Cluster") => Scope::Cluster,
            Some(other) => {
                let at = at.field("scope");
                if !self.told.contains(&at) {
                    let message = format!("expected `Namespaced` or `Cluster`, found `{other}`");
                    let mut diagnostic = Diagnostic::error(Code::InvalidScope, &at, message);
                    diagnostic.help = nearest(other, ["Namespaced", "Cluster"])
                        .map(|near| format!("did you mean `{near}`?"));
                    self.found.push(diagnostic);
                }
                Scope::Namespaced
            }
        }
    }

    fn resources(&mut self, fields: &Map<String, Value>, at: &FieldPath) -> Vec<ResourceSpec> {
        let items = self.list(fields, "resources", at);
        let at = at.field("resources");
        let mut resources = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = at.index(index);
            let empty = Map::new();
            let fields = self.mapping(item, &at).unwrap_or(&empty);
            unknown_keys(fields, &RESOURCE, &at, &mut self.found);
            let part = |key: &str| fields.get(key).filter(|value| !value.is_null()).cloned();
            let mut for_each = Vec::new();
            for (index, entry) in self.list(fields, "forEach", &at).iter().enumerate() {
                let entry = self.mapping(entry, &at.field("forEach").index(index));
                for_each.push(entry.cloned().unwrap_or_default());
            }
            resources.push(ResourceSpec {
                id: self.required(fields, "id", &at),
                template: part("template"),
                external_ref: part("externalRef"),
                ready_when: self.texts(fields, "readyWhen", &at),
                include_when: self.texts(fields, "includeWhen", &at),
                for_each,
            });
        }
        resources
    }
}
