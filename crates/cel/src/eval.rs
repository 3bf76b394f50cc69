//! The evaluator.

mod access;
mod comprehension;
mod operators;

use std::sync::Arc;

use crate::{
    BinaryOp, Bindings, Error, ErrorKind, ExprId, Key, MapBuilder, Outcome, Program, Stop, Unknown,
    Value, cost,
    env::Binding,
    plan::{Call, Node, Op, OrElse, Plan},
    value::{lookup_keys, same_name},
};

pub(crate) use operators::add;

pub(crate) type Eval<'a> = Result<Value<'a>, Stop>;

/// The state of one evaluation.
pub(crate) struct Cx<'a> {
    plan: &'a Plan,
    bindings: &'a Bindings<'a>,
    locals: Vec<Slot<'a>>,
    /// Ends of paths that have been followed, by [`Access::path`](crate::plan::Access).
    ends: Vec<Option<access::End<'a>>>,
    recent: Option<access::Recent<'a>>,
    /// What may still be spent.
    budget: u64,
    limit: u64,
}

/// The result of an evaluation and what it has cost.
#[derive(Clone, Debug)]
pub struct Evaluation<'a> {
    /// The result.
    pub outcome: Outcome<'a>,
    /// What it has cost, see [`cost`](crate::cost).
    pub cost: u64,
}

#[derive(Clone)]
enum Slot<'a> {
    Empty,
    Value(Value<'a>),
    Stop(Stop),
}

/// What a condition is.
enum Truth<'a> {
    Bool(bool),
    Other(Value<'a>),
}

impl<'a> Truth<'a> {
    fn into_value(self) -> Value<'a> {
        match self {
            Truth::Bool(v) => Value::Bool(v),
            Truth::Other(value) => value,
        }
    }
}

impl Program {
    /// Evaluates with these values. The result borrows from the values and from the program.
    #[inline]
    pub fn eval<'a>(&'a self, bindings: &'a Bindings<'_>) -> Outcome<'a> {
        self.eval_within(bindings, self.0.env.options().max_cost).outcome
    }

    /// Evaluates at a cost of at most `limit`, whatever the environment allows.
    ///
    /// An evaluation that would cost more ends with [`BudgetExceeded`](ErrorKind::BudgetExceeded).
    #[inline]
    pub fn eval_within<'a>(&'a self, bindings: &'a Bindings<'_>, limit: u64) -> Evaluation<'a> {
        let plan: &'a Plan = &self.0;
        let locals = if plan.slots == 0 { Vec::new() } else { vec![Slot::Empty; plan.slots] };
        let ends = if plan.paths == 0 { Vec::new() } else { vec![None; plan.paths] };
        let mut cx = Cx { plan, bindings, locals, ends, recent: None, budget: limit, limit };
        let outcome = match cx.run() {
            Ok(value) => Outcome::Value(value),
            Err(Stop::Error(error)) => Outcome::Error(error),
            Err(Stop::Unknown(unknown)) => Outcome::Unknown(unknown),
        };
        Evaluation { outcome, cost: limit - cx.budget }
    }
}

impl<'a> Cx<'a> {
    #[cold]
    #[inline(never)]
    fn fail(&self, id: ExprId, kind: impl Into<Box<ErrorKind>>) -> Stop {
        let span = self.plan.spans.get(id.index()).copied().unwrap_or_default();
        Stop::Error(Box::new(Error { kind: *kind.into(), expr: id, span, attribute: None }))
    }

    #[inline]
    fn run(&mut self) -> Eval<'a> {
        let plan = self.plan;
        self.spend(plan.root.id, plan.weight)?;
        let value = self.eval(&plan.root)?;
        if cost::too_large(&value) {
            return Err(self.fail(plan.root.id, ErrorKind::TooLarge { limit: cost::MAX_RESULT }));
        }
        Ok(value)
    }

    /// Takes `units` from the budget.
    #[inline]
    fn spend(&mut self, id: ExprId, units: u64) -> Result<(), Stop> {
        match self.budget.checked_sub(units) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => {
                self.budget = 0;
                Err(self.fail(id, ErrorKind::BudgetExceeded { limit: self.limit }))
            }
        }
    }

    pub(crate) fn eval(&mut self, node: &'a Node) -> Eval<'a> {
        match &node.op {
            Op::Constant(value) => Ok(borrow(value)),
            Op::Access(access) => self.access(node.id, access),
            Op::Binary(op, operands) => self.binary(node.id, *op, operands),
            Op::Call(call) => self.call(node.id, call),
            Op::Sum(terms) => self.sum(node.id, terms),
            Op::And(_) | Op::Or(_) | Op::Not(_) => self.truth(node).map(Truth::into_value),
            Op::Negate(operand) => {
                let value = self.eval(operand)?;
                operators::negate(&value).map_err(|kind| self.fail(node.id, kind))
            }
            Op::Conditional(parts) => match self.truth(&parts[0])? {
                Truth::Bool(true) => self.eval(&parts[1]),
                Truth::Bool(false) => self.eval(&parts[2]),
                Truth::Other(other) => {
                    Err(self.fail(node.id, ErrorKind::overload("_?_:_", &[other])))
                }
            },
            Op::List(elements) => self.list(node.id, elements),
            Op::Map(entries) => self.map(node.id, entries),
            Op::Struct(name, fields) => self.construct(node.id, name, fields),
            Op::Comprehension(l) => self.comprehension(node.id, l),
            Op::OrElse(parts, wanted) => self.or_else(node.id, parts, *wanted),
            Op::Bind { slot, body } => {
                self.locals[*slot] = Slot::Empty;
                self.eval(body)
            }
        }
    }

    /// The value of a condition, without making a value on the way where its operator gives a truth value.
    fn truth(&mut self, node: &'a Node) -> Result<Truth<'a>, Stop> {
        match &node.op {
            Op::And(terms) => self.logic(node.id, "_&&_", terms, false).map(Truth::Bool),
            Op::Or(terms) => self.logic(node.id, "_||_", terms, true).map(Truth::Bool),
            Op::Not(operand) => match self.truth(operand)? {
                Truth::Bool(v) => Ok(Truth::Bool(!v)),
                Truth::Other(other) => Err(self.fail(node.id, ErrorKind::overload("!_", &[other]))),
            },
            Op::Binary(op @ (BinaryOp::Equal | BinaryOp::NotEqual), operands) => {
                if let Some([left, right]) = self.texts(operands) {
                    self.spend(node.id, cost::texts(left, right))?;
                    return Ok(Truth::Bool(same_name(left, right) == (*op == BinaryOp::Equal)));
                }
                let [left, right] = self.operands(node.id, *op, operands)?;
                let equal = match op {
                    BinaryOp::NotEqual => left.is_not_equal_to(&right).map(|differs| !differs),
                    _ => left.is_equal_to(&right),
                };
                match equal {
                    Ok(equal) => Ok(Truth::Bool(equal == (*op == BinaryOp::Equal))),
                    Err(kind) => Err(self.fail(node.id, kind)),
                }
            }
            Op::Binary(..)
            | Op::Constant(_)
            | Op::Access(_)
            | Op::Call(_)
            | Op::Negate(_)
            | Op::Sum(_)
            | Op::Conditional(_)
            | Op::List(_)
            | Op::Map(_)
            | Op::Struct(..)
            | Op::Comprehension(_)
            | Op::OrElse(..)
            | Op::Bind { .. } => Ok(match self.eval(node)? {
                Value::Bool(v) => Truth::Bool(v),
                other => Truth::Other(other),
            }),
        }
    }

    /// Evaluates all operands: unknowns of all of them are awaited together and outrank errors; else the first error counts.
    fn strict<const N: usize>(&mut self, nodes: [&'a Node; N]) -> Result<[Value<'a>; N], Stop> {
        let mut values = [const { Value::Null }; N];
        for (i, node) in nodes.iter().enumerate() {
            match self.eval(node) {
                Ok(value) => values[i] = value,
                Err(stop) => return Err(self.strict_rest(stop, nodes[i + 1..].iter().copied())),
            }
        }
        Ok(values)
    }

    #[cold]
    fn strict_rest(&mut self, first: Stop, rest: impl Iterator<Item = &'a Node>) -> Stop {
        let mut stop = first;
        for node in rest {
            if let Err(other) = self.eval(node) {
                stop = outrank(stop, other);
            }
        }
        stop
    }

    fn strict_all(&mut self, nodes: &'a [Node]) -> Result<Vec<Value<'a>>, Stop> {
        let mut values = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.iter().enumerate() {
            match self.eval(node) {
                Ok(value) => values.push(value),
                Err(stop) => return Err(self.strict_rest(stop, nodes[i + 1..].iter())),
            }
        }
        Ok(values)
    }

    fn logic(
        &mut self,
        id: ExprId,
        name: &str,
        terms: &'a [Node],
        decisive: bool,
    ) -> Result<bool, Stop> {
        let mut stop: Option<Stop> = None;
        for term in terms {
            let outcome = match self.truth(term) {
                Ok(Truth::Bool(v)) if v == decisive => return Ok(v),
                Ok(Truth::Bool(_)) => continue,
                Ok(Truth::Other(other)) => self.fail(id, ErrorKind::overload(name, &[other])),
                Err(stop) => stop,
            };
            stop = Some(match stop {
                Some(before) => outrank(before, outcome),
                None => outcome,
            });
        }
        match stop {
            Some(stop) => Err(stop),
            None => Ok(!decisive),
        }
    }

    fn binary(&mut self, id: ExprId, op: BinaryOp, operands: &'a [Node; 2]) -> Eval<'a> {
        if op == BinaryOp::Add
            && let Some([left, right]) = self.texts(operands)
        {
            self.spend(id, cost::texts(left, right))?;
            return operators::concatenate(left, right).map_err(|kind| self.fail(id, kind));
        }
        let [left, right] = self.operands(id, op, operands)?;
        operators::binary(op, &left, &right).map_err(|kind| self.fail(id, kind))
    }

    /// A text in bound data and a constant one, without making values of them; else nothing is evaluated.
    #[inline]
    fn texts(&mut self, operands: &'a [Node; 2]) -> Option<[&'a str; 2]> {
        let [Node { op: Op::Access(access), .. }, Node { op: Op::Constant(right), .. }] = operands
        else {
            return None;
        };
        let right = right.as_str()?;
        Some([self.bound_text(access)?, right])
    }

    #[inline]
    fn operands(
        &mut self,
        id: ExprId,
        op: BinaryOp,
        operands: &'a [Node; 2],
    ) -> Result<[Value<'a>; 2], Stop> {
        let left = match self.eval(&operands[0]) {
            Ok(left) => left,
            Err(stop) => return Err(self.strict_rest(stop, operands[1..].iter())),
        };
        let right = self.eval(&operands[1])?;
        self.spend(id, cost::binary(op, &left, &right, self.budget))?;
        Ok([left, right])
    }

    fn sum(&mut self, id: ExprId, terms: &'a [Node]) -> Eval<'a> {
        let mut few = [const { Value::Null }; 6];
        let mut many = Vec::new();
        let values = match few.get_mut(..terms.len()) {
            Some(few) => few,
            None => {
                many.resize_with(terms.len(), || Value::Null);
                &mut many
            }
        };
        let mut known = 0;
        let mut stop = None;
        for (i, term) in terms.iter().enumerate() {
            match self.eval(term) {
                Ok(value) => {
                    values[i] = value;
                    known += 1;
                }
                Err(first) => {
                    stop = Some(self.strict_rest(first, terms[i + 1..].iter()));
                    break;
                }
            }
        }
        if let Some(unknown @ Stop::Unknown(_)) = stop {
            return Err(unknown);
        }
        let values = &values[..known];
        for pair in values.windows(2) {
            self.spend(id, cost::binary(BinaryOp::Add, &pair[0], &pair[1], self.budget))?;
        }
        // The terms before a failed one are added first: their own failure would come first.
        let total = operators::sum(values).map_err(|kind| self.fail(id, kind))?;
        match stop {
            Some(stop) => Err(stop),
            None => Ok(total),
        }
    }

    fn call(&mut self, id: ExprId, call: &'a Call) -> Eval<'a> {
        match &*call.args {
            [] => self.dispatch(id, call, &[]),
            [a] => {
                let args = [self.eval(a)?];
                self.dispatch(id, call, &args)
            }
            [a, b] => {
                let args = self.strict([a, b])?;
                self.dispatch(id, call, &args)
            }
            args => {
                let args = self.strict_all(args)?;
                self.dispatch(id, call, &args)
            }
        }
    }

    fn dispatch(&mut self, id: ExprId, call: &'a Call, args: &[Value<'a>]) -> Eval<'a> {
        self.spend(id, call.work.units(args, self.budget))?;
        let value = dispatch(call, args).map_err(|kind| self.fail(id, kind))?;
        self.spend(id, cost::made(&value))?;
        match &value {
            Value::String(text) if text.len() > cost::MAX_TEXT => {
                Err(self.fail(id, ErrorKind::too_long()))
            }
            _ => Ok(value),
        }
    }

    fn or_else(&mut self, id: ExprId, parts: &'a [Node; 2], wanted: OrElse) -> Eval<'a> {
        if let (Op::Access(access), OrElse::Value) = (&parts[0].op, wanted)
            && let Some(found) = self.optional_access(parts[0].id, access)
        {
            return match found? {
                Some(value) => Ok(value),
                None => self.eval(&parts[1]),
            };
        }
        let name = if wanted == OrElse::Value { "orValue" } else { "or" };
        match self.eval(&parts[0])? {
            Value::Optional(None) => match self.eval(&parts[1])? {
                other @ Value::Optional(_) if wanted == OrElse::Optional => Ok(other),
                other if wanted == OrElse::Optional => {
                    Err(self.fail(id, ErrorKind::overload(name, &[other])))
                }
                other => Ok(other),
            },
            Value::Optional(Some(value)) if wanted == OrElse::Value => Ok(Value::clone(&value)),
            present @ Value::Optional(Some(_)) => Ok(present),
            other => Err(self.fail(id, ErrorKind::overload(name, &[other]))),
        }
    }

    fn list(&mut self, id: ExprId, elements: &'a [(Node, bool)]) -> Eval<'a> {
        let mut values = Vec::with_capacity(elements.len());
        for (i, (node, optional)) in elements.iter().enumerate() {
            match self.eval(node) {
                Ok(Value::Optional(None)) if *optional => {}
                Ok(Value::Optional(Some(v))) if *optional => values.push(Value::clone(&v)),
                Ok(other) if *optional => {
                    return Err(self.fail(id, ErrorKind::overload("[?_]", &[other])));
                }
                Ok(value) => values.push(value),
                Err(stop) => {
                    let rest = elements[i + 1..].iter().map(|(node, _)| node);
                    return Err(self.strict_rest(stop, rest));
                }
            }
        }
        Ok(Value::list(values))
    }

    fn map(&mut self, id: ExprId, entries: &'a [(Node, Node, bool)]) -> Eval<'a> {
        let options = self.plan.env.options();
        let mut map = MapBuilder::with_capacity(entries.len());
        for (i, (key, value, optional)) in entries.iter().enumerate() {
            let (key, value) = match self.strict([key, value]) {
                Ok([key, value]) => (key, value),
                Err(stop) => {
                    let rest = entries[i + 1..].iter().flat_map(|(key, value, _)| [key, value]);
                    return Err(self.strict_rest(stop, rest));
                }
            };
            let value = match value {
                Value::Optional(None) if *optional => continue,
                Value::Optional(Some(v)) if *optional => Value::clone(&v),
                other if *optional => {
                    return Err(self.fail(id, ErrorKind::overload("{?_}", &[other])));
                }
                value => value,
            };
            let key = match Key::from_value(&key) {
                Some(Key::Double(_)) if !options.any_keys => None,
                key => key,
            }
            .ok_or_else(|| {
                let found = key.type_name().to_owned();
                self.fail(id, ErrorKind::UnsupportedKey { found })
            })?;
            map.push(key, value);
        }
        if options.unique_keys {
            return match map.finish_unique() {
                Ok(map) => Ok(Value::Map(map)),
                Err(key) => Err(self.fail(id, ErrorKind::DuplicateKey { key: key.to_string() })),
            };
        }
        Ok(Value::Map(map.finish()))
    }

    fn construct(
        &mut self,
        id: ExprId,
        name: &'a Arc<str>,
        fields: &'a [(Arc<str>, Node, bool)],
    ) -> Eval<'a> {
        let mut map = MapBuilder::with_capacity(fields.len());
        for (i, (field, node, optional)) in fields.iter().enumerate() {
            let value = match self.eval(node) {
                Ok(Value::Optional(None)) if *optional => continue,
                Ok(Value::Optional(Some(v))) if *optional => Value::clone(&v),
                Ok(value) => value,
                Err(stop) => {
                    let rest = fields[i + 1..].iter().map(|(_, node, _)| node);
                    return Err(self.strict_rest(stop, rest));
                }
            };
            map.push(Key::String(crate::Str::Borrowed(field)), value);
        }
        let map = map.finish();
        if crate::library::well_known(name).is_some() {
            return crate::library::construct(name, &map).map_err(|kind| self.fail(id, kind));
        }
        if !self.plan.env.options().construct_objects {
            let reason = format!("objects of type `{name}` can't be made");
            return Err(self.fail(id, ErrorKind::Other(reason)));
        }
        Ok(Value::Map(map))
    }
}

/// Calls the overload that takes the arguments.
fn dispatch<'a>(call: &'a Call, args: &[Value<'a>]) -> Result<Value<'a>, Box<ErrorKind>> {
    let target = match &*call.targets {
        [target] => Some(target),
        targets => targets.iter().find(|target| target.overload.accepts(args)),
    };
    match target.map(|target| &target.binding) {
        Some(Binding::Function(function)) => function(args),
        Some(Binding::Closure(closure)) => closure(args),
        Some(Binding::BuiltIn) | None => Err(ErrorKind::overload(&call.function, args)),
    }
}

/// A constant of the program, without counting a reference for text.
fn borrow<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::String(text) => Value::String(crate::Str::Borrowed(text)),
        Value::Bytes(bytes) => Value::Bytes(crate::Bytes::Borrowed(bytes)),
        other => other.clone(),
    }
}

/// Of two reasons the one that counts: unknowns together, an unknown before an error, the first of two errors.
fn outrank(first: Stop, second: Stop) -> Stop {
    match (first, second) {
        (Stop::Unknown(mut a), Stop::Unknown(b)) => {
            a.merge(*b);
            Stop::Unknown(a)
        }
        (unknown @ Stop::Unknown(_), Stop::Error(_))
        | (Stop::Error(_), unknown @ Stop::Unknown(_)) => unknown,
        (first @ Stop::Error(_), Stop::Error(_)) => first,
    }
}

impl From<Unknown> for Stop {
    fn from(unknown: Unknown) -> Self {
        Stop::Unknown(Box::new(unknown))
    }
}

/// The value of a key of a map as `in` and `[]` look it up.
pub(crate) fn has_key(map: &crate::Map<'_>, key: &Value<'_>) -> bool {
    let Some(key) = Key::from_value(key) else { return false };
    lookup_keys(&key).into_iter().flatten().take(1).any(|key| map.get(&key).is_some())
}
