//! Runs a reconcile function over a queue.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;
use tracing::Span;

use crate::queue::Added;
use crate::queue::Queue;
use crate::shutdown::Tasks;
use crate::shutdown::panic_message;

/// What a reconcile wants to happen with its key next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// Nothing, until somebody adds the key again. Failures are forgotten.
    Done,
    /// Again after this time. Not a failure: failures are forgotten.
    After(Duration),
    /// Again as soon as a worker is free. Failures are kept.
    Now,
    /// It failed: again after a delay that grows with the number of failures in a row.
    RateLimited,
}

/// How one call of a reconcile function ended, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What it asked for; [`Requeue::RateLimited`] after a panic.
    pub requeue: Requeue,
    /// Whether it panicked.
    pub panicked: bool,
    /// Whether the key was dropped, because it had failed too often in a row.
    pub dropped: bool,
    /// How long it took.
    pub duration: Duration,
}

type MakeSpan<K> = Arc<dyn Fn(&K) -> Span + Send + Sync>;
type Observe<K> = Arc<dyn Fn(&K, Outcome) + Send + Sync>;

/// How to run workers; [`Workers::new`], then change what should differ, then [`Workers::start`].
pub struct Workers<K> {
    name: String,
    count: usize,
    max_retries: Option<u32>,
    span: MakeSpan<K>,
    observe: Observe<K>,
}

impl<K> Workers<K>
where
    K: Ord + Clone + Display + Send + Sync + 'static,
{
    /// `count` workers (at least one); `name` appears in logs and in the names of their tasks.
    pub fn new(name: impl Into<String>, count: usize) -> Workers<K> {
        Workers {
            name: name.into(),
            count: count.max(1),
            max_retries: None,
            span: Arc::new(|key| tracing::info_span!("reconcile", key = %key)),
            observe: Arc::new(|_, _| ()),
        }
    }

    /// Drops a key that failed more often than this in a row, until somebody adds it again.
    #[must_use]
    pub fn max_retries(self, max_retries: u32) -> Workers<K> {
        Workers { max_retries: Some(max_retries), ..self }
    }

    /// The span that a reconcile runs in; default: `reconcile` with the field `key`.
    #[must_use]
    pub fn span(self, span: impl Fn(&K) -> Span + Send + Sync + 'static) -> Workers<K> {
        Workers { span: Arc::new(span), ..self }
    }

    /// Is told how every reconcile ended.
    #[must_use]
    pub fn observe(self, observe: impl Fn(&K, Outcome) + Send + Sync + 'static) -> Workers<K> {
        Workers { observe: Arc::new(observe), ..self }
    }

    /// Starts the workers as tasks of `tasks`.
    ///
    /// # Flow
    /// A worker takes a key, runs `reconcile` in its own span, and does with the key what the
    /// returned [`Requeue`] says. A panic is caught, logged and handled as
    /// [`Requeue::RateLimited`].
    ///
    /// # Guarantees
    /// `reconcile` never runs twice at a time for one key. When `tasks` is cancelled, the queue is
    /// shut down, calls that run are awaited (the bound is that of
    /// [`supervise`](Tasks::supervise)), and no new one starts.
    ///
    /// # Assumptions
    /// `reconcile` bounds its own time; a worker that it never gives back is lost.
    pub fn start<F, R>(self, queue: &Queue<K>, tasks: &Tasks, reconcile: F)
    where
        F: Fn(K) -> R + Send + Sync + 'static,
        R: Future<Output = Requeue> + Send + 'static,
    {
        let stop = tasks.token().clone();
        let stopped = queue.clone();
        tasks.spawn(format!("{}-queue", self.name), async move {
            stop.cancelled().await;
            stopped.shut_down();
            Ok(())
        });
        let workers = Arc::new(self);
        let reconcile = Arc::new(reconcile);
        for number in 0..workers.count {
            let (workers, queue) = (Arc::clone(&workers), queue.clone());
            let reconcile = Arc::clone(&reconcile);
            tasks.spawn(format!("{}-worker-{number}", workers.name), async move {
                while let Some(held) = queue.next().await {
                    workers.reconcile(&queue, held.key(), &*reconcile).await;
                }
                Ok(())
            });
        }
    }

    async fn reconcile<F, R>(&self, queue: &Queue<K>, key: &K, reconcile: &F)
    where
        F: Fn(K) -> R,
        R: Future<Output = Requeue>,
    {
        let span = (self.span)(key);
        let started = Instant::now();
        // The call itself may panic as well as the future that it returns.
        let call = AssertUnwindSafe(async { reconcile(key.clone()).await }).catch_unwind();
        let result = call.instrument(span.clone()).await;
        let _entered = span.entered();
        let panicked = result.is_err();
        let requeue = result.unwrap_or_else(|panic| {
            tracing::error!(message = panic_message(&*panic), "reconcile panicked");
            Requeue::RateLimited
        });
        let dropped = self.requeue(queue, key, requeue);
        (self.observe)(key, Outcome { requeue, panicked, dropped, duration: started.elapsed() });
    }

    /// Returns whether the key was dropped.
    fn requeue(&self, queue: &Queue<K>, key: &K, requeue: Requeue) -> bool {
        let added = match requeue {
            Requeue::Done => {
                queue.forget(key);
                return false;
            }
            Requeue::After(delay) => {
                queue.forget(key);
                queue.add_after(key.clone(), delay)
            }
            Requeue::Now => queue.add(key.clone()),
            Requeue::RateLimited => {
                if self.max_retries.is_some_and(|most| queue.failures(key) >= most) {
                    tracing::warn!("failed too often, waiting for a change");
                    queue.forget(key);
                    return true;
                }
                queue.add_rate_limited(key.clone())
            }
        };
        added == Added::Refused
    }
}
