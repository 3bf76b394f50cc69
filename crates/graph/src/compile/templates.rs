//! Walks a template along the schema of its kind.

use crate::compile::expressions::{Compiler, Target};
use crate::language::Text;
use crate::names::reserved_prefix;
use crate::node::{Kind, NodeId};
use crate::rgd::Scope;
use crate::template::Template;
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place, nearest};
use schema::{Additional, Schema, Type};
use serde_json::Value;

/// A walk through the template of the resource `reader`.
pub(super) struct Walk<'a> {
    pub(super) compiler: &'a Compiler,
    pub(super) found: &'a mut Diagnostics,
    pub(super) kind: &'a Kind,
    pub(super) reader: NodeId,
    pub(super) id: &'a str,
    /// How deep the template stands in the definition.
    pub(super) depth: usize,
}

/// What only metadata of a template must obey.
pub(super) fn check_metadata(
    template: &Value,
    kind: &Kind,
    scope: Scope,
    id: &str,
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    let at = at.field("metadata");
    let metadata = &template["metadata"];
    for (field, what) in [("labels", "label"), ("annotations", "annotation")] {
        for key in metadata[field].as_object().into_iter().flat_map(|map| map.keys()) {
            if let Some(prefix) = reserved_prefix(key) {
                let message = format!(
                    "invalid {what} `{key}` for resource `{id}`: {field} with prefix `{prefix}` are reserved for internal use"
                );
                let place = Place::key(at.field(field).field(key.as_str()));
                found.push(Diagnostic::error(Code::ReservedMetadata, place, message));
            }
        }
    }
    let namespace = metadata.get("namespace");
    if !kind.namespaced && namespace.is_some() {
        let message =
            format!("`{}` is cluster-scoped: it must not set `metadata.namespace`", kind.gvk.kind);
        let place = at.field("namespace");
        found.push(Diagnostic::error(Code::NamespaceNotAllowed, place, message));
    }
    let blank = namespace.and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    if kind.namespaced && scope == Scope::Cluster && blank {
        let message = format!(
            "`{}` is namespaced and instances are cluster-scoped: `metadata.namespace` must be set",
            kind.gvk.kind
        );
        found.push(Diagnostic::error(Code::NamespaceRequired, &at, message));
    }
}

/// A field that `key` was probably meant to be: a near name here, or a field below one of
/// this object's fields whose name starts alike.
fn alternative(schema: &Schema, key: &str) -> Option<String> {
    let related = schema.properties.iter().find_map(|(name, field)| {
        let stem = key.trim_end_matches('s');
        let alike = stem.len() > 2 && name.starts_with(stem);
        let inner = field.properties.keys().find(|inner| inner.starts_with(stem))?;
        alike.then(|| format!("{name}.{inner}"))
    });
    let near = nearest(key, schema.properties.keys().map(|name| &**name)).map(str::to_owned);
    related.or(near).map(|name| format!("did you mean `{name}`?"))
}

/// The part of a path below its first `depth` segments.
fn inside(at: &FieldPath, depth: usize) -> FieldPath {
    let segments = at.segments().into_iter().skip(depth);
    segments.fold(FieldPath::root(), |path, segment| path.child(segment.clone()))
}

// === impl Walk ===

impl Walk<'_> {
    /// The template of `value`, which stands where `schema` (`None`: anything) is expected.
    pub(super) fn value(
        &mut self,
        value: &Value,
        schema: Option<&Schema>,
        at: &FieldPath,
    ) -> Template {
        match value {
            Value::String(text) => self.text(text, schema, at),
            Value::Object(fields) => {
                self.literal(value, schema, at);
                let fields: Vec<(String, Template)> = fields
                    .iter()
                    .map(|(key, value)| {
                        let at = at.field(key.as_str());
                        let field = self.field(schema, key, &at);
                        (key.clone(), self.value(value, field.as_ref(), &at))
                    })
                    .collect();
                if fields.iter().all(|(_, field)| matches!(field, Template::Literal(_))) {
                    return Template::Literal(value.clone());
                }
                Template::Object(fields.into_iter().collect())
            }
            Value::Array(items) => {
                self.literal(value, schema, at);
                let item_schema = schema.and_then(|schema| schema.items.clone());
                let items: Vec<Template> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.value(item, item_schema.as_ref(), &at.index(index)))
                    .collect();
                if items.iter().all(|item| matches!(item, Template::Literal(_))) {
                    return Template::Literal(value.clone());
                }
                Template::List(items)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.literal(value, schema, at);
                Template::Literal(value.clone())
            }
        }
    }

    fn text(&mut self, text: &str, schema: Option<&Schema>, at: &FieldPath) -> Template {
        let plain = || Template::Literal(text.into());
        match Text::read(text) {
            Ok(None) => {
                if text.contains("${") {
                    let message = "`${` is not closed: the text is taken as it stands";
                    let place = Place::value(at.clone());
                    self.found.push(Diagnostic::warning(
                        Code::UnterminatedExpression,
                        place,
                        message,
                    ));
                }
                self.literal(&text.into(), schema, at);
                plain()
            }
            Ok(Some(_)) => {
                let path = inside(at, self.depth);
                let Self { kind, reader, id, .. } = *self;
                let target = Target { reader, id, kind, path, schema };
                let compiled = self.compiler.template(self.found, text, &target, at);
                compiled.map_or_else(plain, |expression| Template::Expression(Box::new(expression)))
            }
            Err(nested) => {
                let message = "an expression must not contain another `${`";
                let place = Place::inside(at.clone(), nested.offset..nested.offset + 2);
                self.found.push(Diagnostic::error(Code::NestedExpression, place, message));
                plain()
            }
        }
    }

    /// The schema of the field `key`. A field that does not exist is reported.
    fn field(&mut self, schema: Option<&Schema>, key: &str, at: &FieldPath) -> Option<Schema> {
        let schema = schema?;
        if let Some(field) = schema.field(key) {
            return Some(field.clone());
        }
        let closed = schema.ty == Some(Type::Object)
            && !schema.preserve_unknown_fields
            && !matches!(schema.additional, Some(Additional::Allowed(true)))
            && !schema.embedded_resource;
        if closed {
            let kind = &self.kind.gvk;
            let message = format!("schema not found for field `{key}`: `{kind}` has no such field");
            let mut diagnostic =
                Diagnostic::error(Code::UnknownField, Place::key(at.clone()), message);
            diagnostic.help = alternative(schema, key);
            self.found.push(diagnostic);
        }
        None
    }

    /// Whether a literal has the type of its field; null always has.
    fn literal(&mut self, value: &Value, schema: Option<&Schema>, at: &FieldPath) {
        let (Some(schema), Some(actual)) = (schema, Type::of(value)) else { return };
        let Some(expected) = schema.ty else { return };
        let fits = expected == actual
            || (expected == Type::Number && actual == Type::Integer)
            || (schema.is_int_or_string() && matches!(actual, Type::Integer | Type::String))
            || schema.preserve_unknown_fields && expected == Type::Object;
        if !fits {
            let message =
                format!("expected {} type for path `{at}`, got {}", expected.name(), actual.name());
            self.found.push(Diagnostic::error(Code::WrongLiteralType, at, message));
        }
    }
}
