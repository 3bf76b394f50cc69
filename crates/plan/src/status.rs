//! What an instance's status becomes after a step.

use crate::action::{Authored, Report, State, Surface};
use crate::conditions::{Stamp, carry_forward, is_ready, types};
use crate::object::{generation, text};
use graph::AuthorCondition;
use serde_json::{Map, Value, json};

/// The status of `instance` after `report`; `None` when it is that already.
///
/// `now` is RFC 3339. Declared fields that `report` lacks disappear; the state is ACTIVE whenever
/// kro's own `Ready` is True at the current generation, unless an author's condition failed.
#[must_use]
pub fn next_status(instance: &Value, report: &Report, now: &str) -> Option<Value> {
    let current = &instance["status"];
    let created = text(instance, &["metadata", "creationTimestamp"]);
    let generation = generation(instance);
    let stamp = Stamp { now, created, generation };
    let previous = &current["conditions"];
    let own = carry_forward(previous, types::INSTANCE, &report.conditions, stamp);
    let own = match report.state {
        State::Deleting => observe_all(own, generation),
        State::InProgress | State::Active | State::Error => own,
    };
    let ready = is_ready(&own, generation);
    let (conditions, degraded) = match &report.surface {
        Surface::BuiltIn => (own, false),
        Surface::Author(authored) => {
            (author_conditions(previous, authored, stamp), !authored.problems.is_empty())
        }
        Surface::Unknown if is_authored(previous) => (overlaid(previous, report, &own), false),
        Surface::Unknown => (own, false),
    };
    let state = match (degraded, ready) {
        (true, _) => State::Error,
        (false, true) => State::Active,
        (false, false) => report.state,
    };
    let mut status = match &report.fields {
        Some(fields) => fields.clone(),
        None => current.as_object().cloned().unwrap_or_else(Map::new),
    };
    status.insert("conditions".to_owned(), conditions);
    status.insert("state".to_owned(), json!(state.as_str()));
    let status = Value::Object(status);
    (status != *current).then_some(status)
}

/// The author's conditions as they are written; those of other types stay while some expression
/// gave none.
fn author_conditions(previous: &Value, authored: &Authored, stamp: Stamp<'_>) -> Value {
    let before = || previous.as_array().into_iter().flatten();
    let mut list: Vec<Value> = authored
        .conditions
        .iter()
        .map(|condition| {
            let same = before().find(|entry| entry["type"] == condition.kind.as_str());
            author_condition(condition, same, stamp)
        })
        .collect();
    if authored.incomplete {
        let known = |entry: &&Value| {
            authored.conditions.iter().any(|condition| entry["type"] == condition.kind.as_str())
        };
        list.extend(before().filter(|entry| !known(entry)).cloned());
    }
    Value::Array(list)
}

fn author_condition(
    condition: &AuthorCondition,
    previous: Option<&Value>,
    stamp: Stamp<'_>,
) -> Value {
    let AuthorCondition { kind, status, reason, message } = condition;
    let time = previous
        .filter(|entry| entry["status"] == status.as_str())
        .and_then(|entry| entry["lastTransitionTime"].as_str())
        .unwrap_or(stamp.now);
    let mut entry = Map::new();
    entry.insert("type".to_owned(), json!(kind));
    entry.insert("status".to_owned(), json!(status));
    for (field, words) in [("reason", reason), ("message", message)] {
        if !words.is_empty() {
            entry.insert(field.to_owned(), json!(words));
        }
    }
    entry.insert("lastTransitionTime".to_owned(), json!(time));
    entry.insert("observedGeneration".to_owned(), json!(stamp.generation));
    Value::Object(entry)
}

/// Whether conditions that are there were declared by an author: kro's own ones come together.
fn is_authored(conditions: &Value) -> bool {
    let list = || conditions.as_array().into_iter().flatten();
    let own = types::INSTANCE.iter().chain([&types::READY]);
    let all_own = own.clone().all(|kind| list().any(|entry| entry["type"] == *kind));
    list().next().is_some() && !all_own
}

/// An author's conditions, which nobody can evaluate now, with ResourcesReady beside them if that
/// was set.
fn overlaid(previous: &Value, report: &Report, own: &Value) -> Value {
    let kind = types::RESOURCES_READY;
    let is_shown = |entry: &&Value| entry["type"] == kind;
    let list = || previous.as_array().into_iter().flatten();
    if !report.conditions.iter().any(|condition| condition.kind == kind) {
        return previous.clone();
    }
    let shown = own.as_array().into_iter().flatten().find(is_shown);
    shown.into_iter().chain(list().filter(|entry| !is_shown(entry))).cloned().collect()
}

/// On deletion every condition is said to be about the current generation.
fn observe_all(mut conditions: Value, generation: i64) -> Value {
    for entry in conditions.as_array_mut().into_iter().flatten() {
        entry["observedGeneration"] = generation.into();
    }
    conditions
}
