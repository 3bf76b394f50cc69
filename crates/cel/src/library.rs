//! Libraries: tables of functions, macros and types that an [`Env`](crate::Env) can be built from.

mod encoders;
mod format;
mod lists;
mod math;
mod network;
mod optionals;
mod standard;
mod strings;
mod text;
mod time;

use std::sync::Arc;

pub use encoders::ENCODERS;
pub use lists::LISTS;
pub use math::MATH;
pub use network::{CIDR, Cidr, IP, Ip, MAPPED_IP};
pub use optionals::OPTIONALS;
pub use standard::STANDARD;
pub use strings::{STRICT_INDEX, STRINGS};
pub use time::DURATION_PARTS;

use crate::{ErrorKind, Library, Map, Value, parse};

/// First parts of qualified names of functions: they look like variables, but are none.
pub(crate) const NAMESPACES: &[&str] = &[
    "base64", "cel", "hash", "ip", "json", "lists", "maps", "math", "optional", "random", "regex",
    "sets", "strings",
];

/// `cel.bind`.
pub static BINDINGS: Library = Library {
    name: "bindings",
    doc: "Names for values inside of an expression.",
    functions: &[],
    macros: parse::BINDINGS,
    types: &[],
    variables: &[],
};

/// Comprehensions with two variables.
pub static TWO_VARIABLES: Library = Library {
    name: "two-variable comprehensions",
    doc: "`all`, `exists`, `existsOne`, `transformList`, `transformMap` and `transformMapEntry` with index or key and value.",
    functions: &[],
    macros: parse::TWO_VARIABLES,
    types: &[],
    variables: &[],
};

/// `existsOne` as another name of `exists_one`.
pub static EXISTS_ONE: Library = Library {
    name: "existsOne",
    doc: "`existsOne` as another name of `exists_one`.",
    functions: &[],
    macros: parse::EXISTS_ONE_ALIAS,
    types: &[],
    variables: &[],
};

/// `cel.block`, `cel.index` and `cel.iterVar`: how optimisers write common subexpressions.
pub static BLOCK: Library = Library {
    name: "block",
    doc: "Common subexpressions.",
    functions: &[],
    macros: parse::BLOCK,
    types: &[],
    variables: &[],
};

/// The libraries that the official suite expects.
pub const SPEC: &[&Library] = &[
    &STANDARD,
    &EXISTS_ONE,
    &OPTIONALS,
    &BINDINGS,
    &BLOCK,
    &ENCODERS,
    &MATH,
    &STRINGS,
    &STRICT_INDEX,
    &TWO_VARIABLES,
    &IP,
    &MAPPED_IP,
    &CIDR,
    &DURATION_PARTS,
];

/// An object of a declared type from its fields.
pub(crate) fn construct<'a>(name: &Arc<str>, fields: Map<'a>) -> Result<Value<'a>, Box<ErrorKind>> {
    let _ = name;
    Ok(Value::Map(fields))
}
