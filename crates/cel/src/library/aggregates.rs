//! `sum`, `min`, `max`, `isSorted` and `indexOf` of lists.

use std::cmp::Ordering;

use crate::{CallResult, Duration, ErrorKind, Library, Row as R, Value, cost::Work, eval::add};

/// `sum`, `min`, `max`, `isSorted`, `indexOf` and `lastIndexOf` of lists.
pub static AGGREGATES: Library = Library {
    name: "aggregates",
    doc: "Sums, extremes and searching of lists.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

const SUM: &str = "The sum of all elements.";
const MIN: &str = "The smallest element.";
const MAX: &str = "The largest element.";
const SORTED: &str = "Are the elements in ascending order?";

static FUNCTIONS: &[R] = &[
    R::new("list_int_sum", "(list(int)).sum(): int", SUM, |a| sum(a, Value::Int(0)))
        .work(Work::Deep),
    R::new("list_uint_sum", "(list(uint)).sum(): uint", SUM, |a| sum(a, Value::Uint(0)))
        .work(Work::Deep),
    R::new("list_double_sum", "(list(double)).sum(): double", SUM, |a| sum(a, Value::Double(0.0)))
        .work(Work::Deep),
    R::new("list_duration_sum", "(list(duration)).sum(): duration", SUM, |a| {
        sum(a, Value::Duration(Duration::from_nanos(0)))
    })
    .work(Work::Deep),
    R::new("list_int_min", "(list(int)).min(): int", MIN, min).work(Work::Deep),
    R::new("list_uint_min", "(list(uint)).min(): uint", MIN, min).work(Work::Deep),
    R::new("list_double_min", "(list(double)).min(): double", MIN, min).work(Work::Deep),
    R::new("list_bool_min", "(list(bool)).min(): bool", MIN, min).work(Work::Deep),
    R::new("list_duration_min", "(list(duration)).min(): duration", MIN, min).work(Work::Deep),
    R::new("list_timestamp_min", "(list(timestamp)).min(): timestamp", MIN, min).work(Work::Deep),
    R::new("list_string_min", "(list(string)).min(): string", MIN, min).work(Work::Deep),
    R::new("list_bytes_min", "(list(bytes)).min(): bytes", MIN, min).work(Work::Deep),
    R::new("list_int_max", "(list(int)).max(): int", MAX, max).work(Work::Deep),
    R::new("list_uint_max", "(list(uint)).max(): uint", MAX, max).work(Work::Deep),
    R::new("list_double_max", "(list(double)).max(): double", MAX, max).work(Work::Deep),
    R::new("list_bool_max", "(list(bool)).max(): bool", MAX, max).work(Work::Deep),
    R::new("list_duration_max", "(list(duration)).max(): duration", MAX, max).work(Work::Deep),
    R::new("list_timestamp_max", "(list(timestamp)).max(): timestamp", MAX, max).work(Work::Deep),
    R::new("list_string_max", "(list(string)).max(): string", MAX, max).work(Work::Deep),
    R::new("list_bytes_max", "(list(bytes)).max(): bytes", MAX, max).work(Work::Deep),
    R::new("list_int_is_sorted", "(list(int)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new("list_uint_is_sorted", "(list(uint)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new("list_double_is_sorted", "(list(double)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new("list_bool_is_sorted", "(list(bool)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new("list_duration_is_sorted", "(list(duration)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new("list_timestamp_is_sorted", "(list(timestamp)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new("list_string_is_sorted", "(list(string)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new("list_bytes_is_sorted", "(list(bytes)).isSorted(): bool", SORTED, is_sorted)
        .work(Work::Deep),
    R::new(
        "list_index_of",
        "(list(T)).indexOf(T): int",
        "The first position of a value, or -1.",
        index_of,
    )
    .work(Work::Deep),
    R::new(
        "list_last_index_of",
        "(list(T)).lastIndexOf(T): int",
        "The last position of a value, or -1.",
        last_index_of,
    )
    .work(Work::Deep),
];

fn sum<'a>(args: &[Value<'a>], zero: Value<'a>) -> CallResult<'a> {
    let [Value::List(list)] = args else { return Err(ErrorKind::overload("sum", args)) };
    let mut total = None;
    for element in list.iter() {
        let element = element?;
        // Text and lists add, but have no sum.
        if matches!(element, Value::String(_) | Value::Bytes(_) | Value::List(_)) {
            return Err(ErrorKind::overload("sum", args));
        }
        total = Some(match total {
            Some(total) => add(&total, &element)?,
            // The first one decides of which type the sum is.
            None if matches!(element, Value::Int(_) | Value::Uint(_) | Value::Duration(_)) => {
                element
            }
            // Of a negative zero it is zero.
            None => match element {
                Value::Double(first) => Value::Double(0.0 + first),
                _ => return Err(ErrorKind::overload("sum", args)),
            },
        });
    }
    Ok(total.unwrap_or(zero))
}

fn min<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    extreme("min", args, Ordering::Less)
}

fn max<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    extreme("max", args, Ordering::Greater)
}

/// Elements that don't compare with the best so far are passed over; those that compare with nothing are an error.
fn extreme<'a>(function: &'static str, args: &[Value<'a>], better: Ordering) -> CallResult<'a> {
    let [Value::List(list)] = args else { return Err(ErrorKind::overload(function, args)) };
    let mut best: Option<Value<'a>> = None;
    for element in list.iter() {
        let element = element?;
        if element.compare(&element).is_none() {
            return Err(ErrorKind::overload(function, args));
        }
        match &best {
            Some(best) if element.compare(best) != Some(Some(better)) => {}
            _ => best = Some(element),
        }
    }
    best.ok_or_else(|| ErrorKind::argument(function, "the list is empty"))
}

fn is_sorted<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list)] = args else { return Err(ErrorKind::overload("isSorted", args)) };
    let mut before: Option<Value<'a>> = None;
    for element in list.iter() {
        let element = element?;
        if element.compare(&element).is_none() {
            return Err(ErrorKind::overload("isSorted", args));
        }
        if before.is_some_and(|before| before.compare(&element) == Some(Some(Ordering::Greater))) {
            return Ok(Value::Bool(false));
        }
        before = Some(element);
    }
    Ok(Value::Bool(true))
}

fn position(at: Option<usize>) -> Value<'static> {
    Value::Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
}

fn index_of<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list), value] = args else { return Err(ErrorKind::overload("indexOf", args)) };
    for (at, element) in list.iter().enumerate() {
        if element?.equals(value)? {
            return Ok(position(Some(at)));
        }
    }
    Ok(position(None))
}

fn last_index_of<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::List(list), value] = args else {
        return Err(ErrorKind::overload("lastIndexOf", args));
    };
    let mut found = None;
    for (at, element) in list.iter().enumerate() {
        if element?.equals(value)? {
            found = Some(at);
        }
    }
    Ok(position(found))
}
