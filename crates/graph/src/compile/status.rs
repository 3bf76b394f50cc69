//! The declared status: its expressions, and the schema that follows from their types.

use crate::compile::expressions::{Compiler, Role};
use crate::compile::source::Source;
use crate::language::show_type;
use crate::status::StatusTree;
use crate::template::Template;
use cel::Type;
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath};
use schema::{Schema, infer};
use serde_json::Value;

/// The declared status and its schema.
pub(super) struct Status {
    pub(super) tree: StatusTree,
    pub(super) schema: Option<Schema>,
}

/// Compiles the declared status but for `conditions`.
pub(super) fn compile(
    compiler: &Compiler<'_>,
    declared: &Value,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Status {
    let mut status = Status { tree: StatusTree::default(), schema: None };
    let fields = match declared {
        Value::Object(fields) => fields,
        Value::Null => return status,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let message = "the status must be a mapping of fields to expressions";
            found.push(Diagnostic::error(Code::UnexpectedShape, at, message));
            return status;
        }
    };
    let mut properties = Vec::new();
    for (key, value) in fields.iter().filter(|(key, _)| *key != "conditions") {
        if let Some((template, schema)) = field(compiler, value, &at.field(key.as_str()), found) {
            status.tree.fields.insert(key.clone(), template);
            properties.push((key.as_str(), schema));
        }
    }
    status.schema = (!properties.is_empty()).then(|| Schema::object(properties));
    status
}

/// A field and its schema; `None` for what leaves no trace, or is wrong.
fn field(
    compiler: &Compiler<'_>,
    value: &Value,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Option<(Template, Schema)> {
    match value {
        Value::String(scalar) => match Source::of(scalar, at) {
            Ok(Some(source)) => leaf(compiler, &source, found),
            Ok(None) => {
                found.push(without_expression(at));
                None
            }
            Err(nested) => {
                found.push(*nested);
                None
            }
        },
        Value::Object(fields) => {
            let mut templates = std::collections::BTreeMap::new();
            let mut properties = Vec::new();
            for (key, value) in fields {
                if let Some((template, schema)) =
                    field(compiler, value, &at.field(key.as_str()), found)
                {
                    templates.insert(key.clone(), template);
                    properties.push((key.as_str(), schema));
                }
            }
            (!templates.is_empty())
                .then(|| (Template::Object(templates), Schema::object(properties)))
        }
        Value::Array(items) => {
            let (templates, schemas): (Vec<Template>, Vec<Schema>) = items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| field(compiler, item, &at.index(index), found))
                .unzip();
            let element = infer::merge_elements(schemas)?;
            Some((Template::List(templates), Schema::array(element)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            found.push(without_expression(at));
            None
        }
    }
}

fn without_expression(at: &FieldPath) -> Diagnostic {
    let name = at.segments().into_iter().skip(3).cloned().collect::<FieldPath>();
    let message = format!("status fields without expressions are not supported: `{name}`");
    Diagnostic::error(Code::StatusWithoutExpression, at, message)
        .with_help("write what it is read from: `${resource.status.field}`")
}

fn leaf(
    compiler: &Compiler<'_>,
    source: &Source,
    found: &mut Diagnostics,
) -> Option<(Template, Schema)> {
    let checked = compiler.check(found, source, Role::Status, &compiler.env)?;
    if !source.is_standalone() && !matches!(checked.ty, Type::String | Type::Dyn | Type::Error) {
        let message =
            format!("a text with expressions must be a string, found `{}`", show_type(&checked.ty));
        let diagnostic = Diagnostic::error(Code::TemplateTextType, source.everywhere(), message);
        found.push(diagnostic.with_help("convert the parts with `string(…)`"));
        return None;
    }
    if checked.expression.nodes.is_empty() && !checked.expression.reads_schema {
        let message = "instance status field must refer to a resource or schema";
        found.push(Diagnostic::error(Code::StatusScope, source.everywhere(), message));
        return None;
    }
    let schema = infer::schema_of(&checked.ty, &compiler.env);
    Some((Template::Expression(Box::new(checked.expression)), schema))
}
