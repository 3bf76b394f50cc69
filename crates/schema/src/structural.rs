//! The OpenAPI v3 schemas that Kubernetes understands.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use diagnostics::FieldPath;
use diagnostics::Segment;
use serde_json::Value;

mod json;

pub use json::SchemaError;
pub(crate) use json::number_to_json;

/// A JSON type. "null" is not one: see [`SchemaNode::nullable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A mapping.
    Object,
    /// A list.
    Array,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Type {
    /// The word that stands for it in a schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    /// The type that a word stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// What kind of JSON value this is; `None` for null. Whole floats count as integers, as the
    /// API server counts them.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if is_whole(number) => Self::Integer,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        })
    }
}

fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

/// What an object allows beside its named properties.
#[derive(Debug, Clone, PartialEq)]
pub enum Additional {
    /// Anything (`true`) or nothing (`false`).
    Allowed(bool),
    /// Values of this schema: the object is a map.
    Values(Schema),
}

/// How server-side apply merges a list (`x-kubernetes-list-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListType {
    /// As one value.
    Atomic,
    /// As a set of scalars.
    Set,
    /// By the values of [`SchemaNode::list_map_keys`].
    Map,
}

/// How server-side apply merges an object (`x-kubernetes-map-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MapType {
    /// As one value.
    Atomic,
    /// Field by field.
    Granular,
}

/// One CEL rule of `x-kubernetes-validations`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationRule {
    /// The expression over `self` and `oldSelf`.
    pub rule: String,
    /// What is said when it is false.
    pub message: Option<String>,
    /// An expression that computes the message.
    pub message_expression: Option<String>,
    /// The machine-readable reason.
    pub reason: Option<String>,
    /// The field that is blamed.
    pub field_path: Option<String>,
    /// Whether `oldSelf` is optional.
    pub optional_old_self: Option<bool>,
}

/// A structural schema; a shared, immutable [`SchemaNode`].
///
/// Cloning takes constant time. Fields are read directly (`schema.properties`); a changed copy is
/// made by [`Schema::make_mut`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema(Arc<SchemaNode>);

/// The keywords of one schema.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaNode {
    /// The type; `None` where any is allowed (or `int_or_string`).
    pub ty: Option<Type>,
    /// The named properties of an object, by name.
    pub properties: BTreeMap<Arc<str>, Schema>,
    /// The properties that must be there, in the order given (repetitions included).
    pub required: Vec<String>,
    /// What an object allows beside its named properties.
    pub additional: Option<Additional>,
    /// The elements of an array.
    pub items: Option<Schema>,
    /// A refinement of the type: `byte`, `date-time`, `int64`, …
    pub format: Option<String>,
    /// What is filled in where the value is missing.
    pub default: Option<Value>,
    /// The only values allowed, if not empty.
    pub enum_values: Vec<Value>,
    /// Whether null is allowed.
    pub nullable: bool,
    /// What it is for.
    pub description: Option<Arc<str>>,

    /// The smallest number.
    pub minimum: Option<f64>,
    /// The largest number.
    pub maximum: Option<f64>,
    /// Whether `minimum` itself is excluded.
    pub exclusive_minimum: bool,
    /// Whether `maximum` itself is excluded.
    pub exclusive_maximum: bool,
    /// What a number must be a multiple of.
    pub multiple_of: Option<f64>,
    /// The least number of characters.
    pub min_length: Option<i64>,
    /// The largest number of characters.
    pub max_length: Option<i64>,
    /// A regular expression that a string must match somewhere.
    pub pattern: Option<String>,
    /// The least number of elements.
    pub min_items: Option<i64>,
    /// The largest number of elements.
    pub max_items: Option<i64>,
    /// Whether elements must differ.
    pub unique_items: bool,
    /// The least number of properties.
    pub min_properties: Option<i64>,
    /// The largest number of properties.
    pub max_properties: Option<i64>,

    /// Schemas that must all hold as well.
    pub all_of: Vec<Schema>,
    /// Schemas of which one must hold.
    pub any_of: Vec<Schema>,
    /// Schemas of which exactly one must hold.
    pub one_of: Vec<Schema>,
    /// A schema that must not hold.
    pub not: Option<Schema>,

    /// `x-kubernetes-int-or-string`.
    pub int_or_string: bool,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown_fields: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded_resource: bool,
    /// `x-kubernetes-list-type`.
    pub list_type: Option<ListType>,
    /// `x-kubernetes-list-map-keys`, in the order given.
    pub list_map_keys: Vec<String>,
    /// `x-kubernetes-map-type`.
    pub map_type: Option<MapType>,
    /// `x-kubernetes-validations`.
    pub validations: Vec<ValidationRule>,

    /// Keywords that have no field here, as they were (`title`, other extensions, …).
    pub other: BTreeMap<String, Value>,
}

impl Deref for Schema {
    type Target = SchemaNode;

    fn deref(&self) -> &SchemaNode {
        &self.0
    }
}

impl From<SchemaNode> for Schema {
    fn from(node: SchemaNode) -> Self {
        Self(Arc::new(node))
    }
}

impl Schema {
    /// A schema of one type and nothing else.
    #[must_use]
    pub fn of(ty: Type) -> Self {
        SchemaNode { ty: Some(ty), ..SchemaNode::default() }.into()
    }

    /// An object with these properties.
    #[must_use]
    pub fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let properties = properties.into_iter().map(|(name, schema)| (name.into(), schema));
        let properties = properties.collect();
        SchemaNode { ty: Some(Type::Object), properties, ..SchemaNode::default() }.into()
    }

    /// An array with these elements.
    #[must_use]
    pub fn array(items: Self) -> Self {
        SchemaNode { ty: Some(Type::Array), items: Some(items), ..SchemaNode::default() }.into()
    }

    /// A map from strings to these values.
    #[must_use]
    pub fn map(values: Self) -> Self {
        let additional = Some(Additional::Values(values));
        SchemaNode { ty: Some(Type::Object), additional, ..SchemaNode::default() }.into()
    }

    /// A value of any type whose content is kept as it is (`x-kubernetes-preserve-unknown-fields`
    /// without a type).
    #[must_use]
    pub fn any() -> Self {
        SchemaNode { preserve_unknown_fields: true, ..SchemaNode::default() }.into()
    }

    /// An object whose content is kept as it is.
    #[must_use]
    pub fn free_object() -> Self {
        let ty = Some(Type::Object);
        SchemaNode { ty, preserve_unknown_fields: true, ..SchemaNode::default() }.into()
    }

    /// The node, to be changed; other holders of this schema keep what they have.
    pub fn make_mut(&mut self) -> &mut SchemaNode {
        Arc::make_mut(&mut self.0)
    }

    /// Whether both are one and the same in memory.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The schema of the value under `key`: a named property, else the values of a map.
    ///
    /// `None` where the key is not allowed or, in a free object, nothing is known about it: see
    /// [`SchemaNode::takes_any_key`].
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Self> {
        self.properties.get(key).or(match &self.additional {
            Some(Additional::Values(values)) => Some(values),
            Some(Additional::Allowed(_)) | None => None,
        })
    }

    /// The schema of the value at `path` below this one; `None` as for [`Schema::field`].
    #[must_use]
    pub fn at(&self, path: &FieldPath) -> Option<&Self> {
        path.segments().into_iter().try_fold(self, |schema, segment| match segment {
            Segment::Field(key) => schema.field(key),
            Segment::Index(_) => schema.items.as_ref(),
        })
    }
}

impl SchemaNode {
    /// Whether integers and strings are both allowed; built-in kinds say it by a format.
    #[must_use]
    pub fn is_int_or_string(&self) -> bool {
        self.int_or_string || self.format.as_deref() == Some("int-or-string")
    }

    /// Whether keys without a schema are kept.
    #[must_use]
    pub fn takes_any_key(&self) -> bool {
        self.preserve_unknown_fields || self.additional == Some(Additional::Allowed(true))
    }

    /// The schema of the values, if this is a map.
    #[must_use]
    pub fn map_values(&self) -> Option<&Schema> {
        match &self.additional {
            Some(Additional::Values(values)) => Some(values),
            Some(Additional::Allowed(_)) | None => None,
        }
    }

    /// Whether the property must be there.
    #[must_use]
    pub fn requires(&self, property: &str) -> bool {
        self.required.iter().any(|name| name == property)
    }
}
