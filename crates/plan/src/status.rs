//! What an instance's status becomes after a step.

use crate::action::{Report, State};
use crate::conditions::{Stamp, carry_forward, is_ready, types};
use crate::object::{generation, text};
use serde_json::{Map, Value, json};

/// The status of `instance` after `report`; `None` when it is that already.
///
/// `now` is RFC 3339. Declared fields that `report` lacks disappear; the state is ACTIVE whenever
/// `Ready` is True at the current generation.
#[must_use]
pub fn next_status(instance: &Value, report: &Report, now: &str) -> Option<Value> {
    let current = &instance["status"];
    let created = text(instance, &["metadata", "creationTimestamp"]);
    let generation = generation(instance);
    let stamp = Stamp { now, created, generation };
    let conditions =
        carry_forward(&current["conditions"], types::INSTANCE, &report.conditions, stamp);
    let deleting = report.state == State::Deleting;
    let conditions = if deleting { observe_all(conditions, generation) } else { conditions };
    let state = if is_ready(&conditions, generation) { State::Active } else { report.state };
    let mut status = match &report.fields {
        Some(fields) => fields.clone(),
        None => current.as_object().cloned().unwrap_or_else(Map::new),
    };
    status.insert("conditions".to_owned(), conditions);
    status.insert("state".to_owned(), json!(state.as_str()));
    let status = Value::Object(status);
    (status != *current).then_some(status)
}

/// On deletion every condition is said to be about the current generation.
fn observe_all(mut conditions: Value, generation: i64) -> Value {
    for entry in conditions.as_array_mut().into_iter().flatten() {
        entry["observedGeneration"] = generation.into();
    }
    conditions
}
