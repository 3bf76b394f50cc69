//! What instances show of their resources.

use crate::expression::{Fatal, Stop};
use crate::scope::Scope;
use crate::template::Template;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The status that a definition's author declared.
#[derive(Debug, Default)]
pub struct StatusTree {
    /// Field → its expressions.
    pub fields: BTreeMap<String, Template>,
}

// === impl StatusTree ===

impl StatusTree {
    /// The fields that can be evaluated; one that lacks data is left out, with objects and lists
    /// that become empty by that.
    ///
    /// # Errors
    ///
    /// The first evaluation that failed for another reason.
    pub fn project(&self, scope: &Scope<'_>) -> Result<Map<String, Value>, Fatal> {
        let mut projected = Map::new();
        for (key, field) in &self.fields {
            if let Some(value) = project(field, scope)? {
                projected.insert(key.clone(), value);
            }
        }
        Ok(projected)
    }
}

fn project(field: &Template, scope: &Scope<'_>) -> Result<Option<Value>, Fatal> {
    match field {
        Template::Literal(value) => Ok(Some(value.clone())),
        Template::Expression(expression) => match expression.eval(scope) {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Unresolved(_)) => Ok(None),
            Err(Stop::Fatal(fatal)) => Err(fatal),
        },
        Template::Object(fields) => {
            let mut object = Map::new();
            for (key, field) in fields {
                if let Some(value) = project(field, scope)? {
                    object.insert(key.clone(), value);
                }
            }
            Ok((!object.is_empty()).then_some(Value::Object(object)))
        }
        Template::List(items) => {
            let mut list = Vec::new();
            for item in items {
                list.extend(project(item, scope)?);
            }
            Ok((!list.is_empty()).then_some(Value::Array(list)))
        }
    }
}
