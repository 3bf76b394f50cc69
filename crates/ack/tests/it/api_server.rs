//! An API server that knows lists, watches and merge patches of a few kinds, in memory.
//!
//! Scenarios on a real one are in `e2e/`; this one is for what must hold on any machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use ack::reconcile::Patched;
use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::response::Response;
use futures::stream;
use kube::Client;
use kube::Config;
use runtime::client::ClientOptions;
use serde_json::Value as Json;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::stored::Stored;

/// How long anything may take until a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server; clones are the same one.
#[derive(Clone)]
pub(crate) struct ApiServer {
    shared: Arc<Shared>,
}

struct Shared {
    objects: Mutex<Objects>,
    /// The version of the latest change.
    changed: watch::Sender<u64>,
}

/// Plural, namespace (empty for none) and name.
type Key = (String, String, String);

#[derive(Default)]
struct Objects {
    version: u64,
    live: BTreeMap<Key, Stored>,
    events: Vec<(u64, String, Json)>,
    writes: Vec<String>,
    told: Vec<String>,
}

impl ApiServer {
    /// Starts to serve; the client is for it.
    pub(crate) async fn start() -> (Self, Client) {
        let shared = Shared { objects: Mutex::default(), changed: watch::Sender::new(0) };
        let server = Self { shared: Arc::new(shared) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("is bound");
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = format!("http://{address}").parse().expect("a URL");
        let options = ClientOptions::new("controller/test");
        let client = runtime::client::client(Config::new(url), options).expect("is valid");
        (server, client)
    }

    pub(crate) fn create(&self, plural: &str, namespace: &str, name: &str, mut object: Json) {
        object["metadata"]["name"] = name.into();
        let mut objects = self.lock();
        object["metadata"]["uid"] = format!("uid-{}", objects.version).into();
        let mut stored = Stored::new(object);
        stored.change(|object| {
            let metadata = object["metadata"].as_object_mut().expect("an object");
            metadata.remove("namespace");
            if !namespace.is_empty() {
                metadata.insert("namespace".into(), namespace.into());
            }
        });
        let key = (plural.to_owned(), namespace.to_owned(), name.to_owned());
        self.commit(&mut objects, key, stored, "ADDED");
    }

    /// A user changes an object; a new spec is a new generation.
    pub(crate) fn change(&self, plural: &str, name: &str, change: impl FnOnce(&mut Json)) {
        let mut objects = self.lock();
        let key = key_of(&objects, plural, name);
        let mut stored = objects.live[&key].clone();
        let spec = stored.json["spec"].clone();
        stored.change(change);
        if stored.json["spec"] != spec {
            let generation = stored.json["metadata"]["generation"].as_u64().unwrap_or_default();
            stored.json["metadata"]["generation"] = (generation + 1).into();
        }
        self.commit(&mut objects, key, stored, "MODIFIED");
    }

    pub(crate) fn delete(&self, plural: &str, name: &str) {
        self.change(plural, name, |object| {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        });
    }

    pub(crate) fn get(&self, plural: &str, name: &str) -> Option<Json> {
        let objects = self.lock();
        let found = objects.live.iter().find(|((p, _, n), _)| p == plural && n == name);
        found.map(|(_, stored)| stored.json.clone())
    }

    /// Waits until an object is as `is` says; `None` is an object that is not there.
    pub(crate) async fn until(&self, plural: &str, name: &str, is: impl Fn(Option<&Json>) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        let waited = changed.wait_for(|_| is(self.get(plural, name).as_ref()));
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        assert!(waited.is_ok(), "waited in vain: {:#?}", self.get(plural, name));
    }

    /// The writes since the last time, without their bodies.
    pub(crate) fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().writes)
    }

    /// Waits for an event about an object; returns its type, reason and message.
    pub(crate) async fn told(&self, kind: &str, name: &str, reason: &str) -> String {
        let (about, reason) = (format!("{kind}/{name} "), format!(" {reason}: "));
        let find = || {
            let objects = self.lock();
            let mut told = objects.told.iter().filter_map(|told| told.strip_prefix(&about));
            told.find(|told| told.contains(&reason)).map(str::to_owned)
        };
        let mut changed = self.shared.changed.subscribe();
        let waited = changed.wait_for(|_| find().is_some());
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        assert!(waited.is_ok(), "waited in vain: {:#?}", self.lock().told);
        find().unwrap_or_default()
    }

    /// Everything that was told so far.
    pub(crate) fn all_told(&self) -> Vec<String> {
        self.lock().told.clone()
    }

    fn tell(&self, event: &Json) -> Response {
        let text = |pointer: &str| event.pointer(pointer).and_then(Json::as_str).unwrap_or("-");
        let told = format!(
            "{}/{} {} {}: {}",
            text("/involvedObject/kind"),
            text("/involvedObject/name"),
            text("/type"),
            text("/reason"),
            text("/message")
        );
        let mut objects = self.lock();
        objects.told.push(told);
        self.shared.changed.send_modify(|_| ());
        drop(objects);
        event.to_string().into_response()
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.shared.objects.lock().expect("not poisoned")
    }

    /// Enters a change under a new version; an object that is to go and that nothing holds goes.
    fn commit(&self, objects: &mut Objects, key: Key, mut stored: Stored, event: &str) {
        objects.version += 1;
        let version = objects.version;
        stored.json["metadata"]["resourceVersion"] = version.to_string().into();
        let object = stored.json.clone();
        let is_gone = stored.is_gone();
        let event = if is_gone { "DELETED" } else { event };
        let plural = key.0.clone();
        if is_gone {
            objects.live.remove(&key);
        } else {
            objects.live.insert(key, stored);
        }
        objects.events.push((version, plural, json!({ "type": event, "object": object })));
        self.shared.changed.send_replace(version);
    }

    fn list(&self, plural: &str) -> Response {
        let objects = self.lock();
        let items: Vec<&Json> = objects
            .live
            .iter()
            .filter(|((found, _, _), _)| found == plural)
            .map(|(_, stored)| &stored.json)
            .collect();
        let version = objects.version.to_string();
        let list = json!({ "metadata": { "resourceVersion": version }, "items": items });
        list.to_string().into_response()
    }

    fn watch(&self, plural: &str, since: u64) -> Response {
        let state = (self.clone(), self.shared.changed.subscribe(), plural.to_owned(), since);
        let lines = stream::unfold(state, |(server, mut changed, plural, since)| async move {
            loop {
                let (text, version) = server.events(&plural, since);
                if !text.is_empty() {
                    let item = Ok::<_, std::io::Error>(text);
                    return Some((item, (server, changed, plural, version)));
                }
                changed.changed().await.ok()?;
            }
        });
        Body::from_stream(lines).into_response()
    }

    fn events(&self, plural: &str, since: u64) -> (String, u64) {
        let objects = self.lock();
        let new = objects.events.iter().filter(|(version, p, _)| *version > since && p == plural);
        let text = new.map(|(_, _, event)| format!("{event}\n")).collect();
        (text, objects.version)
    }

    fn patch(&self, plural: &str, name: &str, what: &str, patch: &Json) -> Response {
        let mut objects = self.lock();
        objects.writes.push(format!("{plural}/{name}{what}"));
        let key = key_of(&objects, plural, name);
        let Some(mut stored) = objects.live.get(&key).cloned() else {
            return status(StatusCode::NOT_FOUND);
        };
        match stored.patch(patch) {
            Patched::Now(_) => {
                self.commit(&mut objects, key.clone(), stored.clone(), "MODIFIED");
                stored.json["metadata"]["resourceVersion"] = objects.version.to_string().into();
                stored.json.to_string().into_response()
            }
            Patched::Conflict => status(StatusCode::CONFLICT),
            Patched::Gone | Patched::Failed(_) => status(StatusCode::NOT_FOUND),
        }
    }
}

fn key_of(objects: &Objects, plural: &str, name: &str) -> Key {
    let found = objects.live.keys().find(|(p, _, n)| p == plural && n == name);
    found.cloned().unwrap_or_default()
}

fn status(code: StatusCode) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code.as_u16(),
        "reason": code.canonical_reason(), "message": "no",
    });
    (code, body.to_string()).into_response()
}

async fn answer(
    State(server): State<ApiServer>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let query = uri.query().unwrap_or_default();
    let parameter =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    match (&method, parts.as_slice()) {
        (
            &Method::GET,
            ["api", "v1", plural] | ["apis", _, _, plural] | ["api", "v1", "namespaces", _, plural],
        ) => {
            if parameter("watch") == Some("true") {
                let since = parameter("resourceVersion").and_then(|version| version.parse().ok());
                return server.watch(plural, since.unwrap_or_default());
            }
            server.list(plural)
        }
        (&Method::PATCH, ["apis", _, _, "namespaces", _, plural, name, rest @ ..]) => {
            let patch = serde_json::from_slice(&body).expect("is JSON");
            let what = if rest == ["status"] { " status" } else { "" };
            server.patch(plural, name, what, &patch)
        }
        (&Method::POST, ["api", "v1", "namespaces", _, "events"]) => {
            server.tell(&serde_json::from_slice(&body).expect("is JSON"))
        }
        _ => status(StatusCode::METHOD_NOT_ALLOWED),
    }
}
