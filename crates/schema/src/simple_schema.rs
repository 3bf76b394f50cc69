//! SimpleSchema: the short form in which definitions declare their API.
//!
//! ```text
//! spec:                                   properties:
//!   name: string | required=true            name: {type: string}
//!   replicas: integer | default=3    ──►    replicas: {type: integer, default: 3}
//!   tags: "map[string]string"               tags: {type: object, additionalProperties: …}
//! ```
//!
//! A field is a text `TYPE` or `TYPE | MARKERS`, or a mapping (a nested structure). Types are
//! `string`, `integer`, `boolean`, `float`, `object`, `[]T`, `map[string]T` and custom names from
//! `types`, which are structures or texts of the same form.

use std::collections::BTreeMap;

use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use diagnostics::Place;
use diagnostics::Segment;
use diagnostics::Severity;
use diagnostics::nearest;
use serde_json::Map;
use serde_json::Value;

use crate::Schema;
use crate::Type;

mod admission;
mod custom_types;
mod defaults;
mod marker_text;
mod markers;
mod rules;
mod type_text;

use type_text::TypeText;

/// Reads the `spec` and the custom `types` of a definition's schema.
///
/// `at` is the path of the mapping that holds both (in a definition `spec.schema`): it begins the
/// places of all diagnostics. A missing `spec` is an object without properties.
///
/// Every mistake is reported. Where a type is wrong the schema allows any value, so that
/// expressions over it cause no further reports.
#[must_use]
pub fn build(spec: Option<&Value>, types: Option<&Value>, at: &FieldPath) -> (Schema, Diagnostics) {
    let mut ctx =
        Ctx { types: BTreeMap::new(), found: Diagnostics::new(), refused: Diagnostics::new() };
    let types_at = at.field("types");
    let types = ctx.mapping(types, &types_at);
    if let Some(types) = types {
        custom_types::build(&mut ctx, types, &types_at);
    }
    let spec_at = at.field("spec");
    let schema = match ctx.mapping(spec, &spec_at) {
        Some(fields) => ctx.structure(fields, &spec_at).schema.unwrap_or_else(Schema::any),
        None => Schema::of(Type::Object),
    };
    let used = types.map(|types| custom_types::used(types, spec)).unwrap_or_default();
    let unused = |path: &FieldPath| {
        let name = path.segments().into_iter().nth(types_at.depth());
        let name = name.filter(|_| path.starts_with(&types_at));
        matches!(name, Some(Segment::Field(name)) if !used.contains(&**name))
    };
    for refused in &ctx.refused {
        let mut diagnostic = refused.clone();
        // No API server sees a type that no field has.
        if unused(&diagnostic.place.path) {
            diagnostic.severity = Severity::Warning;
        }
        ctx.found.push(diagnostic);
    }
    (schema, ctx.found.sorted())
}

/// What has been read so far.
struct Ctx {
    /// The custom types that are complete.
    types: BTreeMap<String, Built>,
    found: Diagnostics,
    /// What only an API server would refuse.
    refused: Diagnostics,
}

/// A field or a custom type that was read.
#[derive(Clone)]
struct Built {
    /// Its schema; `None` if it has none because of a mistake that is already reported.
    schema: Option<Schema>,
    /// How often it was declared required.
    required: usize,
    /// How many schemas it holds when written out.
    size: usize,
}

impl Built {
    const BROKEN: Self = Self { schema: None, required: 0, size: 1 };

    fn new(schema: Schema, size: usize) -> Self {
        Self { schema: Some(schema), required: 0, size }
    }

    /// A schema around this one. What is required of a field is not required of the elements
    /// that use its type.
    fn wrap(self, wrapper: fn(Schema) -> Schema) -> Self {
        Self { schema: self.schema.map(wrapper), required: 0, size: self.size.saturating_add(1) }
    }
}

/// How many schemas a definition may hold when all types are written out. The API server takes
/// no CRD of half that size.
const MAX_SIZE: usize = 50_000;

impl Ctx {
    fn error(&mut self, code: Code, place: impl Into<Place>, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, place, message));
    }

    fn mapping<'a>(
        &mut self,
        value: Option<&'a Value>,
        at: &FieldPath,
    ) -> Option<&'a Map<String, Value>> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(fields)) => Some(fields),
            Some(other) => {
                let message = format!("expected a mapping of fields, found {}", describe(other));
                self.error(Code::UnexpectedSchemaValue, at, message);
                None
            }
        }
    }

    fn structure(&mut self, fields: &Map<String, Value>, at: &FieldPath) -> Built {
        let mut schema = Schema::of(Type::Object);
        let mut size: usize = 1;
        let node = schema.make_mut();
        for (name, value) in fields {
            let field = self.field(value, &at.field(name.as_str()));
            size = size.saturating_add(field.size);
            node.required.extend(std::iter::repeat_n(name.clone(), field.required));
            let schema = field.schema.unwrap_or_else(Schema::any);
            node.properties.insert(name.as_str().into(), schema);
        }
        node.required.sort();
        let defaulted = node.properties.values().any(|property| property.default.is_some());
        if node.required.is_empty() && defaulted {
            node.default = Some(Value::Object(Map::new()));
        }
        if size > MAX_SIZE {
            let message = format!("expected at most {MAX_SIZE} fields with all types written out");
            self.error(Code::SchemaTooLarge, at, message);
            return Built::BROKEN;
        }
        Built::new(schema, size)
    }

    /// Reads a field or a custom type: both are written the same way.
    fn field(&mut self, value: &Value, at: &FieldPath) -> Built {
        match value {
            Value::String(text) => self.declaration(text, at),
            Value::Object(fields) => self.structure(fields, at),
            other => {
                let message =
                    format!("expected a type or a mapping of fields, found {}", describe(other));
                self.error(Code::UnexpectedSchemaValue, at, message);
                Built::BROKEN
            }
        }
    }

    /// `TYPE` or `TYPE | MARKERS`.
    fn declaration(&mut self, text: &str, at: &FieldPath) -> Built {
        let (ty, rest) = text.split_once('|').map_or((text, None), |(ty, rest)| (ty, Some(rest)));
        let mut built = match TypeText::read(ty) {
            Ok(ty) => self.resolve(&ty, at),
            Err(error) => {
                let place = Place::inside(at.clone(), error.range);
                self.error(error.code, place, error.message);
                Built::BROKEN
            }
        };
        let Some(rest) = rest else { return built };
        let (texts, error) = marker_text::read(rest, ty.len() + 1);
        let before = self.found.len();
        markers::apply(&mut built, &texts, at, &mut self.found);
        // What is wrong with a marker by itself needs no second report in other words.
        if let Some(schema) = built.schema.as_ref().filter(|_| self.found.len() == before) {
            admission::check(schema, &texts, at, &mut self.refused);
            rules::check(schema, &texts, at, &mut self.refused);
        }
        if let Some(error) = error {
            let place = Place::inside(at.clone(), error.range);
            let diagnostic = Diagnostic::error(Code::InvalidMarkerSyntax, place, error.message);
            self.found.push(match error.help {
                Some(help) => diagnostic.with_help(help),
                None => diagnostic,
            });
        }
        built
    }

    fn resolve(&mut self, ty: &TypeText<'_>, at: &FieldPath) -> Built {
        match ty {
            TypeText::Scalar(ty) => Built::new(Schema::of(*ty), 1),
            TypeText::Object => Built::new(Schema::free_object(), 1),
            TypeText::List(element) => self.resolve(element, at).wrap(Schema::array),
            TypeText::Map(values) => self.resolve(values, at).wrap(Schema::map),
            TypeText::Custom { name, start } => match self.types.get(*name) {
                Some(built) => built.clone(),
                None => {
                    let place = Place::inside(at.clone(), *start..*start + name.len());
                    self.unknown_type(name, place);
                    Built::BROKEN
                }
            },
        }
    }

    fn unknown_type(&mut self, name: &str, place: Place) {
        let custom = self.types.keys().map(String::as_str);
        let known = type_text::BUILT_IN.iter().copied().chain(custom);
        let help = match (type_text::other_name(name), nearest(name, known)) {
            (Some(other), _) | (None, Some(other)) => format!("did you mean `{other}`?"),
            (None, None) => "types are `string`, `integer`, `boolean`, `float`, `object`, `[]T`, \
                             `map[string]T` and the names under `types`"
                .to_owned(),
        };
        let message = format!("unknown type `{name}`");
        self.found.push(Diagnostic::error(Code::UnknownType, place, message).with_help(help));
    }
}

/// What a value is, for messages.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
