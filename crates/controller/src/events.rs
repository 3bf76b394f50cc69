//! Events about changed conditions of instances, behind the gate `InstanceConditionEvents`.
//!
//! Source: kro-controller facts, 7.2.

use crate::instance::now;
use crate::shared::Shared;
use kube::core::ApiResource;
use plan::object::text;
use runtime::shutdown::Tasks;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// How many events may wait to be sent; more are dropped, since nothing depends on them.
pub(crate) const CAPACITY: usize = 1_000;

/// Makes the names of events differ within a process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

fn resource() -> ApiResource {
    ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: "Event".to_owned(),
        plural: "events".to_owned(),
    }
}

/// One event for each condition whose status changed.
pub(crate) fn tell(shared: &Shared, before: &Value, after: &Value) {
    let kind = text(after, &["kind"]);
    let plural = shared.watching.resource(&plan::ObjectId::of(after).kind);
    let crd = plural.map(|found| format!("{}.{}", found.plural, found.group)).unwrap_or_default();
    for event in changes(before, after, &crd, &now()) {
        if shared.events.try_send(event).is_err() {
            tracing::debug!(kind, "too many events, one is dropped");
        }
    }
}

fn changes(before: &Value, after: &Value, crd: &str, now: &str) -> Vec<Value> {
    let conditions = |object: &Value| object["status"]["conditions"].as_array().cloned();
    let old = conditions(before).unwrap_or_default();
    let mut events = Vec::new();
    for condition in conditions(after).unwrap_or_default() {
        let was = old.iter().find(|entry| entry["type"] == condition["type"]);
        let was = was.map_or("none", |entry| text(entry, &["status"]));
        let (is, reason) = (text(&condition, &["status"]), text(&condition, &["reason"]));
        if was != is {
            let what = (text(&condition, &["type"]), format!("{was} -> {is}: {reason}"));
            events.push(event(after, what, is == "True", crd, now));
        }
    }
    events
}

fn event(
    instance: &Value,
    (reason, message): (&str, String),
    good: bool,
    crd: &str,
    now: &str,
) -> Value {
    let metadata = &instance["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    // Whoever sends the same twice, after a restart, must not meet a name that is taken.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let stamp = jiff::Timestamp::now().as_nanosecond() + i128::from(number);
    let component = format!("kro/{crd}-controller");
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{stamp:x}", text(instance, &["metadata", "name"])),
            "namespace": namespace,
        },
        "involvedObject": {
            "apiVersion": instance["apiVersion"],
            "kind": instance["kind"],
            "name": metadata["name"],
            "namespace": metadata.get("namespace").unwrap_or(&Value::Null),
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "reason": reason,
        "message": message,
        "type": if good { "Normal" } else { "Warning" },
        "source": { "component": component },
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
}

/// Sends what comes out of `events`, as a task.
pub(crate) fn send(shared: &Arc<Shared>, mut events: mpsc::Receiver<Value>, tasks: &Tasks) {
    let shared = shared.clone();
    let stop = tasks.token().clone();
    tasks.spawn("events", async move {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                event = events.recv() => event,
            };
            let Some(event) = event else { return Ok(()) };
            if let Err(error) = shared.api.create(&resource(), &event).await {
                tracing::warn!(code = error.code(), "an event can't be written");
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::changes;
    use serde_json::{Value, json};

    fn instance(conditions: &Value) -> Value {
        json!({
            "apiVersion": "kro.run/v1alpha1",
            "kind": "App",
            "metadata": {"name": "one", "namespace": "team", "uid": "u", "resourceVersion": "7"},
            "status": {"conditions": conditions},
        })
    }

    #[test]
    fn there_is_one_event_for_each_changed_status() {
        let before = instance(&json!([
            {"type": "InstanceManaged", "status": "True", "reason": "Managed"},
            {"type": "Ready", "status": "True", "reason": "Ready"},
        ]));
        let after = instance(&json!([
            {"type": "InstanceManaged", "status": "True", "reason": "Managed"},
            {"type": "GraphResolved", "status": "True", "reason": "Resolved"},
            {"type": "Ready", "status": "False", "reason": "NotReady"},
        ]));
        let events = changes(&before, &after, "apps.kro.run", "2026-01-01T00:00:00Z");
        let short: Vec<_> = events
            .iter()
            .map(|event| {
                [&event["type"], &event["reason"], &event["message"]].map(Value::to_string)
            })
            .collect();
        assert_eq!(
            short,
            [
                ["\"Normal\"", "\"GraphResolved\"", "\"none -> True: Resolved\""],
                ["\"Warning\"", "\"Ready\"", "\"True -> False: NotReady\""],
            ]
        );
        assert_eq!(events[0]["source"]["component"], "kro/apps.kro.run-controller");
        assert_eq!(events[0]["metadata"]["namespace"], "team");
    }
}
