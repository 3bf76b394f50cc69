//! The syntax tree of an expression.
//!
//! Nodes live in one vector and name each other by [`ExprId`]; every node and every name has its [`Span`].
//! Macros are nodes of their own ([`Expr::Has`], [`Expr::Comprehension`], [`Expr::Bind`]): nothing is rewritten by the checker.

mod print;
mod reads;

use std::sync::Arc;

pub use reads::{Read, Step};

use crate::Span;

/// A node of an [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub(crate) u32);

impl ExprId {
    /// Position in tables that have one entry per node.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name, without back quotes.
    pub text: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Ast {
    pub(crate) source: Arc<str>,
    pub(crate) nodes: Vec<Expr>,
    pub(crate) spans: Vec<Span>,
    pub(crate) root: ExprId,
    /// What was written where a macro put the node with this id; sorted by id.
    pub(crate) macro_calls: Vec<(ExprId, MacroCall)>,
}

/// A macro call as it was written.
#[derive(Clone, Debug)]
pub(crate) struct MacroCall {
    pub(crate) function: Arc<str>,
    pub(crate) target: Option<ExprId>,
    pub(crate) args: Vec<ExprId>,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// `1`, `0x1f`, `-1`.
    Int(i64),
    /// `1u`.
    Uint(u64),
    /// `1.5`, `1e3`.
    Double(f64),
    /// `'text'`, `r"text"`, `"""text"""`.
    String(Arc<str>),
    /// `b'text'`.
    Bytes(Arc<[u8]>),
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A constant.
    Literal(Literal),
    /// A variable, or the first part of a qualified name. `absolute` when written with a leading dot.
    Ident {
        /// The name.
        name: Name,
        /// Written with a leading dot: resolved without the container.
        absolute: bool,
    },
    /// `operand.field`, with `optional` `operand.?field`.
    Select {
        /// What is selected from.
        operand: ExprId,
        /// The field.
        field: Name,
        /// Written with `.?`.
        optional: bool,
    },
    /// `has(operand.field)`.
    Has {
        /// What is selected from.
        operand: ExprId,
        /// The field.
        field: Name,
    },
    /// `operand[index]`, with `optional` `operand[?index]`.
    Index {
        /// The list or map.
        operand: ExprId,
        /// The position or key.
        index: ExprId,
        /// Written with `[?`.
        optional: bool,
    },
    /// `function(args)` or `target.function(args)`.
    Call {
        /// The name of the function.
        function: Name,
        /// What stands before the dot.
        target: Option<ExprId>,
        /// The arguments.
        args: Vec<ExprId>,
        /// A global call written with a leading dot.
        absolute: bool,
    },
    /// `!operand`, `-operand`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// Where the operator stands.
        op_span: Span,
        /// The operand.
        operand: ExprId,
    },
    /// `left op right` for all but `&&` and `||`.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Where the operator stands.
        op_span: Span,
        /// Left operand.
        left: ExprId,
        /// Right operand.
        right: ExprId,
    },
    /// A chain of `&&` or of `||`: at least two terms.
    Logic {
        /// Which of the two.
        op: LogicOp,
        /// The terms, in source order.
        terms: Vec<ExprId>,
    },
    /// `condition ? then : otherwise`.
    Conditional {
        /// The condition.
        condition: ExprId,
        /// The value when true.
        then: ExprId,
        /// The value when false.
        otherwise: ExprId,
    },
    /// `[a, ?b]`.
    List(Vec<Element>),
    /// `{key: value, ?key: value}`.
    Map(Vec<Entry>),
    /// `Name{field: value}`.
    Struct {
        /// The type, as written (dots included).
        name: Name,
        /// The fields.
        fields: Vec<FieldInit>,
    },
    /// A macro that runs over a list or a map.
    Comprehension(Box<Comprehension>),
    /// `cel.bind(variable, init, body)`: `init` is evaluated at most once, when it is needed.
    Bind {
        /// The variable.
        variable: Name,
        /// Its value.
        init: ExprId,
        /// Where it is visible.
        body: ExprId,
    },
}

/// An element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// The value, an optional when `optional`.
    pub value: ExprId,
    /// Written with `?`: left out when the optional is empty.
    pub optional: bool,
}

/// An entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: ExprId,
    /// The value, an optional when `optional`.
    pub value: ExprId,
    /// Written with `?`: left out when the optional is empty.
    pub optional: bool,
}

/// A field in the construction of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInit {
    /// The field.
    pub field: Name,
    /// The value, an optional when `optional`.
    pub value: ExprId,
    /// Written with `?`.
    pub optional: bool,
}

/// A macro that runs over a list or a map.
#[derive(Clone, Debug)]
pub struct Comprehension {
    /// What is computed.
    pub kind: ComprehensionKind,
    /// The name under which it was called.
    pub function: Name,
    /// The list or map.
    pub range: ExprId,
    /// Element of a list or key of a map; with two variables index or key.
    pub variable: Name,
    /// With two variables: the element or value.
    pub second: Option<Name>,
    /// Only elements for which this holds.
    pub filter: Option<ExprId>,
    /// The predicate or the result for each element.
    pub body: ExprId,
}

/// What a [`Comprehension`] computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComprehensionKind {
    /// `all`: the conjunction.
    All,
    /// `exists`: the disjunction.
    Exists,
    /// `exists_one`: exactly one holds.
    ExistsOne,
    /// `map`, `transformList`: a list of the results.
    List,
    /// `filter`: the elements for which the body holds.
    Filter,
    /// `transformMap`: the same keys with the results.
    Map,
    /// `transformMapEntry`: the entries of the maps that the body gives.
    MapEntry,
}

/// `!` and `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `!`.
    Not,
    /// `-`.
    Negate,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
}

/// `&&` and `||`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicOp {
    /// `&&`.
    And,
    /// `||`.
    Or,
}

impl UnaryOp {
    /// The function that the operator stands for, as the reference names it.
    pub fn function(self) -> &'static str {
        match self {
            UnaryOp::Not => "!_",
            UnaryOp::Negate => "-_",
        }
    }

    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            UnaryOp::Not => "!",
            UnaryOp::Negate => "-",
        }
    }
}

impl BinaryOp {
    /// The function that the operator stands for, as the reference names it.
    pub fn function(self) -> &'static str {
        match self {
            BinaryOp::Add => "_+_",
            BinaryOp::Subtract => "_-_",
            BinaryOp::Multiply => "_*_",
            BinaryOp::Divide => "_/_",
            BinaryOp::Modulo => "_%_",
            BinaryOp::Equal => "_==_",
            BinaryOp::NotEqual => "_!=_",
            BinaryOp::Less => "_<_",
            BinaryOp::LessEqual => "_<=_",
            BinaryOp::Greater => "_>_",
            BinaryOp::GreaterEqual => "_>=_",
            BinaryOp::In => "@in",
        }
    }

    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Modulo => "%",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::In => "in",
        }
    }
}

impl LogicOp {
    /// The function that the operator stands for, as the reference names it.
    pub fn function(self) -> &'static str {
        match self {
            LogicOp::And => "_&&_",
            LogicOp::Or => "_||_",
        }
    }

    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            LogicOp::And => "&&",
            LogicOp::Or => "||",
        }
    }
}

impl Ast {
    /// The text that was parsed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The outermost node.
    pub fn root(&self) -> ExprId {
        self.root
    }

    /// The node with this id.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.nodes[id.index()]
    }

    /// Where the node stands, its whole text.
    pub fn span(&self, id: ExprId) -> Span {
        self.spans[id.index()]
    }

    /// Number of nodes: the length of a table with one entry per node.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The ids of all nodes; a node comes after its children.
    pub fn ids(&self) -> impl Iterator<Item = ExprId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(ExprId)
    }

    /// Never true: an expression has at least one node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The dotted name that a chain of plain selections spells, if the node is one: `a.b.c`, with a dot in front if absolute.
    pub fn qualified_name(&self, id: ExprId) -> Option<String> {
        match self.expr(id) {
            Expr::Ident { name, absolute } => {
                Some(if *absolute { format!(".{}", name.text) } else { name.text.to_string() })
            }
            Expr::Select { operand, field, optional: false } => {
                let mut name = self.qualified_name(*operand)?;
                name.push('.');
                name.push_str(&field.text);
                Some(name)
            }
            _ => None,
        }
    }

    /// Calls `visit` with each direct child of a node, in source order.
    pub fn for_each_child(&self, id: ExprId, mut visit: impl FnMut(ExprId)) {
        match self.expr(id) {
            Expr::Literal(_) | Expr::Ident { .. } => {}
            Expr::Select { operand, .. } | Expr::Has { operand, .. } => visit(*operand),
            Expr::Unary { operand, .. } => visit(*operand),
            Expr::Index { operand, index, .. } => {
                visit(*operand);
                visit(*index);
            }
            Expr::Call { target, args, .. } => {
                target.iter().for_each(|id| visit(*id));
                args.iter().for_each(|id| visit(*id));
            }
            Expr::Binary { left, right, .. } => {
                visit(*left);
                visit(*right);
            }
            Expr::Logic { terms, .. } => terms.iter().for_each(|id| visit(*id)),
            Expr::Conditional { condition, then, otherwise } => {
                visit(*condition);
                visit(*then);
                visit(*otherwise);
            }
            Expr::List(elements) => elements.iter().for_each(|e| visit(e.value)),
            Expr::Map(entries) => {
                for entry in entries {
                    visit(entry.key);
                    visit(entry.value);
                }
            }
            Expr::Struct { fields, .. } => fields.iter().for_each(|f| visit(f.value)),
            Expr::Comprehension(c) => {
                visit(c.range);
                c.filter.iter().for_each(|id| visit(*id));
                visit(c.body);
            }
            Expr::Bind { init, body, .. } => {
                visit(*init);
                visit(*body);
            }
        }
    }
}
