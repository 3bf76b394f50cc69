//! `/metrics`.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use prometheus::Registry;
use prometheus::TextEncoder;

use crate::http;
use crate::shutdown::Tasks;

pub use crate::http::ListenError;

/// Serves the metrics of `registry` as Prometheus text on `/metrics` at `address` (`":8078"`,
/// `"127.0.0.1:0"`; `"0"` for no server), as a task of `tasks`. Returns the bound address.
///
/// # Errors
/// When the address is not one, or cannot be bound.
pub async fn serve(
    tasks: &Tasks,
    address: &str,
    registry: Registry,
) -> Result<Option<SocketAddr>, ListenError> {
    let router = Router::new().route("/metrics", get(async move || text(&registry)));
    http::serve(tasks, "metrics", address, router).await
}

fn text(registry: &Registry) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
