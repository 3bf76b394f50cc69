//! Operators on values.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    BinaryOp, CallResult, Duration, ErrorKind, List, ListSemantics, Value,
    cost::MAX_TEXT,
    value::{contains, position_by_keys},
};

type Fault = Box<ErrorKind>;

fn overflow(what: &'static str) -> Fault {
    Box::new(ErrorKind::Overflow { what })
}

const INT: &str = "integer";
const UINT: &str = "unsigned integer";

pub(super) fn binary<'a>(op: BinaryOp, a: &Value<'a>, b: &Value<'a>) -> CallResult<'a> {
    match op {
        BinaryOp::Add => add(a, b),
        BinaryOp::Equal => a.is_equal_to(b).map(Value::Bool),
        BinaryOp::NotEqual => a.is_not_equal_to(b).map(Value::Bool),
        BinaryOp::Less => order(op, a, b, Ordering::is_lt),
        BinaryOp::LessEqual => order(op, a, b, Ordering::is_le),
        BinaryOp::Greater => order(op, a, b, Ordering::is_gt),
        BinaryOp::GreaterEqual => order(op, a, b, Ordering::is_ge),
        BinaryOp::In => is_in(a, b),
        BinaryOp::Subtract => subtract(a, b),
        BinaryOp::Multiply => match (a, b) {
            (Value::Int(a), Value::Int(b)) => int(a.checked_mul(*b)),
            (Value::Uint(a), Value::Uint(b)) => uint(a.checked_mul(*b)),
            (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
            _ => none(op, a, b),
        },
        BinaryOp::Divide => match (a, b) {
            (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
                Err(Box::new(ErrorKind::DivisionByZero))
            }
            (Value::Int(a), Value::Int(b)) => int(a.checked_div(*b)),
            (Value::Uint(a), Value::Uint(b)) => uint(a.checked_div(*b)),
            (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
            _ => none(op, a, b),
        },
        BinaryOp::Modulo => match (a, b) {
            (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
                Err(Box::new(ErrorKind::ModulusByZero))
            }
            (Value::Int(a), Value::Int(b)) => int(a.checked_rem(*b)),
            (Value::Uint(a), Value::Uint(b)) => uint(a.checked_rem(*b)),
            _ => none(op, a, b),
        },
    }
}

fn none<'a>(op: BinaryOp, a: &Value<'a>, b: &Value<'a>) -> CallResult<'a> {
    Err(ErrorKind::overload(op.function(), &[a.clone(), b.clone()]))
}

fn int<'a>(value: Option<i64>) -> CallResult<'a> {
    value.map(Value::Int).ok_or_else(|| overflow(INT))
}

fn uint<'a>(value: Option<u64>) -> CallResult<'a> {
    value.map(Value::Uint).ok_or_else(|| overflow(UINT))
}

fn order<'a>(
    op: BinaryOp,
    a: &Value<'a>,
    b: &Value<'a>,
    holds: fn(Ordering) -> bool,
) -> CallResult<'a> {
    match a.compare(b) {
        Some(order) => Ok(Value::Bool(order.is_some_and(holds))),
        // What is no number compares with nothing, whatever it is.
        None if matches!(a, Value::Double(v) if v.is_nan()) => Ok(Value::Bool(false)),
        None if matches!(b, Value::Double(v) if v.is_nan())
            && a.compare(a).is_some()
            && b.compare(b).is_some() =>
        {
            Ok(Value::Bool(false))
        }
        None => none(op, a, b),
    }
}

pub(super) fn negate<'a>(value: &Value<'a>) -> CallResult<'a> {
    match value {
        Value::Int(v) => int(v.checked_neg()),
        Value::Double(v) => Ok(Value::Double(-v)),
        other => Err(ErrorKind::overload("-_", std::slice::from_ref(other))),
    }
}

pub(super) fn concatenate<'a>(a: &str, b: &str) -> CallResult<'a> {
    if a.len() + b.len() > MAX_TEXT {
        return Err(ErrorKind::too_long());
    }
    let mut text = String::with_capacity(a.len() + b.len());
    text.push_str(a);
    text.push_str(b);
    Ok(Value::string(text))
}

/// `a + b`.
pub(crate) fn add<'a>(a: &Value<'a>, b: &Value<'a>) -> CallResult<'a> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => concatenate(a, b),
        (Value::Int(a), Value::Int(b)) => int(a.checked_add(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Bytes(a), Value::Bytes(b)) if a.len() + b.len() > MAX_TEXT => {
            Err(ErrorKind::too_long())
        }
        (Value::Bytes(a), Value::Bytes(b)) => Ok(Value::bytes([&**a, &**b].concat())),
        (Value::List(a), Value::List(b)) => add_lists(a, b),
        (Value::Timestamp(t), Value::Duration(d)) | (Value::Duration(d), Value::Timestamp(t)) => {
            t.checked_add(*d).map(Value::Timestamp).ok_or_else(|| overflow("timestamp"))
        }
        (Value::Duration(a), Value::Duration(b)) => duration(a.nanos().checked_add(b.nanos())),
        _ => none(BinaryOp::Add, a, b),
    }
}

fn duration<'a>(nanos: Option<i64>) -> CallResult<'a> {
    let nanos = nanos.ok_or_else(|| overflow("duration"))?;
    Ok(Value::Duration(Duration::from_nanos(nanos)))
}

fn subtract<'a>(a: &Value<'a>, b: &Value<'a>) -> CallResult<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_sub(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Timestamp(t), Value::Duration(d)) => d
            .nanos()
            .checked_neg()
            .and_then(|nanos| t.checked_add(Duration::from_nanos(nanos)))
            .map(Value::Timestamp)
            .ok_or_else(|| overflow("timestamp")),
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            a.checked_since(*b).map(Value::Duration).ok_or_else(|| overflow("duration"))
        }
        (Value::Duration(a), Value::Duration(b)) => duration(a.nanos().checked_sub(b.nanos())),
        _ => none(BinaryOp::Subtract, a, b),
    }
}

fn add_lists<'a>(a: &List<'a>, b: &List<'a>) -> CallResult<'a> {
    let mut elements = a.to_vec()?;
    match a.semantics() {
        None | Some(ListSemantics::Atomic) => {
            elements.reserve(b.len());
            for element in b.iter() {
                elements.push(element?);
            }
        }
        Some(ListSemantics::Set) => {
            for element in b.iter() {
                let element = element?;
                if !contains(&elements, &element)? {
                    elements.push(element);
                }
            }
        }
        Some(ListSemantics::Map(keys)) => {
            for element in b.iter() {
                let element = element?;
                match position_by_keys(&elements, &element, keys)? {
                    Some(at) => elements[at] = element,
                    None => elements.push(element),
                }
            }
        }
    }
    Ok(Value::List(List::Owned(Arc::new(elements))))
}

/// All terms of a chain of `+`, without copying what was added before.
pub(super) fn sum<'a>(terms: &[Value<'a>]) -> CallResult<'a> {
    if terms.iter().all(|term| matches!(term, Value::String(_))) {
        let length = terms.iter().filter_map(Value::as_str).map(str::len).sum();
        if length > MAX_TEXT {
            return Err(ErrorKind::too_long());
        }
        let mut text = String::with_capacity(length);
        terms.iter().filter_map(Value::as_str).for_each(|part| text.push_str(part));
        return Ok(Value::string(text));
    }
    let atomic = |term: &Value<'_>| {
        matches!(term, Value::List(list)
            if matches!(list.semantics(), None | Some(ListSemantics::Atomic)))
    };
    if terms.iter().all(atomic) {
        let mut elements = Vec::new();
        for term in terms {
            if let Value::List(list) = term {
                for element in list.iter() {
                    elements.push(element?);
                }
            }
        }
        return Ok(Value::list(elements));
    }
    let [first, rest @ ..] = terms else { return Ok(Value::Null) };
    let mut total = first.clone();
    for term in rest {
        total = add(&total, term)?;
    }
    Ok(total)
}

fn is_in<'a>(value: &Value<'a>, container: &Value<'a>) -> CallResult<'a> {
    match container {
        Value::List(list) => {
            for element in list.iter() {
                // The value stands at the left: it decides what can be compared.
                match value.equals(&element?) {
                    Ok(true) => return Ok(Value::Bool(true)),
                    Ok(false) => {}
                    // What can't be compared is not there.
                    Err(kind) if matches!(*kind, ErrorKind::NotComparable { .. }) => {}
                    Err(kind) => return Err(kind),
                }
            }
            Ok(Value::Bool(false))
        }
        Value::Map(map) => Ok(Value::Bool(super::has_key(map, value))),
        other => none(BinaryOp::In, value, other),
    }
}
