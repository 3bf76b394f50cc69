//! An object with expressions in it.

use crate::expression::{Expression, Stop};
use crate::scope::Scope;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A value of a template.
#[derive(Debug)]
pub enum Template {
    /// Has no expression.
    Literal(Value),
    /// Is an expression's value.
    Expression(Box<Expression>),
    /// Has expressions somewhere below.
    Object(BTreeMap<String, Template>),
    /// Has expressions somewhere below.
    List(Vec<Template>),
}

// === impl Template ===

impl Template {
    /// The value with all expressions evaluated. A field or an element that `omit()` removes is
    /// left out; if that is the whole, null stays.
    ///
    /// # Errors
    ///
    /// A fatal evaluation before one that lacks data; otherwise the first in the order of fields.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, Stop> {
        let mut stops = Vec::new();
        let value = self.render_into(scope, &mut stops);
        let fatal = stops.iter().position(|stop| matches!(stop, Stop::Fatal(_)));
        match (stops.is_empty(), fatal) {
            (true, _) => Ok(value.unwrap_or(Value::Null)),
            (false, at) => Err(stops.swap_remove(at.unwrap_or(0))),
        }
    }

    fn render_into(&self, scope: &Scope<'_>, stops: &mut Vec<Stop>) -> Option<Value> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Expression(expression) => expression.eval_field(scope).unwrap_or_else(|stop| {
                stops.push(stop);
                None
            }),
            Self::Object(fields) => {
                let mut object = Map::new();
                for (key, field) in fields {
                    let value = field.render_into(scope, stops);
                    object.extend(value.map(|value| (key.clone(), value)));
                }
                Some(object.into())
            }
            Self::List(items) => {
                Some(items.iter().filter_map(|item| item.render_into(scope, stops)).collect())
            }
        }
    }

    /// All expressions, in the order of fields.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Expression(expression) => vec![expression],
            Self::Object(fields) => fields.values().flat_map(Self::expressions).collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
        }
    }
}
