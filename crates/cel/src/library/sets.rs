//! Lists as sets.

use crate::{CallResult, ErrorKind, Library, List, Row as R, Value, cost::Work, value::contains};

/// `sets.contains`, `sets.equivalent` and `sets.intersects`.
pub static SETS: Library = Library {
    name: "sets",
    doc: "Lists as sets: order and repetition have no meaning.",
    functions: &[&[
        R::new(
            "list_sets_contains_list",
            "sets.contains(list(T), list(T)): bool",
            "Are all elements of the second list in the first?",
            |args| with("sets.contains", args, |a, b| all_in(b, a)),
        )
        .work(Work::Product),
        R::new(
            "list_sets_equivalent_list",
            "sets.equivalent(list(T), list(T)): bool",
            "Have both lists the same elements?",
            |args| with("sets.equivalent", args, |a, b| Ok(all_in(a, b)? && all_in(b, a)?)),
        )
        .work(Work::Product),
        R::new(
            "list_sets_intersects_list",
            "sets.intersects(list(T), list(T)): bool",
            "Is some element in both lists?",
            |args| {
                with("sets.intersects", args, |a, b| {
                    for element in a {
                        if contains(b, element)? {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                })
            },
        )
        .work(Work::Product),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

type Test = for<'a> fn(&[Value<'a>], &[Value<'a>]) -> Result<bool, Box<ErrorKind>>;

fn with<'a>(function: &'static str, args: &[Value<'a>], holds: Test) -> CallResult<'a> {
    let [Value::List(a), Value::List(b)] = args else {
        return Err(ErrorKind::overload(function, args));
    };
    holds(&List::to_vec(a)?, &List::to_vec(b)?).map(Value::Bool)
}

fn all_in<'a>(a: &[Value<'a>], b: &[Value<'a>]) -> Result<bool, Box<ErrorKind>> {
    for element in a {
        if !contains(b, element)? {
            return Ok(false);
        }
    }
    Ok(true)
}
