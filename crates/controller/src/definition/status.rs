//! What a definition's status says.
//!
//! Source: kro-controller facts, 3.2 and 3.3.

use super::{observe, resource};
use crate::api::ApiError;
use crate::instance::now;
use crate::revision::{differs, topology};
use crate::shared::Shared;
use graph::Graph;
use plan::conditions::{Condition, Stamp, Status, carry_forward, is_true, reasons, types};
use plan::object::{generation, text};
use serde_json::{Value, json};
use std::sync::Arc;

/// What is now known about a definition.
pub(super) struct Said {
    conditions: Vec<Condition>,
    /// Whether the definition already says that its revisions are resolved.
    resolved: bool,
    /// What is shown of the graph.
    pub(super) order: Order,
    /// The number of the latest revision that was issued.
    pub(super) issued: Option<i64>,
}

/// What is shown of the graph.
pub(super) enum Order {
    /// What was shown before.
    Keep,
    /// Nothing.
    Clear,
    /// The resources of this graph.
    Of(Arc<Graph>),
}

// === impl Said ===

impl Said {
    /// Nothing new about `rgd` yet.
    pub(super) fn new(rgd: &Value) -> Self {
        let conditions = rgd["status"]["conditions"].as_array();
        let resolved = conditions.into_iter().flatten().any(|entry| {
            entry["type"] == types::GRAPH_REVISIONS_RESOLVED
                && entry["status"] == "True"
                && entry["observedGeneration"] == generation(rgd)
        });
        Self { conditions: Vec::new(), resolved, order: Order::Keep, issued: None }
    }

    pub(super) fn is_resolved(&self) -> bool {
        self.resolved
    }

    fn say(
        &mut self,
        kind: &'static str,
        status: Status,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.conditions.retain(|condition| condition.kind != kind);
        self.conditions.push(Condition::new(kind, status, reason, message));
    }

    fn revisions(&mut self, status: Status, reason: &'static str, message: impl Into<String>) {
        self.say(types::GRAPH_REVISIONS_RESOLVED, status, reason, message);
    }

    pub(super) fn settling(&mut self) {
        let message = "waiting for terminating graph revisions to settle";
        self.revisions(Status::Unknown, reasons::SETTLING, message);
    }

    pub(super) fn warming(&mut self) {
        let message = "waiting for the latest graph revision to warm the in-memory registry";
        self.revisions(Status::Unknown, reasons::WARMING, message);
    }

    pub(super) fn compiling(&mut self, number: i64) {
        let message = format!("waiting for graph revision {number} to compile");
        self.revisions(Status::Unknown, reasons::COMPILING, message);
    }

    pub(super) fn issued(&mut self, number: i64) {
        let message = format!("graph revision {number} issued and awaiting compilation");
        self.revisions(Status::Unknown, reasons::COMPILING, message);
        self.issued = Some(number);
    }

    pub(super) fn failed(&mut self, number: i64, why: &str) {
        let message = format!("latest graph revision {number} failed compilation");
        self.revisions(Status::False, reasons::FAILED, message.clone());
        // Differs from kro: the reason is said here, not only on the revision.
        self.rejected(format!("{message}: {why}"));
        self.order = Order::Clear;
    }

    pub(super) fn resolved(&mut self, number: i64) {
        let message = format!("revision {number} compiled and active");
        self.revisions(Status::True, reasons::RESOLVED, message);
    }

    pub(super) fn accepted(&mut self) {
        let message = "resource graph and schema are valid";
        self.say(types::GRAPH_ACCEPTED, Status::True, reasons::VALID, message);
    }

    pub(super) fn rejected(&mut self, why: impl Into<String>) {
        self.say(types::GRAPH_ACCEPTED, Status::False, reasons::INVALID, why);
    }

    pub(super) fn serving(&mut self, kind: &str) {
        let ready = format!("kind {kind} has been accepted and ready");
        self.say(types::KIND_READY, Status::True, reasons::READY, ready);
        self.say(types::CONTROLLER_READY, Status::True, reasons::RUNNING, "controller is running");
    }

    pub(super) fn not_serving(&mut self, why: String) {
        self.say(types::KIND_READY, Status::False, reasons::FAILED, why);
    }
}

/// Writes the status by merge patch if it differs.
pub(super) async fn write(shared: &Shared, rgd: &Value, said: &Said) -> Result<(), ApiError> {
    let name = text(rgd, &["metadata", "name"]);
    let current = &rgd["status"];
    let status = next(rgd, said, &now());
    if !differs(current, &status) {
        return Ok(());
    }
    let (from, to) = (text(current, &["state"]), text(&status, &["state"]));
    if !from.is_empty() && from != to {
        shared.metrics.definition_moved(name, from, to);
    }
    let patch = json!({ "status": status });
    match shared.api.merge_patch(&resource(), "", name, "/status", &patch).await {
        Ok(answer) => {
            tracing::info!(rgd = name, state = to, "status written");
            observe(shared, &answer);
        }
        Err(error) if error.code() == 404 => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The fields of the status that we write.
fn next(rgd: &Value, said: &Said, now: &str) -> Value {
    let stamp = Stamp {
        now,
        created: text(rgd, &["metadata", "creationTimestamp"]),
        generation: generation(rgd),
    };
    let current = &rgd["status"];
    let conditions =
        carry_forward(&current["conditions"], types::DEFINITION, &said.conditions, stamp);
    let needed = [types::GRAPH_ACCEPTED, types::KIND_READY, types::CONTROLLER_READY];
    let active = needed.iter().all(|kind| is_true(&conditions, kind));
    let mut status = json!({
        "conditions": conditions,
        "state": if active { "Active" } else { "Inactive" },
    });
    match &said.order {
        Order::Keep => {}
        Order::Clear => {
            status["topologicalOrder"] = Value::Null;
            status["resources"] = Value::Null;
        }
        Order::Of(graph) => {
            let (order, resources) = topology(graph);
            // A patch with an empty list would not be the same as no list.
            status["topologicalOrder"] = order;
            status["resources"] = resources;
        }
    }
    let before = current["lastIssuedRevision"].as_i64();
    if let Some(issued) = said.issued.max(before) {
        status["lastIssuedRevision"] = json!(issued);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::{Said, next};
    use serde_json::{Value, json};

    const NOW: &str = "2026-02-02T00:00:00Z";

    fn rgd(status: &Value) -> Value {
        let created = "2026-01-01T00:00:00Z";
        json!({"metadata": {"generation": 2, "creationTimestamp": created}, "status": status})
    }

    fn conditions(status: &Value) -> Vec<String> {
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or("").to_owned();
        let list = status["conditions"].as_array().into_iter().flatten();
        list.map(|entry| {
            format!("{} {} {}", text(entry, "type"), text(entry, "status"), text(entry, "reason"))
        })
        .collect()
    }

    #[test]
    fn all_four_conditions_true_are_active_and_ready() {
        let rgd = rgd(&Value::Null);
        let mut said = Said::new(&rgd);
        said.resolved(1);
        said.accepted();
        said.serving("App");
        said.issued = Some(1);
        let status = next(&rgd, &said, NOW);
        assert_eq!(status["state"], "Active");
        assert_eq!(status["lastIssuedRevision"], 1);
        assert_eq!(
            conditions(&status),
            [
                "GraphRevisionsResolved True Resolved",
                "GraphAccepted True Valid",
                "KindReady True Ready",
                "ControllerReady True Running",
                "Ready True Ready",
            ]
        );
    }

    #[test]
    fn an_invalid_update_leaves_the_kind_ready() {
        let first = rgd(&Value::Null);
        let mut said = Said::new(&first);
        said.resolved(1);
        said.accepted();
        said.serving("App");
        said.issued = Some(1);
        let second = rgd(&next(&first, &said, "2026-01-01T00:00:00Z"));
        let mut said = Said::new(&second);
        said.resolved(1);
        said.rejected("no");
        let status = next(&second, &said, NOW);
        assert_eq!(status["state"], "Inactive");
        assert_eq!(status["lastIssuedRevision"], 1);
        assert_eq!(
            conditions(&status),
            [
                "GraphRevisionsResolved True Resolved",
                "KindReady True Ready",
                "ControllerReady True Running",
                "GraphAccepted False InvalidResourceGraph",
                "Ready False InvalidResourceGraph",
            ]
        );
    }

    #[test]
    fn what_was_not_looked_at_awaits() {
        let rgd =
            rgd(&json!({"conditions": [{"type": "ResourceGraphAccepted", "status": "True"}]}));
        let mut said = Said::new(&rgd);
        said.issued(4);
        let status = next(&rgd, &said, NOW);
        assert_eq!(status["state"], "Inactive");
        assert_eq!(status["lastIssuedRevision"], 4);
        assert_eq!(
            conditions(&status),
            [
                "GraphAccepted Unknown AwaitingReconciliation",
                "KindReady Unknown AwaitingReconciliation",
                "ControllerReady Unknown AwaitingReconciliation",
                "GraphRevisionsResolved Unknown WaitingForGraphRevisionCompilation",
                "Ready Unknown WaitingForGraphRevisionCompilation",
            ]
        );
    }
}
