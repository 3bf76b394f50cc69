//! Schemas of what expressions give: how an instance's status is typed.

use std::sync::Arc;

use cel::Env;

use super::MAX_DEPTH;
use super::names;
use crate::Schema;
use crate::SchemaNode;
use crate::Type;

/// The schema of a status field whose expression has type `ty` in `env`.
///
/// What has no counterpart in JSON, and what is only known when it is evaluated, may be anything.
/// An optional value is not unwrapped. Fields of objects keep their [escaped](super::escape)
/// names, as upstream has it.
#[must_use]
pub fn schema_of(ty: &cel::Type, env: &Env) -> Schema {
    Inference { env, path: Vec::new() }.of(ty, false)
}

/// The schema of the elements of a list that was written element by element: objects are merged
/// field by field, of different scalars the first counts. `None` for an empty list.
#[must_use]
pub fn merge_elements(elements: impl IntoIterator<Item = Schema>) -> Option<Schema> {
    elements.into_iter().reduce(|mut first, next| {
        let both_objects = [&first, &next].iter().all(|schema| !schema.properties.is_empty());
        if both_objects {
            let node = first.make_mut();
            for (name, schema) in &next.properties {
                let merged = match node.properties.get(name) {
                    Some(known) => merge_elements([known.clone(), schema.clone()]),
                    None => Some(schema.clone()),
                };
                node.properties.extend(merged.map(|merged| (name.clone(), merged)));
            }
        }
        first
    })
}

struct Inference<'a> {
    env: &'a Env,
    /// The object types around this one: one that contains itself is cut off.
    path: Vec<Arc<str>>,
}

impl Inference<'_> {
    fn of(&mut self, ty: &cel::Type, in_object: bool) -> Schema {
        match ty {
            cel::Type::String => Schema::of(Type::String),
            cel::Type::Bool => Schema::of(Type::Boolean),
            cel::Type::Int | cel::Type::Uint => Schema::of(Type::Integer),
            cel::Type::Double => Schema::of(Type::Number),
            cel::Type::Bytes => formatted("byte", None),
            cel::Type::Timestamp if !in_object => {
                formatted("date-time", Some("Timestamp representing a creation time"))
            }
            cel::Type::List(element) => Schema::array(self.of(element, in_object)),
            cel::Type::Map(entry) => Schema::map(self.of(&entry.1, in_object)),
            cel::Type::Object(name) => self.object(name),
            cel::Type::Dyn | cel::Type::Error => Schema::any(),
            _ if in_object => Schema::any(),
            cel::Type::Null => described("null type - any value allowed".to_owned()),
            other => described(format!("unknown CEL type: {other}")),
        }
    }

    fn object(&mut self, name: &Arc<str>) -> Schema {
        if self.path.contains(name) || self.path.len() > MAX_DEPTH {
            return Schema::any();
        }
        let Some(object) = self.env.object(name) else { return Schema::any() };
        self.path.push(name.clone());
        let mut schema = Schema::of(Type::Object);
        let node = schema.make_mut();
        node.preserve_unknown_fields = object.open;
        for (name, field) in &object.fields {
            // A reserved word stands there twice, plain and escaped: for upstream it is escaped.
            if names::usable_after_dot(name) {
                continue;
            }
            node.properties.insert(name.clone(), self.of(&field.ty, true));
        }
        self.path.pop();
        schema
    }
}

fn formatted(format: &str, description: Option<&str>) -> Schema {
    let node = SchemaNode {
        ty: Some(Type::String),
        format: Some(format.to_owned()),
        description: description.map(Into::into),
        ..SchemaNode::default()
    };
    node.into()
}

fn described(description: String) -> Schema {
    let mut schema = Schema::any();
    schema.make_mut().description = Some(description.into());
    schema
}
