//! What the API server wrote into its audit log: every request, by whom, when, with which result.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::Context;
use jiff::Timestamp;
use kube::Client;
use serde::{Deserialize, Deserializer, de};

use crate::wait::wait_for;

/// The audit log of one API server.
///
/// It has every request with its metadata, once: a watch when it began to be answered, everything
/// else when it was answered completely. Times are the API server's.
pub struct AuditLog {
    path: PathBuf,
    client: Client,
}

/// A point in time, by the clock of the API server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mark(pub Timestamp);

/// One request that the API server answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When the API server received it.
    pub received: Timestamp,
    /// When it was answered; for a watch, when the answer began.
    pub answered: Timestamp,
    /// Who made it: [`User::name`](crate::User::name).
    pub user: String,
    /// What they called their program.
    pub agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the
    /// lower-case HTTP method for what is no resource.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// API group, empty for the core group and for what is no resource.
    pub group: String,
    /// API version in the group.
    pub version: String,
    /// Plural name of the resource, empty for what is none.
    pub resource: String,
    /// For example `status`; empty for the object itself.
    pub subresource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Empty for lists and watches.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

/// Requests in the order in which the API server received them.
#[derive(Clone, Debug, Default)]
pub struct Entries(Vec<Entry>);

/// The query parameter of the requests by which a mark is made.
const MARK: &str = "e2e-mark";

impl AuditLog {
    /// The audit policy with which the API server has to run.
    pub(crate) const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

    pub(crate) fn new(path: PathBuf, client: Client) -> Self {
        Self { path, client }
    }

    /// The file itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Marks the present: everything that the API server receives from now on is after it.
    ///
    /// # Errors
    ///
    /// The API server does not answer, or its log can't be read.
    pub async fn mark(&self) -> anyhow::Result<Mark> {
        Ok(self.read().await?.1)
    }

    /// Everything that was answered before the call, without what the audit log itself asks.
    ///
    /// # Errors
    ///
    /// As [`AuditLog::mark`].
    pub async fn entries(&self) -> anyhow::Result<Entries> {
        Ok(self.read().await?.0)
    }

    /// Everything that was received after the mark and answered before the call.
    ///
    /// # Errors
    ///
    /// As [`AuditLog::mark`].
    pub async fn since(&self, mark: Mark) -> anyhow::Result<Entries> {
        Ok(self.entries().await?.filter(|entry| entry.received > mark.0))
    }

    /// Makes a request that can be told from all others, and reads the log up to it at least.
    async fn read(&self) -> anyhow::Result<(Entries, Mark)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);

        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let uri = format!("/version?{MARK}={}-{number}", process::id());
        self.client.request_text(http::Request::get(&uri).body(Vec::new())?).await?;
        // An answer can be on its way to its reader a little before it is in the log.
        wait_for("the audit log has the mark", Duration::from_secs(10), async || {
            let entries = self.parse()?;
            let mark = entries.iter().find(|entry| entry.uri == uri).map(|e| Mark(e.received));
            let others = |entry: &Entry| !entry.uri.contains(MARK);
            Ok(mark.map(|mark| (entries.filter(others), mark)))
        })
        .await
    }

    fn parse(&self) -> anyhow::Result<Entries> {
        let log = fs::read_to_string(&self.path)
            .with_context(|| format!("can't read {}", self.path.display()))?;
        // The last line may be half written.
        let complete = log.rfind('\n').map_or("", |end| &log[..end]);
        let mut entries = Vec::new();
        for line in complete.lines() {
            let event: Event = serde_json::from_str(line)
                .with_context(|| format!("not an event of an audit log: {line}"))?;
            entries.extend(event.into_entry());
        }
        entries.sort_by_key(|entry| entry.received);
        Ok(Entries(entries))
    }
}

impl Entry {
    /// Whether it asked for a change, also for one that was refused or changed nothing.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self.verb.as_str() {
            "create" => {
                !self.group.ends_with("authentication.k8s.io")
                    && !self.group.ends_with("authorization.k8s.io")
            }
            "update" | "patch" | "delete" | "deletecollection" => true,
            _ => false,
        }
    }

    /// Whether it is a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.verb == "watch"
    }

    /// Whether it is about a lease (leader election and the like).
    #[must_use]
    pub fn is_lease(&self) -> bool {
        self.group == "coordination.k8s.io" && self.resource == "leases"
    }

    /// Whether the API server did what was asked.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it brought an object into being, by `create` or by a server-side apply.
    #[must_use]
    pub fn created(&self) -> bool {
        self.code == 201 && self.subresource.is_empty()
    }

    /// Whether it is about this object, or about one of its subresources.
    #[must_use]
    pub fn is_about(&self, resource: &str, namespace: &str, name: &str) -> bool {
        self.resource == resource && self.namespace == namespace && self.name == name
    }
}

impl Entries {
    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that satisfy a condition.
    #[must_use]
    pub fn filter(self, keep: impl FnMut(&Entry) -> bool) -> Self {
        Self(self.0.into_iter().filter(keep).collect())
    }

    /// Those of one user.
    #[must_use]
    pub fn of(self, user: crate::User) -> Self {
        self.filter(|entry| entry.user == user.name())
    }

    /// Those that ask for a change, leases aside.
    #[must_use]
    pub fn writes(self) -> Self {
        self.filter(|entry| entry.is_write() && !entry.is_lease())
    }

    /// Those that a program in a steady state must not make: everything but watches and leases.
    #[must_use]
    pub fn but_watches_and_leases(self) -> Self {
        self.filter(|entry| !entry.is_watch() && !entry.is_lease())
    }

    /// How many there are of each verb.
    #[must_use]
    pub fn count_by_verb(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for entry in self {
            *counts.entry(entry.verb.as_str()).or_default() += 1;
        }
        counts
    }

    /// The request that brought an object into being first.
    #[must_use]
    pub fn creation(&self, resource: &str, namespace: &str, name: &str) -> Option<&Entry> {
        self.iter().find(|entry| entry.created() && entry.is_about(resource, namespace, name))
    }

    /// How often an object was brought into being.
    #[must_use]
    pub fn creations(&self, resource: &str, namespace: &str, name: &str) -> usize {
        self.iter()
            .filter(|entry| entry.created() && entry.is_about(resource, namespace, name))
            .count()
    }

    /// The first successful request for an object's deletion.
    #[must_use]
    pub fn deletion(&self, resource: &str, namespace: &str, name: &str) -> Option<&Entry> {
        self.iter().find(|entry| {
            entry.verb == "delete" && entry.succeeded() && entry.is_about(resource, namespace, name)
        })
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line: time, user, verb, what it was about, and the code.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, user, verb, uri, code, .. } = self;
        write!(f, "{received} {user} {verb} {uri} {code}")
    }
}

/// One line for each.
impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

/// A line of the log (audit.k8s.io/v1 Event), as far as it is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: Stage,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: EventUser,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    response_status: Option<ResponseStatus>,
    #[serde(deserialize_with = "timestamp")]
    request_received_timestamp: Timestamp,
    #[serde(deserialize_with = "timestamp")]
    stage_timestamp: Timestamp,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
enum Stage {
    RequestReceived,
    ResponseStarted,
    ResponseComplete,
    Panic,
}

#[derive(Deserialize)]
struct EventUser {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ObjectRef {
    resource: String,
    namespace: String,
    name: String,
    api_group: String,
    api_version: String,
    subresource: String,
}

#[derive(Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

impl Event {
    /// The entry, unless the request has one already or gets one later.
    fn into_entry(self) -> Option<Entry> {
        let is_watch = self.verb == "watch";
        let counts = match self.stage {
            Stage::RequestReceived => false,
            Stage::ResponseStarted => is_watch,
            // A watch that was refused is never started.
            Stage::ResponseComplete => {
                !is_watch || self.response_status.as_ref().is_some_and(|s| s.code >= 300)
            }
            Stage::Panic => true,
        };
        counts.then(|| Entry {
            received: self.request_received_timestamp,
            answered: self.stage_timestamp,
            user: self.user.username,
            agent: self.user_agent,
            verb: self.verb,
            uri: self.request_uri,
            group: self.object_ref.api_group,
            version: self.object_ref.api_version,
            resource: self.object_ref.resource,
            subresource: self.object_ref.subresource,
            namespace: self.object_ref.namespace,
            name: self.object_ref.name,
            code: self.response_status.map_or(0, |status| status.code),
        })
    }
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}
