//! More functions on lists.

use std::cmp::Ordering;

use crate::{CallResult, ErrorKind, Library, List, Row as R, Value, cost::Work, parse};

/// `slice`, `flatten`, `sort`, `sortBy`, `distinct`, `reverse` and `lists.range`.
pub static LISTS: Library = Library {
    name: "lists",
    doc: "Cutting, sorting and flattening of lists.",
    functions: &[FUNCTIONS],
    macros: parse::SORT_BY,
    types: &[],
    objects: &[],
    variables: &[],
};

const SORT: &str = "In ascending order.";
const SORT_BY: &str = "In ascending order of keys.";

static FUNCTIONS: &[R] = &[
    R::new(
        "list_slice",
        "(list(T)).slice(int, int): list(T)",
        "The elements from a position to before another.",
        slice,
    ),
    R::new(
        "list_flatten",
        "(list(list(T))).flatten(): list(T)",
        "The elements of the elements.",
        flatten,
    )
    .work(Work::Deep),
    R::new(
        "list_flatten_int",
        "(list(dyn)).flatten(int): list(dyn)",
        "So many levels of lists less.",
        flatten,
    )
    .work(Work::Deep),
    R::new("list_sort_int", "(list(int)).sort(): list(int)", SORT, sort).work(Work::Deep),
    R::new("list_sort_uint", "(list(uint)).sort(): list(uint)", SORT, sort).work(Work::Deep),
    R::new("list_sort_double", "(list(double)).sort(): list(double)", SORT, sort).work(Work::Deep),
    R::new("list_sort_bool", "(list(bool)).sort(): list(bool)", SORT, sort).work(Work::Deep),
    R::new("list_sort_duration", "(list(duration)).sort(): list(duration)", SORT, sort)
        .work(Work::Deep),
    R::new("list_sort_timestamp", "(list(timestamp)).sort(): list(timestamp)", SORT, sort)
        .work(Work::Deep),
    R::new("list_sort_string", "(list(string)).sort(): list(string)", SORT, sort).work(Work::Deep),
    R::new("list_sort_bytes", "(list(bytes)).sort(): list(bytes)", SORT, sort).work(Work::Deep),
    R::new("list_sort_by_int", "(list(T)).@sortByKeys(list(int)): list(T)", SORT_BY, sort_by)
        .work(Work::Deep),
    R::new("list_sort_by_uint", "(list(T)).@sortByKeys(list(uint)): list(T)", SORT_BY, sort_by)
        .work(Work::Deep),
    R::new("list_sort_by_double", "(list(T)).@sortByKeys(list(double)): list(T)", SORT_BY, sort_by)
        .work(Work::Deep),
    R::new("list_sort_by_bool", "(list(T)).@sortByKeys(list(bool)): list(T)", SORT_BY, sort_by)
        .work(Work::Deep),
    R::new(
        "list_sort_by_duration",
        "(list(T)).@sortByKeys(list(duration)): list(T)",
        SORT_BY,
        sort_by,
    )
    .work(Work::Deep),
    R::new(
        "list_sort_by_timestamp",
        "(list(T)).@sortByKeys(list(timestamp)): list(T)",
        SORT_BY,
        sort_by,
    )
    .work(Work::Deep),
    R::new("list_sort_by_string", "(list(T)).@sortByKeys(list(string)): list(T)", SORT_BY, sort_by)
        .work(Work::Deep),
    R::new("list_sort_by_bytes", "(list(T)).@sortByKeys(list(bytes)): list(T)", SORT_BY, sort_by)
        .work(Work::Deep),
    R::new(
        "list_distinct",
        "(list(T)).distinct(): list(T)",
        "Each value once, in the order of their first places.",
        distinct,
    )
    .work(Work::Product),
    R::new(
        "list_reverse",
        "(list(T)).reverse(): list(T)",
        "The elements in reverse order.",
        reverse,
    ),
    R::new(
        "lists_range",
        "lists.range(int): list(int)",
        "The numbers from 0 to before a limit.",
        range,
    ),
];

/// Most elements of a list that a function makes out of something shorter.
pub(super) const MAX_ELEMENTS: usize = 1_000_000;

fn slice<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = args else {
        return Err(ErrorKind::overload("slice", args));
    };
    let refuse = |why: &str| Err(ErrorKind::argument("slice", format!("({start}, {end}): {why}")));
    let (Ok(from), Ok(to)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return refuse("a position is negative");
    };
    if from > to {
        return refuse("the start lies after the end");
    }
    if to > list.len() {
        return refuse("the end lies beyond the list");
    }
    let elements: Result<Vec<_>, _> = (from..to).filter_map(|at| list.get(at)).collect();
    Ok(Value::list(elements?))
}

fn flatten<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let (list, depth) = match args {
        [Value::List(list)] => (list, 1),
        [Value::List(list), Value::Int(depth)] => (list, *depth),
        _ => return Err(ErrorKind::overload("flatten", args)),
    };
    if depth < 0 {
        return Err(ErrorKind::argument("flatten", "the depth is negative"));
    }
    let mut out = Vec::new();
    flatten_into(&mut out, list, depth)?;
    Ok(Value::list(out))
}

/// The nesting of a value is bounded by that of JSON and of expressions.
fn flatten_into<'a>(
    out: &mut Vec<Value<'a>>,
    list: &List<'a>,
    depth: i64,
) -> Result<(), Box<ErrorKind>> {
    for element in list.iter() {
        match element? {
            Value::List(inner) if depth > 0 => flatten_into(out, &inner, depth - 1)?,
            other => out.push(other),
        }
        if out.len() > MAX_ELEMENTS {
            return Err(ErrorKind::argument(
                "flatten",
                format!("more than {MAX_ELEMENTS} elements"),
            ));
        }
    }
    Ok(())
}

/// The order of values of one comparable type.
fn keys_are_sortable(keys: &[Value<'_>]) -> Result<(), Box<ErrorKind>> {
    let Some(first) = keys.first() else { return Ok(()) };
    if keys.iter().any(|key| key.type_name() != first.type_name()) {
        return Err(ErrorKind::argument("sort", "list elements must have the same type"));
    }
    if first.compare(first).is_none() {
        return Err(ErrorKind::argument("sort", "list elements must be comparable"));
    }
    Ok(())
}

fn order(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
        (a, b) => a.compare(b).flatten().unwrap_or(Ordering::Equal),
    }
}

/// Sorts by keys. What is no number has no place: in a short list it stays where the reference leaves it.
fn sort_by_key<'a, T>(elements: &mut [T], key: impl Fn(&T) -> &Value<'a>) {
    const SHORT: usize = 12;
    let is_nan = |element: &T| matches!(key(element), Value::Double(v) if v.is_nan());
    if elements.len() > SHORT || !elements.iter().any(is_nan) {
        elements.sort_by(|a, b| order(key(a), key(b)));
        return;
    }
    for end in 1..elements.len() {
        for at in (1..=end).rev() {
            if key(&elements[at]).compare(key(&elements[at - 1])) != Some(Some(Ordering::Less)) {
                break;
            }
            elements.swap(at, at - 1);
        }
    }
}

fn sort<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list)] = args else { return Err(ErrorKind::overload("sort", args)) };
    let mut elements = list.to_vec()?;
    keys_are_sortable(&elements)?;
    sort_by_key(&mut elements, |element| element);
    Ok(Value::list(elements))
}

fn sort_by<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list), Value::List(keys)] = args else {
        return Err(ErrorKind::overload("sortBy", args));
    };
    let keys = keys.to_vec()?;
    keys_are_sortable(&keys)?;
    let mut pairs: Vec<_> = keys.into_iter().zip(list.to_vec()?).collect();
    sort_by_key(&mut pairs, |pair| &pair.0);
    Ok(Value::list(pairs.into_iter().map(|(_, element)| element).collect()))
}

fn distinct<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list)] = args else { return Err(ErrorKind::overload("distinct", args)) };
    let mut out: Vec<Value<'a>> = Vec::new();
    // Texts are found by hash, everything else by comparison.
    let mut texts: std::collections::HashSet<std::sync::Arc<str>> =
        std::collections::HashSet::new();
    for element in list.iter() {
        let element = element?;
        if let Value::String(text) = &element {
            if texts.insert((**text).into()) {
                out.push(element);
            }
        } else if !crate::value::contains(&out, &element)? {
            out.push(element);
        }
    }
    Ok(Value::list(out))
}

fn reverse<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list)] = args else { return Err(ErrorKind::overload("reverse", args)) };
    let mut elements = list.to_vec()?;
    elements.reverse();
    Ok(Value::list(elements))
}

fn range<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::Int(limit)] = args else { return Err(ErrorKind::overload("lists.range", args)) };
    match usize::try_from(*limit) {
        Ok(count) if count <= MAX_ELEMENTS => {
            Ok(Value::list((0..*limit).map(Value::Int).collect()))
        }
        Ok(_) => {
            Err(ErrorKind::argument("lists.range", format!("{limit} is more than {MAX_ELEMENTS}")))
        }
        Err(_) => Err(ErrorKind::argument("lists.range", format!("{limit} is negative"))),
    }
}
