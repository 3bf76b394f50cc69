//! Which variables and which parts of them an expression reads.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use super::{Ast, Expr, ExprId, Literal, Name};
use crate::{Attribute, PathStep, Span};

/// One read of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The variable and the path that is read, as far as it is constant. Everything below the end of the path is read too.
    pub attribute: Attribute,
    /// How each step was taken; as long as the path.
    pub steps: Vec<Step>,
    /// Where it stands.
    pub span: Span,
}

/// How a step of a read was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Plainly: it is an error when it is absent.
    Required,
    /// By `.?`, `[?` or `has`, or after one of them: it may be absent.
    Optional,
}

impl Ast {
    /// All reads of variables in source order, the variables of comprehensions and bindings left out.
    ///
    /// A path ends where something else than a constant selection or index follows, so the value at its end is read whole.
    /// A name with dots comes as variable and path: which of its dots belong to the name of a variable only the checker knows.
    pub fn reads(&self) -> Vec<Read> {
        let mut reads = Reads { ast: self, scope: Vec::new(), found: Vec::new() };
        reads.visit(self.root);
        reads.found
    }

    /// Names of all variables that are read, sorted, without repetition.
    pub fn read_roots(&self) -> Vec<Arc<str>> {
        let mut roots: Vec<Arc<str>> =
            self.reads().into_iter().map(|read| read.attribute.root).collect();
        roots.sort();
        roots.dedup();
        roots
    }
}

/// The functions of the libraries whose names have a dot.
static QUALIFIED: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let rows = crate::library::ALL.iter().flat_map(|library| library.functions).copied().flatten();
    let names = rows.filter_map(|row| Some(row.overload().ok()?.function.to_string()));
    names.filter(|name| name.contains('.')).collect()
});

struct Reads<'a> {
    ast: &'a Ast,
    scope: Vec<Arc<str>>,
    found: Vec<Read>,
}

impl Reads<'_> {
    fn visit(&mut self, id: ExprId) {
        let mut steps = Vec::new();
        if let Some(root) = self.chain(id, &mut steps) {
            if let Some(root) = root {
                let (path, steps) = steps.into_iter().unzip();
                let attribute = Attribute { root, path };
                self.found.push(Read { attribute, steps, span: self.ast.span(id) });
            }
            return;
        }
        match self.ast.expr(id) {
            Expr::Comprehension(c) => {
                self.visit(c.range);
                let before = self.scope.len();
                self.scope.push(c.variable.text.clone());
                self.scope.extend(c.second.iter().map(|name| name.text.clone()));
                if let Some(filter) = c.filter {
                    self.visit(filter);
                }
                self.visit(c.body);
                self.scope.truncate(before);
            }
            Expr::Bind { variable, init, body } => {
                self.visit(*init);
                self.scope.push(variable.text.clone());
                self.visit(*body);
                self.scope.pop();
            }
            Expr::Call { function, target: Some(target), args, .. }
                if self.is_qualified(*target, function) =>
            {
                args.iter().for_each(|id| self.visit(*id));
            }
            _ => {
                let mut children = Vec::new();
                self.ast.for_each_child(id, |child| children.push(child));
                for child in children {
                    self.visit(child);
                }
            }
        }
    }

    /// Whether a call is one of a qualified function of the libraries, of which the first part looks like a variable.
    fn is_qualified(&self, target: ExprId, function: &Name) -> bool {
        match self.ast.expr(target) {
            Expr::Ident { name, .. } => {
                !self.scope.contains(&name.text)
                    && crate::library::NAMESPACES.contains(&&*name.text)
                    && QUALIFIED.contains(&format!("{}.{}", name.text, function.text))
            }
            _ => false,
        }
    }

    /// If the node is a chain of constant steps from a name: that name (`None` for a local one), with the steps.
    fn chain(&mut self, id: ExprId, steps: &mut Vec<(PathStep, Step)>) -> Option<Option<Arc<str>>> {
        let (operand, step, how) = match self.ast.expr(id) {
            Expr::Ident { name, absolute } => {
                let local = !absolute && self.scope.contains(&name.text);
                return Some((!local).then(|| name.text.clone()));
            }
            Expr::Select { operand, field, optional } => {
                (*operand, PathStep::Field(field.text.clone()), *optional)
            }
            Expr::Has { operand, field } => (*operand, PathStep::Field(field.text.clone()), true),
            Expr::Index { operand, index, optional } => {
                let step = match self.ast.expr(*index) {
                    Expr::Literal(Literal::String(key)) => PathStep::Field(key.clone()),
                    Expr::Literal(Literal::Int(i)) => PathStep::Index(*i),
                    Expr::Literal(Literal::Uint(i)) => PathStep::UintKey(*i),
                    Expr::Literal(Literal::Bool(b)) => PathStep::BoolKey(*b),
                    _ => return None,
                };
                (*operand, step, *optional)
            }
            _ => return None,
        };
        let root = self.chain(operand, steps)?;
        let how = if how || steps.last().is_some_and(|(_, how)| *how == Step::Optional) {
            Step::Optional
        } else {
            Step::Required
        };
        steps.push((step, how));
        Some(root)
    }
}
