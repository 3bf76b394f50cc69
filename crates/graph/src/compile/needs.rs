//! What a definition's expressions read of each resource, before anything is checked: only that
//! is declared, because the schemas of kinds are large.

use crate::compile::resources::{Form, Resource};
use crate::language::Text;
use crate::node::NodeId;
use crate::scope::EACH;
use cel::{Ast, Env, Mistake, PathStep};
use diagnostics::FieldPath;
use schema::Type;
use schema::infer::Parts;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// A parsed expression, or what is wrong with it.
pub(super) type Parsed = (Option<Ast>, Vec<Mistake>);

/// What was found.
#[derive(Default)]
pub(super) struct Needs {
    /// What is read of each resource.
    pub(super) parts: BTreeMap<NodeId, Parts>,
    /// Parsed on the way, by their text.
    pub(super) parsed: HashMap<String, Parsed>,
}

/// Looks at all expressions of a definition.
pub(super) fn collect(resources: &[Resource<'_>], status: &Value) -> Needs {
    let mut needs = Needs::default();
    let mut by_id: HashMap<&str, &Resource<'_>> = HashMap::new();
    for resource in resources {
        by_id.entry(&resource.spec.id).or_insert(resource);
        needs.parts.insert(resource.node, Parts::default());
    }
    for resource in resources {
        let mut look = Look { needs: &mut needs, by_id: &by_id, resource: Some(resource) };
        match resource.form {
            Some(Form::Template(object)) => look.fields(object, &FieldPath::root()),
            Some(Form::Named(metadata) | Form::Selected(metadata)) => {
                look.fields(metadata, &FieldPath::root().field("metadata"));
            }
            None => {}
        }
        for dimension in &resource.dimensions {
            look.text(dimension.items, None);
        }
        for condition in resource.spec.include_when.iter().chain(&resource.spec.ready_when) {
            look.text(condition, None);
        }
    }
    Look { needs: &mut needs, by_id: &by_id, resource: None }.anything(status);
    needs
}

struct Look<'a, 'b> {
    needs: &'a mut Needs,
    by_id: &'a HashMap<&'b str, &'b Resource<'b>>,
    /// Whose expressions they are.
    resource: Option<&'a Resource<'b>>,
}

impl Look<'_, '_> {
    fn fields(&mut self, fields: &Map<String, Value>, at: &FieldPath) {
        for (key, value) in fields {
            self.value(value, &at.field(key.as_str()));
        }
    }

    fn value(&mut self, value: &Value, at: &FieldPath) {
        match value {
            Value::String(text) => self.text(text, Some(at)),
            Value::Object(fields) => self.fields(fields, at),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(item, &at.index(index));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn anything(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text, None),
            Value::Object(fields) => fields.values().for_each(|value| self.anything(value)),
            Value::Array(items) => items.iter().for_each(|item| self.anything(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Looks at the expression of a text, which fills the place `at` of the resource.
    fn text(&mut self, text: &str, at: Option<&FieldPath>) {
        if !text.contains("${") {
            return;
        }
        let Ok(Some(text)) = Text::read(text) else { return };
        let kind = self.resource.and_then(|resource| Some((resource, resource.kind.as_ref()?)));
        if let (Some((resource, kind)), Some(at), true) = (kind, at, text.is_standalone())
            && let Some(slot) = kind.schema.at(at)
            && matches!(slot.ty, Some(Type::Object | Type::Array))
        {
            let parts = self.needs.parts.entry(resource.node).or_default();
            parts.add_place(&kind.schema, at);
        }
        let Needs { parts, parsed } = &mut *self.needs;
        let parsed =
            parsed.entry(text.cel().to_owned()).or_insert_with(|| Env::kro().parse(text.cel()));
        for read in parsed.0.iter().flat_map(Ast::reads) {
            let root = &*read.attribute.root;
            let reader = match (root, self.resource) {
                // The current object of the collection itself.
                (EACH, Some(resource)) => Some((resource, read.attribute.path.as_slice())),
                (EACH, None) => None,
                (root, _) => self.by_id.get(root).map(|resource| {
                    let path = read.attribute.path.as_slice();
                    match (resource.is_list(), path) {
                        (true, [PathStep::Index(_), rest @ ..]) => (*resource, rest),
                        (true, _) => (*resource, &[][..]),
                        (false, path) => (*resource, path),
                    }
                }),
            };
            let Some((resource, path)) = reader else { continue };
            let Some(kind) = &resource.kind else { continue };
            parts.entry(resource.node).or_default().add_read(&kind.schema, path);
        }
    }
}
