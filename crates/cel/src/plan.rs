//! From a checked tree to a program: names, overloads and constants are resolved once.

mod trail;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use crate::{
    Ast, BinaryOp, Checked, ComprehensionKind, Env, Expr, ExprId, Key, Literal, LogicOp, Mistake,
    MistakeKind, Name, Reference, Span, Str, Type, UnaryOp, Value,
    cost::{self, Work},
    env::{Binding, Overload, PlannedArg, Prepared, ResolvedShapes},
    shape::{Shape, Shapes},
};

pub(crate) use trail::{Hop, Trail};

/// An expression that is ready to be evaluated, any number of times and from any thread.
#[derive(Clone)]
pub struct Program(pub(crate) Arc<Plan>);

pub(crate) struct Plan {
    pub(crate) env: Env,
    pub(crate) root: Node,
    pub(crate) spans: Vec<Span>,
    pub(crate) globals: Vec<Global>,
    pub(crate) slots: usize,
    /// How many places there are for ends of paths: none where no path is followed twice.
    pub(crate) paths: usize,
    /// Do paths begin with the same step, or is one in a loop?
    pub(crate) beginnings_repeat: bool,
    pub(crate) shapes: Arc<ResolvedShapes>,
    pub(crate) lazy: Vec<Node>,
    /// What the nodes cost that are in no loop.
    pub(crate) weight: u64,
    source: Arc<str>,
}

pub(crate) struct Global {
    pub(crate) name: Arc<str>,
    pub(crate) shape: u32,
}

/// One operation and the node of the tree that it stands for.
pub(crate) struct Node {
    pub(crate) id: ExprId,
    pub(crate) op: Op,
}

pub(crate) enum Op {
    Constant(Value<'static>),
    Access(Box<Access>),
    Call(Box<Call>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(BinaryOp, Box<[Node; 2]>),
    /// A chain of `+`.
    Sum(Box<[Node]>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Conditional(Box<[Node; 3]>),
    List(Box<[(Node, bool)]>),
    Map(Box<[(Node, Node, bool)]>),
    Struct(Arc<str>, Box<[(Arc<str>, Node, bool)]>),
    Comprehension(Box<Loop>),
    /// `or` and `orValue`: the second is evaluated only when the first is absent.
    OrElse(Box<[Node; 2]>, OrElse),
    /// The slot is made empty, the body fills it when it needs it.
    Bind {
        slot: usize,
        body: Box<Node>,
    },
}

/// What is wanted from an optional that is present.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OrElse {
    Optional,
    Value,
}

/// An [`Access`] whose end is not kept, or a [`Trail`] whose beginning is not.
pub(crate) const NO_PATH: usize = usize::MAX;

/// A variable or a value and the way into it.
pub(crate) struct Access {
    pub(crate) root: Root,
    pub(crate) steps: Box<[Step]>,
    /// The same way through bound data, where it can be told beforehand.
    pub(crate) trail: Option<Trail>,
    /// Where the end of the path is kept during an evaluation.
    pub(crate) path: usize,
    /// `has`: is the last step there?
    pub(crate) test: bool,
}

pub(crate) enum Root {
    Global(usize),
    Local(usize),
    /// A slot with the index of what fills it.
    Lazy {
        slot: usize,
        init: usize,
    },
    Value(Node),
}

pub(crate) struct Step {
    pub(crate) id: ExprId,
    pub(crate) kind: StepKind,
    pub(crate) optional: bool,
}

pub(crate) enum StepKind {
    Field(Arc<str>),
    /// A constant key or position.
    Key(Key<'static>),
    Index(Node),
}

pub(crate) struct Call {
    pub(crate) function: Arc<str>,
    pub(crate) work: Work,
    pub(crate) args: Box<[Node]>,
    pub(crate) targets: Box<[CallTarget]>,
}

pub(crate) struct CallTarget {
    pub(crate) overload: Arc<Overload>,
    pub(crate) binding: Binding,
}

pub(crate) struct Loop {
    pub(crate) kind: ComprehensionKind,
    /// What the nodes cost that one turn evaluates.
    pub(crate) weight: u64,
    pub(crate) range: Node,
    pub(crate) slot: usize,
    pub(crate) two: bool,
    pub(crate) filter: Option<Node>,
    pub(crate) body: Node,
}

impl Program {
    /// Plans a checked expression.
    ///
    /// # Errors
    /// Constant arguments that can never be right.
    pub fn new(checked: &Checked) -> Result<Program, Vec<Mistake>> {
        plan(&checked.env, &checked.ast, Some(checked), checked.ast.root())
    }

    /// Plans an expression that was not checked: every name and overload that fits is tried at run time.
    ///
    /// # Errors
    /// Constant arguments that can never be right.
    pub fn unchecked(env: &Env, ast: &Ast) -> Result<Program, Vec<Mistake>> {
        plan(env, ast, None, ast.root())
    }

    /// The text of the expression.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The variables that are read.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.globals.iter().map(|global| &*global.name)
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("source", &self.0.source).finish_non_exhaustive()
    }
}

/// Plans the part of an expression below a node, which must use no variable from around it.
pub(crate) fn plan(
    env: &Env,
    ast: &Ast,
    checked: Option<&Checked>,
    root_id: ExprId,
) -> Result<Program, Vec<Mistake>> {
    let mut planner = Planner {
        env,
        ast,
        checked,
        weights: cost::weights(ast),
        shapes: env.shapes(),
        scope: Vec::new(),
        next_slot: 0,
        paths: HashMap::new(),
        paths_repeat: false,
        beginnings: HashMap::new(),
        beginnings_repeat: false,
        loops: 0,
        slots: 0,
        globals: Vec::new(),
        lazy: Vec::new(),
        mistakes: Vec::new(),
    };
    let root = planner.node(root_id);
    if !planner.mistakes.is_empty() {
        return Err(planner.mistakes);
    }
    Ok(Program(Arc::new(Plan {
        env: env.clone(),
        root,
        spans: ast.spans.clone(),
        globals: planner.globals,
        slots: planner.slots,
        paths: if planner.paths_repeat { planner.paths.len() } else { 0 },
        beginnings_repeat: planner.beginnings_repeat,
        shapes: planner.shapes,
        lazy: planner.lazy,
        weight: planner.weights.get(root_id.index()).copied().unwrap_or(1),
        source: ast.source.clone(),
    })))
}

struct Local {
    name: Arc<str>,
    slot: usize,
    /// The type of bound data that the variable runs over.
    shape: u32,
    /// Index of what fills the slot, for bindings.
    init: Option<usize>,
}

struct Planner<'p> {
    env: &'p Env,
    ast: &'p Ast,
    checked: Option<&'p Checked>,
    weights: Vec<u64>,
    shapes: Arc<ResolvedShapes>,
    scope: Vec<Local>,
    next_slot: usize,
    slots: usize,
    globals: Vec<Global>,
    /// Paths of constant steps into variables.
    paths: HashMap<String, usize>,
    /// Is one of them followed more than once?
    paths_repeat: bool,
    /// First steps of longer paths into variables: index of the variable and name.
    beginnings: HashMap<(usize, Arc<str>), usize>,
    /// Is one of them taken more than once?
    beginnings_repeat: bool,
    /// How many comprehensions are around.
    loops: usize,
    lazy: Vec<Node>,
    mistakes: Vec<Mistake>,
}

impl Planner<'_> {
    fn slot(&mut self) -> usize {
        let slot = self.next_slot;
        self.next_slot += 1;
        self.slots = self.slots.max(self.next_slot);
        slot
    }

    fn boxed(&mut self, id: ExprId) -> Box<Node> {
        Box::new(self.node(id))
    }

    fn nodes(&mut self, ids: &[ExprId]) -> Box<[Node]> {
        ids.iter().map(|id| self.node(*id)).collect()
    }

    fn node(&mut self, id: ExprId) -> Node {
        let op = self.op(id);
        Node { id, op }
    }

    fn op(&mut self, id: ExprId) -> Op {
        let ast = self.ast;
        match ast.expr(id) {
            Expr::Literal(literal) => Op::Constant(constant(literal)),
            Expr::Ident { .. } | Expr::Select { .. } | Expr::Has { .. } | Expr::Index { .. } => {
                self.access(id)
            }
            Expr::Call { function, target, args, absolute } => {
                self.call(id, function, *target, args, *absolute)
            }
            Expr::Unary { op: UnaryOp::Not, operand, .. } => Op::Not(self.boxed(*operand)),
            Expr::Unary { op: UnaryOp::Negate, operand, .. } => Op::Negate(self.boxed(*operand)),
            Expr::Binary { op: BinaryOp::Add, left, right, .. } => {
                let mut terms = vec![*right];
                let mut first = *left;
                while let Expr::Binary { op: BinaryOp::Add, left, right, .. } = ast.expr(first) {
                    terms.push(*right);
                    first = *left;
                }
                terms.push(first);
                terms.reverse();
                if let [left, right] = terms[..] {
                    return Op::Binary(
                        BinaryOp::Add,
                        Box::new([self.node(left), self.node(right)]),
                    );
                }
                Op::Sum(self.nodes(&terms))
            }
            Expr::Binary { op, left, right, .. } => {
                Op::Binary(*op, Box::new([self.node(*left), self.node(*right)]))
            }
            Expr::Logic { op: LogicOp::And, terms } => Op::And(self.nodes(terms)),
            Expr::Logic { op: LogicOp::Or, terms } => Op::Or(self.nodes(terms)),
            Expr::Conditional { condition, then, otherwise } => Op::Conditional(Box::new([
                self.node(*condition),
                self.node(*then),
                self.node(*otherwise),
            ])),
            Expr::List(elements) => {
                Op::List(elements.iter().map(|e| (self.node(e.value), e.optional)).collect())
            }
            Expr::Map(entries) => Op::Map(
                entries
                    .iter()
                    .map(|e| (self.node(e.key), self.node(e.value), e.optional))
                    .collect(),
            ),
            Expr::Struct { name, fields } => {
                let env = self.env;
                let object = env
                    .candidates(&name.text)
                    .find(|name| {
                        let known = crate::library::well_known(name).is_some();
                        (known || env.object(name).is_some()).then(|| Arc::from(name))
                    })
                    .unwrap_or_else(|| name.text.clone());
                let fields = fields
                    .iter()
                    .map(|f| (f.field.text.clone(), self.node(f.value), f.optional))
                    .collect();
                Op::Struct(object, fields)
            }
            Expr::Comprehension(c) => {
                let range = self.node(c.range);
                let (scope, next_slot) = (self.scope.len(), self.next_slot);
                let slot = self.slot();
                let over = self.shape_of(&range);
                let (key, value) = match self.shapes.shapes.get(over) {
                    Shape::List { element, .. } if c.second.is_none() => (*element, Shapes::DYN),
                    Shape::List { element, .. } => (Shapes::DYN, *element),
                    Shape::Map { value } => (Shapes::DYN, *value),
                    Shape::Dyn
                    | Shape::Scalar(_)
                    | Shape::Object(_)
                    | Shape::IntOrString
                    | Shape::Invalid => (Shapes::DYN, Shapes::DYN),
                };
                let name = c.variable.text.clone();
                self.scope.push(Local { name, slot, shape: key, init: None });
                if let Some(second) = &c.second {
                    let slot = self.slot();
                    let name = second.text.clone();
                    self.scope.push(Local { name, slot, shape: value, init: None });
                }
                self.loops += 1;
                let filter = c.filter.map(|id| self.node(id));
                let body = self.node(c.body);
                self.loops -= 1;
                self.scope.truncate(scope);
                self.next_slot = next_slot;
                let two = c.second.is_some();
                let weight = cost::turn(c, &self.weights);
                let kind = c.kind;
                Op::Comprehension(Box::new(Loop { kind, weight, range, slot, two, filter, body }))
            }
            Expr::Bind { variable, init, body } => {
                let next_slot = self.next_slot;
                let slot = self.slot();
                // The value is computed inside of the body: they share no slot.
                let slots = std::mem::replace(&mut self.slots, self.next_slot);
                let init = self.node(*init);
                self.next_slot = self.slots;
                self.slots = self.slots.max(slots);
                self.lazy.push(init);
                let init = Some(self.lazy.len() - 1);
                let shape = Shapes::DYN;
                self.scope.push(Local { name: variable.text.clone(), slot, shape, init });
                let body = self.boxed(*body);
                self.scope.pop();
                self.next_slot = next_slot;
                Op::Bind { slot, body }
            }
        }
    }

    fn global(&mut self, name: &str) -> Root {
        if let Some(at) = self.globals.iter().position(|global| *global.name == *name) {
            return Root::Global(at);
        }
        let shape = self.shapes.variables.get(name).copied().unwrap_or(Shapes::DYN);
        self.globals.push(Global { name: name.into(), shape });
        Root::Global(self.globals.len() - 1)
    }

    /// A chain of selections and indices, with the variable that it starts from.
    fn access(&mut self, id: ExprId) -> Op {
        let mut steps = Vec::new();
        let test = matches!(self.ast.expr(id), Expr::Has { .. });
        let root = self.chain(id, &mut steps);
        match root {
            Ok(root) => {
                if let (Root::Value(node), true) = (&root, steps.is_empty())
                    && let Op::Constant(value) = &node.op
                {
                    return Op::Constant(value.clone());
                }
                let path = if test { NO_PATH } else { self.path(&root, &steps) };
                let trail = if test { None } else { self.trail(&root, &steps) };
                Op::Access(Box::new(Access { root, steps: steps.into(), trail, path, test }))
            }
            Err(ty) => Op::Constant(Value::Type(Arc::new(ty))),
        }
    }

    /// The place for the end of a path, if all of its steps are names.
    fn path(&mut self, root: &Root, steps: &[Step]) -> usize {
        let Root::Global(global) = root else { return NO_PATH };
        if steps.is_empty() {
            return NO_PATH;
        }
        let mut key = String::with_capacity(64);
        key.push_str(&self.globals[*global].name);
        for step in steps {
            let (kind, name) = match &step.kind {
                StepKind::Field(name) => ('.', &**name),
                StepKind::Key(Key::String(name)) => ('[', &**name),
                StepKind::Key(_) | StepKind::Index(_) => return NO_PATH,
            };
            key.extend(['\0', if step.optional { '?' } else { '!' }, kind]);
            key.push_str(name);
        }
        let next = self.paths.len();
        match self.paths.entry(key) {
            Entry::Occupied(known) => {
                self.paths_repeat = true;
                *known.get()
            }
            Entry::Vacant(new) => {
                self.paths_repeat |= self.loops > 0;
                *new.insert(next)
            }
        }
    }

    /// The type of the bound data behind a root, where it is known.
    fn root_shape(&self, root: &Root) -> u32 {
        match root {
            Root::Global(at) => self.globals[*at].shape,
            Root::Local(slot) => {
                let local = self.scope.iter().rev().find(|local| local.slot == *slot);
                local.map_or(Shapes::DYN, |local| local.shape)
            }
            Root::Lazy { .. } | Root::Value(_) => Shapes::DYN,
        }
    }

    fn step_shape(&self, shape: u32, step: &Step) -> u32 {
        match (self.shapes.shapes.get(shape), &step.kind) {
            (Shape::Object(object), StepKind::Field(name)) => {
                object.field(name).map_or(Shapes::DYN, |field| field.shape)
            }
            (Shape::Map { value }, _) => *value,
            (Shape::List { element, .. }, StepKind::Key(_) | StepKind::Index(_)) => *element,
            _ => Shapes::DYN,
        }
    }

    /// The type of the bound data that a node gives, where it is known.
    fn shape_of(&self, node: &Node) -> u32 {
        let access = match &node.op {
            Op::Access(access) => access,
            // What is left of a list has the elements of the list.
            Op::Comprehension(l) if l.kind == ComprehensionKind::Filter => {
                let over = self.shape_of(&l.range);
                let is_list = matches!(self.shapes.shapes.get(over), Shape::List { .. });
                return if is_list { over } else { Shapes::DYN };
            }
            _ => return Shapes::DYN,
        };
        let root = self.root_shape(&access.root);
        access.steps.iter().fold(root, |shape, step| self.step_shape(shape, step))
    }

    /// The way of a chain through bound data, if all of its steps are names and their properties are known.
    fn trail(&mut self, root: &Root, steps: &[Step]) -> Option<Trail> {
        if steps.is_empty() || matches!(root, Root::Lazy { .. } | Root::Value(_)) {
            return None;
        }
        let start = self.root_shape(root);
        let (mut shape, mut optional) = (start, false);
        let mut hops = Vec::with_capacity(steps.len());
        for step in steps {
            optional |= step.optional;
            let name = match &step.kind {
                StepKind::Field(name) => name.clone(),
                StepKind::Key(Key::String(name)) => (&**name).into(),
                StepKind::Key(_) | StepKind::Index(_) => return None,
            };
            let (property, declared) = match (self.shapes.shapes.get(shape), &step.kind) {
                (Shape::Dyn | Shape::Map { .. }, _) => (name, false),
                (Shape::Object(object), StepKind::Field(_)) => {
                    (object.field(&name)?.property.clone(), true)
                }
                (Shape::Object(_), StepKind::Key(_) | StepKind::Index(_)) => return None,
                (
                    Shape::Scalar(_) | Shape::List { .. } | Shape::IntOrString | Shape::Invalid,
                    _,
                ) => return None,
            };
            hops.push(Hop::new(property, declared, optional));
            shape = self.step_shape(shape, step);
        }
        let beginning = match (root, steps) {
            (
                Root::Global(at),
                [Step { kind: StepKind::Field(name), optional: false, .. }, _, ..],
            ) => self.beginning(*at, name),
            _ => NO_PATH,
        };
        Some(Trail { hops: hops.into(), start, end: shape, beginning })
    }

    fn beginning(&mut self, global: usize, name: &Arc<str>) -> usize {
        self.beginnings_repeat |= self.loops > 0;
        let next = self.beginnings.len();
        match self.beginnings.entry((global, name.clone())) {
            Entry::Occupied(known) => {
                self.beginnings_repeat = true;
                *known.get()
            }
            Entry::Vacant(new) => *new.insert(next),
        }
    }

    /// The root of a chain; a type where the name stands for one.
    fn chain(&mut self, id: ExprId, steps: &mut Vec<Step>) -> Result<Root, Type> {
        let ast = self.ast;
        let (operand, kind, optional) = match ast.expr(id) {
            Expr::Ident { .. } => return self.name(id),
            Expr::Select { operand, field, optional } => {
                if !optional && let Some(root) = self.qualified(id) {
                    return root;
                }
                (*operand, StepKind::Field(field.text.clone()), *optional)
            }
            Expr::Has { operand, field } => (*operand, StepKind::Field(field.text.clone()), false),
            Expr::Index { operand, index, optional } => {
                let kind = match ast.expr(*index) {
                    Expr::Literal(Literal::String(key)) => {
                        StepKind::Key(Key::String(Str::Shared(key.clone())))
                    }
                    Expr::Literal(Literal::Int(i)) => StepKind::Key(Key::Int(*i)),
                    Expr::Literal(Literal::Uint(i)) => StepKind::Key(Key::Uint(*i)),
                    Expr::Literal(Literal::Bool(b)) => StepKind::Key(Key::Bool(*b)),
                    Expr::Literal(literal @ (Literal::Null | Literal::Bytes(_))) => {
                        let kind = MistakeKind::BadConstant {
                            function: "[]".to_owned(),
                            reason: format!("{literal} is no key and no position"),
                        };
                        self.mistakes.push(Mistake::new(kind, ast.span(*index)));
                        StepKind::Index(self.node(*index))
                    }
                    _ => StepKind::Index(self.node(*index)),
                };
                (*operand, kind, *optional)
            }
            _ => return Ok(Root::Value(self.node(id))),
        };
        let root = match self.chain(operand, steps) {
            Ok(root) => root,
            Err(ty) => {
                let op = Op::Constant(Value::Type(Arc::new(ty)));
                Root::Value(Node { id: operand, op })
            }
        };
        steps.push(Step { id, kind, optional });
        Ok(root)
    }

    fn name(&mut self, id: ExprId) -> Result<Root, Type> {
        let Expr::Ident { name, absolute } = self.ast.expr(id) else {
            return Ok(Root::Value(self.node(id)));
        };
        if !absolute && let Some(local) = self.scope.iter().rev().find(|l| l.name == name.text) {
            return Ok(match local.init {
                Some(init) => Root::Lazy { slot: local.slot, init },
                None => Root::Local(local.slot),
            });
        }
        if let Some(checked) = self.checked {
            return match checked.reference(id) {
                Reference::Type(ty) => Err(ty.clone()),
                Reference::Variable(name) => Ok(self.global(name)),
                _ => Ok(self.global(&name.text)),
            };
        }
        let written = if *absolute { format!(".{}", name.text) } else { name.text.to_string() };
        self.declared(&written).unwrap_or_else(|| Ok(self.global(&name.text)))
    }

    /// A chain of selections that is a dotted name of a variable or of a type.
    fn qualified(&mut self, id: ExprId) -> Option<Result<Root, Type>> {
        if let Some(checked) = self.checked {
            return match checked.reference(id) {
                Reference::Type(ty) => Some(Err(ty.clone())),
                Reference::Variable(name) => Some(Ok(self.global(name))),
                Reference::None | Reference::Local(_) | Reference::Function { .. } => None,
            };
        }
        let name = self.ast.qualified_name(id)?;
        let first = name.split('.').next().unwrap_or("");
        if self.scope.iter().any(|local| *local.name == *first) {
            return None;
        }
        self.declared(&name)
    }

    fn declared(&mut self, name: &str) -> Option<Result<Root, Type>> {
        let env = self.env;
        let found = env.candidates(name).find(|name| {
            if let Some(variable) = env.lookup_variable(name) {
                return Some(Ok(variable.name.clone()));
            }
            env.lookup_type(name).map(Err)
        })?;
        Some(found.map(|name| self.global(&name)))
    }

    fn call(
        &mut self,
        id: ExprId,
        function: &Name,
        target: Option<ExprId>,
        args: &[ExprId],
        absolute: bool,
    ) -> Op {
        let (name, overloads, member) = match self.checked.map(|c| c.reference(id)) {
            Some(Reference::Function { overloads, qualified }) => {
                let name = overloads.first().map_or(&function.text, |o| &o.function).clone();
                (name, overloads.clone(), target.is_some() && !qualified)
            }
            _ => self.unchecked_call(function, target, absolute),
        };
        let mut nodes = Vec::with_capacity(args.len() + 1);
        if member && let Some(target) = target {
            nodes.push(self.node(target));
        }
        nodes.extend(args.iter().map(|arg| self.node(*arg)));
        let targets: Vec<CallTarget> = overloads
            .into_iter()
            .filter(|o| o.params.len() == nodes.len() && o.member == member)
            .map(|overload| {
                let binding = self.prepare(&overload, &nodes, self.ast.span(id));
                CallTarget { overload, binding }
            })
            .collect();
        let or_else = match targets.as_slice() {
            [target] => match &*target.overload.id {
                "optional_or_optional" => Some(OrElse::Optional),
                "optional_orValue_value" => Some(OrElse::Value),
                _ => None,
            },
            _ => None,
        };
        if let Some(or_else) = or_else {
            match <[Node; 2]>::try_from(nodes) {
                Ok(nodes) => return Op::OrElse(Box::new(nodes), or_else),
                Err(back) => nodes = back,
            }
        }
        let work = targets.iter().map(|t| t.overload.work).max().unwrap_or_default();
        let (args, targets) = (nodes.into(), targets.into());
        Op::Call(Box::new(Call { function: name, work, args, targets }))
    }

    fn prepare(&mut self, overload: &Overload, args: &[Node], span: Span) -> Binding {
        let Some(prepare) = overload.prepare else { return overload.binding.clone() };
        let type_of = |id: ExprId| match self.checked {
            Some(checked) => checked.type_of(id).clone(),
            None => Type::Dyn,
        };
        let planned: Vec<PlannedArg> = args
            .iter()
            .map(|arg| PlannedArg {
                constant: constant_value(arg),
                ty: type_of(arg.id),
                elements: match self.ast.expr(arg.id) {
                    Expr::List(elements) => {
                        Some(elements.iter().map(|e| type_of(e.value)).collect())
                    }
                    _ => None,
                },
            })
            .collect();
        match prepare(&planned) {
            Prepared::Ordinary => overload.binding.clone(),
            Prepared::Bound(closure) => Binding::Closure(closure),
            Prepared::Invalid(reason) => {
                let function = overload.function.to_string();
                let kind = MistakeKind::BadConstant { function, reason };
                self.mistakes.push(Mistake::new(kind, span));
                overload.binding.clone()
            }
        }
    }

    fn unchecked_call(
        &mut self,
        function: &Name,
        target: Option<ExprId>,
        absolute: bool,
    ) -> (Arc<str>, Vec<Arc<Overload>>, bool) {
        let env = self.env;
        let find = |name: &str| {
            env.candidates(name).find(|name| env.function(name).map(|f| f.overloads.clone()))
        };
        if let Some(target) = target
            && let Some(prefix) = self.ast.qualified_name(target)
            && let first = prefix.split('.').next().unwrap_or("")
            && !self.scope.iter().any(|local| *local.name == *first)
        {
            let name = format!("{prefix}.{}", function.text);
            if let Some(overloads) = find(&name) {
                return (name.into(), overloads, false);
            }
        }
        let written =
            if absolute { format!(".{}", function.text) } else { function.text.to_string() };
        let overloads = find(&written).unwrap_or_default();
        (function.text.clone(), overloads, target.is_some())
    }
}

fn constant(literal: &Literal) -> Value<'static> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(v) => Value::Bool(*v),
        Literal::Int(v) => Value::Int(*v),
        Literal::Uint(v) => Value::Uint(*v),
        Literal::Double(v) => Value::Double(*v),
        Literal::String(v) => Value::String(Str::Shared(v.clone())),
        Literal::Bytes(v) => Value::bytes(v.clone()),
    }
}

/// The value of a constant node: a literal, or a list of such.
fn constant_value(node: &Node) -> Option<Value<'static>> {
    match &node.op {
        Op::Constant(value) => Some(value.clone()),
        Op::List(elements) => {
            let values: Option<Vec<_>> = elements
                .iter()
                .map(|(node, optional)| if *optional { None } else { constant_value(node) })
                .collect();
            values.map(Value::list)
        }
        _ => None,
    }
}
