//! What operators want to know about instances: how long they take, and what they wait for.

use crate::events;
use crate::shared::Shared;
use plan::object::{label, text};
use plan::{NodeReport, ObjectId, Progress, names};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Memory of all instances; what is lost of it was only to be measured.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// When an instance was created or its spec changed, until it is ACTIVE.
    since: HashMap<ObjectId, Instant>,
    /// Instance → its definition, and how many of its resources wait for what.
    waiting: HashMap<ObjectId, (String, BTreeMap<&'static str, usize>)>,
}

// === impl Standings ===

impl Standings {
    /// The instance is new, or its spec changed.
    pub(crate) fn changed(&self, instance: &ObjectId) {
        self.lock().since.insert(instance.clone(), Instant::now());
    }

    /// Where the resources of an instance of `rgd` stand.
    pub(crate) fn note(&self, instance: &ObjectId, rgd: &str, nodes: &[NodeReport]) {
        let mut counts = BTreeMap::new();
        for reason in nodes.iter().filter_map(|node| reason(&node.progress)) {
            *counts.entry(reason).or_insert(0) += 1;
        }
        let mut table = self.lock();
        if counts.is_empty() {
            table.waiting.remove(instance);
        } else {
            table.waiting.insert(instance.clone(), (rgd.to_owned(), counts));
        }
    }

    /// The instance is gone.
    pub(crate) fn forget(&self, instance: &ObjectId) {
        let mut table = self.lock();
        table.since.remove(instance);
        table.waiting.remove(instance);
    }

    /// Definition and reason → how many resources.
    pub(crate) fn waiting(&self) -> BTreeMap<(String, &'static str), usize> {
        let table = self.lock();
        let mut sums = BTreeMap::new();
        // A sum does not depend on the order.
        #[expect(clippy::iter_over_hash_type, reason = "a sum does not depend on the order")]
        for (rgd, counts) in table.waiting.values() {
            for (reason, count) in counts {
                *sums.entry((rgd.clone(), *reason)).or_insert(0) += count;
            }
        }
        sums
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a resource waits for; `None` when it does not.
fn reason(progress: &Progress) -> Option<&'static str> {
    match progress {
        Progress::Skipped | Progress::Synced | Progress::Working => None,
        Progress::Unresolved(_) => Some("data"),
        Progress::Waiting(_) => Some("readiness"),
        Progress::Duplicate(_) => Some("duplicate"),
        Progress::Deleting(_) => Some("deletion"),
        Progress::Refused(_) => Some("refused"),
        Progress::Fatal(_) => Some("error"),
    }
}

/// The status of `instance` was written: it was as in `before`, and is as in `after`.
pub(crate) fn written(shared: &Shared, instance: &ObjectId, before: &Value, after: &Value) {
    let (from, to) = (text(before, &["status", "state"]), text(after, &["status", "state"]));
    if from != to
        && let Some(resource) = shared.watching.resource(&instance.kind)
    {
        shared.metrics.instance_moved(&resource, from, to);
    }
    if to == "ACTIVE" {
        let since = shared.standings.lock().since.remove(instance);
        if let Some(since) = since {
            shared.metrics.active(label(after, names::RGD_NAME), since.elapsed());
        }
    }
    if shared.options.gates.instance_condition_events {
        events::tell(shared, before, after);
    }
}
