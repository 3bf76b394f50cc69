//! What the process spends its time with, over HTTP; only in builds with debug assertions.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use pprof::ProfilerGuardBuilder;
use pprof::protos::Message;

use crate::http;
use crate::http::ListenError;
use crate::shutdown::Tasks;

/// Samples a second; not a round number, so that nothing that happens regularly hides.
const FREQUENCY: i32 = 99;
/// How long is looked unless the request says so, as in Go.
const USUAL_SECONDS: u64 = 30;
/// How long may be looked at most.
const MAX_SECONDS: u64 = 300;

/// Serves `/debug/pprof/profile?seconds=N`: a CPU profile, as `go tool pprof` reads it. Returns
/// the bound address; `None` when `address` is `0` or empty.
///
/// # Errors
///
/// The address can't be listened on.
pub async fn serve(tasks: &Tasks, address: &str) -> Result<Option<SocketAddr>, ListenError> {
    let router = Router::new().route("/debug/pprof/profile", get(profile));
    http::serve(tasks, "pprof", address, router).await
}

async fn profile(uri: Uri) -> Result<impl IntoResponse, (StatusCode, String)> {
    let seconds = seconds(uri.query().unwrap_or("")).map_err(|it| (StatusCode::BAD_REQUEST, it))?;
    // One profile at a time; who comes second is told.
    let unavailable = |error: pprof::Error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    let guard = ProfilerGuardBuilder::default()
        .frequency(FREQUENCY)
        // A signal in the middle of unwinding must not unwind.
        .blocklist(&["libc", "libgcc", "pthread", "vdso"])
        .build()
        .map_err(unavailable)?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let profile = guard.report().build().and_then(|report| report.pprof()).map_err(unavailable)?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], profile.encode_to_vec()))
}

fn seconds(query: &str) -> Result<u64, String> {
    let given = query.split('&').find_map(|pair| pair.strip_prefix("seconds="));
    let seconds = given.map_or(Ok(USUAL_SECONDS), str::parse);
    match seconds {
        Ok(seconds @ 1..=MAX_SECONDS) => Ok(seconds),
        _ => Err(format!("seconds must be a number from 1 to {MAX_SECONDS}")),
    }
}
