//! Walks a template along the schema of its kind.

use crate::compile::expressions::{Compiler, Role, below};
use crate::compile::source::Source;
use crate::language::{plain, show_type};

use crate::expression::Expression;
use crate::language::mismatch;
use crate::node::Kind;
use crate::template::Template;
use cel::{Env, Type as CelType};
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place, nearest};
use schema::{Schema, SchemaNode, Type, infer};
use serde_json::Value;

/// A walk through the template of a resource.
pub(super) struct Walk<'a> {
    pub(super) compiler: &'a Compiler<'a>,
    pub(super) found: &'a mut Diagnostics,
    /// With the iterators of the resource.
    pub(super) env: &'a Env,
    pub(super) role: Role,
    pub(super) id: &'a str,
    pub(super) kind: &'a Kind,
    /// How deep the template stands in the definition.
    pub(super) depth: usize,
    /// Whether objects in the template are compared with what the kind expects. In collections
    /// the reference does not: there a difference is only a warning.
    pub(super) loose: bool,
}

/// What the schema of a field says about its value.
#[derive(Clone, Copy)]
pub(super) enum Slot<'a> {
    /// It has this schema.
    Schema(&'a Schema),
    /// Anything goes.
    Any,
    /// Only text without expressions: what the API server would make of them is not known here.
    Literal,
}

/// The types of literals that a field takes; `None` for any.
fn literal_types(schema: &SchemaNode) -> Option<Vec<Type>> {
    if schema.preserve_unknown_fields {
        return None;
    }
    if schema.is_int_or_string() {
        return Some(vec![Type::Integer, Type::String]);
    }
    for alternatives in [&schema.one_of, &schema.any_of] {
        let mut types = Vec::new();
        for alternative in alternatives {
            let structural = !alternative.required.is_empty() || alternative.not.is_some();
            types.extend(structural.then_some(Type::Object));
            types.extend(alternative.ty);
        }
        if !types.is_empty() {
            types.sort_unstable();
            types.dedup();
            return Some(types);
        }
    }
    schema.ty.map(|ty| vec![ty])
}

/// A field that `key` was probably meant to be: a field below one of this object's fields whose
/// name starts alike, or a near name here.
fn alternative(schema: &Schema, key: &str) -> Option<String> {
    let stem = key.trim_end_matches('s');
    let related = schema.properties.iter().find_map(|(name, field)| {
        let alike = stem.len() > 2 && name.starts_with(stem) && &**name != key;
        let inner = field.properties.keys().find(|inner| inner.starts_with(stem))?;
        alike.then(|| format!("{name}.{inner}"))
    });
    let near = nearest(key, schema.properties.keys().map(|name| &**name)).map(str::to_owned);
    related.or(near)
}

/// The type with object types that no environment knows: everything fits those.
fn without_objects(ty: &CelType) -> CelType {
    match ty {
        CelType::Object(_) => CelType::object(""),
        CelType::List(element) => CelType::list(without_objects(element)),
        CelType::Map(entry) => CelType::map(entry.0.clone(), without_objects(&entry.1)),
        ty => ty.clone(),
    }
}

// === impl Walk ===

impl Walk<'_> {
    /// The template of `value`, which stands in `slot`.
    pub(super) fn value(&mut self, value: &Value, slot: Slot<'_>, at: &FieldPath) -> Template {
        match value {
            Value::String(text) => self.text(text, slot, at),
            Value::Object(fields) => {
                self.literal(value, slot, at);
                let fields: Vec<(String, Template)> = fields
                    .iter()
                    .map(|(key, value)| {
                        let at = at.field(key.as_str());
                        let field = self.field(slot, key, &at);
                        (key.clone(), self.value(value, field, &at))
                    })
                    .collect();
                if fields.iter().all(|(_, field)| matches!(field, Template::Literal(_))) {
                    return Template::Literal(value.clone());
                }
                Template::Object(fields.into_iter().collect())
            }
            Value::Array(items) => {
                self.literal(value, slot, at);
                let inner = match slot {
                    Slot::Schema(schema) => schema.items.as_ref().map_or(Slot::Any, Slot::Schema),
                    Slot::Any => Slot::Any,
                    Slot::Literal => Slot::Literal,
                };
                let items: Vec<Template> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.value(item, inner, &at.index(index)))
                    .collect();
                if items.iter().all(|item| matches!(item, Template::Literal(_))) {
                    return Template::Literal(value.clone());
                }
                Template::List(items)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.literal(value, slot, at);
                Template::Literal(value.clone())
            }
        }
    }

    fn text(&mut self, text: &str, slot: Slot<'_>, at: &FieldPath) -> Template {
        match Source::of(text, at) {
            Ok(None) => {
                if text.contains("${") {
                    let message = "`${` is not closed: the text is taken as it stands";
                    let open = text.find("${").unwrap_or(0);
                    let place = Place::inside(at.clone(), open..text.len());
                    let diagnostic =
                        Diagnostic::warning(Code::UnterminatedExpression, place, message);
                    self.found.push(diagnostic);
                }
                self.literal(&text.into(), slot, at);
            }
            Ok(Some(source)) => {
                if let Some(expression) = self.expression(&source, slot, at) {
                    return Template::Expression(Box::new(expression));
                }
            }
            Err(nested) => self.found.push(*nested),
        }
        Template::Literal(text.into())
    }

    fn expression(
        &mut self,
        source: &Source,
        slot: Slot<'_>,
        at: &FieldPath,
    ) -> Option<Expression> {
        if let Slot::Literal = slot {
            let message =
                "expressions in a CustomResourceDefinition are only supported in its metadata";
            let place = source.everywhere();
            self.found.push(Diagnostic::error(Code::ExpressionNotAllowed, place, message));
            return None;
        }
        if !source.is_standalone() && !self.takes_text(slot, at) {
            return None;
        }
        let path = below(at, self.depth);
        self.check_identity(source, &path);
        let checked = self.compiler.check(self.found, source, self.role, self.env)?;
        let schema = match slot {
            Slot::Schema(schema) => Some(schema),
            Slot::Any | Slot::Literal => None,
        };
        let expected = match schema {
            _ if !source.is_standalone() => CelType::String,
            Some(_) => infer::target_type(&self.kind.schema, self.id, &path),
            None => CelType::Dyn,
        };
        let open = source.is_standalone() && schema.is_some_and(|schema| schema.takes_any_key());
        if let Some(why) = mismatch(&expected, &checked.ty, self.env).filter(|_| !open) {
            let diagnostic = self.type_mismatch(source, &path, &expected, &checked.ty, &why);
            let loose = without_objects(&expected);
            if self.loose && mismatch(&loose, &checked.ty, self.env).is_none() {
                let mut warning = diagnostic;
                warning.severity = diagnostics::Severity::Warning;
                self.found.push(warning);
            } else {
                self.found.push(diagnostic);
                return None;
            }
        }
        Some(checked.expression)
    }

    /// Whether a text may stand in the slot; reported if not.
    fn takes_text(&mut self, slot: Slot<'_>, at: &FieldPath) -> bool {
        let before = self.found.errors().count();
        self.literal(&Value::String(String::new()), slot, at);
        self.found.errors().count() == before
    }

    fn type_mismatch(
        &self,
        source: &Source,
        path: &FieldPath,
        expected: &CelType,
        found: &CelType,
        why: &str,
    ) -> Diagnostic {
        let (expected, found) = (show_type(expected), show_type(found));
        let kind = &self.kind.gvk;
        let code = if source.is_standalone() { Code::TypeMismatch } else { Code::TemplateTextType };
        let mut message =
            format!("type mismatch: `{path}` of `{kind}` expects `{expected}`, found `{found}`");
        let why = plain(why);
        if why != format!("expected `{expected}`, found `{found}`") {
            message = format!("{message}: {why}");
        }
        let mut diagnostic = Diagnostic::error(code, source.everywhere(), message);
        diagnostic.help = match (expected.as_str(), found.as_str()) {
            ("string", "int" | "uint" | "double" | "bool" | "google.protobuf.Timestamp") => {
                Some(format!("convert it: `string({})`", source.shown))
            }
            ("string", "bytes") => Some(format!("decode it: `string({})`", source.shown)),
            ("int", "string" | "double") => Some(format!("convert it: `int({})`", source.shown)),
            ("double", "string" | "int") => Some(format!("convert it: `double({})`", source.shown)),
            ("bytes", "string") => Some(format!("convert it: `bytes({})`", source.shown)),
            (_, "null_type") => Some("leave the field out instead".to_owned()),
            _ => None,
        }
        .filter(|_| source.is_standalone());
        diagnostic
    }

    /// `omit()` can't remove what makes an object itself.
    fn check_identity(&mut self, source: &Source, path: &FieldPath) {
        let is = |field: &str| *path == FieldPath::root().field("metadata").field(field);
        let required = is("name")
            || (is("namespace") && self.kind.namespaced && self.compiler.cluster_scoped());
        if !required || !self.compiler.omit_enabled() {
            return;
        }
        let (Some(ast), _) = self.env.parse(source.text.cel()) else { return };
        for call in crate::compile::expressions::calls(&ast, "omit") {
            let message = format!(
                "resource `{}`: `omit()` cannot be used at `{path}`: the field must have a value",
                self.id
            );
            let place = source.place(ast.span(call));
            self.found.push(Diagnostic::error(Code::FunctionNotAllowed, place, message));
        }
    }

    /// What is known about the field `key`. A field that does not exist is reported.
    fn field<'s>(&mut self, slot: Slot<'s>, key: &str, at: &FieldPath) -> Slot<'s> {
        let schema = match slot {
            Slot::Schema(schema) => schema,
            Slot::Any => return Slot::Any,
            Slot::Literal => return Slot::Literal,
        };
        if let Some(field) = schema.field(key) {
            return Slot::Schema(field);
        }
        let closed =
            schema.ty == Some(Type::Object) && !schema.takes_any_key() && !schema.embedded_resource;
        if closed {
            let path = below(at, self.depth);
            let parent = path.parent().filter(|parent| !parent.is_root());
            let kind = &self.kind.gvk;
            let owner = match parent {
                Some(parent) => format!("`{parent}` of `{kind}`"),
                None => format!("`{kind}`"),
            };
            let message = format!("schema not found for field `{key}`: {owner} has no such field");
            let mut diagnostic =
                Diagnostic::error(Code::UnknownField, Place::key(at.clone()), message);
            diagnostic.help = alternative(schema, key).map(|near| {
                let near = match parent {
                    Some(parent) => format!("{parent}.{near}"),
                    None => near,
                };
                format!("did you mean `{near}`?")
            });
            self.found.push(diagnostic);
        }
        Slot::Any
    }

    /// Whether a literal has the type of its field; null always has.
    fn literal(&mut self, value: &Value, slot: Slot<'_>, at: &FieldPath) {
        let Slot::Schema(schema) = slot else { return };
        let (Some(actual), Some(expected)) = (Type::of(value), literal_types(schema)) else {
            return;
        };
        let fits = expected.iter().any(|&expected| {
            expected == actual || (expected == Type::Number && actual == Type::Integer)
        });
        let free = actual == Type::Object && schema.additional.is_some();
        if !fits && !free {
            let names: Vec<&str> = expected.iter().map(|ty| ty.name()).collect();
            let (path, kind) = (below(at, self.depth), &self.kind.gvk);
            let message = format!(
                "expected {} type for path `{path}` of `{kind}`, got {}",
                names.join(" or "),
                actual.name()
            );
            self.found.push(Diagnostic::error(Code::WrongLiteralType, at, message));
        }
    }
}
