//! When a resource is ready: its `readyWhen`, or the default of its kind.

use graph::{EACH, Expression, Node, Scope, Source, Stop};
use serde_json::Value;

/// Kinds of objects that say by a condition whether they are as desired. A resource without
/// `readyWhen` whose object carries such a condition with a status other than `True` does not
/// let its dependents be created (DESIGN.md, decision 9). A new rule is a new row.
const DEFAULTS: &[Default] = &[Default {
    condition: "ACK.ResourceSynced",
    explained_by: &["ACK.Terminal", "ACK.Recoverable"],
}];

/// A row of [`DEFAULTS`].
struct Default {
    /// The condition's type.
    condition: &'static str,
    /// Conditions that tell more about the cause while they are True.
    explained_by: &'static [&'static str],
}

/// The attribute path that the defaults read, beside what expressions read.
pub const DEFAULT_PATH: [&str; 2] = ["status", "conditions"];

/// Why dependents of `node` must not be created although its object exists; `None` lets them.
pub(crate) fn creation_gate(node: &Node, object: &Value) -> Option<String> {
    if !node.ready_when.is_empty() {
        return None;
    }
    Some(format!("waiting for node \"{}\": {}", node.id, says_no(object)?))
}

/// `why` an object is not ready by the author's `readyWhen`, with what the object itself says of it.
pub(crate) fn explained(why: String, object: &Value) -> String {
    match says_no(object) {
        Some(said) => format!("{why}; {said}"),
        None => why,
    }
}

/// What an object says that is not as desired by its own account.
fn says_no(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let find = |kind: &str| conditions.iter().find(|condition| condition["type"] == kind);
    DEFAULTS.iter().find_map(|row| {
        let condition = find(row.condition).filter(|condition| condition["status"] != "True")?;
        let cause = row.explained_by.iter().filter_map(|kind| find(kind));
        let cause = cause.filter(|condition| condition["status"] == "True").map(|condition| {
            let kind = condition["type"].as_str().unwrap_or("");
            format!("; {kind}: {}", words(condition))
        });
        Some(format!(
            "{} is {}: {}{}",
            row.condition,
            condition["status"].as_str().unwrap_or("Unknown"),
            words(condition),
            cause.collect::<String>(),
        ))
    })
}

/// A condition's message and reason, as far as it has them.
fn words(condition: &Value) -> String {
    let text = |key: &str| condition[key].as_str().unwrap_or("").trim();
    match (text("message"), text("reason")) {
        (message, "") => message.to_owned(),
        ("", reason) => reason.to_owned(),
        (message, reason) if message.contains(reason) => message.to_owned(),
        (message, reason) => format!("{message} ({reason})"),
    }
}

/// Why `node`, whose object or list of objects is in `scope`, is not ready by its own `readyWhen`.
///
/// # Errors
///
/// Why an expression can never have a value.
pub(crate) fn unready(node: &Node, scope: &Scope<'_>) -> Result<Option<String>, String> {
    for condition in &node.ready_when {
        match condition.eval(scope) {
            Ok(Value::Bool(true)) => {}
            Ok(_) => return Ok(Some(waiting(node, &said_no(condition)))),
            Err(Stop::Unresolved(unresolved)) => {
                return Ok(Some(waiting(node, &unresolved.to_string())));
            }
            Err(fatal @ Stop::Fatal(_)) => {
                return Err(format!("node \"{}\": readyWhen: {fatal}", node.id));
            }
        }
    }
    Ok(None)
}

/// Why an item of the collection `node` is not ready: `readyWhen` sees it as `each`.
///
/// # Errors
///
/// As [`unready`].
pub(crate) fn item_unready(
    node: &Node,
    item: &Value,
    scope: &Scope<'_>,
) -> Result<Option<String>, String> {
    if node.ready_when.is_empty() {
        return Ok(None);
    }
    unready(node, &scope.with_variables([(EACH, item.clone())]))
}

fn said_no(condition: &Expression) -> String {
    format!("readyWhen condition evaluated to false: \"{}\"", condition.source())
}

fn waiting(node: &Node, why: &str) -> String {
    let what = match &node.source {
        Source::Template(_) => "node",
        Source::External(_) if node.is_list() => "external collection",
        Source::External(_) => "external reference",
    };
    format!("waiting for {what} \"{}\": {why} (waiting for readiness)", node.id)
}
