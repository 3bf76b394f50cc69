//! Text to syntax tree: a parser by precedence, written by hand, with limits on length and depth.

mod lexer;
mod literal;
mod macros;

use std::sync::Arc;

pub(crate) use lexer::is_identifier;
pub(crate) use macros::{
    BINDINGS, BLOCK, EXISTS_ONE_ALIAS, OPTIONALS, SORT_BY, STANDARD, TWO_VARIABLES,
};
pub use macros::{Macro, MacroCx, MacroInput};

use crate::{
    Ast, BinaryOp, Element, Entry, Expr, ExprId, FieldInit, Literal, LogicOp, Mistake, MistakeKind,
    Name, Span, UnaryOp, ast::MacroCall,
};
use lexer::{Token, TokenKind};

/// Bounds of what is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest text in bytes.
    pub max_length: usize,
    /// Deepest nesting.
    pub max_depth: usize,
}

/// Parses an expression with all macros of the language and the default limits.
///
/// The tree comes only without mistakes; all mistakes of the text come at once, in source order.
pub fn parse(source: &str) -> (Option<Ast>, Vec<Mistake>) {
    let limits = Limits { max_length: 100_000, max_depth: 250 };
    let tables: [&'static [Macro]; 6] =
        [STANDARD, EXISTS_ONE_ALIAS, TWO_VARIABLES, BINDINGS, OPTIONALS, SORT_BY];
    let all: Vec<Macro> = tables.concat();
    let mut all = all;
    all.sort_by_key(|m| m.function);
    parse_with(source, limits, &|name| {
        let start = all.partition_point(|m| m.function < name);
        let end = all.partition_point(|m| m.function <= name);
        &all[start..end]
    })
}

pub(crate) fn parse_with<'m>(
    source: &str,
    limits: Limits,
    macros: &'m dyn Fn(&str) -> &'m [Macro],
) -> (Option<Ast>, Vec<Mistake>) {
    let limits = Limits { max_depth: limits.max_depth.min(MAX_DEPTH), ..limits };
    if source.len() > limits.max_length {
        let span = Span::new(0, u32::try_from(source.len()).unwrap_or(u32::MAX));
        let kind = MistakeKind::TooLong { limit: limits.max_length };
        return (None, vec![Mistake::new(kind, span)]);
    }
    let (tokens, mut mistakes) = lexer::tokens(source);
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        end: 0,
        depth: 0,
        limits,
        macros,
        mistakes: Vec::new(),
        gave_up: false,
        tree: Tree {
            nodes: Vec::with_capacity(16),
            spans: Vec::with_capacity(16),
            heights: Vec::with_capacity(16),
            depths: Vec::with_capacity(16),
            macro_calls: Vec::new(),
        },
    };
    let root = parser.expression();
    while parser.kind() != TokenKind::End {
        parser.unexpected("the end of the expression");
        // What follows may have mistakes of its own.
        parser.skip_to_expression();
        if parser.kind() != TokenKind::End {
            parser.expression();
        }
    }
    mistakes.append(&mut parser.mistakes);
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|m| m.span);
        // The parser stumbles over what the lexer has refused: one of the two is enough.
        mistakes.dedup_by(|later, first| later.span.start == first.span.start);
        return (None, mistakes);
    }
    let mut macro_calls = parser.tree.macro_calls;
    macro_calls.sort_by_key(|(id, _)| *id);
    let ast = Ast {
        source: source.into(),
        nodes: parser.tree.nodes,
        spans: parser.tree.spans,
        root,
        macro_calls,
    };
    (Some(ast), Vec::new())
}

/// The nodes built so far.
pub(crate) struct Tree {
    nodes: Vec<Expr>,
    spans: Vec<Span>,
    heights: Vec<u32>,
    /// How deep values may nest that a node gives: what is bound to a name counts where the name is visible.
    depths: Vec<u32>,
    macro_calls: Vec<(ExprId, MacroCall)>,
}

/// Deepest nesting of what is accepted at all: more does not fit on the stack of a thread.
const MAX_DEPTH: usize = 250;
/// Values may nest so many times deeper than expressions.
const VALUE_DEPTH: usize = 4;

struct Parser<'s, 'm> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    /// End of the last token that was taken.
    end: u32,
    depth: usize,
    limits: Limits,
    macros: &'m dyn Fn(&str) -> &'m [Macro],
    mistakes: Vec<Mistake>,
    gave_up: bool,
    tree: Tree,
}

impl Tree {
    fn add(&mut self, expr: Expr, span: Span) -> ExprId {
        let id = ExprId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let (mut height, mut depth) = (0, 0);
        let (heights, depths) = (&self.heights, &self.depths);
        let mut child = |id: ExprId| {
            height = height.max(heights[id.index()]);
            depth = depth.max(depths[id.index()]);
        };
        match &expr {
            Expr::Literal(_) | Expr::Ident { .. } => {}
            Expr::Select { operand, .. }
            | Expr::Has { operand, .. }
            | Expr::Unary { operand, .. } => {
                child(*operand);
            }
            Expr::Index { operand, index, .. } => {
                child(*operand);
                child(*index);
            }
            Expr::Call { target, args, .. } => target.iter().chain(args).for_each(|id| child(*id)),
            Expr::Binary { left, right, .. } => {
                child(*left);
                child(*right);
            }
            Expr::Logic { terms, .. } => terms.iter().for_each(|id| child(*id)),
            Expr::Conditional { condition, then, otherwise } => {
                child(*condition);
                child(*then);
                child(*otherwise);
            }
            Expr::List(elements) => elements.iter().for_each(|e| child(e.value)),
            Expr::Map(entries) => entries.iter().for_each(|e| {
                child(e.key);
                child(e.value);
            }),
            Expr::Struct { fields, .. } => fields.iter().for_each(|f| child(f.value)),
            Expr::Comprehension(c) => {
                child(c.range);
                c.filter.iter().for_each(|id| child(*id));
                child(c.body);
                depth = depths[c.range.index()].saturating_add(depths[c.body.index()]);
            }
            Expr::Bind { init, body, .. } => {
                child(*init);
                child(*body);
                depth = depths[init.index()].saturating_add(depths[body.index()]);
            }
        }
        self.nodes.push(expr);
        self.spans.push(span);
        self.heights.push(height + 1);
        self.depths.push(depth.saturating_add(1));
        id
    }
}

impl<'s> Parser<'s, '_> {
    fn token(&self) -> Token {
        self.tokens
            .get(self.at)
            .copied()
            .unwrap_or(Token { kind: TokenKind::End, span: Span::new(self.end, self.end) })
    }

    fn kind(&self) -> TokenKind {
        self.token().kind
    }

    fn peek(&self, ahead: usize) -> TokenKind {
        self.tokens.get(self.at + ahead).map_or(TokenKind::End, |t| t.kind)
    }

    fn text(&self, span: Span) -> &'s str {
        span.text(self.source)
    }

    fn take(&mut self) -> Token {
        let token = self.token();
        if token.kind != TokenKind::End {
            self.at += 1;
            self.end = token.span.end;
        }
        token
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.take();
        }
        found
    }

    fn span_from(&self, start: u32) -> Span {
        Span::new(start, self.end.max(start))
    }

    fn mistake(&mut self, kind: MistakeKind, span: Span) {
        if !self.gave_up {
            self.mistakes.push(Mistake::new(kind, span));
        }
    }

    fn unexpected(&mut self, expected: &'static str) {
        let token = self.token();
        let found = match token.kind {
            TokenKind::End => None,
            _ => Some(self.text(token.span).to_owned()),
        };
        self.mistake(MistakeKind::Unexpected { expected, found }, token.span);
    }

    fn placeholder(&mut self, span: Span) -> ExprId {
        self.tree.add(Expr::Literal(Literal::Null), span)
    }

    fn add(&mut self, expr: Expr, span: Span) -> ExprId {
        let id = self.tree.add(expr, span);
        self.bound(id);
        id
    }

    /// Gives up where the node is nested too deep.
    fn bound(&mut self, id: ExprId) {
        let height = self.tree.heights[id.index()] as usize;
        let depth = self.tree.depths[id.index()] as usize;
        if height > self.limits.max_depth || depth > VALUE_DEPTH * self.limits.max_depth {
            self.give_up(self.tree.spans[id.index()]);
        }
    }

    /// Nesting is too deep: nothing more is read, and nothing that follows from that is told.
    fn give_up(&mut self, span: Span) {
        self.at = self.tokens.len();
        if self.gave_up {
            return;
        }
        self.mistake(MistakeKind::TooDeep { limit: self.limits.max_depth }, span);
        self.gave_up = true;
    }

    /// After a mistake: goes on at the next comma or closing bracket of the same level.
    fn recover(&mut self) {
        let mut open = 0usize;
        loop {
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Comma if open == 0 => return,
                TokenKind::RightParen | TokenKind::RightBracket | TokenKind::RightBrace => {
                    if open == 0 {
                        return;
                    }
                    open -= 1;
                }
                TokenKind::LeftParen | TokenKind::LeftBracket | TokenKind::LeftBrace => open += 1,
                _ => {}
            }
            self.take();
        }
    }

    /// After the end of an expression: goes on where another one may begin.
    fn skip_to_expression(&mut self) {
        while !matches!(
            self.kind(),
            TokenKind::End
                | TokenKind::Ident
                | TokenKind::Int
                | TokenKind::Uint
                | TokenKind::Float
                | TokenKind::String
                | TokenKind::True
                | TokenKind::False
                | TokenKind::Null
                | TokenKind::LeftParen
                | TokenKind::LeftBracket
                | TokenKind::LeftBrace
                | TokenKind::Not
        ) {
            self.take();
        }
    }

    fn expect(&mut self, kind: TokenKind, expected: &'static str) {
        if self.eat(kind) || self.gave_up {
            return;
        }
        self.unexpected(expected);
        self.recover();
        self.eat(kind);
    }

    fn expression(&mut self) -> ExprId {
        let start = self.token().span.start;
        if self.depth >= self.limits.max_depth {
            self.give_up(Span::new(start, start + 1));
            return self.placeholder(Span::new(start, start));
        }
        self.depth += 1;
        let condition = self.or();
        let id = if self.eat(TokenKind::Question) {
            let then = self.or();
            self.expect(TokenKind::Colon, "`:`");
            let otherwise = self.expression();
            let span = self.span_from(start);
            self.add(Expr::Conditional { condition, then, otherwise }, span)
        } else {
            condition
        };
        self.depth -= 1;
        id
    }

    fn or(&mut self) -> ExprId {
        let start = self.token().span.start;
        let first = self.and();
        if self.kind() != TokenKind::Or {
            return first;
        }
        let mut terms = vec![first];
        while self.eat(TokenKind::Or) {
            terms.push(self.and());
        }
        let span = self.span_from(start);
        self.add(Expr::Logic { op: LogicOp::Or, terms }, span)
    }

    fn and(&mut self) -> ExprId {
        let start = self.token().span.start;
        let first = self.binary(0);
        if self.kind() != TokenKind::And {
            return first;
        }
        let mut terms = vec![first];
        while self.eat(TokenKind::And) {
            terms.push(self.binary(0));
        }
        let span = self.span_from(start);
        self.add(Expr::Logic { op: LogicOp::And, terms }, span)
    }

    /// Relations (0), sums (1) and products (2); all of them associate to the left.
    fn binary(&mut self, level: u8) -> ExprId {
        let start = self.token().span.start;
        let mut left = self.unary();
        // Operators of higher levels first; then this loop goes down to `level`.
        for current in (level..=2).rev() {
            while let Some(op) = binary_op(self.kind(), current) {
                let op_span = self.take().span;
                let right = if current == 2 { self.unary() } else { self.binary(current + 1) };
                let span = self.span_from(start);
                left = self.add(Expr::Binary { op, op_span, left, right }, span);
            }
        }
        left
    }

    fn unary(&mut self) -> ExprId {
        let start = self.token();
        let (kind, op) = match start.kind {
            TokenKind::Not => (TokenKind::Not, UnaryOp::Not),
            TokenKind::Minus => (TokenKind::Minus, UnaryOp::Negate),
            _ => return self.member(),
        };
        if op == UnaryOp::Negate && self.peek(1).is_number() && self.peek(1) != TokenKind::Uint {
            return self.member();
        }
        let mut count = 0;
        while self.eat(kind) {
            count += 1;
        }
        // A pair of equal operators does nothing, as in the reference.
        let operand = self.member();
        if count % 2 == 0 {
            return operand;
        }
        let span = self.span_from(start.span.start);
        self.add(Expr::Unary { op, op_span: start.span, operand }, span)
    }

    fn member(&mut self) -> ExprId {
        let start = self.token().span.start;
        let mut id = self.primary();
        loop {
            match self.kind() {
                TokenKind::Dot => {
                    self.take();
                    let optional = self.eat(TokenKind::Question);
                    let Some(field) = self.field_name() else {
                        self.recover();
                        return id;
                    };
                    if self.kind() == TokenKind::LeftParen && !optional {
                        if self.text(field.span).starts_with('`') {
                            let found = Some(self.text(field.span).to_owned());
                            let expected = "the name of a function, which has no quotes";
                            self.mistake(MistakeKind::Unexpected { expected, found }, field.span);
                        }
                        let args = self.args();
                        id = self.call(start, field, Some(id), args, false);
                    } else {
                        let span = self.span_from(start);
                        id = self.add(Expr::Select { operand: id, field, optional }, span);
                    }
                }
                TokenKind::LeftBracket => {
                    self.take();
                    let optional = self.eat(TokenKind::Question);
                    let index = self.expression();
                    self.expect(TokenKind::RightBracket, "`]`");
                    let span = self.span_from(start);
                    id = self.add(Expr::Index { operand: id, index, optional }, span);
                }
                TokenKind::LeftBrace => {
                    let Some(name) = self.type_name(id) else { return id };
                    let span = self.tree.spans[id.index()];
                    let fields = self.struct_fields();
                    let name = Name { text: name.into(), span };
                    let span = self.span_from(start);
                    id = self.add(Expr::Struct { name, fields }, span);
                }
                _ => return id,
            }
            if self.gave_up {
                return id;
            }
        }
    }

    /// The name that a chain of plain selections spells.
    fn type_name(&self, id: ExprId) -> Option<String> {
        match &self.tree.nodes[id.index()] {
            Expr::Ident { name, absolute } => {
                Some(if *absolute { format!(".{}", name.text) } else { name.text.to_string() })
            }
            Expr::Select { operand, field, optional: false } => {
                Some(format!("{}.{}", self.type_name(*operand)?, field.text))
            }
            _ => None,
        }
    }

    fn field_name(&mut self) -> Option<Name> {
        let token = self.token();
        let text = match token.kind {
            TokenKind::Ident | TokenKind::Reserved => self.text(token.span),
            TokenKind::QuotedIdent => self.text(token.span).trim_matches('`'),
            _ => {
                self.unexpected("a field name");
                return None;
            }
        };
        self.take();
        Some(Name { text: text.into(), span: token.span })
    }

    fn args(&mut self) -> Vec<ExprId> {
        self.take();
        let mut args = Vec::new();
        if self.eat(TokenKind::RightParen) {
            return args;
        }
        loop {
            args.push(self.expression());
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::RightParen, "`,` or `)`");
        args
    }

    fn call(
        &mut self,
        start: u32,
        function: Name,
        target: Option<ExprId>,
        args: Vec<ExprId>,
        absolute: bool,
    ) -> ExprId {
        let span = self.span_from(start);
        let macros = (self.macros)(&function.text);
        for entry in macros {
            if entry.receiver != target.is_some() || entry.args.is_some_and(|n| n != args.len()) {
                continue;
            }
            let input = MacroInput { span, function: &function, target, args: &args };
            let before = self.mistakes.is_empty();
            let mut cx = MacroCx { tree: &mut self.tree };
            match (entry.expand)(&mut cx, &input) {
                Ok(None) => {}
                Ok(Some(id)) => {
                    let natural = match &self.tree.nodes[id.index()] {
                        Expr::Has { .. } => true,
                        Expr::Comprehension(c) => is_identifier(&c.variable.text),
                        _ => false,
                    };
                    if !natural {
                        let function = function.text.clone();
                        self.tree.macro_calls.push((id, MacroCall { function, target, args }));
                    }
                    self.bound(id);
                    return id;
                }
                Err(mistake) => {
                    // A mistake inside of the arguments has been told already.
                    if before {
                        self.mistake(mistake.kind, mistake.span);
                    }
                    return self.placeholder(span);
                }
            }
        }
        self.add(Expr::Call { function, target, args, absolute }, span)
    }

    fn primary(&mut self) -> ExprId {
        let token = self.token();
        match token.kind {
            TokenKind::LeftParen => {
                self.take();
                let id = self.expression();
                self.expect(TokenKind::RightParen, "`)`");
                id
            }
            TokenKind::LeftBracket => self.list(),
            TokenKind::LeftBrace => self.map(),
            TokenKind::Dot if self.peek(1) == TokenKind::Ident => {
                let dot = self.take();
                self.ident(Some(dot.span))
            }
            TokenKind::Ident => self.ident(None),
            TokenKind::Reserved => {
                let word = self.text(token.span).to_owned();
                self.mistake(MistakeKind::ReservedWord(word), token.span);
                self.take();
                self.placeholder(token.span)
            }
            TokenKind::Minus if self.peek(1).is_number() && self.peek(1) != TokenKind::Uint => {
                self.take();
                let number = self.take();
                let span = token.span.to(number.span);
                let text = format!("-{}", self.text(number.span));
                self.literal(literal::number(&text, number.kind), span)
            }
            TokenKind::Int | TokenKind::Uint | TokenKind::Float => {
                self.take();
                let literal = literal::number(self.text(token.span), token.kind);
                self.literal(literal, token.span)
            }
            TokenKind::String => {
                self.take();
                let literal = literal::text(self.text(token.span), token.span);
                self.literal(literal, token.span)
            }
            TokenKind::True | TokenKind::False => {
                self.take();
                let value = token.kind == TokenKind::True;
                self.literal(Ok(Literal::Bool(value)), token.span)
            }
            TokenKind::Null => {
                self.take();
                self.literal(Ok(Literal::Null), token.span)
            }
            _ => {
                self.unexpected("an expression");
                self.recover();
                self.placeholder(token.span)
            }
        }
    }

    fn literal(&mut self, literal: Result<Literal, Mistake>, span: Span) -> ExprId {
        match literal {
            Ok(literal) => self.add(Expr::Literal(literal), span),
            Err(mut mistake) => {
                if mistake.span == Span::default() {
                    mistake.span = span;
                }
                self.mistake(mistake.kind, mistake.span);
                self.placeholder(span)
            }
        }
    }

    /// A name or a call; with a dot in front it is absolute.
    fn ident(&mut self, dot: Option<Span>) -> ExprId {
        let token = self.take();
        let absolute = dot.is_some();
        let start = dot.unwrap_or(token.span).start;
        let name = Name { text: Arc::from(self.text(token.span)), span: token.span };
        if self.kind() == TokenKind::LeftParen {
            let args = self.args();
            return self.call(start, name, None, args, absolute);
        }
        self.add(Expr::Ident { name, absolute }, Span::new(start, token.span.end))
    }

    fn list(&mut self) -> ExprId {
        let start = self.take().span.start;
        let mut elements = Vec::new();
        self.separated(TokenKind::RightBracket, "`,` or `]`", |parser| {
            let optional = parser.eat(TokenKind::Question);
            let value = parser.expression();
            elements.push(Element { value, optional });
        });
        let span = self.span_from(start);
        self.add(Expr::List(elements), span)
    }

    fn map(&mut self) -> ExprId {
        let start = self.take().span.start;
        let mut entries = Vec::new();
        self.separated(TokenKind::RightBrace, "`,` or `}`", |parser| {
            let optional = parser.eat(TokenKind::Question);
            let key = parser.expression();
            if !parser.eat(TokenKind::Colon) {
                parser.unexpected("`:`");
                parser.recover();
                return;
            }
            let value = parser.expression();
            entries.push(Entry { key, value, optional });
        });
        let span = self.span_from(start);
        self.add(Expr::Map(entries), span)
    }

    fn struct_fields(&mut self) -> Vec<FieldInit> {
        self.take();
        let mut fields = Vec::new();
        self.separated(TokenKind::RightBrace, "`,` or `}`", |parser| {
            let optional = parser.eat(TokenKind::Question);
            let Some(field) = parser.field_name() else {
                parser.recover();
                return;
            };
            if !parser.eat(TokenKind::Colon) {
                parser.unexpected("`:`");
                parser.recover();
                return;
            }
            let value = parser.expression();
            fields.push(FieldInit { field, value, optional });
        });
        fields
    }

    /// Items with commas between them up to `close`; a comma may stand at the end, even alone.
    fn separated(
        &mut self,
        close: TokenKind,
        expected: &'static str,
        mut item: impl FnMut(&mut Self),
    ) {
        if self.kind() == TokenKind::Comma && self.peek(1) == close {
            self.take();
        }
        while self.kind() != close {
            item(self);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect(close, expected);
    }
}

fn binary_op(kind: TokenKind, level: u8) -> Option<BinaryOp> {
    let (op, its_level) = match kind {
        TokenKind::Equal => (BinaryOp::Equal, 0),
        TokenKind::NotEqual => (BinaryOp::NotEqual, 0),
        TokenKind::Less => (BinaryOp::Less, 0),
        TokenKind::LessEqual => (BinaryOp::LessEqual, 0),
        TokenKind::Greater => (BinaryOp::Greater, 0),
        TokenKind::GreaterEqual => (BinaryOp::GreaterEqual, 0),
        TokenKind::In => (BinaryOp::In, 0),
        TokenKind::Plus => (BinaryOp::Add, 1),
        TokenKind::Minus => (BinaryOp::Subtract, 1),
        TokenKind::Star => (BinaryOp::Multiply, 2),
        TokenKind::Slash => (BinaryOp::Divide, 2),
        TokenKind::Percent => (BinaryOp::Modulo, 2),
        _ => return None,
    };
    (its_level == level).then_some(op)
}
