//! An API server for one kind, in memory: lists in pages, watches with history, and misbehaves on
//! request. It is a `tower` service under a `kube::Client`, so that time can be paused.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use axum::body::Bytes;
use futures::StreamExt;
use futures::channel::mpsc;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use kube::Client;
use kube::client::Body;
use kube::core::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::Value;
use serde_json::json;

type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// A handle to the server; clones share it.
#[derive(Clone, Default)]
pub(crate) struct FakeServer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<String, Value>,
    /// Event type, object, and the object before.
    history: Vec<(u64, &'static str, Value)>,
    /// Versions up to here can't be watched from any more.
    compacted: u64,
    watches: Vec<mpsc::UnboundedSender<String>>,
    /// While set, watches deliver nothing; what happens is delivered afterwards.
    held: Option<Vec<String>>,
    /// Answers to the next requests, instead of proper ones.
    answers: VecDeque<Answer>,
    requests: Vec<String>,
    next_uid: u64,
}

/// An answer that the server is told to give.
#[derive(Clone)]
pub(crate) enum Answer {
    /// A status with this code and reason; the message must not reach any log.
    Status(u16, &'static str),
    /// 404 in plain text, as for a kind that is not served.
    NotServed,
    /// A proper answer.
    Proper,
    /// A list of these items with this version.
    List(u64, Vec<Value>),
    /// A watch that delivers these lines and ends.
    Lines(Vec<String>),
}

impl FakeServer {
    /// A client of this server.
    pub(crate) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = server.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        Client::new(service, "default")
    }

    /// The kind that it serves.
    pub(crate) fn kind() -> ApiResource {
        let kind = GroupVersionKind::gvk("example.com", "v1", "Thing");
        ApiResource::from_gvk_with_plural(&kind, "things")
    }

    /// Creates the object `default/<name>` or changes its `spec.color`; returns it as the server would.
    pub(crate) fn put(&self, name: &str, color: &str) -> Value {
        let mut state = self.lock();
        let before = state.objects.get(name).cloned();
        let uid = before.as_ref().map_or_else(
            || {
                state.next_uid += 1;
                json!(format!("uid-{}", state.next_uid))
            },
            |before| before["metadata"]["uid"].clone(),
        );
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        let object = json!({
            "apiVersion": "example.com/v1",
            "kind": "Thing",
            "metadata": {"namespace": "default", "name": name, "uid": uid},
            "spec": {"color": color},
        });
        let object = state.happen(kind, object);
        state.objects.insert(name.to_owned(), object.clone());
        object
    }

    /// Deletes an object.
    pub(crate) fn delete(&self, name: &str) {
        let mut state = self.lock();
        let object = state.objects.remove(name).expect("an object to delete");
        state.happen("DELETED", object);
    }

    /// Puts an object among the others that no server should have.
    pub(crate) fn put_raw(&self, name: &str, object: Value) {
        let mut state = self.lock();
        state.version += 1;
        let line = json!({"type": "ADDED", "object": object}).to_string();
        state.send(line);
        state.objects.insert(name.to_owned(), object);
    }

    /// Sends a line to all watches.
    pub(crate) fn send(&self, line: &str) {
        self.lock().send(line.to_owned());
    }

    /// Tells all watches how far they are; the version grows as if other kinds had changed.
    pub(crate) fn bookmark(&self) -> u64 {
        let mut state = self.lock();
        state.version += 10;
        let version = state.version;
        let metadata = json!({"resourceVersion": version.to_string()});
        let object = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata});
        state.send(json!({"type": "BOOKMARK", "object": object}).to_string());
        version
    }

    /// Forgets history, so that nobody can resume.
    pub(crate) fn compact(&self) {
        let mut state = self.lock();
        state.compacted = state.version;
        state.history.clear();
    }

    /// Makes what happened after `version` unhappened, as far as watches are concerned.
    pub(crate) fn set_back(&self, version: u64) {
        let mut state = self.lock();
        state.version = version;
        state.history.retain(|(happened, _, _)| *happened <= version);
    }

    /// Ends all watches.
    pub(crate) fn cut(&self) {
        self.lock().watches.clear();
    }

    /// Holds events back.
    pub(crate) fn hold(&self) {
        self.lock().held = Some(Vec::new());
    }

    /// Delivers what was held back.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        for line in state.held.take().unwrap_or_default() {
            state.send(line);
        }
    }

    /// The answers to the next requests.
    pub(crate) fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().answers.extend(answers);
    }

    /// The requests since the last call, one per line.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().requests)
    }

    /// The number of open watches.
    pub(crate) fn open_watches(&self) -> usize {
        let mut state = self.lock();
        state.watches.retain(|watch| !watch.is_closed());
        state.watches.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while held")
    }

    fn answer(&self, request: &Request<Body>) -> Response<AnswerBody> {
        let mut state = self.lock();
        let uri = request.uri().to_string();
        let (path, query) = uri.split_once('?').expect("lists and watches have parameters");
        let partial = request.headers().get("accept").is_some_and(|accept| {
            accept.to_str().is_ok_and(|accept| accept.contains("as=PartialObjectMetadata"))
        });
        let query: BTreeMap<&str, &str> =
            query.split('&').filter_map(|parameter| parameter.split_once('=')).collect();
        let parameters: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let accept = if partial { " (metadata)" } else { "" };
        state.requests.push(format!("{path} {}{accept}", parameters.join(" ")));
        match state.answers.pop_front().unwrap_or(Answer::Proper) {
            Answer::Status(code, reason) => status(code, reason),
            Answer::NotServed => {
                let body = Full::from("404 page not found").boxed_unsync();
                Response::builder().status(404).body(body).expect("a valid status")
            }
            Answer::List(version, items) => list(version, None, &items),
            Answer::Lines(lines) => stream(futures::stream::iter(lines)),
            Answer::Proper if query.contains_key("watch") => state.watch(&query),
            Answer::Proper => state.list(&query),
        }
    }
}

impl State {
    fn happen(&mut self, kind: &'static str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.history.push((self.version, kind, object.clone()));
        self.send(json!({"type": kind, "object": object}).to_string());
        object
    }

    fn send(&mut self, line: String) {
        if let Some(held) = &mut self.held {
            return held.push(line);
        }
        self.watches.retain(|watch| watch.unbounded_send(line.clone()).is_ok());
    }

    fn watch(&mut self, query: &BTreeMap<&str, &str>) -> Response<AnswerBody> {
        let from: u64 = query["resourceVersion"].parse().expect("a version");
        if from < self.compacted {
            let gone = json!({"kind": "Status", "code": 410, "reason": "Expired"});
            let line = json!({"type": "ERROR", "object": gone}).to_string();
            return stream(futures::stream::iter([line]));
        }
        let (sender, receiver) = mpsc::unbounded();
        for (version, kind, object) in &self.history {
            if *version > from {
                let line = json!({"type": kind, "object": object}).to_string();
                sender.unbounded_send(line).expect("the receiver is here");
            }
        }
        self.watches.push(sender);
        stream(receiver)
    }

    fn list(&self, query: &BTreeMap<&str, &str>) -> Response<AnswerBody> {
        let limit: usize = query["limit"].parse().expect("a number");
        let start: usize = query.get("continue").map_or(0, |token| token.parse().expect("a token"));
        let mut items: Vec<Value> =
            self.objects.values().skip(start).take(limit).cloned().collect();
        for item in &mut items {
            // As the API server does for built-in kinds.
            if let Some(fields) = item.as_object_mut() {
                fields.remove("apiVersion");
                fields.remove("kind");
            }
        }
        let next = start + items.len();
        let next = (next < self.objects.len()).then(|| next.to_string());
        list(self.version, next.as_deref(), &items)
    }
}

fn whole(body: &Value) -> AnswerBody {
    Full::from(body.to_string()).boxed_unsync()
}

fn list(version: u64, next: Option<&str>, items: &[Value]) -> Response<AnswerBody> {
    let metadata = json!({"resourceVersion": version.to_string(), "continue": next});
    let list = json!({"kind": "ThingList", "metadata": metadata, "items": items});
    Response::new(whole(&list))
}

fn status(code: u16, reason: &str) -> Response<AnswerBody> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": "a message with a secret",
    });
    Response::builder().status(code).body(whole(&status)).expect("a valid status")
}

fn stream(lines: impl futures::Stream<Item = String> + Send + 'static) -> Response<AnswerBody> {
    let frames = lines.map(|line| {
        let bytes = Bytes::from(format!("{line}\n"));
        Ok::<_, Infallible>(http_body::Frame::data(bytes))
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}
