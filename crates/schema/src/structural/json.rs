//! Schemas as JSON.

use std::fmt;

use diagnostics::FieldPath;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use serde_json::json;

use super::Additional;
use super::ListType;
use super::MapType;
use super::Schema;
use super::SchemaNode;
use super::Type;
use super::ValidationRule;

/// How long the path to a keyword may be; JSON parsers stop at 128 levels anyway.
const MAX_DEPTH: usize = 200;

/// A JSON value that is not a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The keyword that is wrong.
    pub path: FieldPath,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in a schema must be {}", self.path, self.expected)
    }
}

impl std::error::Error for SchemaError {}

/// Reads a schema inside another one.
pub(crate) type Child<'a> = &'a mut dyn FnMut(&Value, &FieldPath) -> Result<Schema, SchemaError>;

impl Schema {
    /// Reads an OpenAPI v3 schema without `$ref`s.
    ///
    /// Keywords that mean nothing here are kept in [`SchemaNode::other`].
    ///
    /// # Errors
    /// A keyword whose value has the wrong type, or nesting beyond 200 levels.
    pub fn from_json(value: &Value) -> Result<Self, SchemaError> {
        Self::read(value, &FieldPath::root(), &mut Self::from_json_at)
    }

    /// Reads the schema found at `at` in a larger document; see [`Schema::from_json`].
    ///
    /// # Errors
    /// As [`Schema::from_json`], with paths from the root of that document.
    pub fn from_json_at(value: &Value, at: &FieldPath) -> Result<Self, SchemaError> {
        Self::read(value, at, &mut Self::from_json_at)
    }

    /// Reads the keywords of one schema; `child` reads the schemas inside it.
    pub(crate) fn read(
        value: &Value,
        at: &FieldPath,
        child: Child<'_>,
    ) -> Result<Self, SchemaError> {
        let error = |path: &FieldPath, expected| SchemaError { path: path.clone(), expected };
        let Value::Object(keywords) = value else {
            return Err(error(at, "an object"));
        };
        if at.depth() > MAX_DEPTH {
            return Err(error(at, "nested less deeply"));
        }
        let mut node = SchemaNode::default();
        for (keyword, value) in keywords {
            let here = at.field(keyword.as_str());
            let reader = Reader { value, at: &here };
            match keyword.as_str() {
                "type" => node.ty = Some(reader.ty()?),
                "properties" => {
                    for (name, value) in reader.object()? {
                        let schema = child(value, &here.field(name.as_str()))?;
                        node.properties.insert(name.as_str().into(), schema);
                    }
                }
                "required" => node.required = reader.strings()?,
                "additionalProperties" => {
                    node.additional = Some(match value {
                        Value::Bool(allowed) => Additional::Allowed(*allowed),
                        schema => Additional::Values(child(schema, &here)?),
                    });
                }
                "items" => node.items = Some(child(value, &here)?),
                "format" => node.format = Some(reader.string()?),
                "default" => node.default = Some(value.clone()),
                "enum" => node.enum_values.clone_from(reader.list()?),
                "nullable" => node.nullable = reader.bool()?,
                "description" => node.description = Some(reader.string()?.into()),
                "minimum" => node.minimum = Some(reader.number()?),
                "maximum" => node.maximum = Some(reader.number()?),
                "exclusiveMinimum" => node.exclusive_minimum = reader.bool()?,
                "exclusiveMaximum" => node.exclusive_maximum = reader.bool()?,
                "multipleOf" => node.multiple_of = Some(reader.number()?),
                "minLength" => node.min_length = Some(reader.count()?),
                "maxLength" => node.max_length = Some(reader.count()?),
                "pattern" => node.pattern = Some(reader.string()?),
                "minItems" => node.min_items = Some(reader.count()?),
                "maxItems" => node.max_items = Some(reader.count()?),
                "uniqueItems" => node.unique_items = reader.bool()?,
                "minProperties" => node.min_properties = Some(reader.count()?),
                "maxProperties" => node.max_properties = Some(reader.count()?),
                "allOf" => node.all_of = reader.schemas(child)?,
                "anyOf" => node.any_of = reader.schemas(child)?,
                "oneOf" => node.one_of = reader.schemas(child)?,
                "not" => node.not = Some(child(value, &here)?),
                "x-kubernetes-int-or-string" => node.int_or_string = reader.bool()?,
                "x-kubernetes-preserve-unknown-fields" => {
                    node.preserve_unknown_fields = reader.bool()?;
                }
                "x-kubernetes-embedded-resource" => node.embedded_resource = reader.bool()?,
                "x-kubernetes-list-type" => {
                    node.list_type = Some(match reader.string()?.as_str() {
                        "atomic" => ListType::Atomic,
                        "set" => ListType::Set,
                        "map" => ListType::Map,
                        _ => return Err(error(&here, "`atomic`, `set` or `map`")),
                    });
                }
                "x-kubernetes-list-map-keys" => node.list_map_keys = reader.strings()?,
                "x-kubernetes-map-type" => {
                    node.map_type = Some(match reader.string()?.as_str() {
                        "atomic" => MapType::Atomic,
                        "granular" => MapType::Granular,
                        _ => return Err(error(&here, "`atomic` or `granular`")),
                    });
                }
                "x-kubernetes-validations" => {
                    for (index, value) in reader.list()?.iter().enumerate() {
                        let rule = Reader { value, at: &here.index(index) }.rule()?;
                        node.validations.push(rule);
                    }
                }
                // Client-side merge hints: superseded by the list types and never looked at.
                "x-kubernetes-patch-merge-key" | "x-kubernetes-patch-strategy" => {}
                _ => {
                    node.other.insert(keyword.clone(), value.clone());
                }
            }
        }
        Ok(node.into())
    }

    /// Writes the schema as JSON; what [`Schema::from_json`] reads.
    ///
    /// Keywords at their neutral value are left out. Whole numbers are written as integers.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        let mut put = |keyword: &str, value: Value| {
            out.insert(keyword.to_owned(), value);
        };
        for (keyword, value) in &self.other {
            put(keyword, value.clone());
        }
        if let Some(ty) = self.ty {
            put("type", ty.name().into());
        }
        if !self.properties.is_empty() {
            let properties = self.properties.iter();
            let properties =
                properties.map(|(name, schema)| (String::from(&**name), schema.to_json()));
            put("properties", Value::Object(properties.collect()));
        }
        if !self.required.is_empty() {
            put("required", json!(self.required));
        }
        match &self.additional {
            Some(Additional::Allowed(allowed)) => put("additionalProperties", (*allowed).into()),
            Some(Additional::Values(values)) => put("additionalProperties", values.to_json()),
            None => {}
        }
        if let Some(items) = &self.items {
            put("items", items.to_json());
        }
        if let Some(default) = &self.default {
            put("default", default.clone());
        }
        if !self.enum_values.is_empty() {
            put("enum", json!(self.enum_values));
        }
        let texts = [
            ("format", self.format.as_deref()),
            ("description", self.description.as_deref()),
            ("pattern", self.pattern.as_deref()),
            ("x-kubernetes-list-type", self.list_type.map(ListType::name)),
            ("x-kubernetes-map-type", self.map_type.map(MapType::name)),
        ];
        for (keyword, text) in texts {
            if let Some(text) = text {
                put(keyword, text.into());
            }
        }
        let numbers = [
            ("minimum", self.minimum),
            ("maximum", self.maximum),
            ("multipleOf", self.multiple_of),
        ];
        for (keyword, number) in numbers {
            if let Some(number) = number {
                put(keyword, number_to_json(number));
            }
        }
        let counts = [
            ("minLength", self.min_length),
            ("maxLength", self.max_length),
            ("minItems", self.min_items),
            ("maxItems", self.max_items),
            ("minProperties", self.min_properties),
            ("maxProperties", self.max_properties),
        ];
        for (keyword, count) in counts {
            if let Some(count) = count {
                put(keyword, count.into());
            }
        }
        let flags = [
            ("nullable", self.nullable),
            ("exclusiveMinimum", self.exclusive_minimum),
            ("exclusiveMaximum", self.exclusive_maximum),
            ("uniqueItems", self.unique_items),
            ("x-kubernetes-int-or-string", self.int_or_string),
            ("x-kubernetes-preserve-unknown-fields", self.preserve_unknown_fields),
            ("x-kubernetes-embedded-resource", self.embedded_resource),
        ];
        for (keyword, flag) in flags {
            if flag {
                put(keyword, true.into());
            }
        }
        let lists = [("allOf", &self.all_of), ("anyOf", &self.any_of), ("oneOf", &self.one_of)];
        for (keyword, schemas) in lists {
            if !schemas.is_empty() {
                put(keyword, schemas.iter().map(Self::to_json).collect());
            }
        }
        if let Some(not) = &self.not {
            put("not", not.to_json());
        }
        if !self.list_map_keys.is_empty() {
            put("x-kubernetes-list-map-keys", json!(self.list_map_keys));
        }
        if !self.validations.is_empty() {
            let rules = self.validations.iter().map(ValidationRule::to_json).collect();
            put("x-kubernetes-validations", rules);
        }
        Value::Object(out)
    }
}

/// A float as Go prints it in JSON: whole numbers without a point.
pub(crate) fn number_to_json(number: f64) -> Value {
    /// Up to here every whole float is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within ±2^53")]
        let whole = number as i64;
        whole.into()
    } else {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

impl ListType {
    /// The word that stands for it in a schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Set => "set",
            Self::Map => "map",
        }
    }
}

impl MapType {
    /// The word that stands for it in a schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Granular => "granular",
        }
    }
}

impl ValidationRule {
    fn to_json(&self) -> Value {
        let mut out = Map::from_iter([("rule".to_owned(), Value::from(self.rule.as_str()))]);
        let texts = [
            ("message", &self.message),
            ("messageExpression", &self.message_expression),
            ("reason", &self.reason),
            ("fieldPath", &self.field_path),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                out.insert(key.to_owned(), text.as_str().into());
            }
        }
        if let Some(optional) = self.optional_old_self {
            out.insert("optionalOldSelf".to_owned(), optional.into());
        }
        Value::Object(out)
    }
}

/// The value of one keyword.
struct Reader<'a> {
    value: &'a Value,
    at: &'a FieldPath,
}

impl<'a> Reader<'a> {
    fn error(&self, expected: &'static str) -> SchemaError {
        SchemaError { path: self.at.clone(), expected }
    }

    fn string(&self) -> Result<String, SchemaError> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.error("a string"))
    }

    fn bool(&self) -> Result<bool, SchemaError> {
        self.value.as_bool().ok_or_else(|| self.error("a boolean"))
    }

    fn number(&self) -> Result<f64, SchemaError> {
        self.value.as_f64().ok_or_else(|| self.error("a number"))
    }

    fn count(&self) -> Result<i64, SchemaError> {
        self.value.as_i64().ok_or_else(|| self.error("a whole number"))
    }

    fn list(&self) -> Result<&'a Vec<Value>, SchemaError> {
        self.value.as_array().ok_or_else(|| self.error("a list"))
    }

    fn object(&self) -> Result<&'a Map<String, Value>, SchemaError> {
        self.value.as_object().ok_or_else(|| self.error("an object"))
    }

    fn strings(&self) -> Result<Vec<String>, SchemaError> {
        let strings = self.list()?.iter().map(|value| value.as_str().map(str::to_owned));
        strings.collect::<Option<_>>().ok_or_else(|| self.error("a list of strings"))
    }

    fn schemas(&self, child: Child<'_>) -> Result<Vec<Schema>, SchemaError> {
        let schemas = self.list()?.iter().enumerate();
        schemas.map(|(index, schema)| child(schema, &self.at.index(index))).collect()
    }

    fn ty(&self) -> Result<Type, SchemaError> {
        let expected = "`object`, `array`, `string`, `integer`, `number` or `boolean`";
        self.value.as_str().and_then(Type::from_name).ok_or_else(|| self.error(expected))
    }

    fn rule(&self) -> Result<ValidationRule, SchemaError> {
        let mut rule = ValidationRule::default();
        for (key, value) in self.object()? {
            let field = Reader { value, at: &self.at.field(key.as_str()) };
            match key.as_str() {
                "rule" => rule.rule = field.string()?,
                "message" => rule.message = Some(field.string()?),
                "messageExpression" => rule.message_expression = Some(field.string()?),
                "reason" => rule.reason = Some(field.string()?),
                "fieldPath" => rule.field_path = Some(field.string()?),
                "optionalOldSelf" => rule.optional_old_self = Some(field.bool()?),
                _ => return Err(field.error("a known key of a validation rule")),
            }
        }
        Ok(rule)
    }
}
