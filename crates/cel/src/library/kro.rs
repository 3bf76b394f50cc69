//! What kro adds for its templates: a value for "leave this out", and conditions.

use std::sync::Arc;

use crate::{
    CallResult, Entry, ErrorKind, Expr, ExprId, Library, Literal, Macro, MacroCx, MacroInput, Map,
    Mistake, MistakeKind, Opaque, Row as R, Value,
};

/// `omit()`: the field or element that gets this value is left out.
pub static OMIT: Library = Library {
    name: "omit",
    doc: "A value that removes the field or the element which gets it.",
    functions: &[&[R::new("omit", "omit(): dyn", "The value that removes.", |_| {
        Ok(Value::Opaque(Arc::new(Omit)))
    })]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// `runtime.newCondition` and `runtime.condition`. The variable `runtime` is bound to [`runtime_value`].
pub static CONDITIONS: Library = Library {
    name: "conditions",
    doc: "Conditions of objects.",
    functions: &[&[
        R::new(
            "runtime_new_condition",
            "(kro.run.Runtime).newCondition(map(string, string)): kro.run.Condition",
            "A new condition.",
            new_condition,
        ),
        R::new(
            "runtime_condition",
            "(kro.run.Runtime).condition(dyn, string): kro.run.Condition",
            "The condition of an object, empty when it has none.",
            condition,
        ),
    ]],
    macros: &[Macro { function: "newCondition", receiver: true, args: Some(1), expand }],
    types: &[("kro.run.Runtime", "kro.run.Runtime")],
    objects: &[(
        "kro.run.Condition",
        &[("type", "string"), ("status", "string"), ("reason", "string"), ("message", "string")],
    )],
    variables: &[("runtime", "kro.run.Runtime")],
};

/// The value of `omit()`.
#[derive(Clone, Copy, Debug)]
pub struct Omit;

impl Opaque for Omit {
    fn type_name(&self) -> &str {
        "kro.omit"
    }
    fn equals(&self, _: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        Ok(false)
    }
    fn refuses_comparison(&self) -> Option<&'static str> {
        Some("omit() removes a field and can't be compared")
    }
}

/// The value of the variable `runtime`.
#[derive(Clone, Copy, Debug)]
struct Runtime;

impl Opaque for Runtime {
    fn type_name(&self) -> &str {
        "kro.run.Runtime"
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        Ok(other.type_name() == self.type_name())
    }
}

/// The value of the variable `runtime`.
pub fn runtime_value() -> Value<'static> {
    Value::Opaque(Arc::new(Runtime))
}

/// A condition of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its type.
    pub kind: String,
    /// `True`, `False` or `Unknown`; empty for a condition that is not there.
    pub status: String,
    /// A word that says why.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

impl Opaque for Condition {
    fn type_name(&self) -> &str {
        "kro.run.Condition"
    }
    fn compares_only_with_its_type(&self) -> bool {
        true
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        let any: &dyn std::any::Any = other;
        Ok(any.downcast_ref::<Condition>() == Some(self))
    }
    fn field(&self, name: &str) -> Option<Value<'static>> {
        let text = match name {
            "type" => &self.kind,
            "status" => &self.status,
            "reason" => &self.reason,
            "message" => &self.message,
            _ => return None,
        };
        Some(Value::string(text.as_str()))
    }
}

const KEYS: [&str; 4] = ["type", "status", "reason", "message"];

/// `runtime.newCondition({type: …})`: bare keys become text.
fn expand(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Result<Option<ExprId>, Mistake> {
    let [arg] = input.args else { return Ok(None) };
    if !cx.target_is(input, "runtime") {
        return Ok(None);
    }
    let Expr::Map(entries) = cx.expr(*arg) else {
        return Err(cx.refuse(input, *arg, "needs a map literal"));
    };
    let mut seen: Vec<String> = Vec::new();
    let mut rewritten = Vec::new();
    for entry in entries.clone() {
        let Expr::Ident { name, absolute: false } = cx.expr(entry.key) else {
            return Err(cx.refuse(
                input,
                entry.key,
                "needs bare keys: type, status, reason, message",
            ));
        };
        let name = name.clone();
        if !KEYS.contains(&&*name.text) {
            return Err(cx.refuse(
                input,
                entry.key,
                "only has the keys type, status, reason, message",
            ));
        }
        if seen.contains(&name.text.to_string()) {
            return Err(cx.refuse(input, entry.key, "takes each key once"));
        }
        seen.push(name.text.to_string());
        let key = cx.add(Expr::Literal(Literal::String(name.text)), name.span);
        rewritten.push(Entry { key, ..entry });
    }
    for required in ["type", "status"] {
        if !seen.iter().any(|key| key == required) {
            let kind = MistakeKind::BadMacroArgument {
                function: input.function.text.to_string(),
                expected: format!("needs the key `{required}`"),
            };
            return Err(Mistake { kind, span: cx.span(*arg) });
        }
    }
    let span = cx.span(*arg);
    let map = cx.add(Expr::Map(rewritten), span);
    Ok(Some(cx.call("newCondition", input.target, vec![map], input.span)))
}

fn text(map: &Map<'_>, key: &str) -> Option<String> {
    match map.get_str(key) {
        Some(Ok(Value::String(text))) => Some(text.to_string()),
        _ => None,
    }
}

fn new_condition<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "runtime.newCondition";
    let [_, Value::Map(map)] = args else { return Err(ErrorKind::overload(function, args)) };
    for (_, value) in map.entries() {
        if !matches!(value?, Value::String(_)) {
            return Err(ErrorKind::overload(function, args));
        }
    }
    let get = |key| text(map, key).unwrap_or_default();
    let condition = Condition {
        kind: get("type"),
        status: get("status"),
        reason: get("reason"),
        message: get("message"),
    };
    if condition.kind.is_empty() {
        return Err(ErrorKind::argument(function, "`type` must not be empty"));
    }
    if !matches!(condition.status.as_str(), "True" | "False" | "Unknown") {
        return Err(ErrorKind::argument(function, "`status` is one of True, False and Unknown"));
    }
    Ok(Value::Opaque(Arc::new(condition)))
}

fn condition<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "runtime.condition";
    let [_, Value::Map(object), Value::String(kind)] = args else {
        return Err(ErrorKind::overload(function, args));
    };
    let empty = || Ok(Value::Opaque(Arc::new(Condition::default())));
    let status = match object.get_str("status").transpose()? {
        None => return empty(),
        Some(Value::Map(status)) => status,
        Some(_) => return Err(ErrorKind::argument(function, "the status is no object")),
    };
    let conditions = match status.get_str("conditions").transpose()? {
        None => return empty(),
        Some(Value::List(conditions)) => conditions,
        Some(_) => return Err(ErrorKind::argument(function, "the conditions are no list")),
    };
    for element in conditions.iter() {
        let Value::Map(found) = element? else { continue };
        let get = |key| text(&found, key).unwrap_or_default();
        if get("type") == **kind {
            return Ok(Value::Opaque(Arc::new(Condition {
                kind: get("type"),
                status: get("status"),
                reason: get("reason"),
                message: get("message"),
            })));
        }
    }
    empty()
}
