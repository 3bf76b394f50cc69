//! A slow evaluator, written without regard to the other one: it walks the tree, copies every value and computes all there is.

use std::collections::{BTreeMap, BTreeSet};

use cel::{
    Ast, Attribute, BinaryOp, ComprehensionKind, Expr, ExprId, Literal, LogicOp, PathStep, UnaryOp,
};
use serde_json::Value as Json;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum V {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<V>),
    Map(BTreeMap<String, V>),
    Optional(Option<Box<V>>),
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum R {
    Value(V),
    Error,
    Unknown(BTreeSet<Attribute>),
}

/// The bindings: full data, the variables and the paths of which nothing is known.
pub(crate) struct World<'w> {
    pub(crate) ast: &'w Ast,
    pub(crate) data: &'w BTreeMap<&'static str, Json>,
    pub(crate) unknown_variables: &'w [&'static str],
    pub(crate) unknown_paths: &'w [Attribute],
}

type Scope = Vec<(String, R)>;

fn from_json(json: &Json) -> V {
    match json {
        Json::Null => V::Null,
        Json::Bool(v) => V::Bool(*v),
        Json::Number(v) => V::Int(v.as_i64().expect("data has integers only")),
        Json::String(v) => V::Text(v.clone()),
        Json::Array(v) => V::List(v.iter().map(from_json).collect()),
        Json::Object(v) => V::Map(v.iter().map(|(k, v)| (k.clone(), from_json(v))).collect()),
    }
}

/// Values of all results; or the unknowns of all together, or an error.
fn all(results: Vec<R>) -> Result<Vec<V>, R> {
    let mut unknown = BTreeSet::new();
    let mut values = Vec::new();
    let mut failed = false;
    for result in results {
        match result {
            R::Value(value) => values.push(value),
            R::Error => failed = true,
            R::Unknown(more) => unknown.extend(more),
        }
    }
    if !unknown.is_empty() {
        Err(R::Unknown(unknown))
    } else if failed {
        Err(R::Error)
    } else {
        Ok(values)
    }
}

fn strict(results: Vec<R>, then: impl FnOnce(&[V]) -> Option<V>) -> R {
    match all(results) {
        Ok(values) => then(&values).map_or(R::Error, R::Value),
        Err(other) => other,
    }
}

/// A step of a path, computed.
enum Taken {
    Field(String),
    Key(V),
}

impl World<'_> {
    pub(crate) fn eval(&self) -> R {
        self.node(self.ast.root(), &mut Vec::new())
    }

    fn nodes(&self, ids: &[ExprId], scope: &mut Scope) -> Vec<R> {
        ids.iter().map(|id| self.node(*id, scope)).collect()
    }

    fn node(&self, id: ExprId, scope: &mut Scope) -> R {
        match self.ast.expr(id) {
            Expr::Literal(Literal::Null) => R::Value(V::Null),
            Expr::Literal(Literal::Bool(v)) => R::Value(V::Bool(*v)),
            Expr::Literal(Literal::Int(v)) => R::Value(V::Int(*v)),
            Expr::Literal(Literal::String(v)) => R::Value(V::Text(v.to_string())),
            Expr::Ident { .. } | Expr::Select { .. } | Expr::Has { .. } | Expr::Index { .. } => {
                self.path(id, scope)
            }
            Expr::Call { function, target, args, .. } => {
                let mut ids: Vec<ExprId> = target.iter().copied().collect();
                ids.extend(args);
                match (&*function.text, &*ids) {
                    ("dyn", [arg]) => self.node(*arg, scope),
                    ("size", [arg]) => strict(vec![self.node(*arg, scope)], |v| match &v[0] {
                        V::Text(v) => i64::try_from(v.chars().count()).ok().map(V::Int),
                        V::List(v) => i64::try_from(v.len()).ok().map(V::Int),
                        V::Map(v) => i64::try_from(v.len()).ok().map(V::Int),
                        _ => None,
                    }),
                    ("string", [arg]) => strict(vec![self.node(*arg, scope)], |v| match &v[0] {
                        V::Int(v) => Some(V::Text(v.to_string())),
                        _ => None,
                    }),
                    ("orValue", [optional, otherwise]) => match self.node(*optional, scope) {
                        R::Value(V::Optional(Some(v))) => R::Value(*v),
                        R::Value(V::Optional(None)) => self.node(*otherwise, scope),
                        R::Value(_) => R::Error,
                        other => other,
                    },
                    other => panic!("{other:?}"),
                }
            }
            Expr::Unary { op, operand, .. } => {
                strict(vec![self.node(*operand, scope)], |v| match (op, &v[0]) {
                    (UnaryOp::Not, V::Bool(v)) => Some(V::Bool(!v)),
                    (UnaryOp::Negate, V::Int(v)) => v.checked_neg().map(V::Int),
                    _ => None,
                })
            }
            Expr::Binary { op, left, right, .. } => {
                strict(self.nodes(&[*left, *right], scope), |v| binary(*op, &v[0], &v[1]))
            }
            Expr::Logic { op, terms } => {
                let decisive = *op == LogicOp::Or;
                let mut rest = Vec::new();
                for term in terms {
                    match self.node(*term, scope) {
                        R::Value(V::Bool(v)) if v == decisive => return R::Value(V::Bool(v)),
                        R::Value(V::Bool(_)) => {}
                        R::Value(_) => rest.push(R::Error),
                        other => rest.push(other),
                    }
                }
                strict(rest, |_| Some(V::Bool(!decisive)))
            }
            Expr::Conditional { condition, then, otherwise } => {
                match self.node(*condition, scope) {
                    R::Value(V::Bool(true)) => self.node(*then, scope),
                    R::Value(V::Bool(false)) => self.node(*otherwise, scope),
                    R::Value(_) => R::Error,
                    other => other,
                }
            }
            Expr::List(elements) => {
                let ids: Vec<ExprId> = elements.iter().map(|e| e.value).collect();
                strict(self.nodes(&ids, scope), |v| Some(V::List(v.to_vec())))
            }
            Expr::Map(entries) => {
                let ids: Vec<ExprId> = entries.iter().flat_map(|e| [e.key, e.value]).collect();
                strict(self.nodes(&ids, scope), |v| {
                    v.chunks(2)
                        .map(|entry| match &entry[0] {
                            V::Text(key) => Some((key.clone(), entry[1].clone())),
                            _ => None,
                        })
                        .collect::<Option<_>>()
                        .map(V::Map)
                })
            }
            Expr::Bind { variable, init, body } => {
                let init = self.node(*init, scope);
                scope.push((variable.text.to_string(), init));
                let result = self.node(*body, scope);
                scope.pop();
                result
            }
            Expr::Comprehension(c) => self.comprehension(c, scope),
            other => panic!("{other:?}"),
        }
    }

    fn comprehension(&self, c: &cel::Comprehension, scope: &mut Scope) -> R {
        let range = match self.node(c.range, scope) {
            R::Value(value) => value,
            other => return other,
        };
        let turns: Vec<(V, V)> = match range {
            V::List(list) => list.into_iter().zip(0..).map(|(v, i)| (V::Int(i), v)).collect(),
            V::Map(map) => map.into_iter().map(|(k, v)| (V::Text(k), v)).collect(),
            _ => return R::Error,
        };
        let over_map = matches!(turns.first(), Some((V::Text(_), _)));
        let mut stops = Vec::new();
        let (mut list, mut map, mut count) = (Vec::new(), BTreeMap::new(), 0);
        for (key, value) in turns {
            let before = scope.len();
            let element = if over_map { key.clone() } else { value.clone() };
            match &c.second {
                Some(second) => {
                    scope.push((c.variable.text.to_string(), R::Value(key.clone())));
                    scope.push((second.text.to_string(), R::Value(value)));
                }
                None => scope.push((c.variable.text.to_string(), R::Value(element.clone()))),
            }
            let body = self.node(c.body, scope);
            scope.truncate(before);
            match (c.kind, body) {
                (ComprehensionKind::All, R::Value(V::Bool(false))) => {
                    return R::Value(V::Bool(false));
                }
                (ComprehensionKind::Exists, R::Value(V::Bool(true))) => {
                    return R::Value(V::Bool(true));
                }
                (ComprehensionKind::List, R::Value(value)) => list.push(value),
                (ComprehensionKind::Map, R::Value(value)) => match key {
                    V::Text(key) => drop(map.insert(key, value)),
                    _ => stops.push(R::Error),
                },
                (ComprehensionKind::Filter, R::Value(V::Bool(true))) => list.push(element),
                (ComprehensionKind::ExistsOne, R::Value(V::Bool(true))) => count += 1,
                (_, R::Value(V::Bool(_))) => {}
                (_, R::Value(_)) => stops.push(R::Error),
                (_, stop) => stops.push(stop),
            }
        }
        strict(stops, |_| {
            Some(match c.kind {
                ComprehensionKind::All => V::Bool(true),
                ComprehensionKind::Exists => V::Bool(false),
                ComprehensionKind::ExistsOne => V::Bool(count == 1),
                ComprehensionKind::List | ComprehensionKind::Filter => V::List(list),
                ComprehensionKind::Map | ComprehensionKind::MapEntry => V::Map(map),
            })
        })
    }

    /// A name, or a chain of selections and indices as long as it goes.
    fn path(&self, id: ExprId, scope: &mut Scope) -> R {
        let mut steps = Vec::new();
        let mut at = id;
        let test = matches!(self.ast.expr(id), Expr::Has { .. });
        let root = loop {
            match self.ast.expr(at) {
                Expr::Ident { name, .. } => break Some(name.text.to_string()),
                Expr::Select { operand, field, optional } => {
                    steps.push((None, field.text.to_string(), *optional));
                    at = *operand;
                }
                Expr::Has { operand, field } => {
                    steps.push((None, field.text.to_string(), false));
                    at = *operand;
                }
                Expr::Index { operand, index, optional } => {
                    steps.push((Some(*index), String::new(), *optional));
                    at = *operand;
                }
                _ => break None,
            }
        };
        steps.reverse();
        let local = root.as_ref().and_then(|name| {
            scope.iter().rev().find(|(local, _)| local == name).map(|(_, result)| result.clone())
        });
        let mut value = match (local, root) {
            (Some(R::Value(value)), _) => value,
            (Some(other), _) => return other,
            (None, None) => match self.node(at, scope) {
                R::Value(value) => value,
                other => return other,
            },
            (None, Some(name)) => {
                if let Some(unknown) = self.unknown(&name, &steps, scope) {
                    return unknown;
                }
                from_json(&self.data[name.as_str()])
            }
        };
        let mut optional = false;
        let last = steps.len();
        for (i, (index, field, is_optional)) in steps.iter().enumerate() {
            if let V::Optional(inner) = value {
                optional = true;
                match inner {
                    Some(inner) => value = *inner,
                    None => return R::Value(if test { V::Bool(false) } else { V::Optional(None) }),
                }
            }
            optional |= is_optional;
            let taken = match index {
                None => Taken::Field(field.clone()),
                Some(index) => match self.node(*index, scope) {
                    R::Value(key) => Taken::Key(key),
                    stop => return self.rest(stop, &steps[i + 1..], scope),
                },
            };
            match take(&value, &taken) {
                Ok(Some(_)) if test && i + 1 == last => return R::Value(V::Bool(true)),
                Ok(Some(found)) => value = found,
                Ok(None)
                    if (optional || test && i + 1 == last)
                        && matches!(value, V::List(_) | V::Map(_)) =>
                {
                    return R::Value(if test { V::Bool(false) } else { V::Optional(None) });
                }
                Ok(None) | Err(()) => return self.rest(R::Error, &steps[i + 1..], scope),
            }
        }
        R::Value(if optional { V::Optional(Some(Box::new(value))) } else { value })
    }

    /// After a step that gave nothing, the indices that follow may still be awaited.
    fn rest(&self, stop: R, steps: &[(Option<ExprId>, String, bool)], scope: &mut Scope) -> R {
        let mut results = vec![stop];
        for (index, _, _) in steps {
            results.extend(index.map(|index| self.node(index, scope)));
        }
        results.retain(|result| !matches!(result, R::Value(_)));
        strict(results, |_| None)
    }

    /// What a path waits for, if its variable or a part that it meets is unknown.
    fn unknown(
        &self,
        name: &str,
        steps: &[(Option<ExprId>, String, bool)],
        scope: &mut Scope,
    ) -> Option<R> {
        let mut attribute = Attribute { root: name.into(), path: Vec::new() };
        let mut ended = false;
        let mut waiting = BTreeSet::new();
        for (index, field, _) in steps {
            let step = match index {
                None => Some(PathStep::Field(field.as_str().into())),
                Some(index) => match self.node(*index, scope) {
                    R::Value(V::Text(key)) => Some(PathStep::Field(key.into())),
                    R::Value(V::Int(key)) => Some(PathStep::Index(key)),
                    R::Value(V::Bool(key)) => Some(PathStep::BoolKey(key)),
                    R::Value(_) | R::Error => None,
                    R::Unknown(more) => {
                        waiting.extend(more);
                        None
                    }
                },
            };
            match step {
                Some(step) if !ended => attribute.path.push(step),
                _ => ended = true,
            }
        }
        let met = self.unknown_variables.contains(&name)
            || self.unknown_paths.iter().any(|unknown| {
                unknown.root == attribute.root
                    && unknown.path.iter().zip(&attribute.path).all(|(a, b)| a == b)
            });
        met.then(|| {
            waiting.insert(attribute);
            R::Unknown(waiting)
        })
    }
}

/// One step; `None` where nothing is there, `Err` where there can't be anything.
fn take(value: &V, step: &Taken) -> Result<Option<V>, ()> {
    match (value, step) {
        (V::Map(map), Taken::Field(name) | Taken::Key(V::Text(name))) => Ok(map.get(name).cloned()),
        (V::Map(_), Taken::Key(V::Int(_) | V::Bool(_))) => Ok(None),
        (V::List(list), Taken::Key(V::Int(i))) => {
            Ok(usize::try_from(*i).ok().and_then(|i| list.get(i).cloned()))
        }
        (V::Map(_) | V::List(_), _) => Err(()),
        _ => Ok(None),
    }
}

fn binary(op: BinaryOp, a: &V, b: &V) -> Option<V> {
    Some(match (op, a, b) {
        (BinaryOp::Equal, a, b) => V::Bool(a == b),
        (BinaryOp::NotEqual, a, b) => V::Bool(a != b),
        (BinaryOp::Add, V::Int(a), V::Int(b)) => V::Int(a.checked_add(*b)?),
        (BinaryOp::Add, V::Text(a), V::Text(b)) => V::Text(format!("{a}{b}")),
        (BinaryOp::Add, V::List(a), V::List(b)) => V::List([a.clone(), b.clone()].concat()),
        (BinaryOp::Subtract, V::Int(a), V::Int(b)) => V::Int(a.checked_sub(*b)?),
        (BinaryOp::Multiply, V::Int(a), V::Int(b)) => V::Int(a.checked_mul(*b)?),
        (BinaryOp::Divide, V::Int(a), V::Int(b)) => V::Int(a.checked_div(*b)?),
        (BinaryOp::Modulo, V::Int(a), V::Int(b)) => V::Int(a.checked_rem(*b)?),
        (BinaryOp::Less, V::Int(a), V::Int(b)) => V::Bool(a < b),
        (BinaryOp::In, a, V::List(b)) => V::Bool(b.contains(a)),
        (BinaryOp::In, V::Text(a), V::Map(b)) => V::Bool(b.contains_key(a)),
        (BinaryOp::In, _, V::Map(_)) => V::Bool(false),
        _ => return None,
    })
}
