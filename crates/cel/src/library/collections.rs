//! Merging maps and changing lists at a position.

use crate::{
    CallResult, ErrorKind, Key, Library, List, Map, MapBuilder, Row as R, Value, cost::Work,
};

/// `merge` and `deepMerge` of maps.
pub static MAPS: Library = Library {
    name: "maps",
    doc: "Merging of maps.",
    functions: &[&[
        R::new(
            "map_merge",
            "(map(K, V)).merge(map(K, V)): map(K, V)",
            "All entries; those of the second map win.",
            merge,
        ),
        R::new(
            "dyn_deep_merge",
            "(dyn).deepMerge(dyn): dyn",
            "As `merge`, and maps in both are merged in turn.",
            deep_merge,
        )
        .work(Work::Deep),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// `lists.setAtIndex`, `lists.insertAtIndex` and `lists.removeAtIndex`.
pub static LIST_EDITS: Library = Library {
    name: "list edits",
    doc: "Lists with a change at one position.",
    functions: &[&[
        R::new(
            "lists_set_at_index",
            "lists.setAtIndex(list(T), int, T): list(T)",
            "With another element at a position.",
            set_at,
        ),
        R::new(
            "lists_insert_at_index",
            "lists.insertAtIndex(list(T), int, T): list(T)",
            "With one more element before a position or at the end.",
            insert_at,
        ),
        R::new(
            "lists_remove_at_index",
            "lists.removeAtIndex(list(T), int): list(T)",
            "Without the element at a position.",
            remove_at,
        ),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

fn merge<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::Map(a), Value::Map(b)] = args else {
        return Err(ErrorKind::overload("merge", args));
    };
    let mut merged = MapBuilder::with_capacity(a.len() + b.len());
    for map in [a, b] {
        for (key, value) in map.entries() {
            merged.push(key, value?);
        }
    }
    Ok(Value::Map(merged.finish()))
}

fn deep_merge<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::Map(a), Value::Map(b)] = args else {
        return Err(ErrorKind::overload("deepMerge", args));
    };
    Ok(Value::Map(merge_deeply(a, b)?))
}

/// The nesting of values is bounded by that of JSON and of expressions.
fn merge_deeply<'a>(a: &Map<'a>, b: &Map<'a>) -> Result<Map<'a>, Box<ErrorKind>> {
    let mut merged = MapBuilder::with_capacity(a.len() + b.len());
    for (key, value) in a.entries() {
        merged.push(key, value?);
    }
    for (key, value) in b.entries() {
        let value = match (value?, find(a, &key)?) {
            (Value::Map(new), Some(Value::Map(old))) => Value::Map(merge_deeply(&old, &new)?),
            (new, _) => new,
        };
        merged.push(key, value);
    }
    Ok(merged.finish())
}

fn find<'a>(map: &Map<'a>, key: &Key<'a>) -> Result<Option<Value<'a>>, Box<ErrorKind>> {
    map.get(key).transpose()
}

fn position(
    function: &'static str,
    list: &List<'_>,
    index: i64,
    end_included: bool,
) -> Result<usize, Box<ErrorKind>> {
    let limit = list.len() + usize::from(end_included);
    match usize::try_from(index) {
        Ok(at) if at < limit => Ok(at),
        // An argument that does not fit, not data that may still come.
        _ => {
            let close = if end_included { ']' } else { ')' };
            let reason = format!("index {index} out of bounds [0, {}{close}", list.len());
            Err(ErrorKind::argument(function, reason))
        }
    }
}

fn set_at<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "lists.setAtIndex";
    let [Value::List(list), Value::Int(index), value] = args else {
        return Err(ErrorKind::overload(function, args));
    };
    let at = position(function, list, *index, false)?;
    let mut elements = list.to_vec()?;
    elements[at] = value.clone();
    Ok(Value::list(elements))
}

fn insert_at<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "lists.insertAtIndex";
    let [Value::List(list), Value::Int(index), value] = args else {
        return Err(ErrorKind::overload(function, args));
    };
    let at = position(function, list, *index, true)?;
    let mut elements = list.to_vec()?;
    elements.insert(at, value.clone());
    Ok(Value::list(elements))
}

fn remove_at<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "lists.removeAtIndex";
    let [Value::List(list), Value::Int(index)] = args else {
        return Err(ErrorKind::overload(function, args));
    };
    let at = position(function, list, *index, false)?;
    let mut elements = list.to_vec()?;
    elements.remove(at);
    Ok(Value::list(elements))
}
