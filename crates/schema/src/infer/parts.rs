//! Which parts of a value are of interest.

use std::collections::BTreeMap;

use cel::PathStep;
use diagnostics::FieldPath;
use diagnostics::Segment;

use super::names;
use crate::Schema;

/// A set of places in the values of a schema, as a tree; everything inside a place belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub(super) whole: bool,
    /// By the steps that names of types have: a field, `@idx`, `@elem`.
    pub(super) inside: BTreeMap<String, Parts>,
}

impl Parts {
    /// Adds what an expression reads: the path below its variable, which has this schema. Where
    /// the path leaves the schema, the last known place is added.
    pub fn add_read(&mut self, schema: &Schema, path: &[PathStep]) {
        self.add(
            schema,
            path.iter().map(|step| match step {
                PathStep::Field(name) => Step::Field(names::unescape(name)),
                PathStep::Index(_) | PathStep::UintKey(_) | PathStep::BoolKey(_) => Step::Index,
            }),
        );
    }

    /// Adds a place that an expression fills.
    pub fn add_place(&mut self, schema: &Schema, path: &FieldPath) {
        self.add(
            schema,
            path.segments().into_iter().map(|segment| match segment {
                Segment::Field(name) => Step::Field(Some(name.to_string())),
                Segment::Index(_) => Step::Index,
            }),
        );
    }

    fn add(&mut self, schema: &Schema, path: impl Iterator<Item = Step>) {
        let (mut at, mut schema) = (self, schema);
        for step in path {
            if at.whole {
                return;
            }
            let next = match step {
                Step::Field(Some(name)) => {
                    match (schema.map_values(), schema.properties.get(&*name)) {
                        (Some(values), _) => Some(("@elem".to_owned(), values)),
                        (None, field) => names::escape(&name).zip(field),
                    }
                }
                Step::Field(None) => None,
                Step::Index => schema.items.as_ref().map(|items| ("@idx".to_owned(), items)),
            };
            let Some((step, inside)) = next else { break };
            at = at.inside.entry(step).or_default();
            schema = inside;
        }
        at.whole = true;
    }
}

enum Step {
    /// A property; `None` for a name that stands for none.
    Field(Option<String>),
    Index,
}
