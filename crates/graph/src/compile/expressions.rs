//! Compiles expressions against the schemas of what they read.

use crate::expression::{Expression, InstanceAccess, ReadPath};
use crate::language::{Text, fits};
use crate::node::{Kind, NodeId};
use crate::scope::SCHEMA;
use crate::template::Template;
use cel::{Env, EnvBuilder, Library, Type, library};
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place};
use schema::{Schema, infer};
use serde_json::Value;
use std::collections::BTreeMap;

/// The environment of one definition.
pub(super) struct Compiler {
    env: Env,
    /// Position of each resource.
    ids: BTreeMap<String, NodeId>,
}

/// The source of one expression, and where it stands in the scalar of the definition.
struct Source {
    /// What the definition says, for messages.
    shown: String,
    text: Text,
}

/// Where in a template an expression stands.
pub(super) struct Target<'a> {
    /// The resource.
    pub(super) reader: NodeId,
    /// Its name.
    pub(super) id: &'a str,
    /// Its kind.
    pub(super) kind: &'a Kind,
    /// The field, from the object's root.
    pub(super) path: FieldPath,
    /// The schema of the field; `None` where anything goes.
    pub(super) schema: Option<&'a Schema>,
}

/// What expressions can use so far: omit() needs a feature gate, and author conditions are not
/// supported yet.
fn environment() -> EnvBuilder {
    let refused: [&Library; 2] = [&library::OMIT, &library::CONDITIONS];
    let libraries =
        library::KRO.iter().filter(|known| !refused.iter().any(|not| std::ptr::eq(**known, *not)));
    let env = Env::builder().options(|options| options.clone_from(Env::kro().options()));
    libraries.fold(env, |env, library| env.library(library))
}

/// A checked expression with its type.
struct Checked {
    expression: Expression,
    ty: Type,
}

// === impl Source ===

impl Source {
    /// The expression in a scalar; `None` for plain text.
    fn of(scalar: &str) -> Option<Self> {
        let text = Text::read(scalar).ok().flatten()?;
        let shown = if text.is_standalone() { text.cel() } else { scalar }.to_owned();
        Some(Self { shown, text })
    }

    /// The place of a span of the expression.
    fn place(&self, at: &FieldPath, span: cel::Span) -> Place {
        match self.text.in_string(span.start as usize..span.end as usize) {
            Some(range) => Place::inside(at.clone(), range),
            None => Place::value(at.clone()),
        }
    }
}

// === impl Compiler ===

impl Compiler {
    /// An environment with these variables; nothing is known about one without a schema.
    pub(super) fn new<'a>(
        ids: BTreeMap<String, NodeId>,
        variables: impl IntoIterator<Item = (&'a str, Option<&'a Schema>)>,
    ) -> Self {
        let declare = |env: EnvBuilder, (name, schema): (&str, Option<&Schema>)| match schema {
            Some(schema) => infer::declare(env, name, schema),
            None => env.variable(name, Type::Dyn),
        };
        let env = variables.into_iter().fold(environment(), declare);
        let env =
            env.build().expect("invariant: the libraries and the types of schemas are well-formed");
        Self { env, ids }
    }

    /// The expression of a string in a template that has one.
    pub(super) fn template(
        &self,
        found: &mut Diagnostics,
        scalar: &str,
        target: &Target<'_>,
        at: &FieldPath,
    ) -> Option<Expression> {
        let source = Source::of(scalar)?;
        let standalone = source.text.is_standalone();
        let checked = self.check(found, &source, at)?;
        if checked.expression.nodes.contains(&target.reader) {
            let message = "a template can't read its own resource: self references are not allowed";
            found.push(Diagnostic::error(Code::SelfReference, at, message));
            return None;
        }
        let expected = match target.schema {
            _ if !standalone => Type::String,
            Some(_) => infer::target_type(&target.kind.schema, target.id, &target.path),
            None => Type::Dyn,
        };
        if !fits(&expected, &checked.ty, &self.env) {
            let message = format!(
                "type mismatch: `{}` expects {expected}, the expression `{}` gives {}",
                at, source.shown, checked.ty
            );
            let code = if standalone { Code::TypeMismatch } else { Code::TemplateTextType };
            let range = 0..scalar.len();
            found.push(Diagnostic::error(code, Place::inside(at.clone(), range), message));
            return None;
        }
        Some(checked.expression)
    }

    /// Conditions: standalone expressions of a boolean, which read only resources that `may` allows.
    pub(super) fn conditions(
        &self,
        found: &mut Diagnostics,
        list: &[String],
        at: &FieldPath,
        may: impl Fn(NodeId) -> bool,
    ) -> Vec<Expression> {
        let compiled = list.iter().enumerate().map(|(index, scalar)| {
            let at = at.index(index);
            let source = match Source::of(scalar) {
                Some(source) if source.text.is_standalone() => source,
                Some(_) | None => {
                    let message =
                        format!("`{scalar}`: only standalone expressions are allowed here");
                    found.push(Diagnostic::error(Code::NotStandalone, &at, message));
                    return None;
                }
            };
            let checked = self.check(found, &source, &at)?;
            let boolean = match &checked.ty {
                Type::Bool => true,
                Type::Optional(inner) => **inner == Type::Bool,
                _ => false,
            };
            if !boolean {
                let message =
                    format!("a condition must be a bool, `{scalar}` gives {}", checked.ty);
                found.push(Diagnostic::error(Code::ConditionType, &at, message));
            }
            if let Some(wrong) = checked.expression.nodes.iter().find(|node| !may(**node)) {
                let name =
                    self.ids.iter().find(|(_, id)| *id == wrong).map_or("", |(name, _)| name);
                let message = format!("the condition must not read `{name}`");
                found.push(Diagnostic::error(Code::ConditionScope, &at, message));
            }
            Some(checked.expression)
        });
        compiled.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// A field of the declared status, and its schema.
    pub(super) fn status_field(
        &self,
        found: &mut Diagnostics,
        value: &Value,
        at: &FieldPath,
    ) -> Option<(Template, Schema)> {
        match value {
            Value::String(scalar) => {
                let Some(source) = Source::of(scalar) else {
                    let message =
                        format!("status fields without expressions are not supported: `{at}`");
                    found.push(Diagnostic::error(Code::StatusWithoutExpression, at, message));
                    return None;
                };
                let checked = self.check(found, &source, at)?;
                let standalone = source.text.is_standalone();
                if !standalone && !matches!(checked.ty, Type::String | Type::Dyn) {
                    let message =
                        format!("a text with expressions must be a string, this is {}", checked.ty);
                    found.push(Diagnostic::error(Code::TemplateTextType, at, message));
                    return None;
                }
                if checked.expression.nodes.is_empty() && !checked.expression.reads_instance() {
                    let message = "instance status field must refer to a resource or schema";
                    found.push(Diagnostic::error(Code::StatusScope, at, message));
                    return None;
                }
                let schema = infer::schema_of(&checked.ty, &self.env);
                Some((Template::Expression(Box::new(checked.expression)), schema))
            }
            Value::Object(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .filter_map(|(key, value)| {
                        let (template, schema) =
                            self.status_field(found, value, &at.field(key.as_str()))?;
                        Some((key, template, schema))
                    })
                    .collect();
                let schema = Schema::object(
                    fields.iter().map(|(key, _, schema)| (key.as_str(), schema.clone())),
                );
                let fields =
                    fields.into_iter().map(|(key, field, _)| (key.clone(), field)).collect();
                Some((Template::Object(fields), schema))
            }
            Value::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.status_field(found, item, &at.index(index)))
                    .collect();
                let element = items.first().map_or_else(Schema::any, |(_, schema)| schema.clone());
                let items = items.into_iter().map(|(item, _)| item).collect();
                Some((Template::List(items), Schema::array(element)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                let message =
                    format!("status fields without expressions are not supported: `{at}`");
                found.push(Diagnostic::error(Code::StatusWithoutExpression, at, message));
                None
            }
        }
    }

    fn check(&self, found: &mut Diagnostics, source: &Source, at: &FieldPath) -> Option<Checked> {
        let mut report = |mistakes: Vec<cel::Mistake>| {
            for mistake in mistakes {
                let place = source.place(at, mistake.span);
                let mut diagnostic = Diagnostic::error(code(&mistake), place, mistake.to_string());
                diagnostic.help =
                    mistake.suggestion().map(|near| format!("did you mean `{near}`?"));
                found.push(diagnostic);
            }
        };
        let checked = self.env.compile(source.text.cel()).map_err(&mut report).ok()?;
        let program = cel::Program::new(&checked).map_err(&mut report).ok()?;
        let paths: Vec<ReadPath> = checked.reads().iter().map(ReadPath::of).collect();
        let mut nodes: Vec<NodeId> =
            paths.iter().filter_map(|path| self.ids.get(&path.root)).copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        let expression = Expression {
            source: source.shown.clone(),
            path: at.clone(),
            program,
            nodes,
            variables: Vec::new(),
            instance: match paths.iter().any(|path| path.root == SCHEMA) {
                true => InstanceAccess::Declared,
                false => InstanceAccess::None,
            },
            standalone: true,
            paths,
        };
        Some(Checked { expression, ty: checked.result_type().clone() })
    }
}

/// The code of a mistake in an expression.
fn code(mistake: &cel::Mistake) -> Code {
    use cel::MistakeKind as Kind;
    match &mistake.kind {
        Kind::UndeclaredReference { function: true, .. } => Code::UnknownFunction,
        Kind::UndeclaredReference { function: false, .. } => Code::UnknownIdentifier,
        Kind::UndefinedField { .. } => Code::UnknownSelection,
        _ if mistake.phase() == cel::Phase::Parse => Code::InvalidExpression,
        _ => Code::ExpressionType,
    }
}
