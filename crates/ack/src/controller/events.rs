//! Events at the API server.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use kube::Client;
use runtime::shutdown::Tasks;
use serde_json::Value as Json;
use serde_json::json;
use tokio::sync::mpsc;

use crate::event::Event;
use crate::kind::Kind;
use crate::object::Object;
use crate::shape::Time;

/// How many may wait to be sent, as text; more are dropped, since nothing depends on them.
const CAPACITY: usize = 1_000;

/// Who says so.
const COMPONENT: &str = "ack-controller";

/// Where events go.
#[derive(Clone, Debug)]
pub(super) struct Events {
    sender: mpsc::Sender<(String, Vec<u8>)>,
    /// Makes the names of events differ within a process.
    number: Arc<AtomicU64>,
}

impl Events {
    /// Starts to send, as a task of `tasks`.
    pub(super) fn start(client: &Client, tasks: &Tasks) -> Self {
        let (sender, mut receiver) = mpsc::channel::<(String, Vec<u8>)>(CAPACITY);
        let (client, stop) = (client.clone(), tasks.token().clone());
        tasks.spawn("events", async move {
            loop {
                let event = tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    event = receiver.recv() => event,
                };
                let Some((url, event)) = event else { return Ok(()) };
                let request = http::Request::post(url)
                    .header("content-type", "application/json")
                    .body(event)?;
                match client.request::<Json>(request).await {
                    Ok(_) => {}
                    Err(kube::Error::Api(status)) => {
                        tracing::warn!(code = status.code, "an event can't be written");
                    }
                    Err(error) => tracing::warn!(%error, "an event can't be written"),
                }
            }
        });
        Self { sender, number: Arc::default() }
    }

    /// Tells something about an object.
    pub(super) fn tell<Spec>(&self, kind: &Kind, object: &Object<Spec>, event: &Event) {
        // Whoever sends the same twice, after a restart, must not meet a name that is taken.
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let now = Timestamp::now();
        let stamp = now.as_nanosecond() + i128::from(number);
        let time = Time(now).to_string();
        let json = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": format!("{}.{stamp:x}", object.name),
                "namespace": object.namespace,
            },
            "involvedObject": {
                "apiVersion": kind.api_version(),
                "kind": kind.kind,
                "name": object.name,
                "namespace": object.namespace,
                "uid": object.uid,
            },
            "type": if event.warning { "Warning" } else { "Normal" },
            "reason": event.reason,
            "message": event.message,
            "source": { "component": COMPONENT },
            "reportingComponent": COMPONENT,
            "reportingInstance": "",
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        });
        let url = format!("/api/v1/namespaces/{}/events", object.namespace);
        if self.sender.try_send((url, json.to_string().into_bytes())).is_err() {
            tracing::debug!("too many events, one is dropped");
        }
    }
}
