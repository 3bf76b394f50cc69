//! What any Kubernetes controller needs, and nothing that one particular controller is about.
//!
//! ```text
//!  API server ──list/watch──► store ──changes──► queue ──keys──► workers ──► your reconcile
//!       ▲                       ▲                                               │
//!       └───────────────────────┴──── client, observe_write ◄───────────────────┘
//!            shutdown: every task above is supervised; one that dies ends the process
//! ```
//!
//! In go a `kube::Client`, what to watch, and an async function from a key to a [`workers::Requeue`].
//! Out come calls of that function, never two at a time for one key, and a cache to read from.
//!
//! - [`queue`]: a work queue with one place per key, delays and per-key backoff.
//! - [`store`]: a cache fed by list and watch, in which our own writes are visible at once.
//! - [`workers`]: runs a reconcile function over a queue.
//! - [`shutdown`]: supervised tasks, signals, graceful stop.
//! - [`leader`]: at most one of several processes works.
//! - [`discretion`]: what messages do not repeat of documents that are nobody's business.
//! - [`client`], [`flags`], [`logs`], [`metrics`], [`probes`], [`traces`]: the process around it;
//!   in debug builds also `profile`.
//!
//! **Invariant:** this crate knows neither kro nor AWS; `xtask` holds its allowed dependencies.

pub mod backoff;
pub mod client;
pub mod discretion;
pub mod flags;
mod http;
pub mod leader;
pub mod logs;
pub mod metrics;
pub mod probes;
#[cfg(debug_assertions)]
pub mod profile;
pub mod queue;
pub mod shutdown;
pub mod store;
pub mod traces;
pub mod workers;
