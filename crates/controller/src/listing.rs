//! Lists of members at the API server: those of many instances with one request.
//!
//! The API server looks at every object of a kind to find those with a label. One list for each
//! instance would make the deletion of many instances cost the square of their number.

use crate::api::{Api, ApiError};
use kube::core::ApiResource;
use plan::names;
use plan::object::{GroupKind, label};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot::{self, error::TryRecvError};

/// So many ApplySets are asked for at once; their names have to fit into a URL.
const TOGETHER: usize = 64;

type Members = Result<Vec<Value>, Arc<ApiError>>;

/// The lists that are wanted.
#[derive(Default)]
pub(crate) struct Listing {
    lines: Mutex<BTreeMap<GroupKind, Arc<Line>>>,
}

/// Those who want lists of one kind.
#[derive(Default)]
struct Line {
    waiting: Mutex<VecDeque<(String, oneshot::Sender<Members>)>>,
    /// Held by who asks the API server, for all who wait.
    turn: tokio::sync::Mutex<()>,
}

// === impl Listing ===

impl Listing {
    /// Type and metadata of all objects of a kind that the ApplySet `set` has, as a request shows
    /// them that begins after this call.
    ///
    /// # Errors
    ///
    /// The API server did not answer with a list.
    pub(crate) async fn members(&self, api: &Api, resource: &ApiResource, set: &str) -> Members {
        let line = self.line(resource);
        loop {
            let mut answer = line.enter(set);
            let _turn = line.turn.lock().await;
            loop {
                match answer.try_recv() {
                    Ok(answer) => return answer,
                    Err(TryRecvError::Empty) => line.ask(api, resource).await,
                    // Who had asked for it was stopped.
                    Err(TryRecvError::Closed) => break,
                }
            }
        }
    }

    fn line(&self, resource: &ApiResource) -> Arc<Line> {
        let kind = GroupKind { group: resource.group.clone(), kind: resource.kind.clone() };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|known, line| *known == kind || Arc::strong_count(line) > 1);
        lines.entry(kind).or_default().clone()
    }
}

// === impl Line ===

impl Line {
    fn enter(&self, set: &str) -> oneshot::Receiver<Members> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back((set.to_owned(), sender));
        receiver
    }

    /// Asks for those who have waited longest.
    async fn ask(&self, api: &Api, resource: &ApiResource) {
        let mut asked = BTreeMap::new();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|(_, sender)| !sender.is_closed());
            while asked.len() < TOGETHER
                && let Some((set, sender)) = waiting.pop_front()
            {
                asked.entry(set).or_insert_with(Vec::new).push(sender);
            }
        }
        let sets: Vec<&str> = asked.keys().map(String::as_str).collect();
        let mut found = match api.list_metadata(resource, names::PART_OF, &sets).await {
            Ok(items) => Ok(by_set(items)),
            Err(error) => Err(Arc::new(error)),
        };
        for (set, senders) in asked {
            let members = match &mut found {
                Ok(found) => Ok(found.remove(&set).unwrap_or_default()),
                Err(error) => Err(error.clone()),
            };
            for sender in senders {
                // Who does not wait any more needs no answer.
                drop(sender.send(members.clone()));
            }
        }
    }
}

fn by_set(items: Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut sets: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for item in items {
        sets.entry(label(&item, names::PART_OF).to_owned()).or_default().push(item);
    }
    sets
}
