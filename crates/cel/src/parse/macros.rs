//! Macros: calls that the parser turns into something else.

use std::sync::Arc;

use super::Tree;
use crate::{
    Comprehension, ComprehensionKind, Element, Expr, ExprId, Mistake, MistakeKind, Name, Span,
};

/// A call that the parser replaces.
#[derive(Clone, Copy)]
pub struct Macro {
    /// The name of the function.
    pub function: &'static str,
    /// Called on a target (`target.function(…)`) or not.
    pub receiver: bool,
    /// How many arguments the call has; any number where `None`.
    pub args: Option<usize>,
    /// Gives the node that replaces the call; `Ok(None)` leaves the call as it is.
    pub expand:
        for<'t, 'i> fn(&mut MacroCx<'t>, &MacroInput<'i>) -> Result<Option<ExprId>, Mistake>,
}

impl std::fmt::Debug for Macro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Macro")
            .field("function", &self.function)
            .field("receiver", &self.receiver)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

/// The call that a [`Macro`] gets.
#[derive(Clone, Copy, Debug)]
pub struct MacroInput<'i> {
    /// Where the call stands.
    pub span: Span,
    /// The name as written.
    pub function: &'i Name,
    /// What stands before the dot.
    pub target: Option<ExprId>,
    /// The arguments.
    pub args: &'i [ExprId],
}

/// Where a [`Macro`] reads and adds nodes.
pub struct MacroCx<'t> {
    pub(super) tree: &'t mut Tree,
}

impl MacroCx<'_> {
    /// A node.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.tree.nodes[id.index()]
    }

    /// Where a node stands.
    pub fn span(&self, id: ExprId) -> Span {
        self.tree.spans[id.index()]
    }

    /// Adds a node.
    pub fn add(&mut self, expr: Expr, span: Span) -> ExprId {
        self.tree.add(expr, span)
    }

    /// Adds a variable.
    pub fn ident(&mut self, name: &str, span: Span) -> ExprId {
        self.add(Expr::Ident { name: Name { text: name.into(), span }, absolute: false }, span)
    }

    /// Adds a call.
    pub fn call(
        &mut self,
        function: &str,
        target: Option<ExprId>,
        args: Vec<ExprId>,
        span: Span,
    ) -> ExprId {
        let function = Name { text: function.into(), span };
        self.add(Expr::Call { function, target, args, absolute: false }, span)
    }

    /// The name of a variable that a macro declares.
    ///
    /// # Errors
    /// When the argument is something else than a plain name.
    pub fn variable(&self, input: &MacroInput<'_>, id: ExprId) -> Result<Name, Mistake> {
        match self.expr(id) {
            Expr::Ident { name, absolute: false } => Ok(name.clone()),
            _ => Err(self.refuse(input, id, "needs a plain name for its variable")),
        }
    }

    /// A mistake about an argument.
    pub fn refuse(&self, input: &MacroInput<'_>, id: ExprId, expected: &str) -> Mistake {
        let kind = MistakeKind::BadMacroArgument {
            function: input.function.text.to_string(),
            expected: expected.to_owned(),
        };
        Mistake::new(kind, self.span(id))
    }

    /// Is the target this plain (dotted) name?
    pub fn target_is(&self, input: &MacroInput<'_>, expected: &str) -> bool {
        matches!(
            input.target.map(|id| self.expr(id)),
            Some(Expr::Ident { name, absolute: false }) if *name.text == *expected
        )
    }
}

type Expanded = Result<Option<ExprId>, Mistake>;

const fn receiver(
    function: &'static str,
    args: usize,
    expand: for<'t, 'i> fn(&mut MacroCx<'t>, &MacroInput<'i>) -> Expanded,
) -> Macro {
    Macro { function, receiver: true, args: Some(args), expand }
}

/// Macros of the standard.
pub(crate) const STANDARD: &[Macro] = &[
    Macro { function: "has", receiver: false, args: Some(1), expand: has },
    receiver("all", 2, |cx, input| one_variable(cx, input, ComprehensionKind::All)),
    receiver("exists", 2, |cx, input| one_variable(cx, input, ComprehensionKind::Exists)),
    receiver("exists_one", 2, |cx, input| one_variable(cx, input, ComprehensionKind::ExistsOne)),
    receiver("map", 2, |cx, input| one_variable(cx, input, ComprehensionKind::List)),
    receiver("map", 3, |cx, input| one_variable(cx, input, ComprehensionKind::List)),
    receiver("filter", 2, |cx, input| one_variable(cx, input, ComprehensionKind::Filter)),
];

/// The other spelling of `exists_one`.
pub(crate) const EXISTS_ONE_ALIAS: &[Macro] =
    &[receiver("existsOne", 2, |cx, input| one_variable(cx, input, ComprehensionKind::ExistsOne))];

/// Macros with two variables.
pub(crate) const TWO_VARIABLES: &[Macro] = &[
    receiver("all", 3, |cx, input| two_variables(cx, input, ComprehensionKind::All)),
    receiver("exists", 3, |cx, input| two_variables(cx, input, ComprehensionKind::Exists)),
    receiver("exists_one", 3, |cx, input| two_variables(cx, input, ComprehensionKind::ExistsOne)),
    receiver("existsOne", 3, |cx, input| two_variables(cx, input, ComprehensionKind::ExistsOne)),
    receiver("transformList", 3, |cx, input| two_variables(cx, input, ComprehensionKind::List)),
    receiver("transformList", 4, |cx, input| two_variables(cx, input, ComprehensionKind::List)),
    receiver("transformMap", 3, |cx, input| two_variables(cx, input, ComprehensionKind::Map)),
    receiver("transformMap", 4, |cx, input| two_variables(cx, input, ComprehensionKind::Map)),
    receiver("transformMapEntry", 3, |cx, input| {
        two_variables(cx, input, ComprehensionKind::MapEntry)
    }),
    receiver("transformMapEntry", 4, |cx, input| {
        two_variables(cx, input, ComprehensionKind::MapEntry)
    }),
];

/// `cel.bind`.
pub(crate) const BINDINGS: &[Macro] = &[receiver("bind", 3, bind)];

/// Macros over optionals.
pub(crate) const OPTIONALS: &[Macro] =
    &[receiver("optMap", 2, opt_map), receiver("optFlatMap", 2, opt_flat_map)];

/// `list.sortBy(x, key)`.
pub(crate) const SORT_BY: &[Macro] = &[receiver("sortBy", 2, sort_by)];

fn has(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Expanded {
    let [arg] = input.args else { return Ok(None) };
    match cx.expr(*arg) {
        Expr::Select { operand, field, optional: false } => {
            let has = Expr::Has { operand: *operand, field: field.clone() };
            Ok(Some(cx.add(has, input.span)))
        }
        _ => Err(cx.refuse(input, *arg, "needs a field selection such as `a.b`")),
    }
}

fn one_variable(cx: &mut MacroCx<'_>, input: &MacroInput<'_>, kind: ComprehensionKind) -> Expanded {
    let (Some(range), [variable, rest @ ..]) = (input.target, input.args) else { return Ok(None) };
    let (filter, body) = match rest {
        [body] => (None, *body),
        [filter, body] => (Some(*filter), *body),
        _ => return Ok(None),
    };
    let variable = cx.variable(input, *variable)?;
    let function = input.function.clone();
    let node = Comprehension { kind, function, range, variable, second: None, filter, body };
    Ok(Some(cx.add(Expr::Comprehension(Box::new(node)), input.span)))
}

fn two_variables(
    cx: &mut MacroCx<'_>,
    input: &MacroInput<'_>,
    kind: ComprehensionKind,
) -> Expanded {
    let (Some(range), [variable, second, rest @ ..]) = (input.target, input.args) else {
        return Ok(None);
    };
    let (filter, body) = match rest {
        [body] => (None, *body),
        [filter, body] => (Some(*filter), *body),
        _ => return Ok(None),
    };
    let second_id = *second;
    let variable = cx.variable(input, *variable)?;
    let second = cx.variable(input, second_id)?;
    if variable.text == second.text {
        return Err(cx.refuse(input, second_id, "needs two different variables"));
    }
    let function = input.function.clone();
    let node =
        Comprehension { kind, function, range, variable, second: Some(second), filter, body };
    Ok(Some(cx.add(Expr::Comprehension(Box::new(node)), input.span)))
}

fn bind(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Expanded {
    let [variable, init, body] = input.args else { return Ok(None) };
    if !cx.target_is(input, "cel") {
        return Ok(None);
    }
    let variable = cx.variable(input, *variable)?;
    Ok(Some(cx.add(Expr::Bind { variable, init: *init, body: *body }, input.span)))
}

fn opt_map(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Expanded {
    optional(cx, input, true)
}

fn opt_flat_map(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Expanded {
    optional(cx, input, false)
}

/// `t.optMap(v, e)`: binds the target once, then `t.hasValue() ? optional.of(e with v = t.value()) : optional.none()`.
fn optional(cx: &mut MacroCx<'_>, input: &MacroInput<'_>, wrap: bool) -> Expanded {
    let (Some(target), [variable, body]) = (input.target, input.args) else { return Ok(None) };
    let variable = cx.variable(input, *variable)?;
    let span = input.span;
    let bound: Arc<str> = "@target".into();
    let has_target = cx.ident(&bound, span);
    let has_value = cx.call("hasValue", Some(has_target), Vec::new(), span);
    let value_target = cx.ident(&bound, span);
    let value = cx.call("value", Some(value_target), Vec::new(), span);
    let mut then = cx.add(Expr::Bind { variable, init: value, body: *body }, span);
    let optional = cx.ident("optional", span);
    if wrap {
        then = cx.call("of", Some(optional), vec![then], span);
    }
    let optional = cx.ident("optional", span);
    let otherwise = cx.call("none", Some(optional), Vec::new(), span);
    let body = cx.add(Expr::Conditional { condition: has_value, then, otherwise }, span);
    let variable = Name { text: bound, span };
    Ok(Some(cx.add(Expr::Bind { variable, init: target, body }, span)))
}

/// `l.sortBy(v, key)`: `l.@sortByKeys(l.map(v, key))` with the list bound once.
fn sort_by(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Expanded {
    let (Some(target), [variable, key]) = (input.target, input.args) else { return Ok(None) };
    let variable = cx.variable(input, *variable)?;
    let span = input.span;
    let bound: Arc<str> = "@list".into();
    let range = cx.ident(&bound, span);
    let keys = Comprehension {
        kind: ComprehensionKind::List,
        function: Name { text: "map".into(), span },
        range,
        variable,
        second: None,
        filter: None,
        body: *key,
    };
    let keys = cx.add(Expr::Comprehension(Box::new(keys)), span);
    let list = cx.ident(&bound, span);
    let body = cx.call("@sortByKeys", Some(list), vec![keys], span);
    let variable = Name { text: bound, span };
    Ok(Some(cx.add(Expr::Bind { variable, init: target, body }, span)))
}

/// The macros of the official suite that stand for common subexpressions: `cel.block`, `cel.index`, `cel.iterVar`.
pub(crate) const BLOCK: &[Macro] = &[
    receiver("block", 2, block),
    receiver("index", 1, |cx, input| {
        if !cx.target_is(input, "cel") {
            return Ok(None);
        }
        let name = numbered(cx, input, "@index")?;
        Ok(Some(cx.ident(&name, input.span)))
    }),
    receiver("iterVar", 2, |cx, input| {
        if !cx.target_is(input, "cel") {
            return Ok(None);
        }
        let name = numbered(cx, input, "@it")?;
        Ok(Some(cx.ident(&name, input.span)))
    }),
];

fn numbered(cx: &MacroCx<'_>, input: &MacroInput<'_>, prefix: &str) -> Result<String, Mistake> {
    let mut name = prefix.to_owned();
    for arg in input.args {
        match cx.expr(*arg) {
            Expr::Literal(crate::Literal::Int(n)) if *n >= 0 => name.push_str(&format!(":{n}")),
            _ => return Err(cx.refuse(input, *arg, "needs literal numbers")),
        }
    }
    Ok(name)
}

fn block(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Expanded {
    let [list, body] = input.args else { return Ok(None) };
    if !cx.target_is(input, "cel") {
        return Ok(None);
    }
    let Expr::List(elements) = cx.expr(*list) else {
        return Err(cx.refuse(input, *list, "needs a literal list"));
    };
    let elements: Vec<Element> = elements.clone();
    let mut body = *body;
    for (i, element) in elements.iter().enumerate().rev() {
        let variable = Name { text: format!("@index:{i}").into(), span: cx.span(element.value) };
        body = cx.add(Expr::Bind { variable, init: element.value, body }, input.span);
    }
    Ok(Some(body))
}
