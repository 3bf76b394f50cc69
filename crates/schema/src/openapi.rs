//! Kinds found in OpenAPI v3 documents and in CRDs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use diagnostics::FieldPath;
use serde_json::Value;

use crate::Schema;
use crate::SchemaError;
use crate::Type;

mod object_meta;

pub use object_meta::object_meta;

/// The name of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version inside the group.
    pub version: String,
    /// The kind, in singular and upper camel case.
    pub kind: String,
}

impl GroupVersionKind {
    /// A kind by its three names.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// The kind that an object with this `apiVersion` and `kind` has.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::new(group, version, kind)
    }

    /// What stands in `apiVersion`: `group/version`, or the version alone for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for GroupVersionKind {
    /// `group/version Kind`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

/// What is known about a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct KindSchema {
    /// Its name.
    pub gvk: GroupVersionKind,
    /// Its name in URLs, where the source says it.
    pub plural: Option<String>,
    /// Whether its objects live in namespaces, where the source says it.
    pub namespaced: Option<bool>,
    /// The schema of a whole object, `metadata` typed.
    pub schema: Schema,
}

/// Why a kind could not be read from a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindError {
    /// The document does not describe it.
    NotFound(GroupVersionKind),
    /// The document is not what it should be.
    Malformed {
        /// Where.
        path: FieldPath,
        /// What was expected there.
        expected: &'static str,
    },
}

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(gvk) => write!(f, "no schema for kind `{gvk}`"),
            Self::Malformed { path, expected } => {
                write!(f, "`{path}` in an OpenAPI document must be {expected}")
            }
        }
    }
}

impl std::error::Error for KindError {}

impl From<SchemaError> for KindError {
    fn from(SchemaError { path, expected }: SchemaError) -> Self {
        Self::Malformed { path, expected }
    }
}

/// The OpenAPI v3 document of one group-version, as an API server publishes it.
///
/// Schemas that several kinds share are read once and shared in memory.
pub struct Document {
    value: Value,
    read: NamedSchemas,
}

impl Document {
    /// A document; nothing is checked until a kind is asked for.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self { value, read: NamedSchemas::default() }
    }

    /// The kinds that the document describes, in order.
    #[must_use]
    pub fn kinds(&self) -> Vec<GroupVersionKind> {
        let schemas = self.schemas().into_iter().flatten();
        let mut kinds: Vec<_> = schemas
            .filter_map(|(_, schema)| schema["x-kubernetes-group-version-kind"].as_array())
            // Options such as DeleteOptions are listed with every group there is.
            .filter(|kinds| kinds.len() == 1)
            .flatten()
            .filter_map(|kind| {
                let part = |name: &str| kind[name].as_str();
                Some(GroupVersionKind::new(part("group")?, part("version")?, part("kind")?))
            })
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// The schema of a kind, with all references resolved.
    ///
    /// A schema that refers to itself is cut off where it repeats: there any value is allowed.
    ///
    /// # Errors
    /// [`KindError::NotFound`] if no schema carries the kind in `x-kubernetes-group-version-kind`;
    /// [`KindError::Malformed`] for dangling references and for what is no schema.
    pub fn kind(&mut self, gvk: &GroupVersionKind) -> Result<KindSchema, KindError> {
        let is_it = |kind: &Value| {
            let part = |name: &str| kind[name].as_str();
            part("group") == Some(&gvk.group)
                && part("version") == Some(&gvk.version)
                && part("kind") == Some(&gvk.kind)
        };
        let name = self.schemas().into_iter().flatten().find_map(|(name, schema)| {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array()?;
            kinds.iter().any(is_it).then(|| name.clone())
        });
        let name = name.ok_or_else(|| KindError::NotFound(gvk.clone()))?;
        let (plural, namespaced) = place_in_urls(&self.value["paths"], &is_it).unzip();
        let schemas = &self.value["components"]["schemas"];
        let schema = self.read.schema(&name, &mut |name| schemas.get(name).map(Cow::Borrowed))?;
        let schema = with_metadata(schema);
        Ok(KindSchema { gvk: gvk.clone(), plural, namespaced, schema })
    }

    fn schemas(&self) -> Option<&serde_json::Map<String, Value>> {
        self.value["components"]["schemas"].as_object()
    }
}

/// Schemas that refer to each other by name (`$ref`: `#/components/schemas/NAME`), read when they
/// are asked for.
///
/// Each is read once and shared in memory by all that refer to it.
#[derive(Debug, Default)]
pub struct NamedSchemas {
    /// Schemas read so far; `None` while one is being read.
    read: BTreeMap<String, Option<Schema>>,
}

/// Finds the JSON of a named schema.
type Find<'f, 'a> = &'f mut dyn FnMut(&str) -> Option<Cow<'a, Value>>;

impl NamedSchemas {
    /// The schema called `name`, with all references resolved; `find` gives the JSON of a name.
    ///
    /// A schema that refers to itself is cut off where it repeats: there any value is allowed.
    ///
    /// # Errors
    /// For names that `find` does not know, and for what is no schema.
    pub fn schema<'a>(
        &mut self,
        name: &str,
        find: &mut dyn FnMut(&str) -> Option<Cow<'a, Value>>,
    ) -> Result<Schema, SchemaError> {
        self.named(name, &FieldPath::root(), find)
    }

    fn named(
        &mut self,
        name: &str,
        from: &FieldPath,
        find: Find<'_, '_>,
    ) -> Result<Schema, SchemaError> {
        match self.read.get(name) {
            Some(Some(schema)) => return Ok(schema.clone()),
            Some(None) => return Ok(Schema::any()),
            None => {}
        }
        let Some(value) = find(name) else {
            return Err(SchemaError { path: from.clone(), expected: "the name of a schema" });
        };
        self.read.insert(name.to_owned(), None);
        let at = FieldPath::root().field("components").field("schemas").field(name);
        let result = self.inline(&value, &at, find);
        match &result {
            Ok(schema) => self.read.insert(name.to_owned(), Some(schema.clone())),
            Err(_) => self.read.remove(name),
        };
        result
    }

    fn inline(
        &mut self,
        value: &Value,
        at: &FieldPath,
        find: Find<'_, '_>,
    ) -> Result<Schema, SchemaError> {
        if let Some(reference) = value.get("$ref") {
            return self.reference(reference, &at.field("$ref"), find);
        }
        let schema = Schema::read(value, at, &mut |value, at| self.inline(value, at, find))?;
        // What wraps a reference to add a default or a description to it.
        match value["allOf"].as_array().map(Vec::as_slice) {
            Some([only]) if only.get("$ref").is_some() && schema.ty.is_none() => {
                Ok(overlay(schema))
            }
            Some(_) | None => Ok(schema),
        }
    }

    fn reference(
        &mut self,
        reference: &Value,
        at: &FieldPath,
        find: Find<'_, '_>,
    ) -> Result<Schema, SchemaError> {
        let name = reference.as_str().and_then(|text| text.strip_prefix("#/components/schemas/"));
        let expected = "a reference to `#/components/schemas/…`";
        let name = name.ok_or_else(|| SchemaError { path: at.clone(), expected })?;
        self.named(name, at, find)
    }
}

/// Merges a schema with the only one in its `allOf`.
fn overlay(wrapper: Schema) -> Schema {
    let [inner] = wrapper.all_of.as_slice() else { return wrapper };
    let mut merged = inner.clone();
    let plain = wrapper.default.is_none()
        && wrapper.description.is_none()
        && !wrapper.nullable
        && wrapper.list_type.is_none()
        && wrapper.map_type.is_none()
        && wrapper.validations.is_empty();
    if plain {
        return merged;
    }
    let node = merged.make_mut();
    if wrapper.default.is_some() {
        node.default.clone_from(&wrapper.default);
    }
    if wrapper.description.is_some() {
        node.description.clone_from(&wrapper.description);
    }
    node.nullable |= wrapper.nullable;
    if wrapper.list_type.is_some() {
        node.list_type = wrapper.list_type;
        node.list_map_keys.clone_from(&wrapper.list_map_keys);
    }
    node.map_type = wrapper.map_type.or(node.map_type);
    node.validations.extend(wrapper.validations.iter().cloned());
    merged
}

/// The plural and the scope of a kind, by the URLs that serve it.
fn place_in_urls(paths: &Value, is_it: &dyn Fn(&Value) -> bool) -> Option<(String, bool)> {
    paths.as_object()?.iter().find_map(|(path, item)| {
        let parts: Vec<_> = path.split('/').collect();
        let [.., plural, "{name}"] = parts.as_slice() else { return None };
        let operations = item.as_object()?.values();
        let mut kinds = operations.map(|operation| &operation["x-kubernetes-group-version-kind"]);
        let found = kinds.any(is_it) && !parts.contains(&"watch");
        found.then(|| ((*plural).to_owned(), parts.contains(&"{namespace}")))
    })
}

/// The kinds that a CustomResourceDefinition (`apiextensions.k8s.io/v1`) serves, one per version.
///
/// # Errors
/// [`KindError::Malformed`] where the object is not a CRD or a schema in it is none.
pub fn kinds_of_crd(crd: &Value) -> Result<Vec<KindSchema>, KindError> {
    let root = FieldPath::root();
    let spec = &crd["spec"];
    let spec_at = root.field("spec");
    let text = |value: &Value, path: FieldPath| {
        let expected = "a string";
        let text = value.as_str().map(str::to_owned);
        text.ok_or(KindError::Malformed { path, expected })
    };
    let group = text(&spec["group"], spec_at.field("group"))?;
    let names_at = spec_at.field("names");
    let kind = text(&spec["names"]["kind"], names_at.field("kind"))?;
    let plural = text(&spec["names"]["plural"], names_at.field("plural"))?;
    let namespaced = text(&spec["scope"], spec_at.field("scope"))? == "Namespaced";
    let versions_at = spec_at.field("versions");
    let Some(versions) = spec["versions"].as_array() else {
        return Err(KindError::Malformed { path: versions_at, expected: "a list" });
    };
    let served = versions.iter().enumerate().filter(|(_, version)| version["served"] != false);
    served
        .map(|(index, version)| {
            let at = versions_at.index(index);
            let name = text(&version["name"], at.field("name"))?;
            let schema = &version["schema"]["openAPIV3Schema"];
            let schema_at = at.field("schema").field("openAPIV3Schema");
            let schema = with_metadata(Schema::from_json_at(schema, &schema_at)?);
            let gvk = GroupVersionKind::new(&group, &name, &kind);
            let (plural, namespaced) = (Some(plural.clone()), Some(namespaced));
            Ok(KindSchema { gvk, plural, namespaced, schema })
        })
        .collect()
}

/// A kind's schema with what every object has: a CRD need not say it.
#[must_use]
pub fn with_metadata(mut schema: Schema) -> Schema {
    let typed = schema.properties.get("metadata").is_some_and(|meta| !meta.properties.is_empty());
    let named = |name| schema.properties.contains_key(name);
    if typed && named("apiVersion") && named("kind") {
        return schema;
    }
    let properties = &mut schema.make_mut().properties;
    for name in ["apiVersion", "kind"] {
        properties.entry(name.into()).or_insert_with(|| Schema::of(Type::String));
    }
    if !typed {
        properties.insert("metadata".into(), object_meta());
    }
    schema
}
