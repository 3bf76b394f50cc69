//! Functions, and libraries as tables of them.

use std::{fmt, sync::Arc};

use super::signature::{self, Signature, SignatureError};
use crate::{CallResult, ErrorKind, Type, Value, cost::Work, parse::Macro};

/// A function without state: arguments in, the target first, a value or an error out.
///
/// It must refuse arguments of other types than its signature has with
/// [`no_such_overload`](Overload::no_such_overload): arguments of type `dyn` are checked by nobody else.
pub type CallFn = for<'a> fn(&[Value<'a>]) -> CallResult<'a>;

/// A function that keeps something, for instance a compiled pattern.
pub type CallClosure = dyn for<'a> Fn(&[Value<'a>]) -> CallResult<'a> + Send + Sync;

/// Looks at the arguments of a call when the expression is planned.
pub type Prepare = fn(&[PlannedArg]) -> Prepared;

/// What is known about an argument before evaluation.
#[derive(Clone, Debug)]
pub struct PlannedArg {
    /// The value, where it is a constant.
    pub constant: Option<Value<'static>>,
    /// The type that the checker found; `dyn` without a check.
    pub ty: Type,
    /// The types of the elements of a list literal.
    pub elements: Option<Vec<Type>>,
}

/// What a [`Prepare`] decided.
pub enum Prepared {
    /// Nothing special about this call.
    Ordinary,
    /// This call is made by that closure.
    Bound(Arc<CallClosure>),
    /// The call can never succeed: a mistake in the expression.
    Invalid(String),
}

/// What is called.
#[derive(Clone)]
pub enum Binding {
    /// A function.
    Function(CallFn),
    /// A closure.
    Closure(Arc<CallClosure>),
    /// An operator that the evaluator has built in.
    BuiltIn,
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Binding::Function(_) => "Function",
            Binding::Closure(_) => "Closure",
            Binding::BuiltIn => "BuiltIn",
        })
    }
}

/// A function: all its overloads.
#[derive(Clone, Debug)]
pub struct Function {
    /// The name, qualified for functions such as `math.abs`.
    pub name: Arc<str>,
    /// The overloads, in the order of their declaration.
    pub overloads: Vec<Arc<Overload>>,
}

/// One overload of a function.
#[derive(Clone, Debug)]
pub struct Overload {
    /// Unique name.
    pub id: Arc<str>,
    /// Name of the function.
    pub function: Arc<str>,
    /// Called as `target.function(…)`; the target is the first parameter.
    pub member: bool,
    /// Types of the parameters.
    pub params: Vec<Type>,
    /// Type of the result.
    pub result: Type,
    /// Names of the type parameters.
    pub type_params: Vec<Arc<str>>,
    /// One line on what it does.
    pub doc: Arc<str>,
    pub(crate) binding: Binding,
    pub(crate) prepare: Option<Prepare>,
    pub(crate) work: Work,
}

impl Overload {
    pub(crate) fn new(id: &str, signature: Signature, doc: &str, binding: Binding) -> Overload {
        Overload {
            id: id.into(),
            function: signature.function.into(),
            member: signature.member,
            params: signature.params,
            result: signature.result,
            type_params: signature.type_params,
            doc: doc.into(),
            binding,
            prepare: None,
            work: Work::Shallow,
        }
    }

    /// Can values of these run-time types be arguments?
    pub(crate) fn accepts(&self, args: &[Value<'_>]) -> bool {
        self.params.len() == args.len()
            && self.params.iter().zip(args).all(|(param, arg)| fits(param, arg))
    }

    /// The error for arguments of the wrong types.
    pub fn no_such_overload(function: &str, args: &[Value<'_>]) -> Box<ErrorKind> {
        ErrorKind::overload(function, args)
    }
}

fn fits(param: &Type, arg: &Value<'_>) -> bool {
    match (param, arg) {
        (Type::Dyn | Type::Param(_) | Type::Var(_) | Type::Error, _) => true,
        (Type::Null, Value::Null)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int, Value::Int(_))
        | (Type::Uint, Value::Uint(_))
        | (Type::Double, Value::Double(_))
        | (Type::String, Value::String(_))
        | (Type::Bytes, Value::Bytes(_))
        | (Type::Timestamp, Value::Timestamp(_))
        | (Type::Duration, Value::Duration(_))
        | (Type::List(_), Value::List(_))
        | (Type::Map(_), Value::Map(_))
        | (Type::Type(_), Value::Type(_))
        | (Type::Optional(_), Value::Optional(_)) => true,
        (Type::Wrapper(inner), arg) => matches!(arg, Value::Null) || fits(inner, arg),
        (Type::Object(name), Value::Map(map)) => map.object_name().is_some_and(|n| n == name),
        (Type::Opaque(opaque), Value::Opaque(value)) => *opaque.name == *value.type_name(),
        _ => false,
    }
}

impl fmt::Display for Overload {
    /// The signature: `string.charAt(int) -> string`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut params = self.params.as_slice();
        if let (true, [target, rest @ ..]) = (self.member, params) {
            write!(f, "{target}.")?;
            params = rest;
        }
        write!(f, "{}(", self.function)?;
        for (i, param) in params.iter().enumerate() {
            write!(f, "{}{param}", if i > 0 { ", " } else { "" })?;
        }
        write!(f, ") -> {}", self.result)
    }
}

/// A library: a table of functions, with its macros and types.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    /// The name.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// The functions, in groups.
    pub functions: &'static [&'static [Row]],
    /// The macros.
    pub macros: &'static [Macro],
    /// Names that stand for types.
    pub types: &'static [(&'static str, &'static str)],
    /// Object types with the types of their fields.
    pub objects: &'static [(&'static str, &'static [(&'static str, &'static str)])],
    /// Variables with their types.
    pub variables: &'static [(&'static str, &'static str)],
}

/// One overload in the table of a [`Library`].
#[derive(Clone, Copy)]
pub struct Row {
    /// Unique name.
    pub id: &'static str,
    /// `function(int): string`, or `(string).function(int): string` for a member function.
    pub signature: &'static str,
    /// One line on what it does.
    pub doc: &'static str,
    call: Option<CallFn>,
    prepare: Option<Prepare>,
    work: Work,
}

impl Row {
    /// A function.
    pub const fn new(
        id: &'static str,
        signature: &'static str,
        doc: &'static str,
        call: CallFn,
    ) -> Row {
        Row { id, signature, doc, call: Some(call), prepare: None, work: Work::Shallow }
    }

    /// An operator that the evaluator has built in.
    pub const fn built_in(id: &'static str, signature: &'static str, doc: &'static str) -> Row {
        Row { id, signature, doc, call: None, prepare: None, work: Work::Shallow }
    }

    /// With a look at the arguments when an expression is planned.
    #[must_use]
    pub const fn prepared(mut self, prepare: Prepare) -> Row {
        self.prepare = Some(prepare);
        self
    }

    /// How its cost grows with its arguments, where that is not [`Work::Shallow`].
    #[must_use]
    pub const fn work(mut self, work: Work) -> Row {
        self.work = work;
        self
    }

    pub(crate) fn overload(&self) -> Result<Overload, SignatureError> {
        let binding = self.call.map_or(Binding::BuiltIn, Binding::Function);
        let mut overload =
            Overload::new(self.id, signature::parse(self.signature)?, self.doc, binding);
        overload.prepare = self.prepare;
        overload.work = self.work;
        Ok(overload)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("id", &self.id)
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}
