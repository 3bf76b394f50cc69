//! `/healthz` and `/readyz`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::http;
use crate::shutdown::Tasks;

pub use crate::http::ListenError;

/// Whether the process is ready: when all its gates are open. Without gates it is ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    gates: Arc<Mutex<BTreeMap<String, bool>>>,
}

/// One thing that readiness waits for.
#[derive(Debug, Clone)]
pub struct Gate {
    readiness: Readiness,
    name: String,
}

impl Readiness {
    /// Adds a gate, closed. A gate of the same name is closed again.
    pub fn gate(&self, name: impl Into<String>) -> Gate {
        let gate = Gate { readiness: self.clone(), name: name.into() };
        gate.close();
        gate
    }

    /// The names of the gates that are closed, sorted; empty when ready.
    pub fn waiting(&self) -> Vec<String> {
        let gates = self.lock();
        gates.iter().filter(|(_, open)| !**open).map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    /// What the gate stands for is there.
    pub fn open(&self) {
        self.readiness.lock().insert(self.name.clone(), true);
    }

    /// What the gate stands for is missing.
    pub fn close(&self) {
        self.readiness.lock().insert(self.name.clone(), false);
    }
}

/// Serves `/healthz` and `/readyz` on `address` (`":8079"`, `"127.0.0.1:0"`; `"0"` for no server),
/// as a task of `tasks`. Returns the bound address.
///
/// `/healthz` answers 200 as long as the process answers. `/readyz` answers 503 with the names of
/// the closed gates while there are any.
///
/// # Errors
/// When the address is not one, or cannot be bound.
pub async fn serve(
    tasks: &Tasks,
    address: &str,
    readiness: Readiness,
) -> Result<Option<SocketAddr>, ListenError> {
    let ready = move || async move {
        match readiness.waiting() {
            waiting if waiting.is_empty() => (StatusCode::OK, "ok".to_owned()),
            waiting => {
                (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}", waiting.join(", ")))
            }
        }
    };
    let router = Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(ready));
    http::serve(tasks, "probes", address, router).await
}
