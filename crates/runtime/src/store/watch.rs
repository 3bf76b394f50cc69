//! The task behind a store: list, watch, resume, list again.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use http::StatusCode;
use kube::api::ListParams;
use kube::api::WatchParams;
use kube::core::DynamicObject;
use kube::core::Request;
use kube::core::Resource;
use kube::core::Status;
use kube::core::WatchEvent;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::shutdown::Tasks;
use crate::shutdown::describe;

use super::Change;
use super::Entry;
use super::Meta;
use super::Scope;
use super::Store;
use super::WatchSpec;
use super::project;
use super::table::StaleList;
use super::table::Table;

/// For how long the server may take to answer one page of a list, or to open a watch.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How much later than announced the server may end a watch before we take the connection for dead.
const END_MARGIN: Duration = Duration::from_secs(5);

/// A watch that delivers nothing and ends sooner than this counts as failed.
const SHORT_WATCH: Duration = Duration::from_secs(1);

/// So many answers in a row that are not to our liking, and we believe the server: after that many
/// stale lists the list is the truth, after that many refusals to resume a watch we list again.
const PATIENCE: u32 = 5;

/// One page of a list; items are kept as they are, so that a malformed one spoils only itself.
#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    continue_token: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{code} {reason}")]
    Refused { code: u16, reason: String },
    #[error("request failed")]
    Request(#[source] Box<kube::Error>),
    #[error("no answer in time")]
    Timeout,
    #[error("the list has no valid resource version")]
    NoVersion,
    #[error("the list is older than what the watch delivered")]
    StaleList,
    #[error("the watch ended at once")]
    EndedAtOnce,
}

/// How one watch request ended.
enum End {
    /// In good order, or with a connection that died: go on from where it was.
    Resume,
    /// The server no longer knows the versions since then.
    Expired,
    Failed(Failure),
}

pub(super) fn spawn<E: Send + Sync + 'static>(store: &Store<E>, branch: &Tasks, generation: u64) {
    let store = store.clone();
    let token = branch.token().clone();
    branch.spawn(format!("watch-{}", store.spec().resource.plural), async move {
        let task = Watch { store: store.clone(), generation };
        tokio::select! {
            () = token.cancelled() => {
                store.ended();
                Ok(())
            }
            never = task.run() => match never {},
        }
    });
}

struct Watch<E> {
    store: Store<E>,
    generation: u64,
}

impl<E: Send + Sync + 'static> Watch<E> {
    async fn run(&self) -> Infallible {
        // Failures in a row; only a watch that delivers something, or lasts, is a success. A list
        // alone is not: a server that lists but cannot watch would be asked for lists forever.
        let mut failures = 0;
        let mut stale_lists = 0;
        loop {
            let listed = self.list(stale_lists >= PATIENCE).await;
            match listed {
                Ok(mut version) => {
                    stale_lists = 0;
                    self.watch_from(&mut version, &mut failures).await;
                }
                Err(failure) => {
                    if matches!(failure, Failure::StaleList) {
                        stale_lists += 1;
                    }
                    self.failed(&failure, &mut failures).await;
                }
            }
        }
    }

    /// Watches until a new list is needed.
    async fn watch_from(&self, version: &mut u64, failures: &mut u32) {
        let mut refusals = 0;
        while refusals < PATIENCE {
            let (started, from) = (Instant::now(), *version);
            let end = self.watch(version).await;
            if *version > from || started.elapsed() >= SHORT_WATCH {
                *failures = 0;
                refusals = 0;
            }
            match end {
                End::Resume if started.elapsed() < SHORT_WATCH && *version == from => {
                    self.failed(&Failure::EndedAtOnce, failures).await;
                }
                End::Resume => {}
                End::Expired => {
                    tracing::info!(resource = self.resource(), "watch expired, listing again");
                    *failures += 1;
                    return self.pause(*failures - 1).await;
                }
                End::Failed(failure) => {
                    if matches!(failure, Failure::Refused { .. }) {
                        refusals += 1;
                    }
                    self.failed(&failure, failures).await;
                }
            }
        }
    }

    /// Lists all pages, enters them, and returns the list's version.
    async fn list(&self, accept_older: bool) -> Result<u64, Failure> {
        let spec = self.store.spec();
        self.with_table(|table| {
            table.begin_list();
            None
        });
        let mut params = ListParams {
            label_selector: selector(&spec),
            limit: Some(self.store.shared.options.page_size),
            ..ListParams::default()
        };
        let mut listed = Vec::new();
        let mut version = u64::MAX;
        loop {
            let request = request(&spec);
            let request = match spec.scope {
                Scope::Metadata => request.list_metadata(&params),
                Scope::Full => request.list(&params),
            }
            .map_err(kube::Error::BuildRequest)?;
            let answer = self.store.shared.client.request::<Page>(request);
            let page = in_time(answer).await?;
            let page_version = page.metadata.resource_version.parse().ok();
            version = version.min(page_version.ok_or(Failure::NoVersion)?);
            let items = page.items.unwrap_or_default().into_iter();
            listed.extend(items.filter_map(|item| self.read(typed(item, &spec))));
            params.continue_token = page.metadata.continue_token.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                break;
            }
        }
        if let Some(metrics) = &self.store.config().metrics {
            metrics.lists.inc();
        }
        let mut finished = Ok(());
        self.with_table(|table| match table.finish_list(listed, version, accept_older) {
            Ok(changes) => changes,
            Err(StaleList) => {
                finished = Err(Failure::StaleList);
                Vec::new()
            }
        });
        finished?;
        if let Some(metrics) = &self.store.config().metrics {
            metrics.passed(version);
        }
        self.set_status(|status| {
            status.synced = true;
            status.last_error = None;
        });
        Ok(version)
    }

    /// Sends one watch request and enters what it delivers; `version` follows.
    async fn watch(&self, version: &mut u64) -> End {
        let spec = self.store.spec();
        let timeout = self.store.shared.options.watch_timeout;
        let params = WatchParams {
            label_selector: selector(&spec),
            timeout: u32::try_from(timeout.as_secs()).ok(),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = request(&spec);
        let request = match spec.scope {
            Scope::Metadata => request.watch_metadata(&params, &version.to_string()),
            Scope::Full => request.watch(&params, &version.to_string()),
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return End::Failed(kube::Error::BuildRequest(error).into()),
        };
        let events = match in_time(self.store.shared.client.request_events(request)).await {
            Ok(events) => events,
            Err(failure) => return failure.into(),
        };
        self.set_status(|status| status.last_error = None);
        let mut events = std::pin::pin!(events);
        loop {
            let Ok(event) = tokio::time::timeout(timeout + END_MARGIN, events.next()).await else {
                return End::Resume;
            };
            match event {
                None => return End::Resume,
                Some(Ok(event)) => {
                    if let Err(failure) = self.enter(event, version) {
                        return failure.into();
                    }
                    if let Some(metrics) = &self.store.config().metrics {
                        metrics.passed(*version);
                    }
                }
                // One line that cannot be read; the next ones can.
                Some(Err(kube::Error::SerdeError(error))) => self.malformed(&error),
                Some(Err(error)) => return Failure::from(error).into(),
            }
        }
    }

    fn enter(&self, event: WatchEvent<Value>, version: &mut u64) -> Result<(), Failure> {
        if let Some(metrics) = &self.store.config().metrics {
            metrics.events.inc();
        }
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let Some(entry) = self.read(object) else { return Ok(()) };
                *version = entry.resource_version.max(*version);
                self.with_table(|table| table.applied(entry));
            }
            WatchEvent::Deleted(object) => match Meta::read(&object) {
                Ok(meta) => {
                    *version = meta.resource_version.max(*version);
                    self.with_table(|table| {
                        table.deleted(&meta.key, &meta.uid, meta.resource_version)
                    });
                }
                Err(error) => self.malformed(&error),
            },
            WatchEvent::Bookmark(bookmark) => {
                if let Ok(passed) = bookmark.metadata.resource_version.parse::<u64>() {
                    *version = passed.max(*version);
                    self.with_table(|table| {
                        table.advance(passed);
                        None
                    });
                }
            }
            WatchEvent::Error(status) => return Err(refused(*status)),
        }
        Ok(())
    }

    fn read(&self, object: Value) -> Option<Entry<E>> {
        match Meta::read(&object) {
            Ok(meta) => Some(project(&self.store, meta, object).entry),
            Err(error) => {
                self.malformed(&error);
                None
            }
        }
    }

    /// Changes the table, unless the store was restarted meanwhile, and reports the changes.
    fn with_table<C>(&self, change: impl FnOnce(&mut Table<E>) -> C)
    where
        C: IntoIterator<Item = Change<E>>,
    {
        let changes = {
            let mut table = self.store.table_mut();
            if !table.is_current(self.generation) {
                return;
            }
            change(&mut table)
        };
        self.store.report(changes);
    }

    fn set_status(&self, change: impl FnOnce(&mut super::Status)) {
        if self.store.config().generation == self.generation {
            self.store.shared.status.send_modify(change);
        }
    }

    async fn failed(&self, failure: &Failure, failures: &mut u32) {
        *failures = failures.saturating_add(1);
        let error = describe(failure);
        tracing::warn!(resource = self.resource(), error, failures, "list or watch failed");
        if let Some(metrics) = &self.store.config().metrics {
            metrics.errors.inc();
        }
        self.set_status(|status| status.last_error = Some(error));
        self.pause(*failures).await;
    }

    async fn pause(&self, failures: u32) {
        tokio::time::sleep(self.store.shared.options.backoff.delay_with_jitter(failures)).await;
    }

    fn malformed(&self, error: &(dyn std::error::Error + 'static)) {
        tracing::warn!(resource = self.resource(), error = describe(error), "object skipped");
        if let Some(metrics) = &self.store.config().metrics {
            metrics.malformed.inc();
        }
    }

    fn resource(&self) -> String {
        self.store.config().spec.resource.plural.clone()
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Failure {
        match error {
            // The message may quote values of objects; code and reason say enough.
            kube::Error::Api(status) => refused(*status),
            error => Failure::Request(Box::new(error)),
        }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        match failure {
            Failure::Refused { code: 410, .. } => End::Expired,
            failure => End::Failed(failure),
        }
    }
}

fn refused(status: Status) -> Failure {
    let Status { code, mut reason, .. } = status;
    // Where the answer is plain text (a kind that is not served), kube makes up a sentence.
    if reason.is_empty() || reason.contains(' ') {
        let name = StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason());
        name.unwrap_or("Unknown").clone_into(&mut reason);
    }
    Failure::Refused { code, reason }
}

async fn in_time<T>(answer: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::Timeout),
    }
}

fn request(spec: &WatchSpec) -> Request {
    Request::new(DynamicObject::url_path(&spec.resource, spec.namespace.as_deref()))
}

fn selector(spec: &WatchSpec) -> Option<String> {
    (!spec.labels.selects_all()).then(|| spec.labels.to_string())
}

/// Fills in the type, which the API server leaves out in lists of built-in kinds.
fn typed(mut item: Value, spec: &WatchSpec) -> Value {
    if spec.scope == Scope::Full
        && let Some(fields) = item.as_object_mut()
    {
        let mut fill = |field: &str, value: &str| {
            fields.entry(field).or_insert_with(|| Value::String(value.to_owned()));
        };
        fill("apiVersion", &spec.resource.api_version);
        fill("kind", &spec.resource.kind);
    }
    item
}
