//! Conditions that the author declares: `status.conditions`.
//!
//! Source: kro-compiler facts, "Custom conditions".

use crate::compile::expressions::{Compiler, Role, visit};
use crate::compile::source::Source;
use crate::condition::ConditionSource;
use crate::language::show_type;
use crate::scope::SCHEMA;
use cel::{Ast, Env, Expr, ExprId, Literal, Type};
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place, nearest};
use schema::{Schema, infer};
use serde_json::Value;
use std::collections::BTreeMap;

/// kro's own conditions, which expressions can read.
const OWN: [&str; 4] = ["InstanceManaged", "GraphResolved", "ResourcesReady", "Ready"];

/// Compiles the block, if there is one.
pub(super) fn compile(
    compiler: &Compiler<'_>,
    instance: &Schema,
    declared: &Value,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Option<Vec<ConditionSource>> {
    let block = declared.as_object()?.get("conditions")?;
    let at = at.field("conditions");
    let Value::Array(entries) = block else {
        let message = "`status.conditions` must be a list of expressions";
        found.push(Diagnostic::error(Code::InvalidConditions, &at, message));
        return None;
    };
    let env = environment(compiler, instance);
    let mut sources = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = at.index(index);
        let Value::String(scalar) = entry else {
            let message = format!("`status.conditions[{index}]` must be an expression");
            let diagnostic = Diagnostic::error(Code::InvalidConditions, &at, message);
            let help = "write `${runtime.newCondition({type: …, status: …})}`";
            found.push(diagnostic.with_help(help));
            continue;
        };
        match Source::standalone(scalar, &at) {
            Ok(source) => sources.push(source),
            Err(diagnostic) => found.push(*diagnostic),
        }
    }
    let parsed: Vec<(&Source, Option<Ast>)> = sources
        .iter()
        .map(|source| {
            let (ast, mistakes) = env.parse(source.text.cel());
            (source, ast.filter(|_| mistakes.is_empty()))
        })
        .collect();
    let declared = declared_types(&parsed, found);
    let mut conditions = Vec::new();
    for ((source, ast), types) in parsed.iter().zip(declared.by_entry) {
        if let Some(ast) = ast {
            check_calls(source, ast, &declared.owners, found);
        }
        let Some(checked) = compiler.check(found, source, Role::Condition, &env) else { continue };
        let element = match &checked.ty {
            Type::List(element) => element,
            ty => ty,
        };
        let fits = match element {
            Type::Dyn | Type::Error => true,
            ty => ty.name() == "kro.run.Condition",
        };
        if !fits {
            let message = format!(
                "condition expressions must return `runtime.newCondition(…)` or a list of them, found `{}`",
                show_type(&checked.ty)
            );
            found.push(Diagnostic::error(Code::InvalidCondition, source.everywhere(), message));
            continue;
        }
        conditions.push(ConditionSource { expression: checked.expression, types });
    }
    (!entries.is_empty()).then_some(conditions)
}

/// As for other expressions, but the instance has kro's own conditions, to be read by
/// `runtime.condition` alone.
fn environment(compiler: &Compiler<'_>, instance: &Schema) -> Env {
    let mut observed = instance.clone();
    let text = || Schema::of(schema::Type::String);
    let condition = Schema::object([
        ("type", text()),
        ("status", text()),
        ("reason", text()),
        ("message", text()),
    ]);
    let status = Schema::object([("conditions", Schema::array(condition))]);
    observed.make_mut().properties.insert("status".into(), status);
    let env = infer::declare(compiler.env.extend(), SCHEMA, &observed);
    env.build().expect("invariant: types of schemas are well-formed")
}

/// The types that entries name literally.
struct Declared {
    by_entry: Vec<Vec<String>>,
    /// Type → the first entry that declares it.
    owners: BTreeMap<String, Place>,
}

fn declared_types(parsed: &[(&Source, Option<Ast>)], found: &mut Diagnostics) -> Declared {
    let mut declared = Declared { by_entry: Vec::new(), owners: BTreeMap::new() };
    for (source, ast) in parsed {
        let mut types: Vec<String> = Vec::new();
        let literals = ast.iter().flat_map(|ast| {
            let calls = runtime_calls(ast, "newCondition").into_iter();
            calls.filter_map(|args| literal_entry(ast, *args.first()?, "type"))
        });
        for (name, span) in literals {
            if types.contains(&name) {
                continue;
            }
            types.push(name.clone());
            let place = source.place(span);
            match declared.owners.get(&name) {
                Some(first) => {
                    let message = format!(
                        "condition type `{name}` is declared by more than one conditions entry"
                    );
                    let diagnostic = Diagnostic::error(Code::DuplicateCondition, place, message);
                    found.push(diagnostic.with_label(first.clone(), "first declared here"));
                }
                None => {
                    declared.owners.insert(name, place);
                }
            }
        }
        declared.by_entry.push(types);
    }
    declared
}

/// The rules for literal arguments, and that `schema` is read by `runtime.condition` only.
fn check_calls(
    source: &Source,
    ast: &Ast,
    declared: &BTreeMap<String, Place>,
    found: &mut Diagnostics,
) {
    for args in runtime_calls(ast, "newCondition") {
        let [map] = args.as_slice() else { continue };
        if let Some((status, span)) = literal_entry(ast, *map, "status")
            && !["True", "False", "Unknown"].contains(&status.as_str())
        {
            let message =
                format!("status must be one of True, False and Unknown, found `{status}`");
            found.push(Diagnostic::error(Code::InvalidCondition, source.place(span), message));
        }
        if let Some((_, span)) =
            literal_entry(ast, *map, "type").filter(|(name, _)| name.is_empty())
        {
            let message = "the type of a condition must not be empty";
            found.push(Diagnostic::error(Code::InvalidCondition, source.place(span), message));
        }
    }
    for args in runtime_calls(ast, "condition") {
        let [object, kind] = args.as_slice() else { continue };
        let is_instance =
            matches!(ast.expr(*object), Expr::Ident { name, .. } if &*name.text == SCHEMA);
        let Some((kind, span)) = literal(ast, *kind).filter(|_| is_instance) else { continue };
        if OWN.contains(&kind.as_str()) {
            continue;
        }
        let place = source.place(span);
        let diagnostic = if let Some(owner) = declared.get(&kind) {
            let message = format!(
                "`runtime.condition(schema, '{kind}')`: custom conditions cannot reference each other"
            );
            let diagnostic = Diagnostic::error(Code::UnknownCondition, place, message);
            diagnostic.with_label(owner.clone(), format!("`{kind}` is declared here"))
        } else {
            let message = format!(
                "`runtime.condition(schema, '{kind}')`: unknown condition type, kro's own ones are {}",
                OWN.join(", ")
            );
            let mut diagnostic = Diagnostic::error(Code::UnknownCondition, place, message);
            diagnostic.help = nearest(&kind, OWN).map(|near| format!("did you mean `{near}`?"));
            diagnostic
        };
        found.push(diagnostic);
    }
    for read in ast.reads() {
        let [first, ..] = read.attribute.path.as_slice() else { continue };
        let is_status = matches!(first, cel::PathStep::Field(name) if &**name == "status");
        if &*read.attribute.root == SCHEMA && is_status {
            let message = "undefined field `status`: the status of the instance can't be read";
            let diagnostic =
                Diagnostic::error(Code::UnknownSelection, source.place(read.span), message);
            let help = "kro's own conditions are read with `runtime.condition(schema, 'Ready')`";
            found.push(diagnostic.with_help(help));
        }
    }
}

/// The arguments of each call of a function of `runtime`.
fn runtime_calls(ast: &Ast, function: &str) -> Vec<Vec<ExprId>> {
    let mut calls = Vec::new();
    visit(ast, ast.root(), &mut |_, expr| {
        if let Expr::Call { function: name, target: Some(target), args, .. } = expr
            && &*name.text == function
            && matches!(ast.expr(*target), Expr::Ident { name, .. } if &*name.text == "runtime")
        {
            calls.push(args.clone());
        }
    });
    calls
}

fn literal(ast: &Ast, id: ExprId) -> Option<(String, cel::Span)> {
    match ast.expr(id) {
        Expr::Literal(Literal::String(text)) => Some((text.to_string(), ast.span(id))),
        _ => None,
    }
}

/// The text under `key` in a map literal.
fn literal_entry(ast: &Ast, map: ExprId, key: &str) -> Option<(String, cel::Span)> {
    let Expr::Map(entries) = ast.expr(map) else { return None };
    let is_key = |id: ExprId| literal(ast, id).is_some_and(|(text, _)| text == key);
    literal(ast, entries.iter().find(|entry| is_key(entry.key))?.value)
}
