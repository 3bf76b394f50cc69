//! Supervised tasks: a tree of cancellation, and no task that dies unnoticed.
//!
//! Every task of the process is spawned through [`Tasks`]. `main` awaits [`Tasks::supervise`], which
//! returns when the process shall end: after a signal and a graceful stop, or as soon as a task
//! panics, fails, or ends although nobody asked it to.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures::FutureExt;
use futures::Stream;
use futures::StreamExt;
use tokio::signal::unix::SignalKind;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The error type of a task: any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why [`Tasks::supervise`] ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// A task failed, panicked, or ended although it was to run as long as the process.
    #[error("task `{name}` died")]
    TaskDied {
        /// The name that the task was spawned with.
        name: String,
        /// What happened.
        #[source]
        cause: TaskFailure,
    },
    /// The bound on a graceful stop passed, or a second signal came, with tasks still running.
    #[error("stopped with tasks still running: {}", running.join(", "))]
    StillRunning {
        /// Names of the tasks that had not ended.
        running: Vec<String>,
    },
    /// Signal handlers cannot be installed.
    #[error("signal handlers cannot be installed")]
    Signals(#[source] std::io::Error),
}

/// How a task died.
#[derive(Debug, thiserror::Error)]
pub enum TaskFailure {
    /// It panicked; the text is the panic's message.
    #[error("panicked: {0}")]
    Panicked(String),
    /// It returned, although its branch was not cancelled.
    #[error("ended before it was asked to")]
    EndedEarly,
    /// It returned an error.
    #[error("failed")]
    Failed(#[source] BoxError),
}

/// A branch of the tree of tasks; cloning gives another handle to the same branch.
#[derive(Debug, Clone)]
pub struct Tasks {
    shared: Arc<Shared>,
    token: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    root: CancellationToken,
    tracker: TaskTracker,
    state: Mutex<State>,
    died: Notify,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    /// Names of the tasks that run now, to say which ones a stop waits for.
    running: BTreeMap<u64, String>,
    /// The first death; later ones are only logged.
    death: Option<(String, TaskFailure)>,
    /// Whether a vital task died: then nothing is waited for.
    vital_died: bool,
}

/// When a task may end with success, and what its death means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    UntilCancelled,
    UntilDone,
    Vital,
}

impl Tasks {
    /// The root of a new tree.
    pub fn new() -> Tasks {
        let root = CancellationToken::new();
        let shared = Arc::new(Shared {
            root: root.clone(),
            tracker: TaskTracker::new(),
            state: Mutex::default(),
            died: Notify::new(),
        });
        Tasks { shared, token: root }
    }

    /// A branch that can be cancelled by itself and is cancelled with this one.
    #[must_use]
    pub fn child(&self) -> Tasks {
        Tasks { shared: Arc::clone(&self.shared), token: self.token.child_token() }
    }

    /// The token that tasks of this branch watch.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Asks this branch, and everything below it, to stop.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Spawns a task that runs until this branch is cancelled.
    ///
    /// Ending earlier, even with `Ok`, ends the process: something that should run no longer does.
    pub fn spawn<F>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.spawn_as(name.into(), Lifetime::UntilCancelled, task);
    }

    /// Spawns a task that ends by itself. Only an error or a panic ends the process.
    pub fn spawn_job<F>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.spawn_as(name.into(), Lifetime::UntilDone, task);
    }

    /// Spawns a task that the others are not safe without. It goes on while they stop, is not
    /// awaited, and its error or panic ends the process at once, without a graceful stop.
    pub fn spawn_vital<F>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.spawn_as(name.into(), Lifetime::Vital, task);
    }

    fn spawn_as<F>(&self, name: String, lifetime: Lifetime, task: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let token = self.token.clone();
        let id = shared.started(&name, lifetime);
        let supervised = async move {
            let failure = match AssertUnwindSafe(task).catch_unwind().await {
                Err(panic) => Some(TaskFailure::Panicked(panic_message(&*panic))),
                Ok(Err(error)) => Some(TaskFailure::Failed(error)),
                Ok(Ok(())) if lifetime == Lifetime::UntilCancelled && !token.is_cancelled() => {
                    Some(TaskFailure::EndedEarly)
                }
                Ok(Ok(())) => None,
            };
            shared.ended(id, name, lifetime, failure);
        };
        match lifetime {
            Lifetime::UntilCancelled | Lifetime::UntilDone => {
                self.shared.tracker.spawn(supervised);
            }
            Lifetime::Vital => {
                tokio::spawn(supervised);
            }
        }
    }

    /// Runs until the process shall end: on SIGTERM or SIGINT, on [`Tasks::cancel`] of the root, or
    /// when a task dies.
    ///
    /// # Flow
    /// Cancels the root, then waits for all tasks, at most for `bound`; a second signal, or the
    /// death of a vital task, ends the wait at once.
    ///
    /// # Errors
    /// [`StopError`]; `Ok` means that every task ended as it was asked to.
    pub async fn supervise(&self, bound: Duration) -> Result<(), StopError> {
        let signals = signals().map_err(StopError::Signals)?;
        self.supervise_with(signals, bound).await
    }

    /// [`Tasks::supervise`] with any source of stop signals; the items are logged as `signal`.
    ///
    /// # Errors
    /// See [`Tasks::supervise`].
    pub async fn supervise_with(
        &self,
        signals: impl Stream<Item = &'static str>,
        bound: Duration,
    ) -> Result<(), StopError> {
        // A source of signals that dries up never stops anything.
        let mut signals = std::pin::pin!(signals.chain(futures::stream::pending()));
        tokio::select! {
            signal = signals.next() => tracing::info!(signal, "stopping"),
            () = self.shared.root.cancelled() => tracing::info!("stopping"),
            () = self.shared.wait_for(|state| state.death.is_some()) => {
                tracing::error!("a task died, stopping");
            }
        }
        self.shared.root.cancel();
        self.shared.tracker.close();
        let drained = tokio::select! {
            () = self.shared.tracker.wait() => true,
            () = tokio::time::sleep(bound) => false,
            () = self.shared.wait_for(|state| state.vital_died) => false,
            signal = signals.next() => {
                tracing::warn!(signal, "stopping without waiting");
                false
            }
        };
        let mut state = self.shared.lock();
        if let Some((name, cause)) = state.death.take() {
            return Err(StopError::TaskDied { name, cause });
        }
        if drained {
            return Ok(());
        }
        Err(StopError::StillRunning { running: state.running.values().cloned().collect() })
    }
}

impl Default for Tasks {
    fn default() -> Tasks {
        Tasks::new()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, name: &str, lifetime: Lifetime) -> u64 {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        if lifetime != Lifetime::Vital {
            state.running.insert(id, name.to_owned());
        }
        id
    }

    fn ended(&self, id: u64, name: String, lifetime: Lifetime, failure: Option<TaskFailure>) {
        let mut state = self.lock();
        state.running.remove(&id);
        let Some(failure) = failure else { return };
        tracing::error!(task = name, error = describe(&failure), "task died");
        state.death.get_or_insert((name, failure));
        state.vital_died |= lifetime == Lifetime::Vital;
        // Only `supervise` waits, in one place at a time; a death that comes before is kept.
        self.died.notify_one();
    }

    async fn wait_for(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let notified = self.died.notified();
            if condition(&self.lock()) {
                return;
            }
            notified.await;
        }
    }
}

/// SIGTERM and SIGINT as a stream.
fn signals() -> std::io::Result<impl Stream<Item = &'static str>> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    Ok(futures::stream::poll_fn(move |context| {
        if terminate.poll_recv(context).is_ready() {
            return std::task::Poll::Ready(Some("SIGTERM"));
        }
        interrupt.poll_recv(context).map(|_| Some("SIGINT"))
    }))
}

/// The text of a panic, where it has one.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// An error with its chain of causes on one line. A cause that the error above it already quotes is
/// left out: many libraries do both.
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |error| error.source()) {
        let part = error.to_string();
        if !parts.last().is_some_and(|above| above.contains(&part)) {
            parts.push(part);
        }
    }
    parts.join(": ")
}
