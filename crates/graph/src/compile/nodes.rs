//! One resource: what it is repeated over, its template, and its conditions.

use crate::compile::expressions::{Checked, Compiler, Role};
use crate::compile::resources::{Form, Resource};
use crate::compile::source::Source;
use crate::compile::templates::{Slot, Walk};
use crate::expression::Expression;
use crate::language::show_type;
use crate::node::{Dimension, External, ExternalTarget, Kind, Node, Source as NodeSource};
use crate::reads::ReadPaths;
use crate::scope::EACH;
use crate::template::Template;
use cel::{Env, Type};
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Compiles one resource, without edges and order. Everything about it is checked even if
/// something is wrong; the node is of use only if nothing was reported.
pub(super) fn compile(
    compiler: &Compiler<'_>,
    resource: &Resource<'_>,
    found: &mut Diagnostics,
) -> Option<Node> {
    let (id, node) = (resource.spec.id.as_str(), resource.node);
    let mut for_each = Vec::new();
    let mut iterators: Vec<(&str, Type)> = Vec::new();
    for dimension in &resource.dimensions {
        let items = match Source::standalone(dimension.items, &dimension.at) {
            Ok(source) => compiler.check(found, &source, Role::Dimension(node), &compiler.env).map(
                |checked| {
                    let element = element_type(&checked, &source, dimension.name, found);
                    (checked.expression, element)
                },
            ),
            Err(diagnostic) => {
                found.push(*diagnostic);
                None
            }
        };
        let element = items.as_ref().map_or(Type::Dyn, |(_, element)| element.clone());
        iterators.push((dimension.name, element));
        let name = dimension.name.to_owned();
        for_each.extend(items.map(|(items, _)| Dimension { name, items }));
    }
    let iterating = (!iterators.is_empty()).then(|| compiler.with_variables(&iterators));
    let env = iterating.as_ref().unwrap_or(&compiler.env);
    let source = match (&resource.kind, resource.form) {
        (Some(kind), Some(form)) => Some(source(compiler, resource, kind, form, env, found)),
        (None, _) | (_, None) => {
            check_without_kind(compiler, resource, env, found);
            None
        }
    };
    let include_when = conditions(
        compiler,
        &resource.spec.include_when,
        &resource.at.field("includeWhen"),
        (Role::IncludeWhen(node), &compiler.env),
        found,
    );
    let ready_at = resource.at.field("readyWhen");
    let ready_when = &resource.spec.ready_when;
    let ready_when = if resource.spec.for_each.is_empty() {
        let role = (Role::ReadyWhen(node), &compiler.env);
        conditions(compiler, ready_when, &ready_at, role, found)
    } else if ready_when.is_empty() {
        Vec::new()
    } else {
        let each = match compiler.env.variable(id) {
            Some(Type::List(element)) => Type::clone(element),
            Some(_) | None => Type::Dyn,
        };
        let env = compiler.with_variables(&[(EACH, each)]);
        conditions(compiler, ready_when, &ready_at, (Role::ReadyWhenEach(node), &env), found)
    };
    let (kind, source) = (resource.kind.clone()?, source?);
    check_iterators(resource, &source, &kind, found);
    Some(Node {
        id: id.to_owned(),
        kind,
        source,
        for_each,
        dependencies: Vec::new(),
        include_when,
        ready_when,
        apply_order: 0,
        read: ReadPaths::default(),
    })
}

/// The type of a dimension's items.
fn element_type(
    checked: &Checked,
    source: &Source,
    iterator: &str,
    found: &mut Diagnostics,
) -> Type {
    match &checked.ty {
        Type::List(element) => Type::clone(element),
        Type::Error => Type::Dyn,
        Type::Dyn if checked.guessed => Type::Dyn,
        other => {
            let message = format!(
                "forEach iterator `{iterator}` must run over a list, found `{}`",
                show_type(other)
            );
            let mut diagnostic =
                Diagnostic::error(Code::IterationType, source.everywhere(), message);
            let shown = &source.shown;
            diagnostic.help = match other {
                Type::Map(_) => Some(format!("run over its keys: `{shown}.map(key, key)`")),
                Type::Optional(_) => {
                    Some(format!("say what to use instead: `{shown}.orValue([])`"))
                }
                Type::Dyn => Some("give the field that it comes from a list type".to_owned()),
                _ => None,
            };
            found.push(diagnostic);
            Type::Dyn
        }
    }
}

fn source(
    compiler: &Compiler<'_>,
    resource: &Resource<'_>,
    kind: &Arc<Kind>,
    form: Form<'_>,
    env: &Env,
    found: &mut Diagnostics,
) -> NodeSource {
    let field = match form {
        Form::Template(_) => "template",
        Form::Named(_) | Form::Selected(_) => "externalRef",
    };
    let at = resource.at.field(field);
    let mut walk = Walk {
        compiler,
        found,
        env,
        role: Role::Field(resource.node),
        id: &resource.spec.id,
        kind,
        depth: at.depth(),
        loose: !resource.spec.for_each.is_empty(),
    };
    let metadata_at = at.field("metadata");
    let text = |walk: &mut Walk<'_>, metadata: &Map<String, Value>, field: &str| {
        let value = metadata.get(field).filter(|value| !value.is_null())?;
        let schema = kind.schema.field("metadata").and_then(|metadata| metadata.field(field));
        let slot = schema.map_or(Slot::Any, Slot::Schema);
        Some(walk.value(value, slot, &metadata_at.field(field)))
    };
    match form {
        Form::Template(object) if is_crd(kind) => {
            let mut fields = std::collections::BTreeMap::new();
            for (key, value) in object {
                let schema = kind.schema.field(key).filter(|_| key == "metadata");
                let slot = schema.map_or(Slot::Literal, Slot::Schema);
                fields.insert(key.clone(), walk.value(value, slot, &at.field(key.as_str())));
            }
            NodeSource::Template(Template::Object(fields))
        }
        Form::Template(object) => {
            let object = Value::Object(object.clone());
            NodeSource::Template(walk.value(&object, Slot::Schema(&kind.schema), &at))
        }
        Form::Named(metadata) => {
            let namespace = text(&mut walk, metadata, "namespace");
            let name = text(&mut walk, metadata, "name");
            let target = ExternalTarget::Name(name.unwrap_or(Template::Literal(Value::Null)));
            NodeSource::External(External { namespace, target })
        }
        Form::Selected(metadata) => {
            let namespace = text(&mut walk, metadata, "namespace");
            let selector =
                walk.value(&metadata["selector"], Slot::Any, &metadata_at.field("selector"));
            NodeSource::External(External { namespace, target: ExternalTarget::Selector(selector) })
        }
    }
}

/// Kinds that a definition may create, of which the schema is not used: upstream does not either,
/// and it refers to itself.
fn is_crd(kind: &Kind) -> bool {
    kind.gvk.group == "apiextensions.k8s.io" && kind.gvk.kind == "CustomResourceDefinition"
}

/// Checks the expressions of a resource of which nothing else is known: what they read can be
/// wrong whatever the fields expect.
fn check_without_kind(
    compiler: &Compiler<'_>,
    resource: &Resource<'_>,
    env: &Env,
    found: &mut Diagnostics,
) {
    let role = Role::Field(resource.node);
    let parts = [
        ("template", resource.spec.template.as_ref()),
        ("externalRef", resource.spec.external_ref.as_ref()),
    ];
    for (field, value) in parts {
        let mut todo: Vec<(FieldPath, &Value)> = Vec::new();
        todo.extend(value.map(|value| (resource.at.field(field), value)));
        while let Some((at, value)) = todo.pop() {
            match value {
                Value::Object(fields) => {
                    todo.extend(fields.iter().map(|(key, value)| (at.field(key.as_str()), value)));
                }
                Value::Array(items) => {
                    todo.extend(
                        items.iter().enumerate().map(|(index, item)| (at.index(index), item)),
                    );
                }
                // Already reported where it stands in place of the kind.
                Value::String(_) if at.depth() == resource.at.depth() + 2 => {}
                Value::String(text) => match Source::of(text, &at) {
                    Ok(Some(source)) => {
                        compiler.check(found, &source, role, env);
                    }
                    Ok(None) => {}
                    Err(nested) => found.push(*nested),
                },
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }
}

/// Conditions: standalone expressions of a boolean.
fn conditions(
    compiler: &Compiler<'_>,
    list: &[String],
    at: &FieldPath,
    (role, env): (Role, &Env),
    found: &mut Diagnostics,
) -> Vec<Expression> {
    let mut compiled = Vec::new();
    for (index, scalar) in list.iter().enumerate() {
        let source = match Source::standalone(scalar, &at.index(index)) {
            Ok(source) => source,
            Err(diagnostic) => {
                found.push(*diagnostic);
                continue;
            }
        };
        let Some(checked) = compiler.check(found, &source, role, env) else { continue };
        let boolean = match &checked.ty {
            Type::Bool | Type::Error => true,
            Type::Optional(inner) => **inner == Type::Bool,
            Type::Dyn => checked.guessed,
            _ => false,
        };
        if !boolean {
            let message = format!(
                "a condition must be `bool` or `optional_type(bool)`, found `{}`",
                show_type(&checked.ty)
            );
            let mut diagnostic =
                Diagnostic::error(Code::ConditionType, source.everywhere(), message);
            diagnostic.help = match &checked.ty {
                Type::Dyn => Some("compare it with a value: `… == true`".to_owned()),
                Type::Int => Some("compare it with a number: `… > 0`".to_owned()),
                Type::String => Some("compare it with a text: `… != \"\"`".to_owned()),
                _ => None,
            };
            found.push(diagnostic);
        }
        compiled.push(checked.expression);
    }
    compiled
}

/// Every iterator must be part of what tells the objects of a collection apart.
fn check_iterators(
    resource: &Resource<'_>,
    source: &NodeSource,
    kind: &Kind,
    found: &mut Diagnostics,
) {
    if resource.dimensions.is_empty() || matches!(source, NodeSource::External(_)) {
        return;
    }
    let metadata = resource.at.field("template").field("metadata");
    let name = metadata.field("name");
    let namespace = metadata.field("namespace");
    let identifies = |expression: &&&Expression| {
        expression.path == name || (kind.namespaced && expression.path == namespace)
    };
    let expressions = source.expressions();
    // What does not compile can't be told to lack an iterator.
    let broken = |at: &FieldPath| found.errors().any(|diagnostic| diagnostic.place.path == *at);
    if broken(&name) || broken(&namespace) {
        return;
    }
    let identity: Vec<&&Expression> = expressions.iter().filter(identifies).collect();
    let missing: Vec<&str> = (resource.dimensions.iter())
        .map(|dimension| dimension.name)
        .filter(|name| !identity.iter().any(|e| e.variables.iter().any(|known| known == name)))
        .collect();
    if missing.is_empty() {
        return;
    }
    let named =
        resource.spec.template.as_ref().is_some_and(|t| t["metadata"].get("name").is_some());
    let place = if named { Place::value(name) } else { Place::key(metadata) };
    let list = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let fields =
        if kind.namespaced { "`metadata.name` or `metadata.namespace`" } else { "`metadata.name`" };
    let message = format!(
        "resource `{}`: all forEach dimensions must be used in {fields}, so that each object has its own name; missing: {list}",
        resource.spec.id
    );
    let mut diagnostic = Diagnostic::error(Code::IteratorNotInIdentity, place, message);
    let example: String = missing.iter().map(|name| format!("-${{{name}}}")).collect();
    diagnostic.help = Some(format!("add it to the name: `…{example}`"));
    found.push(diagnostic);
}
