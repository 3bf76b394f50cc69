//! What an evaluation costs: counted while it runs, and estimated before.
//!
//! The unit is about one operation on small values.
//! An evaluation costs:
//! - one unit for every node of the expression that is in no loop, at once when it begins;
//! - for every turn of a comprehension one unit, and one for every node of what is evaluated in the turn;
//! - for every call of a function or operator the [`Work`] that grows with its arguments and its result.
//!
//! A limit on the cost bounds time and memory whatever the expression and the data are.

mod estimate;

use serde_json::Value as Json;

pub use estimate::{CostRange, Estimate, Size, estimate};

use crate::{Ast, BinaryOp, Expr, ExprId, List, Map, Value};

/// How the cost of a call grows with its arguments. The size of the result is added in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Not at all.
    Constant,
    /// With the lengths of texts, bytes, lists and maps.
    #[default]
    Shallow,
    /// With everything in the arguments, however deep.
    Deep,
    /// With the product of the first two arguments, or the square of a single one, counted deeply.
    Product,
}

/// Longest text that a function gives, in bytes.
pub(crate) const MAX_TEXT: usize = 1 << 24;

/// Most units in the value of an expression, parts that are shared counted as often as they occur.
pub(crate) const MAX_RESULT: u64 = 10_000_000;

/// So many bytes of text, or elements that are looked at, count as one unit.
const PER_UNIT: u32 = 4;
/// So many comparisons of a product count as one unit.
const PRODUCT_PER_UNIT: u32 = 8;

fn length_units(length: usize) -> u64 {
    (length as u64) >> PER_UNIT
}

/// Units of an argument by its length only.
pub(crate) fn shallow(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => length_units(text.len()),
        Value::Bytes(bytes) => length_units(bytes.len()),
        Value::List(list) => length_units(list.len()),
        Value::Map(map) => length_units(map.len()),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Type(_)
        | Value::Optional(_)
        | Value::Opaque(_) => 0,
    }
}

/// Units of a result: what it takes in memory.
pub(crate) fn made(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => length_units(text.len()),
        Value::Bytes(bytes) => length_units(bytes.len()),
        Value::List(List::Owned(list)) => list.len() as u64,
        Value::Map(Map::Owned(map)) => map.len() as u64,
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::List(List::Json(_))
        | Value::Map(Map::Json(_))
        | Value::Type(_)
        | Value::Optional(_)
        | Value::Opaque(_) => 0,
    }
}

/// Units of everything in a value; counting ends beyond `limit`.
///
/// Values share their parts: what is small in memory may be large when it is walked through.
pub(crate) fn deep(value: &Value<'_>, limit: u64) -> u64 {
    if let Value::String(text) = value {
        return 1 + length_units(text.len());
    }
    let mut units = 0;
    count(value, limit, &mut units);
    units
}

/// Is there so much in a result that walking through it takes too long? Its parts may be shared.
pub(crate) fn too_large(value: &Value<'_>) -> bool {
    match value {
        Value::List(List::Owned(_)) | Value::Map(Map::Owned(_)) | Value::Optional(Some(_)) => {
            deep(value, MAX_RESULT) > MAX_RESULT
        }
        // Bound data is what the caller has made.
        Value::List(List::Json(_)) | Value::Map(Map::Json(_)) => false,
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Type(_)
        | Value::Optional(None)
        | Value::Opaque(_) => false,
    }
}

fn count(value: &Value<'_>, limit: u64, units: &mut u64) {
    *units += 1;
    if *units > limit {
        return;
    }
    match value {
        Value::List(List::Json(list)) => list.json.iter().for_each(|json| count_json(json, units)),
        Value::List(List::Owned(list)) => {
            for element in list.iter() {
                count(element, limit, units);
                if *units > limit {
                    return;
                }
            }
        }
        Value::Map(Map::Json(map)) => map.json.values().for_each(|json| count_json(json, units)),
        Value::Map(Map::Owned(map)) => {
            for (_, value) in map.iter() {
                *units += 1;
                count(value, limit, units);
                if *units > limit {
                    return;
                }
            }
        }
        Value::Optional(Some(inner)) => count(inner, limit, units),
        other => *units += shallow(other),
    }
}

/// Bound data is a tree, so walking through it takes no longer than it took to make it.
fn count_json(json: &Json, units: &mut u64) {
    *units += 1;
    match json {
        Json::String(text) => *units += length_units(text.len()),
        Json::Array(array) => array.iter().for_each(|json| count_json(json, units)),
        Json::Object(object) => {
            for (key, value) in object {
                *units += 1 + length_units(key.len());
                count_json(value, units);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

impl Work {
    /// Units of a call with these arguments, before it is made; counting ends beyond `limit`.
    pub(crate) fn units(self, args: &[Value<'_>], limit: u64) -> u64 {
        match self {
            Work::Constant => 0,
            Work::Shallow => args.iter().map(shallow).sum(),
            Work::Deep => args
                .iter()
                .fold(0, |units, arg| units.saturating_add(deep(arg, limit.saturating_sub(units)))),
            Work::Product => {
                let (first, second) = match args {
                    [] => return 0,
                    [one] => (deep(one, limit), None),
                    [first, second, ..] => (deep(first, limit), Some(deep(second, limit))),
                };
                product(first, second)
            }
        }
    }
}

/// Units of two arguments that are gone through for each other; one is gone through for itself.
fn product(first: u64, second: Option<u64>) -> u64 {
    let products = first.saturating_mul(second.unwrap_or(first)) >> PRODUCT_PER_UNIT;
    first.saturating_add(second.unwrap_or(0)).saturating_add(products)
}

/// Units of an operator on texts before it is applied.
pub(crate) fn texts(left: &str, right: &str) -> u64 {
    length_units(left.len() + right.len())
}

/// Units of an operator before it is applied, the result of `+` included.
pub(crate) fn binary(op: BinaryOp, left: &Value<'_>, right: &Value<'_>, limit: u64) -> u64 {
    match (op, left, right) {
        (_, Value::String(a), Value::String(b)) => texts(a, b),
        (BinaryOp::Add, Value::Bytes(a), Value::Bytes(b)) => length_units(a.len() + b.len()),
        (BinaryOp::Add, Value::List(a), Value::List(b)) => match a.semantics() {
            None | Some(crate::ListSemantics::Atomic) => (a.len() + b.len()) as u64,
            Some(_) => product(deep(left, limit), Some(deep(right, limit))),
        },
        (BinaryOp::In, _, Value::List(_)) => deep(right, limit),
        (
            _,
            Value::List(_) | Value::Map(_) | Value::Optional(_) | Value::Bytes(_),
            Value::List(_) | Value::Map(_) | Value::Optional(_) | Value::Bytes(_),
        ) => deep(left, limit).min(deep(right, limit)),
        _ => 0,
    }
}

/// Per node: how many nodes are evaluated with it, bodies of comprehensions left out.
pub(crate) fn weights(ast: &Ast) -> Vec<u64> {
    let mut weights: Vec<u64> = vec![0; ast.len()];
    // A node always comes after its children.
    for index in 0..ast.len() {
        let id = ExprId(u32::try_from(index).unwrap_or(u32::MAX));
        let mut weight: u64 = 1;
        match ast.expr(id) {
            Expr::Comprehension(c) => weight = weight.saturating_add(weights[c.range.index()]),
            _ => ast.for_each_child(id, |child| {
                weight = weight.saturating_add(weights[child.index()]);
            }),
        }
        weights[index] = weight;
    }
    weights
}

/// What one turn of a comprehension costs for its nodes.
pub(crate) fn turn(c: &crate::Comprehension, weights: &[u64]) -> u64 {
    let of = |id: ExprId| weights.get(id.index()).copied().unwrap_or(1);
    c.filter.map_or(1, |id| of(id).saturating_add(1)).saturating_add(of(c.body))
}
