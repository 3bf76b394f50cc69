//! A work queue with one place per key.
//!
//! A key that is added twice is handed out once. A key that is added while a worker holds it is
//! handed out again afterwards, never to two workers at a time. Delays and backoff are per key.
//! What a key stands for is read when it is handed out, so nothing is lost by merging.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::backoff::Backoff;

mod metrics;

pub use metrics::QueueMetrics;
pub use metrics::QueueMetricsVec;

/// What a queue is created with.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// The delays of [`Queue::add_rate_limited`].
    pub backoff: Backoff,
    /// The largest number of distinct keys that wait, now or with a delay.
    pub capacity: usize,
    /// Where to count, if anywhere.
    pub metrics: Option<QueueMetrics>,
}

impl Default for QueueOptions {
    /// 200 ms to 1000 s (the defaults of kro's flags), a million keys, no metrics.
    fn default() -> QueueOptions {
        QueueOptions {
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(1000)),
            capacity: 1_000_000,
            metrics: None,
        }
    }
}

/// What became of a key that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It waits to be handed out, or will be again after the worker that holds it.
    Queued,
    /// It was already waiting: there is nothing to do.
    Merged,
    /// The queue is full or shut down; the key is not in it.
    Refused,
}

/// A handle to a queue; clones share it.
#[derive(Debug)]
pub struct Queue<K> {
    shared: Arc<Shared<K>>,
}

#[derive(Debug)]
struct Shared<K> {
    options: QueueOptions,
    state: Mutex<State<K>>,
    /// Signalled when a key became ready, when an earlier delay was set, and at the end.
    wake: Notify,
}

#[derive(Debug)]
struct State<K> {
    /// Keys to hand out, oldest first, with the time since when they wait.
    ready: VecDeque<(K, Instant)>,
    /// The canonical set of waiting keys: those in `ready` and those to be queued after `held`.
    waiting: BTreeMap<K, Instant>,
    /// Keys that workers hold, since when.
    held: BTreeMap<K, Instant>,
    /// Keys with a delay, by due time; `due` is the same by key, one entry per key.
    delayed: BTreeSet<(Instant, K)>,
    due: BTreeMap<K, Instant>,
    failures: BTreeMap<K, u32>,
    shut_down: bool,
}

/// A key in the hands of a worker. Dropping it gives the key back.
#[derive(Debug)]
pub struct Held<K: Ord + Clone> {
    queue: Queue<K>,
    key: K,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Queue<K> {
        Queue { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// An empty queue.
    pub fn new(options: QueueOptions) -> Queue<K> {
        let state = State {
            ready: VecDeque::new(),
            waiting: BTreeMap::new(),
            held: BTreeMap::new(),
            delayed: BTreeSet::new(),
            due: BTreeMap::new(),
            failures: BTreeMap::new(),
            shut_down: false,
        };
        Queue {
            shared: Arc::new(Shared { options, state: Mutex::new(state), wake: Notify::new() }),
        }
    }

    /// Adds `key` to be handed out as soon as a worker is free.
    pub fn add(&self, key: K) -> Added {
        let mut state = self.lock();
        let added = self.add_now(&mut state, key, Instant::now());
        drop(state);
        self.wake_for(added)
    }

    /// Adds `key` once `delay` has passed. Of several delays of a key the shortest counts.
    ///
    /// The delay ends early when the key is handed out for another reason: whoever reconciles it
    /// then sees the newest state and asks for a new delay if it still needs one.
    pub fn add_after(&self, key: K, delay: Duration) -> Added {
        let now = Instant::now();
        let mut state = self.lock();
        let due = now.checked_add(delay).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365));
        let added = if delay.is_zero() {
            self.add_now(&mut state, key, now)
        } else if state.shut_down {
            Added::Refused
        } else if state.due.get(&key).is_some_and(|earlier| *earlier <= due) {
            Added::Merged
        } else if !state.due.contains_key(&key) && state.len() >= self.shared.options.capacity {
            self.refused()
        } else {
            if let Some(later) = state.due.insert(key.clone(), due) {
                state.delayed.remove(&(later, key.clone()));
            }
            state.delayed.insert((due, key));
            Added::Queued
        };
        drop(state);
        self.wake_for(added)
    }

    /// Counts a failure of `key` and adds it after the delay that its failures in a row call for.
    pub fn add_rate_limited(&self, key: K) -> Added {
        let mut state = self.lock();
        let failures = state.failures.entry(key.clone()).or_insert(0);
        *failures = failures.saturating_add(1);
        let delay = self.shared.options.backoff.delay(*failures);
        drop(state);
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.retries.inc();
        }
        self.add_after(key, delay)
    }

    /// Forgets the failures of `key`.
    pub fn forget(&self, key: &K) {
        self.lock().failures.remove(key);
    }

    /// How often in a row [`Queue::add_rate_limited`] was called for `key`.
    pub fn failures(&self, key: &K) -> u32 {
        self.lock().failures.get(key).copied().unwrap_or(0)
    }

    /// Waits for a key and hands it out; `None` once the queue is shut down.
    ///
    /// Cancel-safe: dropping the future loses no key.
    pub async fn next(&self) -> Option<Held<K>> {
        loop {
            let mut notified = std::pin::pin!(self.shared.wake.notified());
            // Registered before the look at the state: a key that is added in between wakes us.
            notified.as_mut().enable();
            let next_due = {
                let mut state = self.lock();
                if state.shut_down {
                    // Each waiting worker passes the news on.
                    self.shared.wake.notify_one();
                    return None;
                }
                let now = Instant::now();
                self.promote(&mut state, now);
                if let Some(key) = self.hand_out(&mut state, now) {
                    if !state.ready.is_empty() || !state.delayed.is_empty() {
                        self.shared.wake.notify_one();
                    }
                    return Some(Held { queue: self.clone(), key });
                }
                state.delayed.first().map(|(due, _)| *due)
            };
            match next_due {
                Some(due) => {
                    let _ = tokio::time::timeout_at(due, notified).await;
                }
                None => notified.await,
            }
        }
    }

    /// Ends the queue: waiting keys are dropped, [`Queue::next`] returns `None`, adds are refused.
    /// Keys that workers hold stay theirs.
    pub fn shut_down(&self) {
        let mut state = self.lock();
        state.shut_down = true;
        state.ready.clear();
        state.waiting.clear();
        state.delayed.clear();
        state.due.clear();
        self.record(&state);
        drop(state);
        self.shared.wake.notify_one();
    }

    /// The number of keys that could be handed out now.
    pub fn depth(&self) -> usize {
        self.lock().ready.len()
    }

    /// For how long the oldest of those keys has waited.
    pub fn age(&self) -> Duration {
        self.lock().ready.front().map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }

    /// The number of keys that workers hold, and the age of the oldest hold.
    pub fn in_work(&self) -> (usize, Duration) {
        let state = self.lock();
        let oldest = state.held.values().map(Instant::elapsed).max().unwrap_or(Duration::ZERO);
        (state.held.len(), oldest)
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_now(&self, state: &mut State<K>, key: K, now: Instant) -> Added {
        if state.shut_down {
            return Added::Refused;
        }
        if state.waiting.contains_key(&key) {
            return Added::Merged;
        }
        if !state.due.contains_key(&key) && state.len() >= self.shared.options.capacity {
            return self.refused();
        }
        self.queue(state, key, now);
        Added::Queued
    }

    fn queue(&self, state: &mut State<K>, key: K, now: Instant) {
        state.waiting.insert(key.clone(), now);
        if !state.held.contains_key(&key) {
            state.ready.push_back((key, now));
        }
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.adds.inc();
        }
        self.record(state);
    }

    /// Moves the keys whose delay has passed to the waiting ones.
    fn promote(&self, state: &mut State<K>, now: Instant) {
        while state.delayed.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, key)) = state.delayed.pop_first() else { return };
            state.due.remove(&key);
            if !state.waiting.contains_key(&key) {
                self.queue(state, key, now);
            }
        }
    }

    fn hand_out(&self, state: &mut State<K>, now: Instant) -> Option<K> {
        let (key, since) = state.ready.pop_front()?;
        state.waiting.remove(&key);
        state.held.insert(key.clone(), now);
        if let Some(due) = state.due.remove(&key) {
            state.delayed.remove(&(due, key.clone()));
        }
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.waited.observe((now - since).as_secs_f64());
        }
        self.record(state);
        Some(key)
    }

    fn give_back(&self, key: &K) {
        let now = Instant::now();
        let mut state = self.lock();
        let since = state.held.remove(key);
        let again = state.waiting.get(key).copied();
        if let Some(waiting_since) = again {
            state.ready.push_back((key.clone(), waiting_since));
        }
        if let (Some(metrics), Some(since)) = (&self.shared.options.metrics, since) {
            metrics.worked.observe((now - since).as_secs_f64());
        }
        self.record(&state);
        drop(state);
        if again.is_some() {
            self.shared.wake.notify_one();
        }
    }

    fn refused(&self) -> Added {
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.refused.inc();
        }
        tracing::error!(capacity = self.shared.options.capacity, "work queue is full, key refused");
        Added::Refused
    }

    fn wake_for(&self, added: Added) -> Added {
        if added == Added::Queued {
            self.shared.wake.notify_one();
        }
        added
    }

    fn record(&self, state: &State<K>) {
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.depth.set(i64::try_from(state.ready.len()).unwrap_or(i64::MAX));
        }
    }
}

impl<K: Ord> State<K> {
    fn len(&self) -> usize {
        self.waiting.len() + self.due.len()
    }
}

impl<K: Ord + Clone> Held<K> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Gives the key back; the same as dropping it.
    pub fn done(self) {}
}

impl<K: Ord + Clone> Deref for Held<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.key
    }
}

impl<K: Ord + Clone> Drop for Held<K> {
    fn drop(&mut self) {
        self.queue.give_back(&self.key);
    }
}
