//! A typed engine for the [Common Expression Language](https://cel.dev).
//!
//! Text goes in, a value, a structured error or an *unknown* comes out:
//!
//! ```text
//! text ──parse──► Ast ──check(Env)──► Checked ──plan──► Program ──eval(Bindings)──► Outcome
//! ```
//!
//! ```
//! use cel::{Bindings, Env, Program, Type, Value};
//! let env = Env::standard().extend().variable("name", Type::String).build()?;
//! let program = Program::new(&env.compile("name + '-table'").map_err(|m| m[0].to_string())?)
//!     .map_err(|m| m[0].to_string())?;
//! let name = serde_json::json!("app");
//! let mut bindings = Bindings::new();
//! bindings.json("name", &name);
//! let value = program.eval(&bindings).value();
//! assert_eq!(value.as_ref().and_then(Value::as_str), Some("app-table"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The [guide] tells how to use the crate, chapter by chapter; the [manual] has a page for each library of functions.
//!
//! What the crate promises:
//! - every mistake and every error has a structured kind and a place ([`Mistake`], [`Error`]);
//! - data that is not there yet is a value of its own kind ([`Unknown`]), with the attributes that are awaited;
//! - bound JSON is read where it lies, with the types that the [`Env`] declares;
//! - whatever comes in, time, memory and stack are [bounded](guide::limits);
//! - the same input gives the same output: no clock, no randomness, no environment, no file.

mod ast;
mod bindings;
mod check;
pub mod cost;
mod env;
mod error;
mod eval;
pub mod guide;
pub mod library;
pub mod manual;
mod mistake;
mod parse;
mod plan;
mod residual;
mod shape;
mod span;
mod time;
mod types;
mod value;

pub use ast::{
    Ast, BinaryOp, Comprehension, ComprehensionKind, Element, Entry, Expr, ExprId, FieldInit,
    Literal, LogicOp, Name, Read, Step, UnaryOp,
};
pub use bindings::Bindings;
pub use check::{Checked, Reference, check};
pub use cost::{Estimate, Size, Work};
pub use env::{
    Binding, CallClosure, CallFn, Env, EnvBuilder, EnvError, Field, Function, Library,
    ListSemantics, ObjectType, Options, Overload, PlannedArg, Prepare, Prepared, Row,
    SignatureError,
};
pub use error::{Attribute, Error, ErrorKind, Outcome, PathStep, Stop, Unknown};
pub use eval::Evaluation;
pub use mistake::{Mistake, MistakeKind, Phase};
pub use parse::{Limits, Macro, MacroCx, MacroInput, parse};
pub use plan::Program;
pub use residual::{Partial, Residual};
pub use span::Span;
pub use time::{Civil, Duration, Timestamp};
pub use types::{OpaqueType, Type};
pub use value::{
    Bytes, CallResult, ConvertError, Key, List, Map, MapBuilder, Opaque, OpaqueToJson, Str, Value,
};
