//! Syntax trees as text that parses to the same tree.

use std::fmt;

use super::{Ast, Expr, ExprId, Literal, LogicOp, UnaryOp};
use crate::{BinaryOp, parse::is_identifier};

impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, self.root, 0)
    }
}

/// How tightly a node binds: ternary 0, `||` 1, `&&` 2, relations 3, sums 4, products 5, unary 6, the rest 7.
fn level(expr: &Expr) -> u8 {
    match expr {
        Expr::Conditional { .. } => 0,
        Expr::Logic { op: LogicOp::Or, .. } => 1,
        Expr::Logic { op: LogicOp::And, .. } => 2,
        Expr::Binary { op, .. } => match op {
            BinaryOp::Add | BinaryOp::Subtract => 4,
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => 5,
            BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual
            | BinaryOp::In => 3,
        },
        Expr::Unary { .. } => 6,
        _ => 7,
    }
}

impl Ast {
    fn print(&self, f: &mut fmt::Formatter<'_>, id: ExprId, at_least: u8) -> fmt::Result {
        if let Ok(at) = self.macro_calls.binary_search_by_key(&id, |(id, _)| *id) {
            let call = &self.macro_calls[at].1;
            return self.print_call(f, &call.function, call.target, &call.args, false);
        }
        let level = level(self.expr(id));
        if level < at_least {
            f.write_str("(")?;
            self.print_plain(f, id, level)?;
            return f.write_str(")");
        }
        self.print_plain(f, id, level)
    }

    fn print_call(
        &self,
        f: &mut fmt::Formatter<'_>,
        function: &str,
        target: Option<ExprId>,
        args: &[ExprId],
        absolute: bool,
    ) -> fmt::Result {
        if let Some(target) = target {
            self.print(f, target, 7)?;
            f.write_str(".")?;
        } else if absolute {
            f.write_str(".")?;
        }
        write!(f, "{function}(")?;
        for (i, arg) in args.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            self.print(f, *arg, 0)?;
        }
        f.write_str(")")
    }

    fn print_plain(&self, f: &mut fmt::Formatter<'_>, id: ExprId, level: u8) -> fmt::Result {
        match self.expr(id) {
            Expr::Literal(literal) => write!(f, "{literal}"),
            Expr::Ident { name, absolute } => {
                write!(f, "{}{}", if *absolute { "." } else { "" }, name.text)
            }
            Expr::Select { operand, field, optional } => {
                self.print(f, *operand, 7)?;
                f.write_str(if *optional { ".?" } else { "." })?;
                print_field(f, &field.text)
            }
            Expr::Has { operand, field } => {
                f.write_str("has(")?;
                self.print(f, *operand, 7)?;
                f.write_str(".")?;
                print_field(f, &field.text)?;
                f.write_str(")")
            }
            Expr::Index { operand, index, optional } => {
                self.print(f, *operand, 7)?;
                f.write_str(if *optional { "[?" } else { "[" })?;
                self.print(f, *index, 0)?;
                f.write_str("]")
            }
            Expr::Call { function, target, args, absolute } => {
                self.print_call(f, &function.text, *target, args, *absolute)
            }
            Expr::Unary { op, operand, .. } => {
                f.write_str(op.symbol())?;
                // `-1` would be a literal.
                if *op == UnaryOp::Negate && matches!(self.expr(*operand), Expr::Literal(_)) {
                    f.write_str("(")?;
                    self.print(f, *operand, 0)?;
                    return f.write_str(")");
                }
                self.print(f, *operand, 7)
            }
            Expr::Binary { op, left, right, .. } => {
                self.print(f, *left, level)?;
                write!(f, " {} ", op.symbol())?;
                self.print(f, *right, level + 1)
            }
            Expr::Logic { op, terms } => {
                for (i, term) in terms.iter().enumerate() {
                    if i > 0 {
                        write!(f, " {} ", op.symbol())?;
                    }
                    self.print(f, *term, level + 1)?;
                }
                Ok(())
            }
            Expr::Conditional { condition, then, otherwise } => {
                self.print(f, *condition, 1)?;
                f.write_str(" ? ")?;
                self.print(f, *then, 1)?;
                f.write_str(" : ")?;
                self.print(f, *otherwise, 0)
            }
            Expr::List(elements) => {
                f.write_str("[")?;
                for (i, element) in elements.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    f.write_str(if element.optional { "?" } else { "" })?;
                    self.print(f, element.value, 0)?;
                }
                f.write_str("]")
            }
            Expr::Map(entries) => {
                f.write_str("{")?;
                for (i, entry) in entries.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    f.write_str(if entry.optional { "?" } else { "" })?;
                    self.print(f, entry.key, 0)?;
                    f.write_str(": ")?;
                    self.print(f, entry.value, 0)?;
                }
                f.write_str("}")
            }
            Expr::Struct { name, fields } => {
                write!(f, "{}{{", name.text)?;
                for (i, field) in fields.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    f.write_str(if field.optional { "?" } else { "" })?;
                    print_field(f, &field.field.text)?;
                    f.write_str(": ")?;
                    self.print(f, field.value, 0)?;
                }
                f.write_str("}")
            }
            Expr::Comprehension(c) => {
                self.print(f, c.range, 7)?;
                write!(f, ".{}({}", c.function.text, c.variable.text)?;
                if let Some(second) = &c.second {
                    write!(f, ", {}", second.text)?;
                }
                for part in c.filter.iter().chain([&c.body]) {
                    f.write_str(", ")?;
                    self.print(f, *part, 0)?;
                }
                f.write_str(")")
            }
            Expr::Bind { variable, init, body } => {
                write!(f, "cel.bind({}, ", variable.text)?;
                self.print(f, *init, 0)?;
                f.write_str(", ")?;
                self.print(f, *body, 0)?;
                f.write_str(")")
            }
        }
    }
}

fn print_field(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if is_identifier(name) { f.write_str(name) } else { write!(f, "`{name}`") }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Bool(v) => write!(f, "{v}"),
            Literal::Int(v) => write!(f, "{v}"),
            Literal::Uint(v) => write!(f, "{v}u"),
            // Debug always has a point or an exponent.
            Literal::Double(v) => write!(f, "{v:?}"),
            Literal::String(v) => {
                f.write_str("\"")?;
                for c in v.chars() {
                    match c {
                        '"' | '\\' => write!(f, "\\{c}")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"")
            }
            Literal::Bytes(v) => {
                f.write_str("b\"")?;
                for byte in v.iter() {
                    match byte {
                        b'"' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
                        0x20..=0x7e => write!(f, "{}", char::from(*byte))?,
                        byte => write!(f, "\\x{byte:02x}")?,
                    }
                }
                f.write_str("\"")
            }
        }
    }
}
