//! Optional values.

use crate::{CallResult, ErrorKind, Library, Row as R, Value, parse};

/// Optional values: `optional.of`, `.?`, `[?`, `orValue`, `optMap` and so on.
pub static OPTIONALS: Library = Library {
    name: "optionals",
    doc: "Values that may be absent.",
    functions: &[FUNCTIONS],
    macros: parse::OPTIONALS,
    types: &[("optional_type", "optional(dyn)")],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::new("optional_of", "optional.of(V): optional(V)", "A present value.", of),
    R::new(
        "optional_ofNonZeroValue",
        "optional.ofNonZeroValue(V): optional(V)",
        "Absent when the value is zero, empty or null.",
        of_non_zero,
    ),
    R::new("optional_none", "optional.none(): optional(V)", "An absent value.", none),
    R::new(
        "optional_unwrap",
        "optional.unwrap(list(optional(V))): list(V)",
        "The values that are present.",
        unwrap,
    ),
    R::new(
        "optional_unwrapOpt",
        "(list(optional(V))).unwrapOpt(): list(V)",
        "The values that are present.",
        unwrap,
    ),
    R::new(
        "optional_hasValue",
        "(optional(V)).hasValue(): bool",
        "Is the value present?",
        has_value,
    ),
    R::new(
        "optional_value",
        "(optional(V)).value(): V",
        "The value; an error when it is absent.",
        value,
    ),
    R::new(
        "optional_or_optional",
        "(optional(V)).or(optional(V)): optional(V)",
        "The first one that is present.",
        or,
    ),
    R::new(
        "optional_orValue_value",
        "(optional(V)).orValue(V): V",
        "The value, or another one when it is absent.",
        or_value,
    ),
    R::new("list_first", "(list(V)).first(): optional(V)", "The first element.", first),
    R::new("list_last", "(list(V)).last(): optional(V)", "The last element.", last),
    R::built_in(
        "optional_list_index_int",
        "_[_](optional(list(V)), int): optional(V)",
        "The element at a position.",
    ),
    R::built_in(
        "optional_map_index_value",
        "_[_](optional(map(K, V)), K): optional(V)",
        "The value of a key.",
    ),
    R::built_in(
        "list_optindex_optional_int",
        "_[?_](list(V), int): optional(V)",
        "The element at a position.",
    ),
    R::built_in(
        "optional_list_optindex_optional_int",
        "_[?_](optional(list(V)), int): optional(V)",
        "The element at a position.",
    ),
    R::built_in(
        "map_optindex_optional_value",
        "_[?_](map(K, V), K): optional(V)",
        "The value of a key.",
    ),
    R::built_in(
        "optional_map_optindex_optional_value",
        "_[?_](optional(map(K, V)), K): optional(V)",
        "The value of a key.",
    ),
];

fn of<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [value] => Ok(Value::some(value.clone())),
        _ => Err(ErrorKind::overload("optional.of", args)),
    }
}

fn of_non_zero<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [value] if value.is_zero() => Ok(Value::Optional(None)),
        _ => of(args),
    }
}

fn none<'a>(_: &[Value<'a>]) -> CallResult<'a> {
    Ok(Value::Optional(None))
}

fn unwrap<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list)] = args else { return Err(ErrorKind::overload("unwrapOpt", args)) };
    let mut values = Vec::with_capacity(list.len());
    for element in list.iter() {
        match element? {
            Value::Optional(None) => {}
            Value::Optional(Some(value)) => values.push(Value::clone(&value)),
            _ => return Err(ErrorKind::overload("unwrapOpt", args)),
        }
    }
    Ok(Value::list(values))
}

fn has_value<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
        _ => Err(ErrorKind::overload("hasValue", args)),
    }
}

fn value<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Optional(Some(value))] => Ok(Value::clone(value)),
        [Value::Optional(None)] => Err(Box::new(ErrorKind::EmptyOptional)),
        _ => Err(ErrorKind::overload("value", args)),
    }
}

fn or<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Optional(None), other @ Value::Optional(_)] => Ok(other.clone()),
        [value @ Value::Optional(Some(_)), Value::Optional(_)] => Ok(value.clone()),
        _ => Err(ErrorKind::overload("or", args)),
    }
}

fn or_value<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Optional(None), other] => Ok(other.clone()),
        [Value::Optional(Some(value)), _] => Ok(Value::clone(value)),
        _ => Err(ErrorKind::overload("orValue", args)),
    }
}

fn first<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::List(list)] => at(list, 0),
        _ => Err(ErrorKind::overload("first", args)),
    }
}

fn last<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::List(list)] => at(list, list.len().wrapping_sub(1)),
        _ => Err(ErrorKind::overload("last", args)),
    }
}

fn at<'a>(list: &crate::List<'a>, index: usize) -> CallResult<'a> {
    match list.get(index) {
        Some(element) => Ok(Value::some(element?)),
        None => Ok(Value::Optional(None)),
    }
}
