//! Requests to the API server, counted under the names that Go clients give them, and by verb.

use std::sync::Arc;

use http::Method;
use http::Uri;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::IntCounterVec;
use prometheus::Opts;
use prometheus::Registry;

/// The metrics of requests, registered once.
#[derive(Debug, Clone)]
pub struct ClientMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    verbs: IntCounterVec,
}

/// The metrics of requests to one host.
#[derive(Debug, Clone)]
pub(super) struct HostMetrics {
    metrics: ClientMetrics,
    host: Arc<str>,
}

impl ClientMetrics {
    /// Registers the metrics of requests.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry) -> prometheus::Result<ClientMetrics> {
        let metrics = ClientMetrics {
            requests: IntCounterVec::new(
                Opts::new("rest_client_requests_total", "Requests by method and answer."),
                &["code", "host", "method"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "rest_client_request_duration_seconds",
                    "Time until the head of the answer, by method.",
                )
                .buckets(prometheus::exponential_buckets(0.001, 2.0, 16)?),
                &["verb"],
            )?,
            verbs: IntCounterVec::new(
                Opts::new("kubernetes_requests_total", "Requests by Kubernetes verb."),
                &["verb"],
            )?,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.durations.clone()))?;
        registry.register(Box::new(metrics.verbs.clone()))?;
        Ok(metrics)
    }

    pub(super) fn of_host(self, host: String) -> HostMetrics {
        HostMetrics { metrics: self, host: host.into() }
    }
}

impl HostMetrics {
    pub(super) fn sent(&self, method: &Method, uri: &Uri) {
        self.metrics.verbs.with_label_values(&[verb(method, uri)]).inc();
    }

    /// `code` is the HTTP status, or `<error>` when there was no answer, as in Go.
    pub(super) fn answered(&self, method: &Method, code: &str, seconds: f64) {
        let method = method.as_str();
        self.metrics.requests.with_label_values(&[code, &*self.host, method]).inc();
        self.metrics.durations.with_label_values(&[method]).observe(seconds);
    }
}

/// Whether a request is a watch: its answer ends when the server wants.
pub(super) fn is_watch(uri: &Uri) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    parameters.any(|parameter| matches!(parameter, "watch=true" | "watch=1"))
}

/// The verb of a request as RBAC knows it.
fn verb(method: &Method, uri: &Uri) -> &'static str {
    match *method {
        Method::GET if is_watch(uri) => "watch",
        Method::GET if names_object(uri.path()) => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if names_object(uri.path()) => "delete",
        Method::DELETE => "deletecollection",
        _ => "other",
    }
}

/// Whether a path names one object (or something that is no collection, such as `/version`).
fn names_object(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let below_version = match parts.next() {
        Some("api") => parts.next(),
        Some("apis") => parts.nth(1),
        _ => None,
    };
    let parts: Vec<&str> = parts.collect();
    match (below_version, parts.as_slice()) {
        (None, _) | (_, []) => true,
        (_, ["namespaces", _, rest @ ..]) if !rest.is_empty() => rest.len() > 1,
        (_, rest) => rest.len() > 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_those_of_rbac() {
        let cases = [
            ("GET", "/api/v1/pods?limit=500", "list"),
            ("GET", "/api/v1/pods?&watch=true&resourceVersion=1", "watch"),
            ("GET", "/api/v1/namespaces", "list"),
            ("GET", "/api/v1/namespaces/default", "get"),
            ("GET", "/api/v1/namespaces/default/pods", "list"),
            ("GET", "/api/v1/namespaces/default/pods/watch=true", "get"),
            ("GET", "/apis/apps/v1/namespaces/default/deployments/web/status", "get"),
            ("GET", "/apis/kro.run/v1alpha1/resourcegraphdefinitions/app", "get"),
            ("GET", "/version", "get"),
            ("GET", "/apis/apps/v1", "get"),
            ("PATCH", "/apis/apps/v1/namespaces/default/deployments/web?force=true", "patch"),
            ("POST", "/api/v1/namespaces/default/pods", "create"),
            ("PUT", "/api/v1/namespaces/default/pods/web", "update"),
            ("DELETE", "/api/v1/namespaces/default/pods/web", "delete"),
            ("DELETE", "/api/v1/namespaces/default/pods", "deletecollection"),
        ];
        for (method, path, expected) in cases {
            let method: Method = method.parse().expect("a method");
            assert_eq!(verb(&method, &path.parse().expect("a URI")), expected, "{method} {path}");
        }
    }
}
