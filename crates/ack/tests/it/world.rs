//! A world out of a script: an API server of one object, and AWS that answers as it is told.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use ack::aws::Effect;
use ack::aws::Failure;
use ack::object::Object;
use ack::reconcile::Known;
use ack::reconcile::Patched;
use ack::reconcile::Target;
use ack::reconcile::World;
use ack::reconcile::refuse;
use ack::reconcile::run;
use ack::resource::Asked;
use ack::resource::Observed;
use ack::resource::Resource;
use ack::scope::Scope;
use ack::scope::Settings;
use ack::shape::Time;
use ack::tags::DEFAULT_TEMPLATES;
use ack::tags::Template;
use jiff::Timestamp;
use runtime::workers::Requeue;
use serde_json::Value as Json;
use serde_json::json;

use crate::stored::Stored;

pub(crate) const RESYNC: Duration = Duration::from_secs(36_000);

pub(crate) fn settings() -> Settings {
    Settings {
        account: "123456789012".to_owned(),
        region: "us-west-2".to_owned(),
        endpoint: None,
        allow_unsafe_endpoints: false,
        deletion_policy: "delete".to_owned(),
        tags: DEFAULT_TEMPLATES.iter().map(|text| Template::parse(text).expect("valid")).collect(),
        version: "1.0.0",
        read_only: true,
        adoption: true,
        cross_namespace: true,
        carm: true,
    }
}

/// The world, and what was done to it.
pub(crate) struct Script<R: Resource> {
    state: Mutex<State<R>>,
}

struct State<R: Resource> {
    object: Stored,
    reads: VecDeque<Result<Option<Observed<R>>, Failure>>,
    sends: VecDeque<Result<(), Failure>>,
    log: String,
    now: i64,
    others: std::collections::BTreeMap<String, Json>,
}

impl<R: Resource> Script<R> {
    /// An object as the API server has it, and AWS that does not know anything of it.
    pub(crate) fn new(object: Json) -> Self {
        let state = State {
            object: Stored::new(object),
            reads: VecDeque::new(),
            sends: VecDeque::new(),
            log: String::new(),
            now: 1_800_000_000,
            others: std::collections::BTreeMap::new(),
        };
        Self { state: Mutex::new(state) }
    }

    /// What the next read finds.
    pub(crate) fn reads(self, answer: Result<Option<Observed<R>>, Failure>) -> Self {
        self.lock().reads.push_back(answer);
        self
    }

    /// What comes of the next request that changes something; success if nothing is said.
    pub(crate) fn sends(self, answer: Result<(), Failure>) -> Self {
        self.lock().sends.push_back(answer);
        self
    }

    /// Another object, at its path.
    pub(crate) fn with(&self, path: &str, object: Json) {
        self.lock().others.insert(path.to_owned(), object);
    }

    fn other(&self, target: &ack::reference::Target, namespace: &str, name: &str) -> Option<Json> {
        self.lock().others.get(&target.url(namespace, name)).cloned()
    }

    /// One pass; returns what it did.
    pub(crate) async fn pass(&self) -> String {
        let object = Object::<R::Spec>::parse(&self.lock().object.json);
        let requeue = match Scope::resolve(&R::KIND, &object, &Default::default(), &settings()) {
            Ok(scope) => run(self, Known::<R>::new(object, scope, RESYNC)).await,
            Err(reason) => refuse::<R>(self, &object, &reason).await,
        };
        let mut state = self.lock();
        state.now += 60;
        let requeue = match requeue {
            Requeue::Done => "no more".to_owned(),
            Requeue::After(delay) => format!("again after {delay:?}"),
            Requeue::Now => "again at once".to_owned(),
            Requeue::RateLimited => "again with backoff".to_owned(),
        };
        std::mem::take(&mut state.log) + &requeue
    }

    /// The object as it is now.
    pub(crate) fn object(&self) -> Json {
        self.lock().object.json.clone()
    }

    /// The user, or the API server, changes the object.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Json)) {
        self.lock().object.change(change);
    }

    /// Type, status, reason and message of each condition.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let object = self.object();
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let text = |condition: &Json, key: &str| condition[key].as_str().unwrap_or("-").to_owned();
        let one = |condition: &Json| {
            ["type", "status", "reason", "message"].map(|key| text(condition, key)).join(" | ")
        };
        conditions.iter().map(one).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<R>> {
        self.state.lock().expect("no test panics with the lock")
    }
}

impl<R: Resource> World<R> for Script<R> {
    async fn read(&self, asked: &Asked<'_, R>) -> Result<Option<Observed<R>>, Failure> {
        let mut state = self.lock();
        let id = R::identity(asked.desired).unwrap_or_default();
        writeln!(state.log, "read {id}").expect("strings grow");
        state.reads.pop_front().expect("the script has an answer for every read")
    }

    async fn send(&self, call: R::Call) -> Result<(), Failure> {
        let mut state = self.lock();
        let call = shown(&call);
        writeln!(state.log, "send {call}").expect("strings grow");
        state.sends.pop_front().unwrap_or(Ok(()))
    }

    async fn patch(&self, target: Target, patch: &Json) -> Patched {
        let mut state = self.lock();
        let mut shown = patch.clone();
        shown["metadata"].as_object_mut().expect("is locked").remove("resourceVersion");
        if shown["metadata"] == json!({}) {
            shown.as_object_mut().expect("an object").remove("metadata");
        }
        let what = match target {
            Target::Object => "patch",
            Target::Status => "patch status",
        };
        let lines = serde_json::to_string_pretty(&shown).expect("is JSON");
        writeln!(state.log, "{what} {lines}").expect("strings grow");
        state.object.patch(patch)
    }

    async fn referenced(
        &self,
        target: &ack::reference::Target,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Json>, String> {
        Ok(self.other(target, namespace, name))
    }

    async fn pause(&self, duration: Duration) {
        writeln!(self.lock().log, "pause {duration:?}").expect("strings grow");
    }

    fn now(&self) -> Time {
        Time(Timestamp::from_second(self.lock().now).expect("in range"))
    }
}

/// A request without the members that are unset.
fn shown(call: &impl std::fmt::Debug) -> String {
    let text = format!("{call:#?}");
    text.lines().filter(|line| !line.ends_with(": None,")).collect::<Vec<_>>().join("\n")
}

/// AWS refuses.
pub(crate) fn refusal(code: &str) -> Failure {
    Failure { code: Some(code.to_owned()), message: format!("{code}: no"), effect: Effect::None }
}

/// Nobody knows what came of it.
pub(crate) fn silence() -> Failure {
    Failure { code: None, message: "timeout".to_owned(), effect: Effect::Unknown }
}
