//! Control over HTTP: `/_emulator/…`, JSON in and out, not signed.
//!
//! | request | effect |
//! | --- | --- |
//! | `GET /_emulator/state` | the dump |
//! | `GET /_emulator/calls` | the calls made, oldest first |
//! | `DELETE /_emulator/calls` | forgets them |
//! | `GET /_emulator/faults` | the faults armed |
//! | `POST /_emulator/faults` | arms a [`Fault`] |
//! | `DELETE /_emulator/faults` | disarms all |
//! | `POST /_emulator/settings` | changes settings: see [`Change`] |
//! | `POST /_emulator/reset` | back to the start |
//!
//! A bucket can't have this name (underscores are not allowed), so no S3 request is shadowed.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::control::Control;
use crate::fault::Fault;
use crate::rate::RateLimit;

/// What every path begins with.
pub(crate) const PREFIX: &str = "/_emulator/";

/// The body of `POST /_emulator/settings`; absent members change nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Change {
    /// How long tables take, in milliseconds.
    table_delay_ms: Option<u64>,
    /// How long the name of a deleted queue can't be used again, in milliseconds.
    queue_name_delay_ms: Option<u64>,
    /// How far to put the clock ahead, in milliseconds.
    skip_time_ms: Option<u64>,
    /// How long every answer is held back, in milliseconds.
    latency_ms: Option<u64>,
    /// For how long reads may show the past, in milliseconds.
    staleness_ms: Option<u64>,
    /// Calls per second and account; a burst of 0 takes the limit away.
    rate_limit: Option<RateLimit>,
    /// Bucket names of somebody else, true or no longer.
    foreign_buckets: BTreeMap<String, bool>,
    /// Table names that are held in their status, true or released.
    held_tables: BTreeMap<String, bool>,
    /// Access keys and their accounts.
    access_keys: BTreeMap<String, String>,
}

/// Answers a request whose path begins with [`PREFIX`].
pub(crate) fn respond(control: &Control, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    let outcome = match (request.method(), path) {
        (&Method::GET, "state") => Ok(control.dump()),
        (&Method::GET, "calls") => Ok(json!(control.calls())),
        (&Method::GET, "faults") => Ok(json!(control.faults())),
        (&Method::DELETE, "calls") => {
            control.clear_calls();
            Ok(Value::Null)
        }
        (&Method::DELETE, "faults") => {
            control.clear_faults();
            Ok(Value::Null)
        }
        (&Method::POST, "reset") => {
            control.reset();
            Ok(Value::Null)
        }
        (&Method::POST, "faults") => serde_json::from_slice::<Fault>(request.body())
            .map_err(|error| error.to_string())
            .and_then(|fault| control.lock().fail(fault))
            .map(|()| Value::Null)
            .map_err(|message| (StatusCode::BAD_REQUEST, message)),
        (&Method::POST, "settings") => serde_json::from_slice::<Change>(request.body())
            .map(|change| apply(control, change))
            .map(|()| Value::Null)
            .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string())),
        (method, path) => Err((StatusCode::NOT_FOUND, format!("no such control: {method} {path}"))),
    };
    let (status, body) = match outcome {
        Ok(Value::Null) => (StatusCode::NO_CONTENT, None),
        Ok(body) => (StatusCode::OK, Some(body)),
        Err((status, message)) => (status, Some(json!({ "message": message }))),
    };
    let mut response =
        Response::new(body.map(|body| body.to_string().into_bytes()).unwrap_or_default());
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}

fn apply(control: &Control, change: Change) {
    if let Some(delay) = change.table_delay_ms {
        control.set_table_delay(Duration::from_millis(delay));
    }
    if let Some(latency) = change.latency_ms {
        control.set_latency(Duration::from_millis(latency));
    }
    if let Some(staleness) = change.staleness_ms {
        control.set_staleness(Duration::from_millis(staleness));
    }
    if let Some(limit) = change.rate_limit {
        control.set_rate_limit((limit.burst > 0).then_some(limit));
    }
    for (name, foreign) in change.foreign_buckets {
        control.set_foreign_bucket(&name, foreign);
    }
    for (name, held) in change.held_tables {
        if held {
            control.hold_table(&name);
        } else {
            control.release_table(&name);
        }
    }
    for (access_key, account) in change.access_keys {
        control.set_account(&access_key, &account);
    }
}
