//! What an evaluation will cost at least and at most, without evaluating.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{MAX_TEXT, PER_UNIT, Work, count_json, product, turn, weights};
use crate::{
    Attribute, BinaryOp, Checked, Comprehension, ComprehensionKind, Expr, ExprId, Literal, Name,
    PathStep, Reference, Type,
};

/// The least and the most that an evaluation may cost; `u64::MAX` where there is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostRange {
    /// An evaluation that gives a value costs at least this.
    pub min: u64,
    /// No evaluation costs more.
    pub max: u64,
}

/// How large a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// A list or map has at least so many elements.
    pub min_count: u64,
    /// A list or map has at most so many elements.
    pub max_count: u64,
    /// At most so many units in the value and in all its parts: one for each, one more for every 16 bytes of text.
    pub max_total: u64,
}

/// The result of [`estimate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The cost.
    pub cost: CostRange,
    /// The size of the result.
    pub result: Size,
}

/// Estimates the cost of a checked expression.
///
/// `size` says how large the value of a variable, or of a part of it, is at most; without an answer there is no bound, unless
/// the declared type has one.
///
/// ```
/// use cel::{Env, Size, Type, cost};
/// let env = Env::standard().extend().variable("names", Type::list(Type::String)).build()?;
/// let checked = env.compile("names.all(n, n != '')").map_err(|m| m[0].to_string())?;
/// let unbounded = cost::estimate(&checked, &|_| None).cost;
/// assert_eq!((unbounded.min, unbounded.max), (2, u64::MAX));
/// let names = Size { min_count: 1, max_count: 100, max_total: 1_000 };
/// let bounded = cost::estimate(&checked, &|_| Some(names)).cost;
/// assert!(bounded.min >= 6 && bounded.max < 200_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn estimate(checked: &Checked, size: &dyn Fn(&Attribute) -> Option<Size>) -> Estimate {
    let weights = weights(checked.ast());
    let root = checked.ast().root();
    let own = weights.get(root.index()).copied().unwrap_or(1);
    let mut estimator = Estimator { checked, size, weights, scope: Vec::new() };
    let (cost, result) = estimator.node(root);
    Estimate { cost: cost.plus(CostRange { min: own, max: own }), result }
}

impl CostRange {
    const NONE: CostRange = CostRange { min: 0, max: 0 };

    fn plus(self, other: CostRange) -> CostRange {
        CostRange {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    fn at_most(units: u64) -> CostRange {
        CostRange { min: 0, max: units }
    }

    /// It may be that nothing of this is evaluated.
    fn maybe(self) -> CostRange {
        CostRange::at_most(self.max)
    }
}

impl Size {
    /// Nothing is known.
    pub const UNBOUNDED: Size = Size { min_count: 0, max_count: u64::MAX, max_total: u64::MAX };
    /// A number, a boolean and so on.
    pub const SCALAR: Size = Size { min_count: 0, max_count: 0, max_total: 1 };
    const TEXT: Size =
        Size { min_count: 0, max_count: 0, max_total: 1 + ((MAX_TEXT as u64) >> PER_UNIT) };

    /// The size of JSON.
    pub fn of(json: &Json) -> Size {
        let mut max_total = 0;
        count_json(json, &mut max_total);
        let count = match json {
            Json::Array(array) => array.len() as u64,
            Json::Object(object) => object.len() as u64,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
        };
        Size { min_count: count, max_count: count, max_total }
    }

    fn text(bytes: usize) -> Size {
        Size { min_count: 0, max_count: 0, max_total: 1 + ((bytes as u64) >> PER_UNIT) }
    }

    /// The largest size that a value of a type without parts has.
    fn of_type(ty: &Type) -> Size {
        match ty {
            Type::Null
            | Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::Timestamp
            | Type::Duration
            | Type::Type(_) => Size::SCALAR,
            Type::Dyn
            | Type::Error
            | Type::String
            | Type::Bytes
            | Type::List(_)
            | Type::Map(_)
            | Type::Optional(_)
            | Type::Wrapper(_)
            | Type::Object(_)
            | Type::Opaque(_)
            | Type::Param(_)
            | Type::Var(_) => Size::UNBOUNDED,
        }
    }

    /// A part of a value of this size.
    fn part(self) -> Size {
        Size { min_count: 0, max_count: self.max_total, max_total: self.max_total }
    }

    fn either(self, other: Size) -> Size {
        Size {
            min_count: self.min_count.min(other.min_count),
            max_count: self.max_count.max(other.max_count),
            max_total: self.max_total.max(other.max_total),
        }
    }

    /// Both, one after the other.
    fn joined(self, other: Size) -> Size {
        Size {
            min_count: self.min_count.saturating_add(other.min_count),
            max_count: self.max_count.saturating_add(other.max_count),
            max_total: self.max_total.saturating_add(other.max_total),
        }
    }

    /// In an optional, or out of it.
    fn wrapped(self) -> Size {
        Size { min_count: 0, max_total: self.max_total.saturating_add(1), ..self }
    }
}

struct Estimator<'c> {
    checked: &'c Checked,
    size: &'c dyn Fn(&Attribute) -> Option<Size>,
    weights: Vec<u64>,
    scope: Vec<(Arc<str>, Size)>,
}

impl Estimator<'_> {
    /// Costs beside the weights of nodes, and the size of the value.
    fn node(&mut self, id: ExprId) -> (CostRange, Size) {
        let checked = self.checked;
        match checked.ast().expr(id) {
            Expr::Literal(literal) => (CostRange::NONE, literal_size(literal)),
            Expr::Ident { name, .. } => (CostRange::NONE, self.name(id, name)),
            Expr::Select { operand, optional, .. } => {
                if let Some(size) = self.known(id) {
                    return (CostRange::NONE, size);
                }
                let (cost, size) = self.node(*operand);
                (cost, if *optional { size.part().wrapped() } else { size.part() })
            }
            Expr::Has { operand, .. } => (self.node(*operand).0, Size::SCALAR),
            Expr::Index { operand, index, optional } => {
                let (cost, size) = self.node(*operand);
                let index = self.node(*index).0;
                // It is computed again where the path of something missing is told.
                let again = CostRange { min: index.min, max: index.max.saturating_mul(2) };
                let size = match self.known(id) {
                    Some(size) => size,
                    None if *optional => size.part().wrapped(),
                    None => size.part(),
                };
                (cost.plus(again), size)
            }
            Expr::Call { target, args, .. } => self.call(id, *target, args),
            Expr::Unary { operand, .. } => (self.node(*operand).0, Size::SCALAR),
            Expr::Binary { op, left, right, .. } => {
                let ((a, left), (b, right)) = (self.node(*left), self.node(*right));
                let units = left.max_total.saturating_add(right.max_total);
                let cost = a.plus(b);
                match op {
                    BinaryOp::Add => {
                        let units = product(left.max_total, Some(right.max_total));
                        let mut size = left.joined(right);
                        // Sets and maps by keys keep some elements once.
                        size.min_count = left.min_count;
                        (cost.plus(CostRange::at_most(units)), size)
                    }
                    BinaryOp::Subtract
                    | BinaryOp::Multiply
                    | BinaryOp::Divide
                    | BinaryOp::Modulo
                    | BinaryOp::Equal
                    | BinaryOp::NotEqual
                    | BinaryOp::Less
                    | BinaryOp::LessEqual
                    | BinaryOp::Greater
                    | BinaryOp::GreaterEqual
                    | BinaryOp::In => (cost.plus(CostRange::at_most(units)), Size::SCALAR),
                }
            }
            Expr::Logic { terms, .. } => {
                let mut cost = CostRange::NONE;
                for term in terms {
                    cost = cost.plus(self.node(*term).0.maybe());
                }
                (cost, Size::SCALAR)
            }
            Expr::Conditional { condition, then, otherwise } => {
                let condition = self.node(*condition).0;
                let ((a, then), (b, otherwise)) = (self.node(*then), self.node(*otherwise));
                let branch = CostRange { min: a.min.min(b.min), max: a.max.max(b.max) };
                (condition.plus(branch), then.either(otherwise))
            }
            Expr::List(elements) => {
                let mut cost = CostRange::NONE;
                let mut all = Size { min_count: 0, max_count: 0, max_total: 1 };
                for element in elements {
                    let (own, size) = self.node(element.value);
                    cost = cost.plus(own);
                    all.max_count += 1;
                    all.min_count += u64::from(!element.optional);
                    all.max_total = all.max_total.saturating_add(size.max_total);
                }
                (cost, all)
            }
            Expr::Map(entries) => {
                let mut cost = CostRange::NONE;
                let mut all = Size { min_count: 0, max_count: 0, max_total: 1 };
                for entry in entries {
                    let ((a, key), (b, value)) = (self.node(entry.key), self.node(entry.value));
                    cost = cost.plus(a).plus(b);
                    all = with_entry(all, key, value);
                    if !entry.optional {
                        all.min_count = 1;
                    }
                }
                (cost, all)
            }
            Expr::Struct { fields, .. } => {
                let mut cost = CostRange::NONE;
                let mut all = Size { min_count: 0, max_count: 0, max_total: 1 };
                for field in fields {
                    let (own, size) = self.node(field.value);
                    cost = cost.plus(own);
                    all = with_entry(all, Size::text(field.field.text.len()), size);
                }
                // A value of a well-known type is the value of its field.
                all.max_total = all.max_total.saturating_add(1);
                (cost, all.part())
            }
            Expr::Comprehension(c) => self.comprehension(c),
            Expr::Bind { variable, init, body } => {
                let (init, size) = self.node(*init);
                self.scope.push((variable.text.clone(), size));
                let (body, size) = self.node(*body);
                self.scope.pop();
                (init.maybe().plus(body), size)
            }
        }
    }

    fn name(&self, id: ExprId, name: &Name) -> Size {
        if let Reference::Local(_) = self.checked.reference(id) {
            let local = self.scope.iter().rev().find(|(local, _)| *local == name.text);
            return local.map_or(Size::UNBOUNDED, |(_, size)| *size);
        }
        self.known(id).unwrap_or_else(|| match self.checked.reference(id) {
            Reference::Variable(_) => Size::of_type(self.checked.type_of(id)),
            Reference::None | Reference::Local(_) | Reference::Function { .. } => Size::UNBOUNDED,
            Reference::Type(_) => Size::SCALAR,
        })
    }

    /// What the caller says about the attribute that a node is.
    fn known(&self, id: ExprId) -> Option<Size> {
        let attribute = self.attribute(id)?;
        (self.size)(&attribute)
    }

    fn attribute(&self, id: ExprId) -> Option<Attribute> {
        if let Reference::Variable(name) = self.checked.reference(id) {
            return Some(Attribute { root: name.clone(), path: Vec::new() });
        }
        let (operand, step) = match self.checked.ast().expr(id) {
            Expr::Select { operand, field, optional: false } => {
                (*operand, PathStep::Field(field.text.clone()))
            }
            Expr::Index { operand, index, optional: false } => {
                let step = match self.checked.ast().expr(*index) {
                    Expr::Literal(Literal::String(key)) => PathStep::Field(key.clone()),
                    Expr::Literal(Literal::Int(i)) => PathStep::Index(*i),
                    _ => return None,
                };
                (*operand, step)
            }
            _ => return None,
        };
        let mut attribute = self.attribute(operand)?;
        attribute.path.push(step);
        Some(attribute)
    }

    fn comprehension(&mut self, c: &Comprehension) -> (CostRange, Size) {
        let (cost, range) = self.node(c.range);
        let before = self.scope.len();
        self.scope.push((c.variable.text.clone(), range.part()));
        if let Some(second) = &c.second {
            self.scope.push((second.text.clone(), range.part()));
        }
        let filter = c.filter.map_or(CostRange::NONE, |id| self.node(id).0);
        let (body, made) = self.node(c.body);
        self.scope.truncate(before);

        let weight = turn(c, &self.weights);
        let may_stop = matches!(c.kind, ComprehensionKind::All | ComprehensionKind::Exists);
        // A term that fails may be outvoted, a body may be filtered out.
        let filter = if may_stop { filter.maybe() } else { filter };
        let body = if may_stop || c.filter.is_some() { body.maybe() } else { body };
        let one = filter.plus(body).plus(CostRange { min: weight, max: weight });
        let least = if may_stop { range.min_count.min(1) } else { range.min_count };
        let turns = CostRange {
            min: one.min.saturating_mul(least),
            max: one.max.saturating_mul(range.max_count),
        };
        let kept = if c.filter.is_some() { 0 } else { range.min_count };
        let size = match c.kind {
            ComprehensionKind::All | ComprehensionKind::Exists | ComprehensionKind::ExistsOne => {
                Size::SCALAR
            }
            ComprehensionKind::Filter => Size {
                min_count: 0,
                max_count: range.max_count,
                max_total: range.max_total.saturating_add(1),
            },
            ComprehensionKind::List => Size {
                min_count: kept,
                max_count: range.max_count,
                max_total: range.max_count.saturating_mul(made.max_total).saturating_add(1),
            },
            ComprehensionKind::Map => Size {
                min_count: kept,
                max_count: range.max_count,
                max_total: range
                    .max_count
                    .saturating_mul(made.max_total.saturating_add(1))
                    .saturating_add(range.max_total)
                    .saturating_add(1),
            },
            ComprehensionKind::MapEntry => Size {
                min_count: 0,
                max_count: range.max_count.saturating_mul(made.max_count),
                max_total: range.max_count.saturating_mul(made.max_total).saturating_add(1),
            },
        };
        (cost.plus(turns), size)
    }

    fn call(&mut self, id: ExprId, target: Option<ExprId>, args: &[ExprId]) -> (CostRange, Size) {
        let Reference::Function { overloads, qualified } = self.checked.reference(id) else {
            return (CostRange::at_most(u64::MAX), Size::UNBOUNDED);
        };
        let target = if *qualified { None } else { target };
        let mut cost = CostRange::NONE;
        let mut sizes = Vec::with_capacity(args.len() + 1);
        for (at, arg) in target.iter().chain(args).enumerate() {
            let (own, size) = self.node(*arg);
            // The second argument of `orValue` is computed only when it is needed.
            let lazy = at > 0 && overloads.iter().any(|overload| is_lazy(&overload.id));
            cost = cost.plus(if lazy { own.maybe() } else { own });
            sizes.push(size);
        }
        let sum = sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(size.max_total));
        let work = overloads.iter().map(|overload| overload.work).max().unwrap_or_default();
        let before = match (work, sizes.as_slice()) {
            (Work::Constant, _) => 0,
            (Work::Shallow | Work::Deep, _) => sum,
            (Work::Product, []) => 0,
            (Work::Product, [one]) => product(one.max_total, None),
            (Work::Product, [first, second, ..]) => {
                product(first.max_total, Some(second.max_total))
            }
        };
        let result = overloads
            .iter()
            .map(|overload| self.result(&overload.id, &overload.result, args, &sizes))
            .reduce(Size::either)
            .unwrap_or(Size::UNBOUNDED);
        let units = before.saturating_add(result.max_total);
        (cost.plus(CostRange::at_most(units)), result)
    }

    /// The size of what a function gives.
    fn result(&self, overload: &str, ty: &Type, args: &[ExprId], sizes: &[Size]) -> Size {
        let first = sizes.first().copied().unwrap_or(Size::SCALAR);
        match overload {
            "to_dyn" => first,
            "optional_of" | "optional_ofNonZeroValue" | "optional_value" => first.wrapped(),
            "optional_or_optional" | "optional_orValue_value" => {
                sizes.iter().copied().reduce(Size::either).unwrap_or(Size::SCALAR).wrapped()
            }
            "lists_range" => match args.first().map(|id| self.checked.ast().expr(*id)) {
                Some(Expr::Literal(Literal::Int(n))) => {
                    let count = u64::try_from(*n).unwrap_or(0);
                    Size { min_count: count, max_count: count, max_total: count + 1 }
                }
                _ => Size { min_count: 0, max_count: 1_000_000, max_total: 1_000_001 },
            },
            "list_reverse" => first,
            id if id.starts_with("list_sort_") => first,
            "list_slice" | "list_distinct" => Size { min_count: 0, ..first },
            "list_flatten" => first.part(),
            _ => match ty {
                Type::String | Type::Bytes => Size::TEXT,
                ty => Size::of_type(ty),
            },
        }
    }
}

fn with_entry(map: Size, key: Size, value: Size) -> Size {
    Size {
        min_count: map.min_count,
        max_count: map.max_count.saturating_add(1),
        max_total: map
            .max_total
            .saturating_add(key.max_total)
            .saturating_add(value.max_total)
            .saturating_add(1),
    }
}

fn is_lazy(overload: &str) -> bool {
    matches!(overload, "optional_or_optional" | "optional_orValue_value")
}

fn literal_size(literal: &Literal) -> Size {
    match literal {
        Literal::String(text) => Size::text(text.len()),
        Literal::Bytes(bytes) => Size::text(bytes.len()),
        Literal::Null
        | Literal::Bool(_)
        | Literal::Int(_)
        | Literal::Uint(_)
        | Literal::Double(_) => Size::SCALAR,
    }
}
