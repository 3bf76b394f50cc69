//! Partial evaluation: what is left of an expression when only a part of its data is known.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Ast, Bindings, Checked, Comprehension, Element, Entry, Env, Error, Expr, ExprId, FieldInit,
    Key, List, ListSemantics, Literal, LogicOp, Map, Mistake, Name, Outcome, Program, Reference,
    Span, Type, Unknown, Value, ast::MacroCall, plan::plan,
};

/// What an expression gives when only a part of its data is known.
#[derive(Clone, Debug)]
pub enum Partial {
    /// A value: whatever is unknown has no influence.
    Value(Value<'static>),
    /// An error: whatever is unknown has no influence.
    Error(Box<Error>),
    /// It depends on what is unknown.
    Residual(Residual),
}

/// What is left of an expression: everything that is known is computed.
#[derive(Clone, Debug)]
pub struct Residual {
    /// The rest as an expression, with the same result for every value of what is unknown.
    ///
    /// Its places are those of the original text. It may be printed, and checked in the same environment.
    pub ast: Ast,
    /// What is awaited.
    pub unknown: Unknown,
}

/// Literals with more parts than this are not written into a residual.
const MAX_LITERAL: usize = 64;

impl Checked {
    /// Evaluates as far as the bindings go: variables and paths that are bound as unknown stay in the expression.
    ///
    /// ```
    /// use cel::{Bindings, Env, Partial, Type, Value};
    /// let env = Env::standard().extend().variable("a", Type::Int).variable("b", Type::Int).build()?;
    /// let checked = env.compile("a > 1 && (a * 2 < b || b == 7)").map_err(|m| m[0].to_string())?;
    /// let mut bindings = Bindings::new();
    /// bindings.value("a", Value::Int(5)).unknown("b");
    /// match checked.partial(&bindings).map_err(|m| m[0].to_string())? {
    ///     Partial::Residual(rest) => assert_eq!(rest.ast.to_string(), "10 < b || b == 7"),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The mistakes that planning finds.
    pub fn partial(&self, bindings: &Bindings<'_>) -> Result<Partial, Vec<Mistake>> {
        let program = Program::new(self)?;
        let limit = self.env().options().max_cost;
        let evaluation = program.eval_within(bindings, limit);
        let unknown = match evaluation.outcome {
            Outcome::Value(value) => return Ok(Partial::Value(value.into_owned())),
            Outcome::Error(error) => return Ok(Partial::Error(error)),
            Outcome::Unknown(unknown) => *unknown,
        };
        let mut rest = Rest {
            checked: self,
            bindings,
            budget: limit - evaluation.cost,
            locals: outermost_locals(self),
            scope: 0,
            tree: Tree::default(),
            moved: HashMap::new(),
        };
        let root = rest.parts(self.ast().root());
        let mut macro_calls = rest.tree.macro_calls;
        macro_calls.sort_by_key(|(id, _)| *id);
        let ast = Ast {
            source: self.ast().source.clone(),
            nodes: rest.tree.nodes,
            spans: rest.tree.spans,
            root,
            macro_calls,
        };
        Ok(Partial::Residual(Residual { ast, unknown }))
    }
}

/// Per node: the outermost local variable that is read in it, by its place in the scope.
fn outermost_locals(checked: &Checked) -> Vec<usize> {
    let ast = checked.ast();
    let mut locals = vec![usize::MAX; ast.len()];
    // A node comes after its children.
    for index in 0..ast.len() {
        let id = ExprId(u32::try_from(index).unwrap_or(u32::MAX));
        let mut outermost = match checked.reference(id) {
            Reference::Local(at) => *at as usize,
            Reference::None
            | Reference::Variable(_)
            | Reference::Type(_)
            | Reference::Function { .. } => usize::MAX,
        };
        ast.for_each_child(id, |child| outermost = outermost.min(locals[child.index()]));
        locals[index] = outermost;
    }
    locals
}

/// The tree that is made.
#[derive(Default)]
struct Tree {
    nodes: Vec<Expr>,
    spans: Vec<Span>,
    macro_calls: Vec<(ExprId, MacroCall)>,
}

struct Rest<'c, 'b> {
    checked: &'c Checked,
    bindings: &'c Bindings<'b>,
    budget: u64,
    locals: Vec<usize>,
    /// How many local variables are visible.
    scope: usize,
    tree: Tree,
    /// Where nodes of the old tree are in the new one.
    moved: HashMap<ExprId, ExprId>,
}

/// What is known about a node.
enum Known {
    Value {
        /// As literals, where it can be written, and whether these have the type of the node.
        written: Option<(Written, bool)>,
        truth: Option<bool>,
    },
    /// Its outcome is an error, whatever is unknown.
    Error,
    Nothing,
}

impl Rest<'_, '_> {
    fn add(&mut self, expr: Expr, span: Span) -> ExprId {
        let id = ExprId(u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX));
        self.tree.nodes.push(expr);
        self.tree.spans.push(span);
        id
    }

    fn known(&mut self, id: ExprId) -> Known {
        // What uses a variable of a comprehension around it has no value of its own.
        if self.locals.get(id.index()).is_some_and(|outermost| *outermost < self.scope) {
            return Known::Nothing;
        }
        let (env, ast) = (self.checked.env(), self.checked.ast());
        if let Expr::Literal(literal) = ast.expr(id) {
            // It stands there already.
            let truth = match literal {
                Literal::Bool(v) => Some(*v),
                Literal::Null
                | Literal::Int(_)
                | Literal::Uint(_)
                | Literal::Double(_)
                | Literal::String(_)
                | Literal::Bytes(_) => None,
            };
            return Known::Value { written: None, truth };
        }
        let Ok(program) = plan(env, ast, Some(self.checked), id) else { return Known::Nothing };
        let evaluation = program.eval_within(self.bindings, self.budget);
        self.budget -= evaluation.cost;
        match evaluation.outcome {
            Outcome::Value(value) => {
                let exact = has_type(&value, self.checked.type_of(id));
                let mut left = MAX_LITERAL;
                let written = if exact || self.has_dyn() { write(&value, &mut left) } else { None };
                let truth = match value {
                    Value::Bool(v) => Some(v),
                    _ => None,
                };
                Known::Value { written: written.map(|written| (written, exact)), truth }
            }
            Outcome::Error(_) => Known::Error,
            Outcome::Unknown(_) => Known::Nothing,
        }
    }

    /// A node, its value where that is known and can be written.
    fn node(&mut self, id: ExprId) -> ExprId {
        let new = match self.known(id) {
            Known::Value { written: Some((written, exact)), .. } => {
                let span = self.checked.ast().span(id);
                let new = self.literal(written, span);
                if exact { new } else { self.dynamic(new, span) }
            }
            // As it is, so that the error stays what and where it is.
            Known::Error => self.copy(id),
            Known::Value { written: None, .. } | Known::Nothing => self.parts(id),
        };
        self.moved.insert(id, new);
        new
    }

    /// A node with its parts as far as they are not known.
    fn parts(&mut self, id: ExprId) -> ExprId {
        let checked = self.checked;
        let span = checked.ast().span(id);
        match checked.ast().expr(id) {
            Expr::Conditional { condition, then, otherwise } => {
                let branch = match self.known(*condition) {
                    Known::Value { truth: Some(true), .. } => *then,
                    Known::Value { truth: Some(false), .. } => *otherwise,
                    Known::Value { truth: None, .. } | Known::Error | Known::Nothing => {
                        return self.rebuild(id, Self::node);
                    }
                };
                let same = checked.type_of(branch) == checked.type_of(id);
                if !same && !self.has_dyn() {
                    return self.rebuild(id, Self::node);
                }
                let new = self.node(branch);
                if same { new } else { self.dynamic(new, span) }
            }
            Expr::Logic { op, terms } => {
                let mut kept: Vec<ExprId> = terms.clone();
                let neutral = *op == LogicOp::And;
                kept.retain(|term| {
                    !matches!(self.known(*term), Known::Value { truth: Some(v), .. } if v == neutral)
                });
                match *kept {
                    // Nothing is left of something that has no value: that can't be.
                    [] => self.rebuild(id, Self::node),
                    // Alone, a term of another type would not be refused.
                    [one] if *checked.type_of(one) == Type::Bool => self.node(one),
                    [_] => self.rebuild(id, Self::node),
                    [..] => {
                        let terms = kept.iter().map(|term| self.node(*term)).collect();
                        self.add(Expr::Logic { op: *op, terms }, span)
                    }
                }
            }
            Expr::Ident { .. } => self.copy(id),
            Expr::Select { .. } if !matches!(checked.reference(id), Reference::None) => {
                self.copy(id)
            }
            Expr::Select { .. }
            | Expr::Literal(_)
            | Expr::Has { .. }
            | Expr::Index { .. }
            | Expr::Call { .. }
            | Expr::Unary { .. }
            | Expr::Binary { .. }
            | Expr::List(_)
            | Expr::Map(_)
            | Expr::Struct { .. }
            | Expr::Comprehension(_)
            | Expr::Bind { .. } => self.rebuild(id, Self::node),
        }
    }

    /// A node as it is.
    fn copy(&mut self, id: ExprId) -> ExprId {
        let new = self.rebuild(id, Self::copy);
        self.moved.insert(id, new);
        new
    }

    /// A node with its children as `child` makes them.
    fn rebuild(&mut self, id: ExprId, child: fn(&mut Self, ExprId) -> ExprId) -> ExprId {
        let checked = self.checked;
        let ast = checked.ast();
        let new = match ast.expr(id) {
            expr @ (Expr::Literal(_) | Expr::Ident { .. }) => expr.clone(),
            Expr::Select { operand, field, optional } => Expr::Select {
                operand: child(self, *operand),
                field: field.clone(),
                optional: *optional,
            },
            Expr::Has { operand, field } => {
                Expr::Has { operand: child(self, *operand), field: field.clone() }
            }
            Expr::Index { operand, index, optional } => Expr::Index {
                operand: child(self, *operand),
                index: child(self, *index),
                optional: *optional,
            },
            Expr::Call { function, target, args, absolute } => {
                let named =
                    matches!(checked.reference(id), Reference::Function { qualified: true, .. });
                Expr::Call {
                    function: function.clone(),
                    // A part of the function's name is no value.
                    target: target.map(|id| if named { self.copy(id) } else { child(self, id) }),
                    args: args.iter().map(|id| child(self, *id)).collect(),
                    absolute: *absolute,
                }
            }
            Expr::Unary { op, op_span, operand } => {
                Expr::Unary { op: *op, op_span: *op_span, operand: child(self, *operand) }
            }
            Expr::Binary { op, op_span, left, right } => Expr::Binary {
                op: *op,
                op_span: *op_span,
                left: child(self, *left),
                right: child(self, *right),
            },
            Expr::Logic { op, terms } => {
                Expr::Logic { op: *op, terms: terms.iter().map(|id| child(self, *id)).collect() }
            }
            Expr::Conditional { condition, then, otherwise } => Expr::Conditional {
                condition: child(self, *condition),
                then: child(self, *then),
                otherwise: child(self, *otherwise),
            },
            Expr::List(elements) => Expr::List(
                elements
                    .iter()
                    .map(|e| Element { value: child(self, e.value), optional: e.optional })
                    .collect(),
            ),
            Expr::Map(entries) => Expr::Map(
                entries
                    .iter()
                    .map(|e| Entry {
                        key: child(self, e.key),
                        value: child(self, e.value),
                        optional: e.optional,
                    })
                    .collect(),
            ),
            Expr::Struct { name, fields } => Expr::Struct {
                name: name.clone(),
                fields: fields
                    .iter()
                    .map(|f| FieldInit {
                        field: f.field.clone(),
                        value: child(self, f.value),
                        optional: f.optional,
                    })
                    .collect(),
            },
            Expr::Comprehension(c) => {
                let range = child(self, c.range);
                let before = self.scope;
                self.scope += 1 + usize::from(c.second.is_some());
                let filter = c.filter.map(|id| child(self, id));
                let body = child(self, c.body);
                self.scope = before;
                Expr::Comprehension(Box::new(Comprehension {
                    range,
                    filter,
                    body,
                    ..Comprehension::clone(c)
                }))
            }
            Expr::Bind { variable, init, body } => {
                let init = child(self, *init);
                self.scope += 1;
                let body = child(self, *body);
                self.scope -= 1;
                Expr::Bind { variable: variable.clone(), init, body }
            }
        };
        let new = self.add(new, ast.span(id));
        self.keep_macro_call(id, new);
        new
    }

    /// What a macro has made is printed as it was written.
    fn keep_macro_call(&mut self, id: ExprId, new: ExprId) {
        let calls = &self.checked.ast().macro_calls;
        let Ok(at) = calls.binary_search_by_key(&id, |(id, _)| *id) else { return };
        let call = &calls[at].1;
        let mut place = |id: ExprId| match self.moved.get(&id) {
            Some(new) => *new,
            // The names of variables are arguments, but no part of the tree.
            None => self.copy(id),
        };
        let target = call.target.map(&mut place);
        let args = call.args.iter().map(|id| place(*id)).collect();
        let call = MacroCall { function: call.function.clone(), target, args };
        self.tree.macro_calls.push((new, call));
    }

    fn has_dyn(&self) -> bool {
        has_dyn(self.checked.env())
    }

    fn dynamic(&mut self, id: ExprId, span: Span) -> ExprId {
        let function = Name { text: "dyn".into(), span };
        self.add(Expr::Call { function, target: None, args: vec![id], absolute: true }, span)
    }

    fn literal(&mut self, written: Written, span: Span) -> ExprId {
        let expr = match written {
            Written::Scalar(literal) => Expr::Literal(literal),
            Written::List(elements) => Expr::List(
                elements
                    .into_iter()
                    .map(|e| Element { value: self.literal(e, span), optional: false })
                    .collect(),
            ),
            Written::Map(entries) => Expr::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key: self.literal(Written::Scalar(key), span),
                        value: self.literal(value, span),
                        optional: false,
                    })
                    .collect(),
            ),
        };
        self.add(expr, span)
    }
}

fn has_dyn(env: &Env) -> bool {
    env.function("dyn").is_some_and(|f| f.overloads.iter().any(|o| &*o.id == "to_dyn"))
}

/// A value as literals.
enum Written {
    Scalar(Literal),
    List(Vec<Written>),
    Map(Vec<(Literal, Written)>),
}

/// A value as literals, if it can be written so and means the same.
fn write(value: &Value<'_>, left: &mut usize) -> Option<Written> {
    *left = left.checked_sub(1)?;
    Some(match value {
        Value::Null => Written::Scalar(Literal::Null),
        Value::Bool(v) => Written::Scalar(Literal::Bool(*v)),
        Value::Int(v) => Written::Scalar(Literal::Int(*v)),
        Value::Uint(v) => Written::Scalar(Literal::Uint(*v)),
        Value::Double(v) if v.is_finite() => Written::Scalar(Literal::Double(*v)),
        Value::String(v) => Written::Scalar(Literal::String((**v).into())),
        Value::Bytes(v) => Written::Scalar(Literal::Bytes((**v).into())),
        // An empty literal has no type of its own: what depends on the type would change.
        Value::List(list) if !list.is_empty() && is_atomic(list) => Written::List(
            list.iter()
                .map(|element| write(&element.ok()?, left))
                .collect::<Option<Vec<Written>>>()?,
        ),
        Value::Map(map) if !map.is_empty() && map.object_name().is_none() => {
            Written::Map(write_entries(map, left)?)
        }
        Value::Double(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Type(_)
        | Value::Optional(_)
        | Value::Opaque(_) => return None,
    })
}

fn write_entries(map: &Map<'_>, left: &mut usize) -> Option<Vec<(Literal, Written)>> {
    map.entries()
        .map(|(key, value)| {
            let key = match key {
                Key::Bool(v) => Literal::Bool(v),
                Key::Int(v) => Literal::Int(v),
                Key::Uint(v) => Literal::Uint(v),
                Key::String(v) => Literal::String(Arc::from(&*v)),
                Key::Double(_) => return None,
            };
            Some((key, write(&value.ok()?, left)?))
        })
        .collect()
}

fn is_atomic(list: &List<'_>) -> bool {
    matches!(list.semantics(), None | Some(ListSemantics::Atomic))
}

/// Does the literal for a value have exactly this type?
fn has_type(value: &Value<'_>, ty: &Type) -> bool {
    match (value, ty) {
        (Value::List(list), Type::List(element)) => {
            list.iter().all(|value| value.is_ok_and(|value| has_type(&value, element)))
        }
        (Value::Map(map), Type::Map(entry)) => map.entries().all(|(key, value)| {
            has_type(&key.to_value(), &entry.0)
                && value.is_ok_and(|value| has_type(&value, &entry.1))
        }),
        (Value::List(_) | Value::Map(_), _) => false,
        (value, ty) => value.type_of() == *ty,
    }
}
