//! Libraries: tables of functions, macros and types that an [`Env`](crate::Env) can be built from.

mod aggregates;
mod collections;
mod comparisons;
mod encoders;
mod format;
mod hash;
mod json;
mod kro;
mod kubernetes;
mod lists;
mod math;
mod network;
mod optionals;
mod pattern;
mod regexes;
mod sets;
mod standard;
mod strings;
mod text;
mod time;

pub use aggregates::AGGREGATES;
pub use collections::{LIST_EDITS, MAPS};
pub use comparisons::MIXED_COMPARISONS;
pub use encoders::ENCODERS;
pub use hash::{HASH, RANDOM};
pub use json::{JSON, JSON_ENCODE};
pub use kro::{CONDITIONS, Condition, OMIT, Omit, runtime_value};
pub use kubernetes::{
    FORMATS, NamedFormat, QUANTITY, Quantity, SEMVER, SEMVER_NORMALIZED, Semver, URL, Url,
};
pub use lists::LISTS;
pub use math::MATH;
pub use network::{CIDR, Cidr, IP, Ip, MAPPED_IP};
pub use optionals::OPTIONALS;
pub use regexes::{FIND, REGEX};
pub use sets::SETS;
pub use standard::STANDARD;
pub use strings::{STRICT_INDEX, STRINGS};
pub use time::DURATION_PARTS;

use crate::{Duration, ErrorKind, Library, Map, Options, Timestamp, Type, Value, parse};

/// First parts of qualified names of functions: they look like variables, but are none.
pub(crate) const NAMESPACES: &[&str] = &[
    "base64", "cel", "format", "hash", "ip", "json", "lists", "maps", "math", "optional", "random",
    "regex", "sets", "strings",
];

/// `cel.bind`.
pub static BINDINGS: Library = Library {
    name: "bindings",
    doc: "Names for values inside of an expression.",
    functions: &[],
    macros: parse::BINDINGS,
    types: &[],
    objects: &[],
    variables: &[],
};

/// Comprehensions with two variables.
pub static TWO_VARIABLES: Library = Library {
    name: "two-variable comprehensions",
    doc: "`all`, `exists`, `existsOne`, `transformList`, `transformMap` and `transformMapEntry` with index or key and value.",
    functions: &[],
    macros: parse::TWO_VARIABLES,
    types: &[],
    objects: &[],
    variables: &[],
};

/// `existsOne` as another name of `exists_one`.
pub static EXISTS_ONE: Library = Library {
    name: "existsOne",
    doc: "`existsOne` as another name of `exists_one`.",
    functions: &[],
    macros: parse::EXISTS_ONE_ALIAS,
    types: &[],
    objects: &[],
    variables: &[],
};

/// `cel.block`, `cel.index` and `cel.iterVar`: how optimisers write common subexpressions.
pub static BLOCK: Library = Library {
    name: "block",
    doc: "Common subexpressions.",
    functions: &[],
    macros: parse::BLOCK,
    types: &[],
    objects: &[],
    variables: &[],
};

/// All libraries, the ones that replace functions of others included.
pub const ALL: &[&Library] = &[
    &STANDARD,
    &EXISTS_ONE,
    &TWO_VARIABLES,
    &BINDINGS,
    &BLOCK,
    &OPTIONALS,
    &STRINGS,
    &STRICT_INDEX,
    &LISTS,
    &SETS,
    &MATH,
    &ENCODERS,
    &JSON_ENCODE,
    &REGEX,
    &DURATION_PARTS,
    &AGGREGATES,
    &FIND,
    &URL,
    &QUANTITY,
    &IP,
    &MAPPED_IP,
    &CIDR,
    &SEMVER,
    &SEMVER_NORMALIZED,
    &FORMATS,
    &MIXED_COMPARISONS,
    &HASH,
    &RANDOM,
    &JSON,
    &MAPS,
    &LIST_EDITS,
    &OMIT,
    &CONDITIONS,
];

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
    &TWO_VARIABLES,
    &IP,
    &CIDR,
];

/// Functions that an option of the environment puts in the place of others, or adds.
pub(crate) struct Variant {
    pub(crate) wanted: fn(&Options) -> bool,
    pub(crate) library: &'static Library,
    /// Where the functions are that are replaced.
    pub(crate) ordinary: Option<&'static Library>,
}

pub(crate) static VARIANTS: [Variant; 4] = [
    Variant {
        wanted: |options| options.milliseconds_of_second,
        library: &DURATION_PARTS,
        ordinary: Some(&STANDARD),
    },
    Variant {
        wanted: |options| options.strict_index,
        library: &STRICT_INDEX,
        ordinary: Some(&STRINGS),
    },
    Variant {
        wanted: |options| options.mapped_addresses,
        library: &MAPPED_IP,
        ordinary: Some(&IP),
    },
    Variant {
        wanted: |options| options.mixed_comparisons,
        library: &MIXED_COMPARISONS,
        ordinary: None,
    },
];

/// The libraries of kro's environment.
pub const KRO: &[&Library] = &[
    &STANDARD,
    &TWO_VARIABLES,
    &LISTS,
    &STRINGS,
    &BINDINGS,
    &OPTIONALS,
    &ENCODERS,
    &JSON_ENCODE,
    &AGGREGATES,
    &URL,
    &FIND,
    &QUANTITY,
    &IP,
    &CIDR,
    &SEMVER,
    &RANDOM,
    &MAPS,
    &JSON,
    &HASH,
    &LIST_EDITS,
    &OMIT,
    &CONDITIONS,
];

/// A value of a well-known protobuf type from its fields.
pub(crate) fn construct<'a>(name: &str, fields: &Map<'a>) -> Result<Value<'a>, Box<ErrorKind>> {
    let number = |field: &str| match fields.get_str(field).transpose()? {
        Some(Value::Int(v)) => Ok(v),
        None => Ok(0),
        Some(other) => Err(ErrorKind::overload(name_of(name), &[other])),
    };
    match name {
        "google.protobuf.Timestamp" => {
            let nanos = u32::try_from(number("nanos")?).ok();
            nanos
                .and_then(|nanos| Timestamp::new(number("seconds").ok()?, nanos))
                .map(Value::Timestamp)
                .ok_or_else(|| Box::new(ErrorKind::Overflow { what: "timestamp" }))
        }
        "google.protobuf.Duration" => number("seconds")?
            .checked_mul(1_000_000_000)
            .and_then(|nanos| nanos.checked_add(number("nanos").ok()?))
            .map(|nanos| Value::Duration(Duration::from_nanos(nanos)))
            .ok_or_else(|| Box::new(ErrorKind::Overflow { what: "duration" })),
        name => {
            let value = fields.get_str("value").transpose()?;
            let zero = match name_of(name) {
                "BoolValue" => Value::Bool(false),
                "BytesValue" => Value::bytes([]),
                "DoubleValue" | "FloatValue" => Value::Double(0.0),
                "StringValue" => Value::string(""),
                "UInt32Value" | "UInt64Value" => Value::Uint(0),
                _ => Value::Int(0),
            };
            Ok(value.unwrap_or(zero))
        }
    }
}

fn name_of(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The type and the fields of a well-known protobuf type.
pub(crate) fn well_known(name: &str) -> Option<(Type, &'static [(&'static str, Type)])> {
    const TIME: &[(&str, Type)] = &[("seconds", Type::Int), ("nanos", Type::Int)];
    let short = name.strip_prefix("google.protobuf.")?;
    let (inner, fields): (Type, &'static [(&'static str, Type)]) = match short {
        "Timestamp" => return Some((Type::Timestamp, TIME)),
        "Duration" => return Some((Type::Duration, TIME)),
        "BoolValue" => (Type::Bool, &[("value", Type::Bool)]),
        "BytesValue" => (Type::Bytes, &[("value", Type::Bytes)]),
        "DoubleValue" | "FloatValue" => (Type::Double, &[("value", Type::Double)]),
        "Int32Value" | "Int64Value" => (Type::Int, &[("value", Type::Int)]),
        "StringValue" => (Type::String, &[("value", Type::String)]),
        "UInt32Value" | "UInt64Value" => (Type::Uint, &[("value", Type::Uint)]),
        _ => return None,
    };
    Some((Type::wrapper(inner), fields))
}
