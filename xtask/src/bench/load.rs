//! What every load on a cluster is made with: requests, some at once, and watches of what comes of
//! them.

use futures::{StreamExt, TryStreamExt, stream};
use http::{Method, Request};
use kube::api::{ApiResource, DynamicObject, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long is waited before a watch that can't be opened is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// One request.
pub(super) async fn send(
    client: &Client,
    method: Method,
    content: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request =
        Request::builder().method(method).uri(path).header("Content-Type", content).body(body)?;
    Ok(client.request(request).await?)
}

/// Does something for each item, some at once.
pub(super) async fn each<T>(
    at_once: usize,
    items: impl IntoIterator<Item = T>,
    act: impl AsyncFn(T) -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    let act = &act;
    let calls = stream::iter(items.into_iter().map(|item| act(item)));
    calls.buffer_unordered(at_once).try_for_each(|_| std::future::ready(Ok(()))).await
}

/// Tells `note` of every object of a kind in the namespace `default` that comes, changes, or is
/// gone (`true`), until the task is aborted.
pub(super) fn watch(
    client: Client,
    resource: &ApiResource,
    note: impl Fn(&DynamicObject, bool) + Send + 'static,
) -> JoinHandle<()> {
    let api: Api<DynamicObject> = Api::namespaced_with(client, "default", resource);
    tokio::spawn(async move {
        let mut version = "0".to_owned();
        loop {
            let Ok(events) = api.watch(&WatchParams::default(), &version).await else {
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            let mut events = std::pin::pin!(events);
            while let Ok(Some(event)) = events.try_next().await {
                let (object, gone) = match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                    WatchEvent::Deleted(object) => (object, true),
                    WatchEvent::Bookmark(_) | WatchEvent::Error(_) => continue,
                };
                note(&object, gone);
                version = object.metadata.resource_version.unwrap_or(version);
            }
        }
    })
}

/// The lock, whatever became of who had it before.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
