//! Whether a value fits a schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use serde_json::Value;

use crate::Additional;
use crate::ListType;
use crate::Schema;
use crate::SchemaNode;
use crate::Type;
use crate::hash::same;
use crate::structural::number_to_json;

mod formats;

/// Everything in which `value` does not fit the schema, by place; paths begin with `at`.
///
/// Follows the API server. Not looked at are fields that the schema does not know (they are
/// pruned: see [`prune`](crate::prune)) and CEL rules. Messages hold no values: an
/// object may be a secret.
#[must_use]
pub fn validate(schema: &Schema, value: &Value, at: &FieldPath) -> Diagnostics {
    let mut validator = Validator { found: Diagnostics::new(), patterns: BTreeMap::new() };
    validator.value(schema, value, at);
    validator.found.sorted()
}

struct Validator {
    found: Diagnostics,
    /// Compiled patterns; `None` for one that does not compile and so refuses nothing.
    patterns: BTreeMap<String, Option<Arc<regex::Regex>>>,
}

impl Validator {
    fn error(&mut self, at: &FieldPath, message: impl Into<String>) {
        self.found.push(Diagnostic::error(Code::InvalidInstance, at, message));
    }

    fn fits(&mut self, schema: &Schema, value: &Value, at: &FieldPath) -> bool {
        let patterns = std::mem::take(&mut self.patterns);
        let mut inner = Self { found: Diagnostics::new(), patterns };
        inner.value(schema, value, at);
        self.patterns = inner.patterns;
        inner.found.is_empty()
    }

    fn value(&mut self, schema: &Schema, value: &Value, at: &FieldPath) {
        if value.is_null() {
            if !schema.nullable && (schema.ty.is_some() || schema.is_int_or_string()) {
                let expected = expected(schema);
                self.error(at, format!("expected {expected}, found null"));
            }
            return;
        }
        if !type_fits(schema, value) {
            let found = Type::of(value).map_or("null", with_article);
            self.error(at, format!("expected {}, found {found}", expected(schema)));
            return;
        }
        if !schema.enum_values.is_empty()
            && !schema.enum_values.iter().any(|allowed| same(allowed, value))
        {
            let allowed: Vec<_> =
                schema.enum_values.iter().map(|value| format!("`{}`", plain(value))).collect();
            self.error(at, format!("expected one of {}", allowed.join(", ")));
        }
        match value {
            Value::Object(fields) => self.object(schema, fields, at),
            Value::Array(items) => self.array(schema, items, at),
            Value::String(text) => self.string(schema, text, at),
            Value::Number(number) => self.number(schema, number, at),
            Value::Bool(_) | Value::Null => {}
        }
        self.combinations(schema, value, at);
    }

    fn object(&mut self, schema: &Schema, fields: &serde_json::Map<String, Value>, at: &FieldPath) {
        let embedded = ["apiVersion", "kind"].into_iter().filter(|_| schema.embedded_resource);
        let mut required: Vec<_> = schema.required.iter().map(String::as_str).collect();
        required.extend(embedded);
        required.sort_unstable();
        required.dedup();
        for name in required {
            if !fields.contains_key(name) {
                self.error(at, format!("required field `{name}` is missing"));
            }
        }
        let counts = (schema.min_properties, schema.max_properties);
        self.count(at, fields.len(), counts, ("field", "fields"));
        for (name, value) in fields {
            match (schema.properties.get(name.as_str()), &schema.additional) {
                (Some(schema), _) | (None, Some(Additional::Values(schema))) => {
                    self.value(schema, value, &at.field(name.as_str()));
                }
                (None, Some(Additional::Allowed(_)) | None) => {}
            }
        }
    }

    fn array(&mut self, schema: &Schema, items: &[Value], at: &FieldPath) {
        self.count(at, items.len(), (schema.min_items, schema.max_items), ("element", "elements"));
        if let Some(schema) = &schema.items {
            for (index, item) in items.iter().enumerate() {
                self.value(schema, item, &at.index(index));
            }
        }
        let keys = schema.list_map_keys.as_slice();
        let key_default = |key: &str| {
            let key = schema.items.as_ref().and_then(|items| items.properties.get(key));
            key.and_then(|key| key.default.as_ref())
        };
        let identity = |item: &Value| -> Value {
            match schema.list_type {
                Some(ListType::Map) => keys
                    .iter()
                    .map(|key| item.get(key).or_else(|| key_default(key)).cloned())
                    .map(Option::unwrap_or_default)
                    .collect(),
                Some(ListType::Set | ListType::Atomic) | None => item.clone(),
            }
        };
        let distinct =
            schema.unique_items || matches!(schema.list_type, Some(ListType::Set | ListType::Map));
        if !distinct {
            return;
        }
        let mut seen = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let hash = crate::ContentHash::of(&identity(item));
            if let Some(first) = seen.insert(hash, index) {
                let what = match schema.list_type {
                    Some(ListType::Map) => format!("has the same {} as", keys.join(" and ")),
                    Some(ListType::Set | ListType::Atomic) | None => "is the same as".to_owned(),
                };
                self.error(&at.index(index), format!("the element {what} element {first}"));
            }
        }
    }

    fn string(&mut self, schema: &Schema, text: &str, at: &FieldPath) {
        let length = text.chars().count();
        let counts = (schema.min_length, schema.max_length);
        self.count(at, length, counts, ("character", "characters"));
        if let Some(pattern) = &schema.pattern {
            let regex = self
                .patterns
                .entry(pattern.clone())
                .or_insert_with(|| crate::pattern::compile(pattern).ok().map(Arc::new));
            if regex.as_ref().is_some_and(|regex| !regex.is_match(text)) {
                self.error(at, format!("expected a text that matches `{pattern}`"));
            }
        }
        if let Some(format) = &schema.format
            && !formats::fits(format, text)
        {
            self.error(at, format!("expected a text in format `{format}`"));
        }
    }

    fn number(&mut self, schema: &SchemaNode, number: &serde_json::Number, at: &FieldPath) {
        let Some(value) = number.as_f64() else { return };
        if let Some(minimum) = schema.minimum {
            let exclusive = schema.exclusive_minimum;
            if value < minimum || (exclusive && value == minimum) {
                let than = if exclusive { "more than" } else { "at least" };
                self.error(at, format!("expected {than} {}", number_to_json(minimum)));
            }
        }
        if let Some(maximum) = schema.maximum {
            let exclusive = schema.exclusive_maximum;
            if value > maximum || (exclusive && value == maximum) {
                let than = if exclusive { "less than" } else { "at most" };
                self.error(at, format!("expected {than} {}", number_to_json(maximum)));
            }
        }
        if let Some(of) = schema.multiple_of
            && of > 0.0
            && (value / of).fract() != 0.0
        {
            self.error(at, format!("expected a multiple of {}", number_to_json(of)));
        }
        if schema.format.as_deref() == Some("int32")
            && number.as_i64().is_none_or(|whole| i32::try_from(whole).is_err())
        {
            self.error(at, "expected an integer of 32 bits");
        }
    }

    fn count(
        &mut self,
        at: &FieldPath,
        count: usize,
        (least, most): (Option<i64>, Option<i64>),
        (one, many): (&str, &str),
    ) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let noun = |bound| if bound == 1 { one } else { many };
        if let Some(least) = least.filter(|least| count < *least) {
            let noun = noun(least);
            self.error(at, format!("expected at least {least} {noun}, found {count}"));
        }
        if let Some(most) = most.filter(|most| count > *most) {
            let noun = noun(most);
            self.error(at, format!("expected at most {most} {noun}, found {count}"));
        }
    }

    fn combinations(&mut self, schema: &Schema, value: &Value, at: &FieldPath) {
        for part in &schema.all_of {
            self.value(part, value, at);
        }
        if !schema.any_of.is_empty() && !schema.any_of.iter().any(|part| self.fits(part, value, at))
        {
            self.error(at, "fits none of the allowed forms (anyOf)");
        }
        if !schema.one_of.is_empty() {
            let fitting = schema.one_of.iter().filter(|part| self.fits(part, value, at)).count();
            if fitting != 1 {
                let message =
                    format!("must fit exactly one of the allowed forms (oneOf), fits {fitting}");
                self.error(at, message);
            }
        }
        if let Some(not) = &schema.not
            && self.fits(not, value, at)
        {
            self.error(at, "has a form that is not allowed (not)");
        }
    }
}

fn type_fits(schema: &SchemaNode, value: &Value) -> bool {
    let is = Type::of(value);
    if schema.is_int_or_string() {
        return matches!(is, Some(Type::Integer | Type::String));
    }
    match schema.ty {
        None => true,
        Some(Type::Number) => matches!(is, Some(Type::Integer | Type::Number)),
        Some(ty) => is == Some(ty),
    }
}

fn expected(schema: &SchemaNode) -> &'static str {
    if schema.is_int_or_string() {
        return "an integer or a string";
    }
    schema.ty.map_or("a value", with_article)
}

fn with_article(ty: Type) -> &'static str {
    match ty {
        Type::Object => "an object",
        Type::Array => "a list",
        Type::String => "a string",
        Type::Integer => "an integer",
        Type::Number => "a number",
        Type::Boolean => "a boolean",
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
